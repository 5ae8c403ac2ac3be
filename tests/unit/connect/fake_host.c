/*
 * The host of the tests (fake_host.h). By JSON-RPC method:
 *   session.whoami  {"identity":"tester","key":the idempotency-key or ""}
 *   domain.info     the error not-found
 *   domain.list     no answer, ever
 *   network.list    FAKE_NETWORKS of them, "net-00000" and so on, the first one once
 *                   more, and some that have odd names
 *   domain.start    the connection ends without an answer
 *   domain.reboot   the same when its key is seen for the first time; then the key
 *   job.list, domain.shutdown  as a session whose host is away: the stream is cut, then
 *                   the error "connect", then the key, in turn
 *   domain.reset    the stream is cut, each time
 *   domain.suspend  the stream is refused before anything was done
 *   domain.destroy  SIGINT to the client, and no answer
 *   domain.save     it is held, as by a session whose host is away
 *   domain.restore  the same, and the session passes it on when it is to be withdrawn
 *   domain.xml      an answer that is no JSON
 *   others          echoes its params as result, with a "name" where there is none
 * By path: GET /speed?bytes=N gives N bytes, PUT /speed counts, GET /missing is a
 * 404 with a JSON error, GET /broken a 500 with plain text, CONNECT echoes. GET /events
 * gives the two events behind `after` and ends; of domain "garbage" a line that is none,
 * of "long" one without an end, of "denied" a 403, of "ends" nothing.
 * PUT /withdraw is the session's (session.h).
 */
#include "connect/fake_host.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/json.h"
#include "api/message.h"
#include "client/connect/config.h"
#include "client/connect/session_private.h"
#include "wire/conn.h"

struct acceptor {
	uv_poll_t poll;
	struct conn_loop *loop;
	int fd;
	char key[64];           /* of the last domain.reboot, domain.shutdown */
	unsigned asked;         /* for job.list and domain.shutdown */
	struct h2_stream *held; /* of domain.save, or NULL */
};

struct exchange_end {
	struct buf body; /* of the request */
	struct conn *conn;
	struct acceptor *acceptor;
	uint64_t left; /* bytes of the answer to GET /speed */
};

static void answer(struct h2_stream *s, unsigned status, struct buf *body)
{
	const struct h2_header type = {"content-type", "application/json"};

	h2_respond_body(s, status, &type, 1, body);
}

static void answer_error(struct h2_stream *s, unsigned status,
			 enum error_code code, const char *words)
{
	autobuf body = {0};
	autoerror e = {0};

	error_set(&e, code, "%s", words);
	message_append_error(&body, status == 200 ? "1" : "null", &e, "c-1");
	answer(s, status, &body);
}

static void answer_text(struct h2_stream *s, unsigned status, const char *text)
{
	autobuf body = {0};

	buf_append_str(&body, text);
	answer(s, status, &body);
}

static void answer_echo(struct h2_stream *s, struct json_object *params)
{
	struct json_object *name = NULL;
	const char *text = NULL;
	autobuf body = {0};

	if (!params)
		params = json_object_new_object();
	if (!json_object_object_get_ex(params, "name", &name))
		json_object_object_add(params, "name",
				       json_object_new_string("guest"));
	text = json_object_to_json_string(params);
	message_append_result_text(&body, "1", text, strlen(text));
	answer(s, 200, &body);
}

static void answer_whoami(struct h2_stream *s)
{
	const char *key = h2_stream_header(s, "idempotency-key");
	autobuf result = {0};
	autobuf body = {0};

	buf_appendf(&result, "{\"identity\":\"tester\",\"key\":\"%s\"}",
		    key ? key : "");
	message_append_result_text(&body, "1", (char *)buf_bytes(&result),
				   result.len);
	answer(s, 200, &body);
}

static void answer_networks(struct h2_stream *s)
{
	static const char odd[] =
		"{\"name\":\"net-00000\"},{\"name\":\"two words\"},"
		"{\"name\":\"it's \\\"quoted\\\"\"},{\"name\":\"näh\"},"
		"{\"name\":\"\"},{\"name\":\"a\\u001bb\"},{\"name\":7},{}]}";
	autobuf result = {0};
	autobuf body = {0};

	buf_append_str(&result, "{\"networks\":[");
	for (unsigned i = 0; i < FAKE_NETWORKS; i++)
		buf_appendf(&result, "{\"name\":\"net-%05u\"},", i);
	buf_append_str(&result, odd);
	message_append_result_text(&body, "1", (char *)buf_bytes(&result),
				   result.len);
	answer(s, 200, &body);
}

static void answer_key(struct h2_stream *s, const char *key)
{
	autobuf body = {0};
	char result[80];

	snprintf(result, sizeof(result), "{\"key\":\"%s\"}", key);
	message_append_result_text(&body, "1", result, strlen(result));
	answer(s, 200, &body);
}

static void answer_reboot(struct exchange_end *x, struct h2_stream *s)
{
	const char *key = h2_stream_header(s, "idempotency-key");

	if (strcmp(x->acceptor->key, key) == 0) {
		answer_key(s, key);
		return;
	}
	snprintf(x->acceptor->key, sizeof(x->acceptor->key), "%s", key);
	conn_close(x->conn, NULL);
}

static void answer_from_away(struct exchange_end *x, struct h2_stream *s)
{
	const char *key = h2_stream_header(s, "idempotency-key");

	if (!key)
		key = "";
	switch (x->acceptor->asked++ % 3) {
	case 0:
		snprintf(x->acceptor->key, sizeof(x->acceptor->key), "%s", key);
		h2_stream_reset(s, H2_CONNECT_ERROR);
		break;
	case 1:
		answer_error(s, 502, ERROR_CONNECT, "the host is away");
		break;
	default:
		answer_key(s, strcmp(key, x->acceptor->key) == 0 ? key
								 : "another");
	}
}

static void hold(struct exchange_end *x, struct h2_stream *s, bool gives_back)
{
	const struct h2_header held = {SESSION_HELD,
				       "7000 500 nothing listens there"};

	h2_inform(s, SESSION_HELD_STATUS, &held, 1);
	if (gives_back)
		x->acceptor->held = s;
}

static void withdraw(struct exchange_end *x, struct h2_stream *s)
{
	struct h2_stream *held = steal(&x->acceptor->held);

	if (held) {
		h2_inform(held, SESSION_HELD_STATUS, NULL, 0);
		answer_error(held, 502, ERROR_CONNECT, "nothing was done");
	}
	answer_text(s, 200, "{}");
}

/* A mutation without its key is not served. */
static bool key_missing(struct h2_stream *s, const struct method *m)
{
	const char *key = h2_stream_header(s, "idempotency-key");

	return method_mutates(m) && (!key || strlen(key) != 32);
}

static void answer_call(struct exchange_end *x, struct h2_stream *s)
{
	automessage m = {0};
	const char *name = NULL;

	if (message_parse((char *)buf_bytes(&x->body), x->body.len, &m, NULL) <
		    0 ||
	    error_is_set(&m.requests[0].error)) {
		answer_error(s, 400, ERROR_PARSE, "no request");
		return;
	}
	name = m.requests[0].name;
	if (key_missing(s, m.requests[0].method))
		answer_error(s, 200, ERROR_INVALID_REQUEST, "no key");
	else if (strcmp(name, "session.whoami") == 0)
		answer_whoami(s);
	else if (strcmp(name, "domain.info") == 0)
		answer_error(s, 200, ERROR_NOT_FOUND, "no domain 'x'");
	else if (strcmp(name, "domain.list") == 0)
		return;
	else if (strcmp(name, "network.list") == 0)
		answer_networks(s);
	else if (strcmp(name, "domain.start") == 0)
		conn_close(x->conn, NULL);
	else if (strcmp(name, "domain.reboot") == 0)
		answer_reboot(x, s);
	else if (strcmp(name, "job.list") == 0 ||
		 strcmp(name, "domain.shutdown") == 0)
		answer_from_away(x, s);
	else if (strcmp(name, "domain.reset") == 0)
		h2_stream_reset(s, H2_CONNECT_ERROR);
	else if (strcmp(name, "domain.suspend") == 0)
		h2_stream_reset(s, H2_REFUSED_STREAM);
	else if (strcmp(name, "domain.destroy") == 0)
		kill(getppid(), SIGINT);
	else if (strcmp(name, "domain.save") == 0 ||
		 strcmp(name, "domain.restore") == 0)
		hold(x, s, strcmp(name, "domain.save") == 0);
	else if (strcmp(name, "domain.xml") == 0)
		answer_text(s, 200, "{\"jsonrpc\":");
	else
		answer_echo(s, m.requests[0].params);
}

static size_t zero_ready(void *context, bool *end)
{
	const struct exchange_end *x = context;

	*end = true;
	return x->left;
}

static void zero_take(void *context, uint8_t *to, size_t n)
{
	struct exchange_end *x = context;

	memset(to, 0, n);
	x->left -= n;
}

static const struct h2_source zeros = {.ready = zero_ready, .take = zero_take};

static void answer_events(struct exchange_end *x, struct h2_stream *s,
			  const char *path)
{
	const char *at = strstr(path, "after=");
	unsigned after = at ? (unsigned)atoi(at + strlen("after=")) : 0;
	char text[128];

	if (strstr(path, "domain=garbage")) {
		answer_text(s, 200, "no event\n");
	} else if (strstr(path, "domain=long")) {
		x->left = UINT32_MAX;
		h2_respond(s, 200, NULL, 0, &zeros, x);
	} else if (strstr(path, "domain=denied")) {
		answer_error(s, 403, ERROR_DENIED, "not for you");
	} else if (strstr(path, "domain=ends")) {
		answer_text(s, 200, "");
	} else {
		snprintf(text, sizeof(text),
			 "{\"type\":\"t\",\"after\":\"%u\"}\n"
			 "{\"type\":\"t\",\"after\":\"%u\"}\n",
			 after + 1, after + 2);
		answer_text(s, 200, text);
	}
}

static void answer_get(struct exchange_end *x, struct h2_stream *s,
		       const char *path)
{
	if (sscanf(path, "/speed?bytes=%" SCNu64, &x->left) == 1)
		h2_respond(s, 200, NULL, 0, &zeros, x);
	else if (strncmp(path, "/events", strlen("/events")) == 0)
		answer_events(x, s, path);
	else if (strcmp(path, "/missing") == 0)
		answer_error(s, 404, ERROR_NOT_FOUND, "no such picture");
	else if (strcmp(path, "/broken") == 0)
		answer_text(s, 500, "out of order");
	else
		answer_text(s, 200, path);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct exchange_end *x = context;

	buf_append(&x->body, data, len);
	h2_stream_consume(s, len);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct exchange_end *x = context;
	const char *method = h2_stream_header(s, ":method");
	char text[128];

	if (strcmp(method, "POST") == 0)
		answer_call(x, s);
	else if (strcmp(method, "GET") == 0)
		answer_get(x, s, h2_stream_header(s, ":path"));
	else if (strcmp(h2_stream_header(s, ":path"), SESSION_WITHDRAW) == 0)
		withdraw(x, s);
	else {
		snprintf(text, sizeof(text),
			 "{\"bytes\":%zu,\"duration\":1000}", x->body.len);
		answer_text(s, 200, text);
	}
}

static void on_stream_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct exchange_end *x = context;

	buf_free(&x->body);
	free(x);
}

static const struct h2_handler handler = {
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_stream_closed,
};

static void on_request(void *context, struct conn *conn, struct h2_stream *s)
{
	struct exchange_end *x = calloc(1, sizeof(*x));

	if (!x)
		abort();
	x->conn = conn;
	x->acceptor = context;
	h2_stream_set_handler(s, &handler, x);
	if (strcmp(h2_stream_header(s, ":method"), "CONNECT") == 0)
		answer_text(s, 200, h2_stream_header(s, ":path"));
}

static const struct conn_events events = {.on_request = on_request};

static void on_readable(uv_poll_t *poll, int status, int ready)
{
	struct acceptor *a = poll->data;
	struct conn_options options = {.role = H2_HOST,
				       .peer = "test",
				       .events = &events,
				       .context = a};
	struct conn *conn = NULL;
	int fd = accept(a->fd, NULL, NULL);

	if (fd >= 0 && conn_new(&conn, a->loop, fd, &options, NULL) < 0)
		abort();
}

/* The child; ends by a signal. */
static void serve(int fd)
{
	struct acceptor a = {.fd = fd};
	uv_loop_t uv;

	if (uv_loop_init(&uv) < 0 ||
	    conn_loop_new(&a.loop, &uv, &conn_limits_default, NULL, NULL) < 0)
		_exit(1);
	uv_poll_init(&uv, &a.poll, fd);
	a.poll.data = &a;
	uv_poll_start(&a.poll, UV_READABLE, on_readable);
	uv_run(&uv, UV_RUN_DEFAULT);
	_exit(0);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* As a session of this version tells, whose socket we, the parent, have made. */
static void tell_owner(const char *path, const struct profile *profile)
{
	int fd = -1;

	assert_int_equal(session_turn_open(&fd, path, NULL), 0);
	assert_int_equal(session_turn_tell_owner(fd, profile, NULL), 0);
	close(fd);
}

static struct profile *make_profile(const char *folder)
{
	char file[128];
	autoptr(config) config = NULL;
	struct profile *profile = NULL;
	FILE *f = NULL;

	snprintf(file, sizeof(file), "%s/config", folder);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs("[host fake]\naddress = 127.0.0.1:1\nreconnect = 1s\n", f);
	fclose(f);
	assert_int_equal(config_load(&config, file, NULL, NULL), 0);
	assert_int_equal(config_profile(config, "fake", &profile, NULL), 0);
	return profile;
}

void fake_host_start(struct fake_host *host)
{
	char folder[80];
	int fd = -1;

	snprintf(host->folder, sizeof(host->folder),
		 "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(host->folder));
	setenv("XDG_RUNTIME_DIR", host->folder, 1);
	snprintf(folder, sizeof(folder), "%s/virtmux", host->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(host->socket, sizeof(host->socket), "%s/fake.sock", folder);
	host->profile = make_profile(host->folder);
	fd = listen_at(host->socket);
	tell_owner(host->socket, host->profile);
	host->pid = fork();
	assert_true(host->pid >= 0);
	if (host->pid == 0) {
		/* Not beyond a test that fails: ctest would wait for both. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd);
	}
	close(fd);
}

void fake_host_stop(struct fake_host *host)
{
	char path[128];

	kill(host->pid, SIGKILL);
	waitpid(host->pid, NULL, 0);
	profile_free(host->profile);
	unlink(host->socket);
	snprintf(path, sizeof(path), "%s.lock", host->socket);
	unlink(path);
	snprintf(path, sizeof(path), "%s/config", host->folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/virtmux", host->folder);
	rmdir(path);
	rmdir(host->folder);
}
