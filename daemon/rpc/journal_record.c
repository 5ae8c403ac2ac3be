/*
 * The form of the journal's records (journal_record.h). Called by journal.c and
 * idempotency.c. What always holds: nothing is read beyond the size that was
 * given, whatever a length says; a text that a record holds has no NUL within.
 */
#include "daemon/rpc/journal_record.h"

#include <stdbool.h>
#include <string.h>

#define LAST                                                                   \
	'\n' /* byte of each body: a block that was never written has zeros */

/* -- sums ----------------------------------------------------------------- */

/* CRC-32C (RFC 3720 appendix B.4), four bits at a time. */
static uint32_t sum_of(const uint8_t *data, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		sum ^= data[i];
		sum = sum >> 4 ^ table[sum & 15];
		sum = sum >> 4 ^ table[sum & 15];
	}
	return ~sum;
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void set(uint8_t *at, size_t bytes, uint64_t value)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

/* -- writing -------------------------------------------------------------- */

static void put(struct buf *out, size_t bytes, uint64_t value)
{
	uint8_t number[8];

	set(number, bytes, value);
	buf_append(out, number, bytes);
}

static void put_text(struct buf *out, const char *text, size_t n)
{
	put(out, 4, n);
	buf_append(out, text, n);
	buf_append_char(out, '\0');
}

static void put_str(struct buf *out, const char *text)
{
	put_text(out, text, strlen(text));
}

static void put_body(struct buf *out, const struct journal_record *record)
{
	put(out, 1, record->kind);
	put(out, 4, record->index);
	put(out, 8, (uint64_t)record->time_us);
	put_str(out, record->identity);
	put_str(out, record->key);
	if (record->kind == JOURNAL_BEGIN) {
		put_str(out, record->method);
		put(out, 8, record->params);
		put(out, 8, record->params_len);
	} else if (record->kind == JOURNAL_END) {
		put_str(out, record->error);
		put_text(out, record->text, record->text_len);
	}
	put(out, 1, LAST);
}

int journal_encode(struct buf *out, const struct journal_record *record)
{
	static const uint8_t none[JOURNAL_SUM_SIZE];
	size_t begin = out->len;
	size_t length;
	uint8_t *head;

	buf_append(out, none, sizeof(none));
	put_body(out, record);
	if (!buf_ok(out))
		return -1;
	head = buf_bytes(out) + begin;
	length = out->len - begin - JOURNAL_SUM_SIZE;
	if (length > UINT32_MAX)
		return -1;
	set(head, 4, length);
	set(head + 4, 4, sum_of(head + JOURNAL_SUM_SIZE, length));
	set(head + 8, 4, sum_of(head, 8));
	return 0;
}

/* -- reading -------------------------------------------------------------- */

struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->failed || r->left < n) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return at;
}

static uint64_t take_number(struct reader *r, size_t bytes)
{
	const uint8_t *at = take(r, bytes);

	return at ? get(at, bytes) : 0;
}

static const char *take_text(struct reader *r, size_t *length)
{
	size_t n = take_number(r, 4);
	const uint8_t *at = take(r, n);
	const uint8_t *end = take(r, 1);

	if (!end || *end != '\0' || memchr(at, '\0', n)) {
		r->failed = true;
		return "";
	}
	*length = n;
	return (const char *)at;
}

/* False where it is no record: the sums are right, so it is another version's. */
static bool parse(const uint8_t *body, size_t length,
		  struct journal_record *record)
{
	struct reader r = {.at = body, .left = length};
	uint64_t kind = take_number(&r, 1);
	size_t n;

	record->kind = (enum journal_kind)kind;
	record->index = (uint32_t)take_number(&r, 4);
	record->time_us = (int64_t)take_number(&r, 8);
	record->identity = take_text(&r, &n);
	record->key = take_text(&r, &n);
	if (kind == JOURNAL_BEGIN) {
		record->method = take_text(&r, &n);
		record->params = take_number(&r, 8);
		record->params_len = take_number(&r, 8);
	} else if (kind == JOURNAL_END) {
		record->error = take_text(&r, &n);
		record->text = take_text(&r, &record->text_len);
	} else if (kind != JOURNAL_WITHDRAWN) {
		return false;
	}
	return take_number(&r, 1) == LAST && !r.failed && r.left == 0;
}

static bool all_zero(const uint8_t *data, size_t n)
{
	while (n > 0 && data[n - 1] == 0)
		n--;
	return n == 0;
}

static int damaged(size_t offset, const char *what, struct error *err)
{
	return error_set(err, ERROR_SYSTEM, "it is damaged at byte %zu: %s",
			 offset, what);
}

enum found { FOUND_RECORD, FOUND_END, FOUND_DAMAGE };

/*
 * A body whose sum is wrong was cut where the file ends in it with zeros: the file
 * had its new size, and not all of its blocks.
 */
static enum found look(const uint8_t *at, size_t left, size_t *length)
{
	const uint8_t *body = at + JOURNAL_SUM_SIZE;

	if (left < JOURNAL_SUM_SIZE || all_zero(at, left))
		return FOUND_END;
	if (get(at + 8, 4) != sum_of(at, 8))
		return FOUND_DAMAGE;
	*length = get(at, 4);
	if (*length > left - JOURNAL_SUM_SIZE)
		return FOUND_END;
	if (get(at + 4, 4) == sum_of(body, *length))
		return FOUND_RECORD;
	if (*length == left - JOURNAL_SUM_SIZE && *length > 0 &&
	    body[*length - 1] == 0)
		return FOUND_END;
	return FOUND_DAMAGE;
}

static int read_records(const uint8_t *data, size_t size, journal_record_fn *fn,
			void *context, size_t *good, struct error *err)
{
	while (*good < size) {
		struct journal_record record = {0};
		size_t length = 0;

		switch (look(data + *good, size - *good, &length)) {
		case FOUND_END:
			return 0;
		case FOUND_DAMAGE:
			return damaged(*good, "a checksum is wrong", err);
		case FOUND_RECORD:
			break;
		}
		if (!parse(data + *good + JOURNAL_SUM_SIZE, length, &record))
			return damaged(*good, "no record of this version", err);
		if (fn(context, &record, err) < 0)
			return -1;
		*good += JOURNAL_SUM_SIZE + length;
	}
	return 0;
}

bool journal_is_old(const uint8_t *data, size_t size)
{
	return size >= JOURNAL_HEAD_SIZE &&
	       memcmp(data, JOURNAL_HEAD_OLD, JOURNAL_HEAD_SIZE) == 0;
}

int journal_read(const uint8_t *data, size_t size, journal_record_fn *fn,
		 void *context, size_t *good, struct error *err)
{
	size_t head = size < JOURNAL_HEAD_SIZE ? size : JOURNAL_HEAD_SIZE;

	*good = 0;
	if (head == 0 || all_zero(data, size))
		return 0;
	if (memcmp(data, JOURNAL_HEAD, head) != 0 &&
	    !journal_is_old(data, size))
		return damaged(0,
			       "it does not begin as a journal of this "
			       "virtmuxd does",
			       err);
	if (head < JOURNAL_HEAD_SIZE)
		return 0;
	*good = head;
	return read_records(data, size, fn, context, good, err);
}
