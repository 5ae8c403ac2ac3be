/*
 * The growing buffer. Called by every room that reads or writes bytes. What
 * always holds: head + len <= cap; head is 0 where the buffer is empty; after a
 * failed allocation the bytes held before are still there.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/copy.h"

#define BUF_FIRST_CAPACITY 64

void buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct buf){0};
}

static int fail(struct buf *b)
{
	b->failed = true;
	return -1;
}

static void move_to_front(struct buf *b)
{
	if (b->head) {
		memmove(b->data, b->data + b->head, b->len);
		b->head = 0;
	}
}

static int grow(struct buf *b, size_t wanted)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST_CAPACITY;
	uint8_t *data;

	while (cap < wanted)
		cap = cap <= SIZE_MAX / 2 ? cap * 2 : wanted;
	move_to_front(b);
	data = realloc(b->data, cap);
	if (!data)
		return fail(b);
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_reserve(struct buf *b, size_t n)
{
	if (b->failed)
		return -1;
	if (n <= b->cap - b->head - b->len)
		return 0;
	if (n > SIZE_MAX - b->len)
		return fail(b);
	/* A move costs len; only a hole as large as that has paid for it. */
	if (b->head >= b->len && b->len + n <= b->cap) {
		move_to_front(b);
		return 0;
	}
	if (b->len + n <= b->cap)
		return grow(b, b->cap <= SIZE_MAX / 2 ? b->cap * 2 : b->cap);
	return grow(b, b->len + n);
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	if (buf_reserve(b, n) < 0)
		return -1;
	if (n > 0)
		copy_bulk(buf_end(b), data, n);
	buf_added(b, n);
	return 0;
}

int buf_append_str(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

int buf_append_char(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

int buf_vappendf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return fail(b);
	if (buf_reserve(b, (size_t)n + 1) < 0)
		return -1;
	vsnprintf((char *)buf_end(b), (size_t)n + 1, format, args);
	buf_added(b, (size_t)n);
	return 0;
}

int buf_appendf(struct buf *b, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = buf_vappendf(b, format, args);
	va_end(args);
	return r;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= n;
	b->head = b->len ? b->head + n : 0;
}

void buf_reset(struct buf *b)
{
	b->head = 0;
	b->len = 0;
	b->failed = false;
}

char *buf_steal_str(struct buf *b)
{
	char *s = NULL;

	if (buf_append_char(b, '\0') == 0) {
		move_to_front(b);
		s = (char *)steal(&b->data);
	}
	buf_free(b);
	return s;
}
