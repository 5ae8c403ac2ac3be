/*
 * Streams of the test's own instead of HTTP/2, and handlers that the test answers
 * for: rpc as a whole without a connection. Included by test_rpc_*.c alone, each
 * a program of its own.
 */
#ifndef VIRTMUX_TEST_RPC_FAKES_H
#define VIRTMUX_TEST_RPC_FAKES_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "daemon/rpc/room.h"

/* -- streams -------------------------------------------------------------- */

#define FAKE_HEADERS 8

struct h2_stream {
	struct h2_header headers[FAKE_HEADERS];
	const struct h2_handler *handler;
	void *context;
	unsigned status; /* 0: not answered */
	char content_type[64];
	char allow[64];
	char *body; /* of the answer; NULL: none */
	uint64_t bytes_in;
	size_t unconsumed;
	bool reset;
	uint32_t code;
};

void h2_stream_set_handler(struct h2_stream *s,
			   const struct h2_handler *handler, void *context)
{
	s->handler = handler;
	s->context = context;
}

const char *h2_stream_header(const struct h2_stream *s, const char *name)
{
	for (size_t i = 0; i < FAKE_HEADERS && s->headers[i].name; i++)
		if (strcmp(s->headers[i].name, name) == 0)
			return s->headers[i].value;
	return NULL;
}

static inline void fake_header(char *to, size_t size, const char *wanted,
			       const struct h2_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(headers[i].name, wanted) == 0)
			snprintf(to, size, "%s", headers[i].value);
}

int h2_respond(struct h2_stream *s, unsigned status,
	       const struct h2_header *headers, size_t n,
	       const struct h2_source *source, void *source_context)
{
	assert_int_equal(s->status, 0);
	s->status = status;
	fake_header(s->content_type, sizeof(s->content_type), "content-type",
		    headers, n);
	fake_header(s->allow, sizeof(s->allow), "allow", headers, n);
	return 0;
}

int h2_respond_body(struct h2_stream *s, unsigned status,
		    const struct h2_header *headers, size_t n, struct buf *body)
{
	h2_respond(s, status, headers, n, NULL, NULL);
	s->body = buf_steal_str(body);
	return 0;
}

void h2_stream_consume(struct h2_stream *s, size_t n)
{
	assert_true(n <= s->unconsumed);
	s->unconsumed -= n;
}

void h2_stream_reset(struct h2_stream *s, uint32_t code)
{
	s->reset = true;
	s->code = code;
}

uint64_t h2_stream_bytes_in(const struct h2_stream *s)
{
	return s->bytes_in;
}

/* -- the service ---------------------------------------------------------- */

#define FAKE_CALLS 64

struct fixture {
	uv_loop_t uv;
	char audit_path[64];
	struct audit *audit;
	struct access *access;
	struct rpc *rpc;
	struct rpc_peer *anna; /* admin */
	struct rpc_peer *bert; /* viewer */
	struct error err;
	struct call *calls[FAKE_CALLS]; /* that handlers have got, in order */
	size_t count;
	bool at_once; /* handlers answer before they return */
	bool inside;  /* a handler or an answer is on the stack */
};

static const char fake_access[] = "[anna]\nrole=admin\ndomains=*\n"
				  "[bert]\nrole=viewer\ndomains=web-*\n";

static inline void fake_return(struct fixture *f, size_t n);

/* Every method has it. */
static inline void fake_handle(struct call *call, const void *params)
{
	struct fixture *f = call_context(call);

	assert_false(f->inside);
	assert_true(f->count < FAKE_CALLS);
	f->calls[f->count++] = call;
	if (f->at_once)
		fake_return(f, f->count - 1);
}

#define METHOD(id, name, role, kind, summary, doc) [METHOD_##id] = fake_handle,
static rpc_handler_fn *const fake_handlers[METHODS] = {
#include "api/methods.def"
};

/* Answers call N with a result of its method's type. */
static inline void fake_return(struct fixture *f, size_t n)
{
	union {
		struct session_info session;
		struct domain_ref domain;
		struct domain_list list;
		struct host_info host;
		struct host_speed speed;
		struct job_info job;
		struct job_list jobs;
	} result = {0};

	f->inside = true;
	call_return(f->calls[n], &result);
	f->inside = false;
}

static inline void fake_fail(struct fixture *f, size_t n, enum error_code code)
{
	autoerror err = {0};

	f->inside = true;
	error_set(&err, code, "failed by the test");
	call_fail(f->calls[n], &err);
	assert_false(error_is_set(&err));
	f->inside = false;
}

static inline struct rpc_peer *fake_peer(struct fixture *f, const char *name)
{
	const struct rpc_origin origin = {
		.identity = name,
		.serial = "01",
		.fingerprint = "02",
		.address = "192.0.2.1:5",
		.tls = "TLSv1.3",
	};
	struct rpc_peer *peer = NULL;

	assert_int_equal(rpc_peer_new(&peer, f->rpc, &origin, &f->err), 0);
	return peer;
}

static inline int fake_set_up_with(void **state, const char *audit,
				   const struct rpc_limits *limits)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct rpc_config config = {.uv = &f->uv,
				    .handlers = fake_handlers,
				    .context = f,
				    .limits = *limits};
	int fd;

	*state = f;
	strcpy(f->audit_path, "/tmp/test-rpc-XXXXXX");
	fd = mkstemp(f->audit_path);
	assert_true(fd >= 0);
	close(fd);
	uv_loop_init(&f->uv);
	if (audit_open(&f->audit, audit ? audit : f->audit_path, NULL,
		       &f->err) < 0 ||
	    access_parse(&f->access, fake_access, strlen(fake_access), "f",
			 &f->err) < 0)
		return -1;
	config.audit = f->audit;
	config.access = f->access;
	if (rpc_new(&f->rpc, &config, &f->err) < 0)
		return -1;
	f->anna = fake_peer(f, "anna");
	f->bert = fake_peer(f, "bert");
	return 0;
}

static inline int fake_set_up(void **state)
{
	return fake_set_up_with(state, NULL, &rpc_limits_default);
}

/* Calls that nobody has answered are a defect of the test. */
static inline int fake_tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rpc_open_calls(f->rpc), 0);
	rpc_peer_free(f->anna);
	rpc_peer_free(f->bert);
	rpc_close(f->rpc);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	rpc_free(f->rpc);
	access_unref(f->access);
	audit_free(f->audit);
	assert_int_equal(uv_loop_close(&f->uv), 0);
	unlink(f->audit_path);
	error_clear(&f->err);
	test_free(f);
	return 0;
}

/* A turn of the loop: calls that may go on, do. */
static inline void fake_turn(struct fixture *f)
{
	uv_run(&f->uv, UV_RUN_NOWAIT);
}

/* -- requests ------------------------------------------------------------- */

static inline struct h2_stream *fake_request(struct rpc_peer *peer,
					     const char *verb, const char *path)
{
	struct h2_stream *s = test_calloc(1, sizeof(*s));

	s->headers[0] = (struct h2_header){":method", verb};
	s->headers[1] = (struct h2_header){":path", path};
	if (strcmp(verb, "CONNECT") == 0)
		s->headers[2] = (struct h2_header){":protocol", "virtmux"};
	rpc_peer_request(peer, s);
	return s;
}

static inline void fake_data(struct h2_stream *s, const char *text)
{
	size_t n = strlen(text);

	s->bytes_in += n;
	s->unconsumed += n;
	if (s->handler && s->handler->on_data)
		s->handler->on_data(s->context, s, (const uint8_t *)text, n);
}

static inline void fake_end(struct h2_stream *s)
{
	if (s->handler && s->handler->on_end)
		s->handler->on_end(s->context, s);
}

static inline void fake_close(struct h2_stream *s)
{
	if (s->handler && s->handler->on_closed)
		s->handler->on_closed(s->context, s, 0);
	free(s->body);
	test_free(s);
}

/* POST /rpc with BODY, and an idempotency-key where KEY is not NULL. */
static inline struct h2_stream *fake_post(struct rpc_peer *peer,
					  const char *body, const char *key)
{
	struct h2_stream *s = test_calloc(1, sizeof(*s));

	s->headers[0] = (struct h2_header){":method", "POST"};
	s->headers[1] = (struct h2_header){":path", "/rpc"};
	if (key)
		s->headers[2] = (struct h2_header){"idempotency-key", key};
	rpc_peer_request(peer, s);
	fake_data(s, body);
	fake_end(s);
	return s;
}

static inline struct h2_stream *fake_call(struct rpc_peer *peer,
					  const char *method,
					  const char *params, const char *key)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\","
		 "\"params\":%s}",
		 method, params);
	return fake_post(peer, body, key);
}

static inline void assert_body_has(const struct h2_stream *s, const char *text)
{
	assert_non_null(s->body);
	if (!strstr(s->body, text))
		fail_msg("\"%s\" is not in %s", text, s->body);
}

/* The audit so far, to free(). */
static inline char *fake_audit(struct fixture *f)
{
	autobuf text = {0};

	audit_flush(f->audit, NULL);
	assert_int_equal(file_read(f->audit_path, 1 << 24, &text, NULL), 0);
	return buf_steal_str(&text);
}

static inline unsigned fake_count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

#endif
