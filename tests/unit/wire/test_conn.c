/*
 * Connections over a real socket pair and real TLS on one loop: an exchange,
 * bulk both ways with backpressure, refused certificates with the words of both
 * sides, silent and foreign peers, drain, dialing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "wire/certificates.h"
#include "wire/conn_dial.h"

#define BULK (32u * 1024 * 1024)

struct world {
	char dir[64];
	uv_loop_t uv;
	struct conn_loop *loop;
	struct conn *host;
	struct conn *client;
	unsigned opened;
	unsigned drained;
	bool host_closed;
	bool client_closed;
	struct error host_why;
	struct error client_why;
	struct conn_dial_story story;
	bool looked;
	struct tls_report look; /* of the client, at its open or end */
	char identity[TLS_IDENTITY_MAX];
	/* one stream's doings */
	unsigned status;
	uint64_t got;
	unsigned ended;
	unsigned stream_closed;
	uint64_t source_left;
	bool slow;
	struct h2_stream *request;
	struct h2_stream *unread;
	size_t held;
};

/* -- certificates, once for all tests --------------------------------------- */

static void write_all(const char *dir)
{
	struct authority ca;
	struct authority other;
	const struct leaf_options host = {.cn = "host",
					  .san = "DNS:localhost,IP:127.0.0.1",
					  .usage = "serverAuth"};
	struct leaf_options user = {.cn = "anna",
				    .san = "URI:virtmux://user/anna",
				    .usage = "clientAuth"};

	authority_make(&ca, "test CA");
	authority_make(&other, "other CA");
	authority_write(&ca, dir, "ca");
	authority_write(&other, dir, "other");
	leaf_write(&ca, &host, dir, "host");
	leaf_write(&ca, &user, dir, "user");
	leaf_write(&other, &user, dir, "stranger");
	user.san = "URI:virtmux://user/anna,URI:virtmux://user/bert";
	leaf_write(&ca, &user, dir, "twins");
	user.san = "URI:virtmux://user/anna";
	user.is_ca = true;
	leaf_write(&ca, &user, dir, "isca");
	user.is_ca = false;
	user.from_s = -2000;
	user.until_s = -1000;
	leaf_write(&ca, &user, dir, "expired");
	user.from_s = 1000;
	user.until_s = 2000;
	leaf_write(&ca, &user, dir, "early");
	authority_free(&ca);
	authority_free(&other);
}

static struct tls_context *context_of(struct world *w, enum tls_role role,
				      const char *ca, const char *leaf)
{
	autofree char *ca_file = NULL;
	autofree char *cert_file = NULL;
	autofree char *key_file = NULL;
	autobuf pem = {0};
	autoerror err = {0};
	struct tls_context *context = NULL;
	struct tls_config config = {.role = role};
	struct evp_pkey_st *key = NULL;

	assert_true(asprintf(&ca_file, "%s/%s.crt", w->dir, ca) > 0);
	assert_true(asprintf(&cert_file, "%s/%s.crt", w->dir, leaf) > 0);
	assert_true(asprintf(&key_file, "%s/%s.key", w->dir, leaf) > 0);
	assert_int_equal(file_read(key_file, 65536, &pem, &err), 0);
	assert_int_equal(tls_key_from_pem(&key, (char *)buf_bytes(&pem),
					  pem.len, key_file, NULL, NULL, &err),
			 0);
	config.ca_file = ca_file;
	config.certificate_file = cert_file;
	config.key = key;
	if (tls_context_new(&context, &config, &err))
		fail_msg("%s", error_words(&err));
	tls_key_free(key);
	return context;
}

/* -- the two ends ------------------------------------------------------------- */

static size_t source_ready(void *context, bool *end)
{
	struct world *w = context;

	*end = true;
	return w->source_left;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct world *w = context;

	memset(to, 'x', n);
	w->source_left -= n;
}

static const struct h2_source source = {.ready = source_ready,
					.take = source_take};

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct world *w = context;

	w->got += len;
	if (w->slow) {
		w->unread = s;
		w->held += len;
	} else {
		h2_stream_consume(s, len);
	}
}

static void on_response(void *context, struct h2_stream *s)
{
	struct world *w = context;

	w->status = h2_stream_status(s);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct world *w = context;

	w->ended++;
	if (w->request == s)
		h2_respond(s, 204, NULL, 0, NULL, NULL);
}

static void on_stream_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct world *w = context;

	w->stream_closed++;
	if (w->unread == s)
		w->unread = NULL;
}

static const struct h2_handler handler = {on_response, on_data, on_end,
					  on_stream_closed};

static void on_request(void *context, struct conn *conn, struct h2_stream *s)
{
	struct world *w = context;
	const char *path = h2_stream_header(s, ":path");

	h2_stream_set_handler(s, &handler, w);
	w->request = s;
	if (strcmp(path, "/down") == 0)
		h2_respond(s, 200, NULL, 0, &source, w);
}

static void on_open(void *context, struct conn *conn)
{
	struct world *w = context;

	w->opened++;
	if (conn != w->host)
		w->looked = conn_look_tls(conn, &w->look);
	if (conn == w->host && conn_tls_peer(conn))
		strcpy(w->identity, conn_tls_peer(conn)->identity);
}

static void copy_error(struct error *to, const struct error *from)
{
	if (error_is_set(from))
		error_set(to, from->code, "%s", error_words(from));
}

static void on_closed(void *context, struct conn *conn, const struct error *why)
{
	struct world *w = context;

	if (conn && conn == w->host) {
		w->host_closed = true;
		w->host = NULL;
		copy_error(&w->host_why, why);
	} else {
		if (conn && !w->looked)
			w->looked = conn_look_tls(conn, &w->look);
		w->client_closed = true;
		w->client = NULL;
		copy_error(&w->client_why, why);
	}
}

static void on_drain(void *context, struct conn *conn)
{
	struct world *w = context;

	w->drained++;
}

static const struct conn_events events = {on_open, on_request, NULL, on_drain,
					  on_closed};

static void turn_until(struct world *w, bool (*done)(struct world *))
{
	while (!done(w))
		uv_run(&w->uv, UV_RUN_ONCE);
}

static void join(struct world *w, struct tls_context *host_tls,
		 struct tls_context *client_tls, const char *name)
{
	struct conn_options options = {.role = H2_HOST,
				       .tls = host_tls,
				       .peer = "the client",
				       .events = &events,
				       .context = w};
	autoerror err = {0};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(conn_new(&w->host, w->loop, fds[0], &options, &err),
			 0);
	options.role = H2_CLIENT;
	options.tls = client_tls;
	options.peer = "the host";
	options.server_name = name;
	assert_int_equal(conn_new(&w->client, w->loop, fds[1], &options, &err),
			 0);
}

static void join_tls(struct world *w, const char *host_leaf, const char *ca,
		     const char *user_leaf, const char *name)
{
	struct tls_context *host = context_of(w, TLS_HOST, "ca", host_leaf);
	struct tls_context *client = context_of(w, TLS_CLIENT, ca, user_leaf);

	join(w, host, client, name);
	tls_context_unref(host);
	tls_context_unref(client);
}

static bool both_open(struct world *w)
{
	return w->opened == 2 || w->host_closed || w->client_closed;
}

static bool both_closed(struct world *w)
{
	return w->host_closed && w->client_closed;
}

static bool streams_closed(struct world *w)
{
	return w->stream_closed == 2;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct conn_limits limits = conn_limits_default;
	autoerror err = {0};

	strcpy(w->dir, "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	write_all(w->dir);
	uv_loop_init(&w->uv);
	limits.grace_ms = 1;
	assert_int_equal(conn_loop_new(&w->loop, &w->uv, &limits, NULL, &err),
			 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	conn_loop_close(w->loop);
	uv_run(&w->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->uv), 0);
	conn_loop_free(w->loop);
	error_clear(&w->host_why);
	error_clear(&w->client_why);
	snprintf(command, sizeof(command), "rm -r '%s'", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* Time-outs are short in the loop (grace 1 ms, noticed by the tick); these
 * tests must not meet them. */
static void be_patient(struct world *w)
{
	conn_loop_set_limits(w->loop, &conn_limits_default);
}

static void open_request(struct world *w, const char *path,
			 const struct h2_source *body)
{
	const struct h2_header headers[] = {{":method", "GET"},
					    {":scheme", "https"},
					    {":authority", "host"},
					    {":path", path}};
	struct h2_stream *s;

	assert_int_equal(h2_request(conn_h2(w->client), headers, 4, body, w,
				    H2_URGENCY_BULK, &handler, w, &s, NULL),
			 0);
}

/* -- tests ------------------------------------------------------------------------ */

static void test_exchange(void **state)
{
	struct world *w = *state;

	be_patient(w);
	join_tls(w, "host", "ca", "user", "localhost");
	turn_until(w, both_open);
	assert_int_equal(w->opened, 2);
	assert_string_equal(w->identity, "anna");
	open_request(w, "/up", NULL);
	turn_until(w, streams_closed);
	assert_int_equal(w->status, 204);
	conn_close(w->client, NULL);
	turn_until(w, both_closed);
	assert_int_equal(w->client_why.code, ERROR_NONE);
	assert_int_equal(w->host_why.code, ERROR_NONE);
}

static void move_bulk(struct world *w, const char *path,
		      const struct h2_source *body)
{
	turn_until(w, both_open);
	w->source_left = BULK;
	open_request(w, path, body);
	turn_until(w, streams_closed);
	assert_int_equal(w->got, BULK);
	assert_int_equal(w->source_left, 0);
}

static void test_bulk_down(void **state)
{
	be_patient(*state);
	join_tls(*state, "host", "ca", "user", "127.0.0.1");
	move_bulk(*state, "/down", NULL);
}

static void test_bulk_up(void **state)
{
	be_patient(*state);
	join_tls(*state, "host", "ca", "user", "127.0.0.1");
	move_bulk(*state, "/up", &source);
}

static void test_bulk_in_clear_text(void **state)
{
	be_patient(*state);
	join(*state, NULL, NULL, NULL);
	move_bulk(*state, "/down", NULL);
}

static bool window_is_full(struct world *w)
{
	return w->held == WIRE_WINDOW_FIRST;
}

static void test_slow_reader_holds_its_window(void **state)
{
	struct world *w = *state;

	be_patient(w);
	join_tls(w, "host", "ca", "user", "localhost");
	turn_until(w, both_open);
	w->slow = true;
	w->source_left = BULK;
	open_request(w, "/down", NULL);
	turn_until(w, window_is_full);
	for (int i = 0; i < 100; i++)
		uv_run(&w->uv, UV_RUN_NOWAIT);
	assert_int_equal(w->held, WIRE_WINDOW_FIRST);
	w->slow = false;
	h2_stream_consume(w->unread, w->held);
	turn_until(w, streams_closed);
	assert_int_equal(w->got, BULK);
}

/* Both sides' words for one fault. */
static void expect_refusal(struct world *w, const char *client_says,
			   const char *host_says)
{
	turn_until(w, both_closed);
	assert_int_equal(w->client_why.code, ERROR_TLS);
	if (!strstr(w->client_why.words, client_says))
		fail_msg("client: %s", w->client_why.words);
	if (!strstr(error_words(&w->host_why), host_says))
		fail_msg("host: %s", error_words(&w->host_why));
}

static void test_refused_certificates(void **state)
{
	static const struct {
		const char *host, *ca, *user, *name, *client_says, *host_says;
	} cases[] = {
		{"host", "other", "user", "localhost",
		 "issued by a CA that we do not trust",
		 "does not know the CA that issued this host"},
		{"host", "ca", "user", "kvm9", "DNS:localhost, IP:127.0.0.1",
		 "refused our certificate"},
		{"host", "ca", "stranger", "localhost", "does not",
		 "not issued by our CA"},
		{"host", "ca", "expired", "localhost", "has expired",
		 "has expired"},
		{"host", "ca", "early", "localhost", "not valid yet",
		 "not valid yet"},
		{"host", "ca", "host", "localhost", "clientAuth", "clientAuth"},
		{"user", "ca", "user", "localhost", "serverAuth",
		 "lacks serverAuth"},
		{"host", "ca", "twins", "localhost", "2 identities",
		 "2 identities"},
		{"host", "ca", "isca", "localhost", "", "CA"},
	};
	struct world *w = *state;

	be_patient(w);
	for (size_t i = 0; i < array_size(cases); i++) {
		w->host_closed = w->client_closed = false;
		error_clear(&w->host_why);
		error_clear(&w->client_why);
		w->opened = 0;
		join_tls(w, cases[i].host, cases[i].ca, cases[i].user,
			 cases[i].name);
		expect_refusal(w, cases[i].client_says, cases[i].host_says);
	}
}

/* How far the handshake came, as doctor asks. */
static void expect_stage(struct world *w, const char *host, const char *ca,
			 const char *name, enum tls_stage stage)
{
	w->looked = w->host_closed = w->client_closed = false;
	w->opened = 0;
	join_tls(w, host, ca, "user", name);
	turn_until(w, both_open);
	assert_true(w->looked);
	assert_int_equal(w->look.stage, stage);
	assert_true(w->look.speaks_tls);
	if (w->client)
		conn_close(w->client, NULL);
	turn_until(w, both_closed);
	error_clear(&w->host_why);
	error_clear(&w->client_why);
}

static void test_stages(void **state)
{
	struct world *w = *state;

	be_patient(w);
	expect_stage(w, "host", "ca", "localhost", TLS_STAGE_DONE);
	assert_string_equal(w->look.version, "TLSv1.3");
	assert_string_not_equal(w->look.cipher, "");
	assert_string_not_equal(w->look.group, "");
	assert_true(w->look.has_peer);
	assert_string_equal(w->look.peer.subject, "host");
	assert_string_equal(w->look.peer.issuer, "test CA");
	assert_string_equal(w->look.peer.names, "DNS:localhost, IP:127.0.0.1");
	expect_stage(w, "host", "other", "localhost", TLS_STAGE_CERTIFICATE);
	expect_stage(w, "host", "ca", "kvm9", TLS_STAGE_CERTIFICATE);
	assert_false(w->look.has_peer);
}

/* A probe learns the version, and can do nothing else. */
static void test_probe(void **state)
{
	struct world *w = *state;

	be_patient(w);
	for (unsigned version = 10; version <= 13; version++) {
		struct tls_context *host =
			context_of(w, TLS_HOST, "ca", "host");
		struct tls_context *probe = NULL;

		w->looked = w->host_closed = w->client_closed = false;
		assert_int_equal(tls_probe_new(&probe, version, NULL), 0);
		join(w, host, probe, "any.name");
		tls_context_unref(host);
		tls_context_unref(probe);
		turn_until(w, both_closed);
		assert_int_equal(w->opened, 0);
		assert_true(w->looked);
		assert_int_equal(w->look.stage, version == 13
							? TLS_STAGE_DONE
							: TLS_STAGE_HELLO);
		error_clear(&w->host_why);
		error_clear(&w->client_why);
	}
	assert_string_equal(w->look.version, "TLSv1.3");
}

static void open_both(struct world *w)
{
	be_patient(w);
	join_tls(w, "host", "ca", "user", "localhost");
	turn_until(w, both_open);
	assert_int_equal(w->opened, 2);
}

/* A host says why it ends a connection, and the client passes it on. */
static void test_the_reason_is_told(void **state)
{
	static const struct {
		enum error_code code;
		const char *words;
	} cases[] = {
		{ERROR_TLS, "it has been revoked"},
		{ERROR_DENIED, "no rights are left\x1b[2J"},
		{ERROR_BUSY, "too many"},
		{ERROR_DRAINING, "the host goes"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < array_size(cases); i++) {
		autoerror why = {0};

		w->host_closed = w->client_closed = false;
		error_clear(&w->client_why);
		w->opened = 0;
		open_both(w);
		error_set(&why, cases[i].code, "%s", cases[i].words);
		conn_close(w->host, &why);
		turn_until(w, both_closed);
		assert_int_equal(w->client_why.code, cases[i].code);
		assert_non_null(strstr(w->client_why.words,
				       "the host ended the connection: "));
		assert_null(strchr(w->client_why.words, '\x1b'));
		assert_non_null(strstr(w->client_why.words,
				       i == 1 ? "left?[2J" : cases[i].words));
	}
}

static void test_abort_says_nothing(void **state)
{
	struct world *w = *state;
	autoerror why = {0};

	open_both(w);
	error_set(&why, ERROR_BUSY, "too many");
	conn_abort(w->host, &why);
	turn_until(w, both_closed);
	assert_int_equal(w->host_why.code, ERROR_BUSY);
	assert_null(strstr(error_words(&w->client_why), "too many"));
}

/* A live connection by a context that a reload made. */
static void test_judged_anew(void **state)
{
	struct world *w = *state;
	struct tls_context *same = context_of(w, TLS_HOST, "ca", "host");
	struct tls_context *other = context_of(w, TLS_HOST, "other", "host");
	struct tls_dates dates;
	autoerror err = {0};

	open_both(w);
	assert_int_equal(conn_judge(w->host, same, &err), 0);
	assert_int_equal(conn_judge(w->host, other, &err), -1);
	assert_int_equal(err.code, ERROR_TLS);
	assert_non_null(strstr(err.words, "not issued by our CA"));
	assert_non_null(strstr(err.cause, "offered: certificate of \"anna\""));
	assert_true(conn_is_open(w->host));
	tls_context_dates(same, &dates);
	assert_true(dates.certificate > 0 && dates.ca > dates.certificate);
	assert_int_equal(dates.crl, 0);
	conn_close(w->client, NULL);
	turn_until(w, both_closed);
	tls_context_unref(same);
	tls_context_unref(other);
}

static void test_silent_peer_is_dropped(void **state)
{
	struct tls_context *tls = context_of(*state, TLS_HOST, "ca", "host");
	struct world *w = *state;
	struct conn_options options = {.role = H2_HOST,
				       .tls = tls,
				       .peer = "the client",
				       .events = &events,
				       .context = w};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(conn_new(&w->host, w->loop, fds[0], &options, NULL),
			 0);
	tls_context_unref(tls);
	while (!w->host_closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_int_equal(w->host_why.code, ERROR_TIMED_OUT);
	close(fds[1]);
}

static void test_foreign_peer_is_explained(void **state)
{
	struct tls_context *tls = context_of(*state, TLS_CLIENT, "ca", "user");
	struct world *w = *state;
	struct conn_options options = {.role = H2_CLIENT,
				       .tls = tls,
				       .server_name = "localhost",
				       .peer = "the host",
				       .events = &events,
				       .context = w};
	int fds[2];

	be_patient(w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(conn_new(&w->client, w->loop, fds[0], &options, NULL),
			 0);
	tls_context_unref(tls);
	assert_int_equal(write(fds[1], "SSH-2.0-OpenSSH_9.2\r\n", 21), 21);
	while (!w->client_closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_int_equal(w->client_why.code, ERROR_TLS);
	assert_non_null(strstr(w->client_why.words, "'SSH-2.0-OpenSSH"));
	close(fds[1]);
}

static void test_drain_lets_streams_end(void **state)
{
	struct world *w = *state;

	be_patient(w);
	join_tls(w, "host", "ca", "user", "localhost");
	turn_until(w, both_open);
	w->source_left = BULK;
	open_request(w, "/down", NULL);
	while (w->got == 0)
		uv_run(&w->uv, UV_RUN_ONCE);
	conn_drain(w->host, 60000);
	turn_until(w, both_closed);
	assert_int_equal(w->got, BULK);
	assert_int_equal(w->drained, 1);
	assert_int_equal(w->host_why.code, ERROR_NONE);
	assert_int_equal(w->client_why.code, ERROR_NONE);
}

static void test_lost_peer_ends_streams(void **state)
{
	struct world *w = *state;

	be_patient(w);
	join_tls(w, "host", "ca", "user", "localhost");
	turn_until(w, both_open);
	w->slow = true;
	w->source_left = BULK;
	open_request(w, "/down", NULL);
	turn_until(w, window_is_full);
	conn_close(w->host, NULL);
	turn_until(w, both_closed);
	assert_int_equal(w->stream_closed, 2);
	assert_int_equal(w->client_why.code, ERROR_DISCONNECTED);
}

/* -- dialing ------------------------------------------------------------------------ */

static void dial(struct world *w, const char *host, const char *port,
		 struct tls_context *tls)
{
	struct conn_dial_options options = {.host = host,
					    .port = port,
					    .tls = tls,
					    .story = &w->story,
					    .events = &events,
					    .context = w};
	struct conn_dial *handle;
	autoerror err = {0};

	assert_int_equal(conn_dial(w->loop, &options, &handle, &err), 0);
}

/* A port of this machine that nothing listens on: bound, then given up. */
static void unused_port(char *text, size_t size, int *listener, bool listening)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(text, size, "%u", ntohs(address.sin_port));
	if (listening)
		assert_int_equal(listen(fd, 8), 0);
	*listener = fd;
}

static void test_dial_refused(void **state)
{
	struct world *w = *state;
	char port[8];
	int fd;

	be_patient(w);
	unused_port(port, sizeof(port), &fd, false);
	dial(w, "127.0.0.1", port, NULL);
	while (!w->client_closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_int_equal(w->client_why.code, ERROR_CONNECT);
	assert_non_null(strstr(w->client_why.words, "Connection refused"));
	assert_non_null(strstr(w->client_why.words, "is virtmuxd running"));
	assert_true(w->story.resolved);
	assert_int_equal(w->story.count, 1);
	assert_int_equal(w->story.addresses[0].end, CONN_DIAL_FAILED);
	assert_int_equal(w->story.addresses[0].errnum, ECONNREFUSED);
	assert_non_null(strstr(w->story.addresses[0].text, "127.0.0.1:"));
	close(fd);
}

/* The time before it is not counted, whatever the loop's clock says. */
static void test_dial_after_a_while(void **state)
{
	const struct timespec while_typing = {.tv_sec = 1};
	struct world *w = *state;
	struct conn_dial_options options = {.host = "127.0.0.1",
					    .timeout_ms = 900,
					    .events = &events,
					    .context = w};
	struct conn_dial *handle;
	char port[8];
	int fd;

	be_patient(w);
	unused_port(port, sizeof(port), &fd, false);
	options.port = port;
	nanosleep(&while_typing, NULL);
	assert_int_equal(conn_dial(w->loop, &options, &handle, NULL), 0);
	while (!w->client_closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_non_null(strstr(w->client_why.words, "Connection refused"));
	close(fd);
}

static void test_dial_silent(void **state)
{
	struct tls_context *tls = context_of(*state, TLS_CLIENT, "ca", "user");
	struct world *w = *state;
	char port[8];
	int fd;

	unused_port(port, sizeof(port), &fd, true);
	dial(w, "127.0.0.1", port, tls);
	tls_context_unref(tls);
	while (!w->client_closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_int_equal(w->client_why.code, ERROR_CONNECT);
	assert_non_null(strstr(w->client_why.words, "no TLS answer"));
	assert_int_equal(w->story.addresses[0].end, CONN_DIAL_REACHED);
	assert_true(w->looked);
	assert_int_equal(w->look.stage, TLS_STAGE_HELLO);
	assert_false(w->look.speaks_tls);
	close(fd);
}

static void test_dial_unknown_name(void **state)
{
	struct world *w = *state;

	be_patient(w);
	dial(w, "no-such-host.invalid", "1", NULL);
	while (!w->client_closed)
		uv_run(&w->uv, UV_RUN_ONCE);
	assert_int_equal(w->client_why.code, ERROR_CONNECT);
	assert_non_null(strstr(w->client_why.words, "cannot be resolved"));
	assert_false(w->story.resolved);
}

static void expect_split(const char *text, const char *host, const char *port)
{
	autofree char *got_host = NULL;
	autofree char *got_port = NULL;

	assert_int_equal(conn_split_address(text, "16515", &got_host, &got_port,
					    NULL),
			 0);
	assert_string_equal(got_host, host);
	assert_string_equal(got_port, port);
}

static void test_split_address(void **state)
{
	static const char *const bad[] = {"",       ":1", "[::1",
					  "[::1]x", "a:", "[]"};

	expect_split("kvm1", "kvm1", "16515");
	expect_split("kvm1:99", "kvm1", "99");
	expect_split("::1", "::1", "16515");
	expect_split("[::1]", "::1", "16515");
	expect_split("[::1]:7", "::1", "7");
	expect_split("192.0.2.1:1", "192.0.2.1", "1");
	for (size_t i = 0; i < array_size(bad); i++) {
		autofree char *host = NULL;
		autofree char *port = NULL;

		assert_int_equal(conn_split_address(bad[i], "1", &host, &port,
						    NULL),
				 -1);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_exchange),
		TEST(test_bulk_down),
		TEST(test_bulk_up),
		TEST(test_bulk_in_clear_text),
		TEST(test_slow_reader_holds_its_window),
		TEST(test_refused_certificates),
		TEST(test_stages),
		TEST(test_probe),
		TEST(test_the_reason_is_told),
		TEST(test_abort_says_nothing),
		TEST(test_judged_anew),
		TEST(test_silent_peer_is_dropped),
		TEST(test_foreign_peer_is_explained),
		TEST(test_drain_lets_streams_end),
		TEST(test_lost_peer_ends_streams),
		TEST(test_dial_refused),
		TEST(test_dial_after_a_while),
		TEST(test_dial_silent),
		TEST(test_dial_unknown_name),
		TEST(test_split_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
