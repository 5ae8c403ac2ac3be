/*
 * Reading asciicast v2 (cast.h): lines are gathered, each is judged by the strict
 * JSON reader, and given on as an event. What always holds: `line` is at most
 * CAST_LINE_MAX bytes; after an error nothing more is given.
 */
#include "record/cast.h"

#include <stdlib.h>
#include <string.h>

#include "api/json.h"

#define MEMBERS 3u /* of an event's array: time, kind, data */

struct cast_reader {
	struct buf line;
	unsigned number; /* of the line that is gathered, from 1 */
	struct json_object *header;
	bool escaped; /* U+EF00 and on stand for bytes */
	uint64_t ns;
	struct buf data;
};

static const struct json_limits limits = {
	.size = CAST_LINE_MAX,
	.depth = 8,
	.values = 4096,
	.containers = 256,
};

struct cast_reader *cast_reader_new(void)
{
	struct cast_reader *r = calloc(1, sizeof(*r));

	if (r)
		r->number = 1;
	return r;
}

void cast_reader_free(struct cast_reader *r)
{
	if (!r)
		return;
	json_object_put(r->header);
	buf_free(&r->line);
	buf_free(&r->data);
	free(r);
}

struct json_object *cast_reader_header(const struct cast_reader *r)
{
	return r->header;
}

static int refuse(const struct cast_reader *r, struct error *err,
		  const char *words)
{
	return error_set(err, ERROR_PARSE, "line %u: %s", r->number, words);
}

/* -- the header ------------------------------------------------------------ */

static bool has_size(struct json_object *header, const char *name)
{
	struct json_object *o = NULL;

	return json_object_object_get_ex(header, name, &o) &&
	       json_object_is_type(o, json_type_int) &&
	       json_object_get_int64(o) > 0 &&
	       json_object_get_int64(o) <= UINT16_MAX;
}

static bool is_escaped(struct json_object *header)
{
	struct json_object *ours = NULL, *escape = NULL;

	return json_object_object_get_ex(header, "virtmux", &ours) &&
	       json_object_is_type(ours, json_type_object) &&
	       json_object_object_get_ex(ours, "escape", &escape) &&
	       json_object_is_type(escape, json_type_string) &&
	       strcmp(json_object_get_string(escape), "U+EF00") == 0;
}

static int take_header(struct cast_reader *r, struct json_object *o,
		       struct error *err)
{
	struct json_object *version = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "version", &version) ||
	    !json_object_is_type(version, json_type_int))
		return refuse(r, err,
			      "this is no header of an asciicast recording");
	if (json_object_get_int64(version) != 2)
		return error_set(err, ERROR_PARSE,
				 "line %u: this is version %lld of asciicast; "
				 "version 2 is read",
				 r->number,
				 (long long)json_object_get_int64(version));
	if (!has_size(o, "width") || !has_size(o, "height"))
		return refuse(r, err, "the header has no width and height");
	r->escaped = is_escaped(o);
	r->header = json_object_get(o);
	return 0;
}

/* -- events ---------------------------------------------------------------- */

/* Text as bytes: what stands for a byte becomes one. */
static int take_data(struct cast_reader *r, const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t plain = 0;

	buf_reset(&r->data);
	for (size_t i = 0; r->escaped && i + 2 < n; i++) {
		if (s[i] != 0xee || s[i + 1] < 0xbc)
			continue;
		buf_append(&r->data, s + plain, i - plain);
		buf_append_char(&r->data, (char)((s[i + 1] & 0x03) << 6 |
						 (s[i + 2] & 0x3f)));
		i += 2;
		plain = i + 1;
	}
	return buf_append(&r->data, s + plain, n - plain);
}

static bool read_time(struct cast_reader *r, struct json_object *o)
{
	double seconds;

	if (!json_object_is_type(o, json_type_double) &&
	    !json_object_is_type(o, json_type_int))
		return false;
	seconds = json_object_get_double(o);
	if (!(seconds >= 0 && seconds <= CAST_TIME_MAX))
		return false;
	/* Half a nanosecond, so that what was written is what is read. */
	if ((uint64_t)(seconds * 1e9 + 0.5) > r->ns)
		r->ns = (uint64_t)(seconds * 1e9 + 0.5);
	return true;
}

static int take_event(struct cast_reader *r, struct json_object *o,
		      cast_event_fn *fn, void *context, struct error *err)
{
	struct cast_event event = {0};
	struct json_object *kind, *data;

	if (!json_object_is_type(o, json_type_array) ||
	    json_object_array_length(o) != MEMBERS)
		return refuse(r, err, "an event is [time, \"kind\", \"data\"]");
	kind = json_object_array_get_idx(o, 1);
	data = json_object_array_get_idx(o, 2);
	if (!read_time(r, json_object_array_get_idx(o, 0)))
		return refuse(r, err, "the time is no number of seconds");
	if (!json_object_is_type(kind, json_type_string) ||
	    json_object_get_string_len(kind) != 1)
		return refuse(r, err, "the kind is not one letter");
	if (!json_object_is_type(data, json_type_string))
		return refuse(r, err, "the data are no text");
	if (take_data(r, json_object_get_string(data),
		      (size_t)json_object_get_string_len(data)) < 0)
		return error_set_no_memory(err);
	event.ns = r->ns;
	event.kind = *json_object_get_string(kind);
	event.data = buf_bytes(&r->data);
	event.len = r->data.len;
	return fn(context, &event, err);
}

static int take_line(struct cast_reader *r, cast_event_fn *fn, void *context,
		     struct error *err)
{
	autojson o = NULL;
	size_t n = r->line.len;
	const char *text = (const char *)buf_bytes(&r->line);

	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (n == 0)
		return 0;
	if (json_parse(text, n, &limits, &o, err) < 0)
		return error_prefix(err, "line %u", r->number);
	return r->header ? take_event(r, o, fn, context, err)
			 : take_header(r, o, err);
}

int cast_reader_feed(struct cast_reader *r, const uint8_t *data, size_t n,
		     cast_event_fn *fn, void *context, struct error *err)
{
	while (n > 0) {
		const uint8_t *end = memchr(data, '\n', n);
		size_t part = end ? (size_t)(end - data) : n;

		if (r->line.len + part > CAST_LINE_MAX)
			return error_set(err, ERROR_TOO_LARGE,
					 "line %u is longer than %u bytes",
					 r->number, CAST_LINE_MAX);
		if (buf_append(&r->line, data, part) < 0)
			return error_set_no_memory(err);
		if (!end)
			return 0;
		if (take_line(r, fn, context, err) < 0)
			return -1;
		buf_reset(&r->line);
		r->number++;
		data += part + 1;
		n -= part + 1;
	}
	return 0;
}

int cast_reader_end(struct cast_reader *r, bool *cut, struct error *err)
{
	*cut = r->line.len > 0;
	if (r->header)
		return 0;
	return error_set(err, ERROR_PARSE,
			 "the file ends before its header does: it is no "
			 "recording, or nothing of it was written");
}
