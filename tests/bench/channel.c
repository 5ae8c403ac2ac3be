/*
 * The channel's client for measuring, on common/wire: bulk both ways, calls
 * with a number in flight, calls beside bulk, and idle connections. One result
 * line of JSON on standard output.
 *
 * usage: channel PORT|SOCKET CA USER.crt USER.key COMMAND: the socket is that of a
 * user's session, with which it speaks in clear text
 *   down|up STREAMS SECONDS    bytes a second
 *   calls INFLIGHT SECONDS     calls a second, p50 and p99 in microseconds
 *   list INFLIGHT SECONDS      the same with domain.list
 *   rows INFLIGHT SECONDS      the same, each answer decoded into structs
 *   beside STREAMS SECONDS     one call at a time while STREAMS carry bulk down
 *   idle CONNECTIONS           opens them, prints "ready", ends with its input
 */
#include <string.h>
#include <unistd.h>

#include "api/codec.h"
#include "api/message.h"
#include "base/file.h"
#include "bench.h"
#include "wire/conn_dial.h"

#define AT_ONCE 8
#define FOREVER "9007199254740991" /* bytes: 2^53 - 1 */
#define CALL    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.whoami\"}"
#define LIST    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"domain.list\"}"

struct bench {
	uv_loop_t uv;
	struct conn_loop *loop;
	struct conn *conn;
	uv_timer_t timer;
	const char *command;
	bool lists;
	bool decodes;
	unsigned streams;
	unsigned in_flight;
	const struct conn_dial_options *dial;
	unsigned begun; /* connections */
	unsigned open;
	double seconds;
	bool measuring;
	bool over;
	uint64_t begin_ns;
	uint64_t bytes;
	struct samples samples;
	uv_poll_t input;
};

struct one_call {
	struct bench *bench;
	uint64_t sent_ns;
	unsigned status;
	struct buf answer; /* where it is decoded */
};

static _Noreturn void die(const struct error *err)
{
	fprintf(stderr, "channel: %s\n", error_words(err));
	exit(1);
}

/* -- calls --------------------------------------------------------------- */

static void send_call(struct bench *b);

static void on_response(void *context, struct h2_stream *s)
{
	struct one_call *call = context;

	call->status = h2_stream_status(s);
}

static void on_call_data(void *context, struct h2_stream *s,
			 const uint8_t *data, size_t len)
{
	struct one_call *call = context;

	if (call->bench->decodes)
		buf_append(&call->answer, data, len);
	h2_stream_consume(s, len);
}

/* As a client does, whose rows are structs in the end. */
static void decode(struct one_call *call)
{
	const struct method *m = method_by_id(METHOD_domain_list);
	struct domain_list list;
	autoresponse r = {0};
	autoerror err = {0};

	if (response_parse((const char *)buf_bytes(&call->answer),
			   call->answer.len, &r, &err) ||
	    result_decode(m, r.result, &list, &err))
		die(&err);
	result_free(m, &list);
	buf_free(&call->answer);
}

static void on_call_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct one_call *call = context;
	struct bench *b = call->bench;

	if (b->decodes && !code && call->status == 200)
		decode(call);
	if (b->measuring)
		samples_add(&b->samples, clock_monotonic_ns() - call->sent_ns);
	if (!b->over && (code || call->status != 200)) {
		fprintf(stderr, "channel: a call ended with %u, status %u\n",
			code, call->status);
		exit(1);
	}
	free(call);
	if (!b->over)
		send_call(b);
}

static const struct h2_handler call_handler = {
	.on_response = on_response,
	.on_data = on_call_data,
	.on_closed = on_call_closed,
};

static void send_call(struct bench *b)
{
	static const struct h2_header headers[] = {
		{":method", "POST"},
		{":scheme", "https"},
		{":authority", "bench"},
		{":path", "/rpc"},
		{"content-type", "application/json"},
	};
	struct one_call *call = calloc(1, sizeof(*call));
	struct h2_stream *s;
	struct buf body = {0};
	autoerror err = {0};

	call->bench = b;
	call->sent_ns = clock_monotonic_ns();
	buf_append_str(&body, b->lists ? LIST : CALL);
	if (h2_request_body(conn_h2(b->conn), headers, array_size(headers),
			    &body, H2_URGENCY_CALL, &call_handler, call, &s,
			    &err))
		die(&err);
}

/* -- bulk ------------------------------------------------------------------ */

static void on_bulk_data(void *context, struct h2_stream *s,
			 const uint8_t *data, size_t len)
{
	struct bench *b = context;

	if (b->measuring)
		b->bytes += len;
	h2_stream_consume(s, len);
}

static size_t bulk_ready(void *context, bool *end)
{
	return 1024 * 1024;
}

static void bulk_take(void *context, uint8_t *to, size_t n)
{
	struct bench *b = context;

	if (b->measuring)
		b->bytes += n;
	memset(to, 0, n);
}

static void on_bulk_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct bench *b = context;

	if (b->over)
		return;
	fprintf(stderr,
		"channel: a bulk stream ended early with %u, status %u\n", code,
		h2_stream_status(s));
	exit(1);
}

static const struct h2_source bulk_source = {.ready = bulk_ready,
					     .take = bulk_take};
static const struct h2_handler bulk_handler = {
	.on_data = on_bulk_data,
	.on_closed = on_bulk_closed,
};

static void open_bulk(struct bench *b, bool up)
{
	const struct h2_header headers[] = {
		{":method", up ? "PUT" : "GET"},
		{":scheme", "https"},
		{":authority", "bench"},
		{":path", up ? "/speed" : "/speed?bytes=" FOREVER},
	};
	struct h2_stream *s;
	autoerror err = {0};

	for (unsigned i = 0; i < b->streams; i++)
		if (h2_request(conn_h2(b->conn), headers, array_size(headers),
			       up ? &bulk_source : NULL, b, H2_URGENCY_BULK,
			       &bulk_handler, b, &s, &err))
			die(&err);
}

/* -- the course ---------------------------------------------------------------- */

static void on_measured(uv_timer_t *timer)
{
	struct bench *b = timer->data;
	double seconds = (double)(clock_monotonic_ns() - b->begin_ns) / 1e9;

	b->measuring = false;
	b->over = true;
	printf("{\"bytes_per_second\": %.0f, \"calls_per_second\": %.0f, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       (double)b->bytes / seconds, (double)b->samples.n / seconds,
	       samples_us(&b->samples, 0.5), samples_us(&b->samples, 0.99));
	fflush(stdout);
	conn_close(b->conn, NULL);
	uv_close((uv_handle_t *)timer, NULL);
}

static void on_warm(uv_timer_t *timer)
{
	struct bench *b = timer->data;

	b->measuring = true;
	b->begin_ns = clock_monotonic_ns();
	uv_timer_start(timer, on_measured, (uint64_t)(b->seconds * 1000), 0);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) == 0)
		exit(0);
}

static void open_one(struct bench *b)
{
	struct conn_dial *handle;
	autoerror err = {0};

	b->begun++;
	if (conn_dial(b->loop, b->dial, &handle, &err))
		die(&err);
}

static bool calls(const struct bench *b)
{
	return b->lists || strcmp(b->command, "calls") == 0;
}

static void on_open(void *context, struct conn *conn)
{
	struct bench *b = context;

	b->open++;
	if (strcmp(b->command, "idle") == 0) {
		if (b->begun < b->streams)
			open_one(b);
		if (b->open < b->streams)
			return;
		printf("ready\n");
		fflush(stdout);
		uv_poll_init(&b->uv, &b->input, STDIN_FILENO);
		uv_poll_start(&b->input, UV_READABLE, on_input);
		return;
	}
	b->conn = conn;
	if (!calls(b))
		open_bulk(b, strcmp(b->command, "up") == 0);
	for (unsigned i = 0; i < b->in_flight; i++)
		send_call(b);
	uv_timer_init(&b->uv, &b->timer);
	b->timer.data = b;
	uv_timer_start(&b->timer, on_warm, (uint64_t)(b->seconds * 200) + 200,
		       0);
}

static void on_closed(void *context, struct conn *conn, const struct error *why)
{
	struct bench *b = context;

	if (!b->over || error_is_set(why))
		die(why);
}

static const struct conn_events events = {
	.on_open = on_open,
	.on_closed = on_closed,
};

static struct tls_context *load(char **argv)
{
	struct tls_config config = {.role = TLS_CLIENT,
				    .ca_file = argv[2],
				    .certificate_file = argv[3]};
	struct tls_context *context;
	autobuf pem = {0};
	autoerror err = {0};

	if (file_read(argv[4], 65536, &pem, &err) ||
	    tls_key_from_pem(&config.key, (char *)buf_bytes(&pem), pem.len,
			     argv[4], NULL, NULL, &err) ||
	    tls_context_new(&context, &config, &err))
		die(&err);
	tls_key_free(config.key);
	return context;
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct conn_dial_options dial = {.host = "127.0.0.1"};
	autoerror err = {0};
	unsigned n;

	if (argc < 7) {
		fprintf(stderr, "usage: channel PORT|SOCKET CA CERT KEY "
				"COMMAND N "
				"[SECONDS]\n");
		return 2;
	}
	b.command = argv[5];
	n = (unsigned)atoi(argv[6]);
	b.seconds = argc > 7 ? atof(argv[7]) : 1;
	b.decodes = strcmp(b.command, "rows") == 0;
	b.lists = b.decodes || strcmp(b.command, "list") == 0;
	b.streams = calls(&b) ? 0 : n;
	b.in_flight = calls(&b) ? n : strcmp(b.command, "beside") == 0 ? 1 : 0;
	if (argv[1][0] == '/') {
		dial.unix_path = argv[1];
	} else {
		dial.port = argv[1];
		dial.tls = load(argv);
	}
	dial.events = &events;
	dial.context = &b;
	uv_loop_init(&b.uv);
	if (conn_loop_new(&b.loop, &b.uv, &conn_limits_default, NULL, &err))
		die(&err);
	b.dial = &dial;
	/* A few at a time: the host limits strangers from one address. */
	n = strcmp(b.command, "idle") ? 1 : AT_ONCE;
	for (unsigned i = 0; i < n; i++)
		open_one(&b);
	return uv_run(&b.uv, UV_RUN_DEFAULT);
}
