/*
 * The measurement of the channel: GET and PUT /speed. Handlers around the source
 * and the sink of daemon/relay/speed.h. What always holds: bytes are neither
 * kept nor allocated for; the call ends when the stream closes, or, for an
 * upload, when it is answered, by which rpc has the stream back.
 */
#include "daemon/ops/room.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/relay/speed.h"

struct measurement {
	struct call *call;
	struct speed_source source;
	struct speed_sink sink;
};

/* The stream is over without an answer by rpc. Frees M. */
static void finish(struct measurement *m, bool whole, uint32_t code)
{
	autoerror why = {0};

	if (!whole)
		error_set(&why, ERROR_DISCONNECTED,
			  "the peer ended the measurement (HTTP/2 code %" PRIu32
			  ")",
			  code);
	call_finish(m->call, &why, m->sink.bytes, m->source.sent);
	free(m);
}

/* Takes the stream of CALL for a new measurement; else NULL, CALL has failed. */
static struct h2_stream *begin(struct call *call,
			       const struct h2_handler *handler,
			       struct measurement **out,
			       struct call_early *early)
{
	struct measurement *m = calloc(1, sizeof(*m));
	struct h2_stream *stream =
		m ? call_take_stream(call, handler, m, early) : NULL;
	autoerror err = {0};

	if (stream) {
		m->call = call;
		*out = m;
		return stream;
	}
	if (m)
		error_set(&err, ERROR_DISCONNECTED, "the peer has gone");
	else
		error_set_no_memory(&err);
	free(m);
	call_fail(call, &err);
	return NULL;
}

/* -- download ------------------------------------------------------------- */

static void on_download_closed(void *context, struct h2_stream *s,
			       uint32_t code)
{
	struct measurement *m = context;

	finish(m, m->source.left == 0, code);
}

static const struct h2_handler download_handler = {
	.on_closed = on_download_closed,
};

void op_host_speed_download(struct call *call,
			    const struct host_speed_download_params *params)
{
	struct measurement *m;
	struct call_early early;
	struct h2_stream *s = begin(call, &download_handler, &m, &early);
	char length[24];
	const struct h2_header headers[] = {
		{"content-type", "application/octet-stream"},
		{"content-length", length},
		{"cache-control", "no-store"},
	};

	if (!s)
		return;
	snprintf(length, sizeof(length), "%" PRIu64, params->bytes);
	m->source.left = params->bytes;
	h2_respond(s, 200, headers, array_size(headers), &speed_source,
		   &m->source);
	buf_free(&early.data);
}

/* -- upload --------------------------------------------------------------- */

/* Frees M: from here on the stream's events go to rpc. */
static void answer_upload(struct measurement *m)
{
	const struct host_speed result = {
		.bytes = m->sink.bytes,
		.duration = speed_sink_duration_ns(&m->sink),
	};

	call_return(m->call, &result);
	free(m);
}

static void on_upload_data(void *context, struct h2_stream *s,
			   const uint8_t *data, size_t len)
{
	struct measurement *m = context;

	speed_sink_add(&m->sink, s, len);
}

static void on_upload_end(void *context, struct h2_stream *s)
{
	answer_upload(context);
}

static void on_upload_closed(void *context, struct h2_stream *s, uint32_t code)
{
	finish(context, false, code);
}

static const struct h2_handler upload_handler = {
	.on_data = on_upload_data,
	.on_end = on_upload_end,
	.on_closed = on_upload_closed,
};

void op_host_speed_upload(struct call *call,
			  const struct host_speed_upload_params *params)
{
	struct measurement *m;
	struct call_early early;
	struct h2_stream *s = begin(call, &upload_handler, &m, &early);

	if (!s)
		return;
	if (early.data.len)
		speed_sink_add(&m->sink, s, early.data.len);
	buf_free(&early.data);
	if (early.end)
		answer_upload(m);
}
