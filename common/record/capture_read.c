/*
 * Reading the container of display recordings (capture.h). What always holds: one
 * record is gathered at a time, of at most CAPTURE_DATA_MAX bytes; its head is
 * judged before its body is waited for.
 */
#include "record/capture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"

#define FILE_HEAD (CAPTURE_MAGIC_SIZE + 4u)
#define END_SIZE  16u

struct capture_reader {
	struct buf part; /* of what is gathered */
	uint64_t offset; /* in the file, of its begin */
	bool begun;      /* the file's head was read */
	bool ended;      /* the closing record was */
	struct json_object *about;
	struct capture_sums sums;
	uint64_t us;
};

struct capture_reader *capture_reader_new(void)
{
	return calloc(1, sizeof(struct capture_reader));
}

void capture_reader_free(struct capture_reader *r)
{
	if (!r)
		return;
	json_object_put(r->about);
	buf_free(&r->part);
	free(r);
}

struct json_object *capture_reader_about(const struct capture_reader *r)
{
	return r->about;
}

static uint64_t read_number(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | *at++;
	return value;
}

static int damaged(const struct capture_reader *r, struct error *err,
		   const char *words)
{
	return error_set(err, ERROR_PARSE, "at byte %" PRIu64 ": %s", r->offset,
			 words);
}

static int check_file_head(const struct capture_reader *r, struct error *err)
{
	const uint8_t *head = buf_bytes(&r->part);
	unsigned version = (unsigned)read_number(head + CAPTURE_MAGIC_SIZE, 4);

	if (memcmp(head, CAPTURE_MAGIC, CAPTURE_MAGIC_SIZE) != 0)
		return damaged(r, err, "this is no recording of a display");
	if (version != CAPTURE_VERSION)
		return error_set(err, ERROR_PARSE,
				 "this is version %u of the format; version %u "
				 "is read",
				 version, CAPTURE_VERSION);
	return 0;
}

static bool is_in_place(const struct capture_reader *r, uint8_t kind,
			uint64_t len)
{
	if (r->ended)
		return false;
	if (!r->about)
		return kind == CAPTURE_ABOUT && len > 0;
	if (kind == CAPTURE_END)
		return len == END_SIZE;
	return (kind == CAPTURE_SERVER || kind == CAPTURE_CLIENT) && len > 0;
}

/* The length of the record's body, or -1. */
static int64_t check_head(const struct capture_reader *r, struct error *err)
{
	const uint8_t *head = buf_bytes(&r->part);
	uint64_t len = read_number(head + 4, 4);

	if (head[1] || head[2] || head[3] || len > CAPTURE_DATA_MAX ||
	    !is_in_place(r, head[0], len))
		return damaged(r, err,
			       "no record of a recording can stand there; the "
			       "file is damaged");
	if (read_number(head + 8, 8) < r->us)
		return damaged(r, err, "the time runs backwards");
	return (int64_t)len;
}

static int take_about(struct capture_reader *r, const uint8_t *data, size_t n,
		      struct error *err)
{
	if (json_parse((const char *)data, n, NULL, &r->about, err) < 0)
		return error_prefix(err, "at byte %" PRIu64, r->offset);
	if (json_object_is_type(r->about, json_type_object))
		return 0;
	json_object_put(steal(&r->about));
	return damaged(r, err, "what it tells of itself is no JSON object");
}

static int take_end(struct capture_reader *r, const uint8_t *data,
		    struct error *err)
{
	if (read_number(data, 8) != r->sums.server ||
	    read_number(data + 8, 8) != r->sums.client)
		return damaged(r, err,
			       "the sums at the end are not those of its "
			       "records: a part is missing");
	r->ended = true;
	return 0;
}

static int take_record(struct capture_reader *r, capture_record_fn *fn,
		       void *context, struct error *err)
{
	const uint8_t *head = buf_bytes(&r->part);
	struct capture_record record = {
		.kind = (enum capture_kind)head[0],
		.us = read_number(head + 8, 8),
		.data = head + CAPTURE_HEAD,
		.len = r->part.len - CAPTURE_HEAD,
	};

	r->us = record.us;
	if (record.kind == CAPTURE_ABOUT)
		return take_about(r, record.data, record.len, err);
	if (record.kind == CAPTURE_END)
		return take_end(r, record.data, err);
	if (record.kind == CAPTURE_SERVER)
		r->sums.server += record.len;
	else
		r->sums.client += record.len;
	return fn(context, &record, err);
}

/* What the part that is gathered needs in all, as far as it is known; or -1. */
static int64_t wanted(const struct capture_reader *r, struct error *err)
{
	int64_t len;

	if (!r->begun)
		return FILE_HEAD;
	if (r->part.len < CAPTURE_HEAD)
		return CAPTURE_HEAD;
	len = check_head(r, err);
	return len < 0 ? -1 : (int64_t)CAPTURE_HEAD + len;
}

static int take_part(struct capture_reader *r, capture_record_fn *fn,
		     void *context, struct error *err)
{
	if (!r->begun) {
		if (check_file_head(r, err) < 0)
			return -1;
		r->begun = true;
	} else if (take_record(r, fn, context, err) < 0) {
		return -1;
	}
	r->offset += r->part.len;
	buf_reset(&r->part);
	return 0;
}

int capture_reader_feed(struct capture_reader *r, const uint8_t *data, size_t n,
			capture_record_fn *fn, void *context, struct error *err)
{
	while (n > 0) {
		int64_t want = wanted(r, err);
		size_t part;

		if (want < 0)
			return -1;
		part = (size_t)want - r->part.len;
		part = part < n ? part : n;
		if (buf_append(&r->part, data, part) < 0)
			return error_set_no_memory(err);
		data += part;
		n -= part;
		/* A head that has just come whole tells how long its body is. */
		want = wanted(r, err);
		if (want < 0)
			return -1;
		if (r->part.len == (size_t)want &&
		    take_part(r, fn, context, err) < 0)
			return -1;
	}
	return 0;
}

int capture_reader_end(struct capture_reader *r, bool *cut, size_t *lost,
		       struct error *err)
{
	*cut = !r->ended;
	*lost = r->part.len;
	if (r->about)
		return 0;
	return error_set(err, ERROR_PARSE,
			 "the file ends before its first record does: it is no "
			 "recording, or nothing of it was written");
}
