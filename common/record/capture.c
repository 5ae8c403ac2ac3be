/* Writing the container of display recordings (capture.h). */
#include "record/capture.h"

static void append_number(struct buf *out, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buf_append_char(out, (char)(value >> 8 * bytes));
}

static void append_head(struct buf *out, enum capture_kind kind, size_t n,
			uint64_t us)
{
	append_number(out, (uint64_t)kind << 24, 4);
	append_number(out, n, 4);
	append_number(out, us, 8);
}

int capture_append_header(struct buf *out, const struct record_about *about)
{
	autobuf text = {0};

	buf_append_char(&text, '{');
	record_about_append(&text, about);
	if (buf_append_char(&text, '}') < 0)
		return -1;
	buf_append(out, CAPTURE_MAGIC, CAPTURE_MAGIC_SIZE);
	append_number(out, CAPTURE_VERSION, 4);
	append_head(out, CAPTURE_ABOUT, text.len, 0);
	return buf_append(out, buf_bytes(&text), text.len);
}

int capture_append_data(struct buf *out, struct capture_sums *sums, uint64_t us,
			enum capture_kind kind, const uint8_t *data, size_t n)
{
	if (kind == CAPTURE_SERVER)
		sums->server += n;
	else
		sums->client += n;
	while (n > 0) {
		size_t part = n < CAPTURE_DATA_MAX ? n : CAPTURE_DATA_MAX;

		append_head(out, kind, part, us);
		buf_append(out, data, part);
		data += part;
		n -= part;
	}
	return buf_ok(out) ? 0 : -1;
}

int capture_append_end(struct buf *out, const struct capture_sums *sums,
		       uint64_t us)
{
	append_head(out, CAPTURE_END, sizeof(sums->server) * 2, us);
	append_number(out, sums->server, 8);
	append_number(out, sums->client, 8);
	return buf_ok(out) ? 0 : -1;
}
