/*
 * The readers of recordings. Run by libFuzzer over corpus/record. The input is a
 * file of either format, read whole and in two parts, and a serial line's bytes to
 * be written. What holds besides not crashing: both ways of reading find the same; a
 * fault has words; what is written of any bytes is read as those bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "record/capture.h"
#include "record/cast.h"

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_event(void *context, const struct cast_event *event,
		    struct error *err)
{
	return buf_append(context, event->data, event->len);
}

static int on_record(void *context, const struct capture_record *record,
		     struct error *err)
{
	must(record->len > 0 && record->len <= CAPTURE_DATA_MAX);
	return buf_append(context, record->data, record->len);
}

static int read_cast(const uint8_t *data, size_t size, size_t at,
		     struct buf *out)
{
	autoptr(cast_reader) r = cast_reader_new();
	autoerror err = {0};
	bool cut;
	int rc;

	rc = cast_reader_feed(r, data, at, on_event, out, &err);
	if (rc == 0)
		rc = cast_reader_feed(r, data + at, size - at, on_event, out,
				      &err);
	if (rc == 0)
		rc = cast_reader_end(r, &cut, &err);
	must(rc == 0 || (error_is_set(&err) && err.words));
	return rc;
}

static int read_capture(const uint8_t *data, size_t size, size_t at,
			struct buf *out)
{
	autoptr(capture_reader) r = capture_reader_new();
	autoerror err = {0};
	size_t lost;
	bool cut;
	int rc;

	rc = capture_reader_feed(r, data, at, on_record, out, &err);
	if (rc == 0)
		rc = capture_reader_feed(r, data + at, size - at, on_record,
					 out, &err);
	if (rc == 0)
		rc = capture_reader_end(r, &cut, &lost, &err);
	must(rc == 0 || (error_is_set(&err) && err.words));
	return rc;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(buf_bytes(a), buf_bytes(b), a->len) == 0);
}

static void try_reading(const uint8_t *data, size_t size)
{
	autobuf whole = {0}, split = {0};
	autobuf whole_capture = {0}, split_capture = {0};
	int rc = read_cast(data, size, 0, &whole);

	must(rc == read_cast(data, size, size / 3, &split));
	must(same(&whole, &split));
	rc = read_capture(data, size, 0, &whole_capture);
	must(rc == read_capture(data, size, size / 3, &split_capture));
	must(same(&whole_capture, &split_capture));
}

static void try_writing(const uint8_t *data, size_t size)
{
	const struct cast_header header = {.width = 80, .height = 24};
	struct buf given = {.data = (uint8_t *)data, .len = size};
	autobuf file = {0}, out = {0};
	size_t half = size / 2, used = 0;

	must(cast_append_header(&file, &header) == 0);
	must(cast_append_event(&file, 1, CAST_OUTPUT, data, half, false,
			       &used) == 0);
	must(half - used <= CAST_TAIL_MAX);
	must(cast_append_event(&file, 2, CAST_OUTPUT, data + used, size - used,
			       true, &half) == 0);
	must(used + half == size);
	must(read_cast(buf_bytes(&file), file.len, 0, &out) == 0);
	must(same(&out, &given));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_reading(data, size);
	if (size <= CAST_DATA_MAX)
		try_writing(data, size);
	return 0;
}
