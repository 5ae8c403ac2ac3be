/*
 * A call and a virt of the test's own, instead of daemon/rpc and daemon/virt: a
 * verb of virt notes what it was asked, and answers when the test says so; an
 * answered call shows what it was answered with. Included by test_ops_*.c alone,
 * each a program of its own.
 */
#ifndef VIRTMUX_TEST_OPS_FAKES_H
#define VIRTMUX_TEST_OPS_FAKES_H

#include "test_relay_pair.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "api/codec.h"
#include "daemon/ops/room.h"
#include "daemon/virt/event.h"

/* Made by nobody: a test that records makes another one. */
#define FAKE_RECORDINGS "/nonexistent/virtmux-recordings"
#define UUID            "c7a5fdbd-cdaf-9455-926a-d65c16db1809"

/* -- virt ----------------------------------------------------------------- */

#define FAKE_REQUESTS 8

/* What the last verb was asked; see `done` for the others. */
struct virt {
	int fd;
	const char *verb;
	char *domain; /* as the caller named it; NULL: not a domain verb */
	char *const *scope;
	unsigned number; /* flags, modes, screen, index */
	char *text;      /* XML, device */
	bool force;
	struct virt_serial_ask ask; /* strings as the handler gave them */
	virt_event_fn *on_event;
	void *event_context;
	struct virt_done done[FAKE_REQUESTS]; /* waiting, in order */
	size_t waiting;
	enum error_code refuse; /* the verbs fail with it */
	unsigned refuse_after;  /* but for so many */
	bool closed;
	bool freed;
	size_t dispatched;
};

static inline struct virt *fake_virt(struct ops *ops)
{
	return ops->virt;
}

static inline int fake_verb(struct virt *v, const char *verb,
			    const struct virt_domain_ref *ref, unsigned number,
			    const char *text, struct virt_done done,
			    struct error *err)
{
	free(v->domain);
	free(v->text);
	v->verb = verb;
	v->domain = ref && ref->name_or_uuid ? strdup(ref->name_or_uuid) : NULL;
	v->scope = ref ? ref->scope : NULL;
	v->number = number;
	v->text = text ? strdup(text) : NULL;
	if (v->refuse && !v->refuse_after)
		return error_set(err, v->refuse, "refused by the test");
	if (v->refuse)
		v->refuse_after--;
	assert_true(v->waiting < FAKE_REQUESTS);
	v->done[v->waiting++] = done;
	return 0;
}

/* Answers the request that has waited longest; REPLY is freed as virt would. */
static inline void fake_reply(struct virt *v, struct virt_reply *reply)
{
	struct virt_done done = v->done[0];

	assert_true(v->waiting > 0);
	memmove(v->done, v->done + 1, --v->waiting * sizeof(done));
	done.fn(done.context, reply);
	error_clear(&reply->error);
	free(reply->domain.name);
}

static inline struct virt_reply fake_domain(const char *name)
{
	struct virt_reply reply = {.domain.name = strdup(name)};

	strcpy(reply.domain.uuid, UUID);
	return reply;
}

static inline void fake_reply_domain(struct virt *v, const char *name)
{
	struct virt_reply reply = fake_domain(name);

	fake_reply(v, &reply);
}

static inline void fake_reply_error(struct virt *v, enum error_code code)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_NONE};

	error_set(&reply.error, code, "failed by the test");
	fake_reply(v, &reply);
}

int virt_new(struct virt **out, const struct virt_config *config,
	     struct log *log, struct error *err)
{
	if (!config->uri)
		return error_set(err, ERROR_CONFIG, "no URI");
	*out = calloc(1, sizeof(**out));
	(*out)->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return 0;
}

void virt_close(struct virt *v)
{
	v->closed = true;
}

void virt_free(struct virt *v)
{
	if (!v)
		return;
	while (v->waiting)
		fake_reply_error(v, ERROR_DRAINING);
	close(v->fd);
	free(v->domain);
	free(v->text);
	free(v);
}

void virt_listen(struct virt *v, virt_event_fn *fn, void *context)
{
	v->on_event = fn;
	v->event_context = context;
}

int virt_completion_fd(const struct virt *v)
{
	return v->fd;
}

void virt_dispatch(struct virt *v)
{
	uint64_t count;

	v->dispatched++;
	assert_int_equal(read(v->fd, &count, sizeof(count)), sizeof(count));
}

size_t virt_pending(struct virt *v)
{
	return v->waiting;
}

bool virt_connected(struct virt *v)
{
	return !v->closed;
}

int virt_host_info(struct virt *v, struct virt_done done, struct error *err)
{
	return fake_verb(v, "host_info", NULL, 0, NULL, done, err);
}

int virt_host_versions(struct virt *v, struct virt_done done, struct error *err)
{
	return fake_verb(v, "host_versions", NULL, 0, NULL, done, err);
}

int virt_domain_list(struct virt *v, char *const *scope, struct virt_done done,
		     struct error *err)
{
	struct virt_domain_ref ref = {.scope = scope};

	return fake_verb(v, "list", &ref, 0, NULL, done, err);
}

int virt_domain_info(struct virt *v, const struct virt_domain_ref *ref,
		     struct virt_done done, struct error *err)
{
	return fake_verb(v, "info", ref, 0, NULL, done, err);
}

int virt_domain_define(struct virt *v, const char *xml, char *const *scope,
		       unsigned flags, struct virt_done done, struct error *err)
{
	struct virt_domain_ref ref = {.scope = scope};

	return fake_verb(v, "define", &ref, flags, xml, done, err);
}

int virt_domain_create(struct virt *v, const char *xml, char *const *scope,
		       unsigned flags, struct virt_done done, struct error *err)
{
	struct virt_domain_ref ref = {.scope = scope};

	return fake_verb(v, "create", &ref, flags, xml, done, err);
}

int virt_domain_suspend(struct virt *v, const struct virt_domain_ref *ref,
			struct virt_done done, struct error *err)
{
	return fake_verb(v, "suspend", ref, 0, NULL, done, err);
}

int virt_domain_resume(struct virt *v, const struct virt_domain_ref *ref,
		       struct virt_done done, struct error *err)
{
	return fake_verb(v, "resume", ref, 0, NULL, done, err);
}

int virt_domain_open_serial(struct virt *v, const struct virt_domain_ref *ref,
			    const struct virt_serial_ask *ask,
			    struct virt_done done, struct error *err)
{
	v->force = ask->force;
	v->ask = *ask;
	return fake_verb(v, "serial", ref, 0, ask->device, done, err);
}

/* The reason is what the test has put into the console. */
struct virt_console {
	const char *words;
	bool freed;
};

bool virt_console_why(struct virt_console *console, struct error *err)
{
	if (console->words)
		error_set(err, ERROR_BUSY, "%s", console->words);
	return console->words;
}

void virt_console_free(struct virt_console *console)
{
	if (console)
		console->freed = true;
}

int virt_domain_open_graphics(struct virt *v, const struct virt_domain_ref *ref,
			      unsigned index, const char *run,
			      struct virt_done done, struct error *err)
{
	return fake_verb(v, "open_graphics", ref, index, run, done, err);
}

/* The verbs whose last parameter is a number. */
#define FAKE_NUMBERED(name)                                                    \
	int virt_domain_##name(struct virt *v,                                 \
			       const struct virt_domain_ref *ref,              \
			       unsigned number, struct virt_done done,         \
			       struct error *err)                              \
	{                                                                      \
		return fake_verb(v, #name, ref, number, NULL, done, err);      \
	}

FAKE_NUMBERED(xml)
FAKE_NUMBERED(undefine)
FAKE_NUMBERED(start)
FAKE_NUMBERED(shutdown)
FAKE_NUMBERED(reboot)
FAKE_NUMBERED(destroy)
FAKE_NUMBERED(screenshot)

/* -- calls ---------------------------------------------------------------- */

enum outcome { OUTCOME_NONE, RETURNED, FAILED, RESPONDED, FINISHED };

struct call {
	struct ops *ops;
	enum method_id method;
	struct caller caller;
	struct h2_stream *stream; /* NULL: the peer has gone */
	struct call_early early;
	bool taken;
	enum outcome outcome;
	struct buf answer; /* JSON, or the body of a response */
	struct error error;
	char headers[1024]; /* "name: value\n"… of a response */
	uint64_t bytes_in;
	uint64_t bytes_out;
	char uuid[VIRT_UUID_SIZE];
	char name[256];
	const void *params; /* of a recorded one */
	bool recorded;      /* its rights demand it */
	char recording[256];
};

static inline void fake_settle(struct call *call, enum outcome outcome)
{
	assert_int_equal(call->outcome, OUTCOME_NONE);
	call->outcome = outcome;
}

void *call_context(const struct call *call)
{
	return call->ops;
}

const struct method *call_method(const struct call *call)
{
	return method_by_id(call->method);
}

char *const *call_scope(const struct call *call)
{
	return call->caller.scope;
}

const struct caller *call_caller(const struct call *call)
{
	return &call->caller;
}

/* Whoever is no admin of the test may use methods of his role alone. */
bool call_may(const struct call *call, enum method_id method)
{
	return method_by_id(method)->role <= call->caller.role;
}

void call_set_target(struct call *call, const char *uuid, const char *name)
{
	strcpy(call->uuid, uuid ? uuid : "");
	strcpy(call->name, name ? name : "");
}

bool call_is_recorded(const struct call *call)
{
	return call->recorded;
}

const void *call_arguments(const struct call *call)
{
	return call->params;
}

const char *call_id(const struct call *call)
{
	return "7q2k-1f3";
}

void call_set_recording(struct call *call, const char *name)
{
	assert_true(strlen(name) < sizeof(call->recording));
	strcpy(call->recording, name);
}

/* Who answers by rpc gives the stream back to it. */
static inline void fake_settle_stream(struct call *call, enum outcome outcome)
{
	static const struct h2_handler nobody = {.on_data = NULL};

	fake_settle(call, outcome);
	if (call->stream)
		h2_stream_set_handler(call->stream, &nobody, NULL);
}

void call_return(struct call *call, const void *result)
{
	fake_settle_stream(call, RETURNED);
	assert_int_equal(result_encode(method_by_id(call->method), result,
				       &call->answer),
			 0);
	buf_append_char(&call->answer, '\0');
}

void call_fail(struct call *call, struct error *err)
{
	fake_settle_stream(call, FAILED);
	error_move(&call->error, err);
	assert_true(error_is_set(&call->error));
}

void call_respond(struct call *call, unsigned status, const char *content_type,
		  const struct h2_header *headers, size_t n, struct buf *body)
{
	size_t len;

	fake_settle_stream(call, RESPONDED);
	len = (size_t)snprintf(call->headers, sizeof(call->headers),
			       ":status: %u\ncontent-type: %s\n", status,
			       content_type);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(call->headers + len,
					sizeof(call->headers) - len, "%s: %s\n",
					headers[i].name, headers[i].value);
	call->answer = *body;
	*body = (struct buf){0};
}

struct h2_stream *call_take_stream(struct call *call,
				   const struct h2_handler *handler,
				   void *context, struct call_early *early)
{
	*early = call->early;
	call->early = (struct call_early){0};
	if (!call->stream)
		return NULL;
	call->taken = true;
	h2_stream_set_handler(call->stream, handler, context);
	return call->stream;
}

void call_set_cut(struct call *call, call_cut_fn *cut, void *context)
{
	assert_true(call->taken);
}

void call_finish(struct call *call, const struct error *why, uint64_t bytes_in,
		 uint64_t bytes_out)
{
	assert_true(call->taken);
	fake_settle(call, FINISHED);
	if (why && error_is_set(why))
		error_set(&call->error, why->code, "%s", error_words(why));
	call->bytes_in = bytes_in;
	call->bytes_out = bytes_out;
}

/* -- both ----------------------------------------------------------------- */

struct test {
	struct pair pair;
	struct ops *ops;
	struct virt *virt;
	struct call call;
};

static inline void test_open(struct test *t, enum method_id method)
{
	struct ops_config config = {.uv = &t->pair.uv,
				    .record_folder = FAKE_RECORDINGS,
				    .virt.uri = "qemu:///embed?root=/secret"};

	memset(t, 0, sizeof(*t));
	pair_open(&t->pair);
	assert_int_equal(ops_new(&t->ops, &config, NULL), 0);
	t->virt = fake_virt(t->ops);
	t->call.ops = t->ops;
	t->call.method = method;
	t->call.caller.role = ROLE_ADMIN;
}

/* Forgets the answer, for the same method once more. */
static inline void test_again(struct test *t)
{
	t->call.outcome = OUTCOME_NONE;
	buf_reset(&t->call.answer);
	error_clear(&t->call.error);
}

static inline void test_close(struct test *t)
{
	pair_abort(&t->pair);
	h2_free(t->pair.client);
	h2_free(t->pair.host);
	t->pair.client = NULL;
	t->pair.host = NULL;
	ops_close(t->ops);
	uv_run(&t->pair.uv, UV_RUN_DEFAULT);
	ops_free(t->ops);
	pair_close(&t->pair);
	buf_free(&t->call.answer);
	error_clear(&t->call.error);
}

static inline void expect_json(struct test *t, const char *json)
{
	assert_int_equal(t->call.outcome, RETURNED);
	assert_string_equal((char *)buf_bytes(&t->call.answer), json);
}

static inline void expect_failure(struct test *t, enum error_code code)
{
	assert_int_equal(t->call.outcome, FAILED);
	assert_int_equal(t->call.error.code, code);
}

#endif
