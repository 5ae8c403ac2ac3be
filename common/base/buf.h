/*
 * A growing byte buffer with a hole at its front. Owned by one holder; a zeroed
 * struct buf is empty and valid. A failed allocation sets `failed` and every
 * later append does nothing, so that a writer may append many times and check
 * once with buf_ok(). Sizes are bytes.
 */
#ifndef VIRTMUX_BASE_BUF_H
#define VIRTMUX_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct buf {
	uint8_t *data; /* start of the allocation */
	size_t head;   /* bytes already taken from the front */
	size_t len;    /* bytes held, from data + head */
	size_t cap;    /* bytes allocated */
	bool failed;   /* an allocation failed; content is incomplete */
};

#define autobuf cleanup(buf_free) struct buf

/* Releases the memory and makes it empty. NULL-safe. */
void buf_free(struct buf *b);

/*
 * Makes room for N more bytes behind the content; 0, or -1 without memory (then
 * also b->failed).
 */
int buf_reserve(struct buf *b, size_t n);

/* Appends; 0, or -1 without memory (then also b->failed). */
int buf_append(struct buf *b, const void *data, size_t n);
int buf_append_str(struct buf *b, const char *s);
int buf_append_char(struct buf *b, char c);
int buf_appendf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int buf_vappendf(struct buf *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Takes N bytes (at most len) from the front. */
void buf_consume(struct buf *b, size_t n);

/* Empties it and keeps the memory; clears `failed`. */
void buf_reset(struct buf *b);

/*
 * NUL-terminates and hands the string over (free()); NULL where memory ran out,
 * now or before. B is empty afterwards in both cases.
 */
char *buf_steal_str(struct buf *b);

static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

static inline uint8_t *buf_bytes(const struct buf *b)
{
	return b->data ? b->data + b->head : NULL;
}

/* Where buf_reserve() made room; follow it with buf_added(). */
static inline uint8_t *buf_end(const struct buf *b)
{
	return b->data ? b->data + b->head + b->len : NULL;
}

static inline void buf_added(struct buf *b, size_t n)
{
	b->len += n;
}

#endif
