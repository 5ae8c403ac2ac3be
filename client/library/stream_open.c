/*
 * What a program can open as a stream: consoles, the content of volumes, and any resource
 * that GET gives.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "client/connect/channel.h"
#include "client/connect/profile.h"
#include "client/library/library_private.h"

#define RANGE_MAX 80 /* bytes of a range's text */

/* S is taken, also on failure. */
static struct virtmux_stream *begin(struct virtmux_stream *s, int rc)
{
	if (rc == 0)
		return s;
	s->h2 = NULL;
	stream_release(s);
	return NULL;
}

/* A request for PATH (taken; NULL: no memory), with FIELD behind it where that is set. */
static struct virtmux_stream *request(struct virtmux_connection *c,
				      const char *method, const char *path,
				      const struct h2_header *field,
				      bool writes, struct error *err)
{
	struct conn *conn = channel_conn(c->channel);
	struct virtmux_stream *s;
	struct h2_header headers[6] = {
		{":method", method},
		{":scheme", "https"},
		{":authority", c->profile->address},
		{":path", path},
	};
	size_t n = 4;

	if (!conn) {
		channel_check(c->channel, err);
		return NULL;
	}
	if (writes)
		headers[n++] = (struct h2_header){"content-type",
						  "application/octet-stream"};
	if (field)
		headers[n++] = *field;
	s = stream_new(c);
	if (!s) {
		error_set_no_memory(err);
		return NULL;
	}
	return begin(s, h2_request(conn_h2(conn), headers, n,
				   writes ? &stream_source : NULL, s,
				   H2_URGENCY_BULK, &stream_handler, s, &s->h2,
				   err));
}

static virtmux_stream *give(struct virtmux_stream *s, virtmux_error **error,
			    struct error *why)
{
	if (!s)
		error_give(error, why);
	return s;
}

char *virtmux_escape(const char *text)
{
	return channel_escape(text);
}

/* "/A/B/C/D", whose B and D are escaped; to free(); NULL without memory. */
static char *make_path(const char *a, const char *b, const char *c,
		       const char *d)
{
	autofree char *first = channel_escape(b);
	autofree char *second = channel_escape(d);
	autobuf path = {0};

	if (!first || !second)
		return NULL;
	buf_appendf(&path, "/%s/%s/%s/%s", a, first, c, second);
	return buf_steal_str(&path);
}

/* -- consoles -------------------------------------------------------------- */

static struct virtmux_stream *open_console(struct virtmux_connection *c,
					   const char *path, struct error *err)
{
	struct virtmux_stream *s = stream_new(c);

	if (!s) {
		error_set_no_memory(err);
		return NULL;
	}
	return begin(s, channel_connect(c->channel, path, &stream_source, s,
					&stream_handler, s, &s->h2, err));
}

virtmux_stream *virtmux_console_open(virtmux_connection *c, const char *domain,
				     enum virtmux_console kind, unsigned number,
				     virtmux_error **error)
{
	static const char *const kinds[] = {
		[VIRTMUX_CONSOLE_SERIAL] = "serial",
		[VIRTMUX_CONSOLE_GRAPHICS] = "graphics",
	};
	autoerror why = {0};
	autofree char *path = NULL;
	struct virtmux_stream *s = NULL;
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	if (kind > VIRTMUX_CONSOLE_GRAPHICS)
		error_set(&why, ERROR_USAGE, "there is no kind %d of consoles",
			  (int)kind);
	else if (!(path = make_path("domains", domain, kinds[kind], text)))
		error_set_no_memory(&why);
	else
		s = open_console(c, path, &why);
	return give(s, error, &why);
}

/* -- volumes --------------------------------------------------------------- */

virtmux_stream *virtmux_volume_read(virtmux_connection *c, const char *pool,
				    const char *volume, uint64_t offset,
				    uint64_t length, virtmux_error **error)
{
	autofree char *path = make_path("pools", pool, "volumes", volume);
	char range[RANGE_MAX];
	const struct h2_header field = {"range", range};
	bool whole = offset == 0 && length == VIRTMUX_TO_THE_END;
	autoerror why = {0};
	struct virtmux_stream *s = NULL;

	snprintf(range, sizeof(range), "bytes=%" PRIu64 "-", offset);
	if (length != VIRTMUX_TO_THE_END)
		snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64,
			 offset, offset + length - 1);
	if (length == 0 ||
	    (length != VIRTMUX_TO_THE_END && length > UINT64_MAX - offset))
		error_set(&why, ERROR_USAGE,
			  "a range has at least one byte and ends below 2^64");
	else if (!path)
		error_set_no_memory(&why);
	else
		s = request(c, "GET", path, whole ? NULL : &field, false, &why);
	return give(s, error, &why);
}

virtmux_stream *virtmux_volume_write(virtmux_connection *c, const char *pool,
				     const char *volume, uint64_t offset,
				     uint64_t length, virtmux_error **error)
{
	autofree char *path = make_path("pools", pool, "volumes", volume);
	char range[RANGE_MAX];
	const struct h2_header field = {"content-range", range};
	autoerror why = {0};
	struct virtmux_stream *s = NULL;

	snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/*",
		 offset, offset + length - 1);
	if (length == 0 || length > UINT64_MAX - offset)
		error_set(&why, ERROR_USAGE,
			  "a range has at least one byte and ends below 2^64");
	else if (!path)
		error_set_no_memory(&why);
	else
		s = request(c, "PUT", path, &field, true, &why);
	return give(s, error, &why);
}

virtmux_stream *virtmux_get(virtmux_connection *c, const char *path,
			    virtmux_error **error)
{
	autoerror why = {0};

	return give(request(c, "GET", path, NULL, false, &why), error, &why);
}
