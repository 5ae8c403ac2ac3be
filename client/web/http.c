/*
 * The server (http.h) around libmicrohttpd's own epoll descriptor, which the loop
 * watches. A request that is answered later is suspended there; its answer resumes
 * it, and the library then asks for it once more.
 *
 * What always holds: the library runs only in turn(), so that no verb calls back; a
 * request is on the list until the library says that it is over.
 */
#include "client/web/http.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/list.h"
#include "client/web/accept.h"
#include "client/web/gate.h"
#include "client/web/http_library.h"
#include "client/web/limits.h"

struct http {
	struct http_library mhd;
	struct MHD_Daemon *daemon;
	const struct http_events *events;
	void *context;
	struct log *log;
	uv_poll_t poll;
	uv_timer_t timer;
	uv_idle_t awake; /* while a turn is due */
	unsigned handles;
	struct list requests;
	bool closing;
};

struct http_request {
	struct list node;
	struct http *http;
	struct MHD_Connection *connection;
	char *method;
	char *path;
	size_t body; /* bytes that came and were dropped */
	bool begun;  /* on_request was called */
	bool suspended;
	bool answered;
	unsigned status;
	struct MHD_Response *response; /* NULL before the answer */

	/* where it becomes a WebSocket */
	http_upgraded_fn *upgraded;
	void (*dropped)(void *context);
	void *context;
};

struct http_socket {
	struct http *http;
	struct MHD_UpgradeResponseHandle *handle;
};

/* -- turns ----------------------------------------------------------------- */

static void on_due(uv_idle_t *idle);

/* Soon, and not from inside a verb. */
static void want_turn(struct http *h)
{
	if (!h->closing)
		uv_idle_start(&h->awake, on_due);
}

static void on_timer(uv_timer_t *timer);

static void turn(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	uv_idle_stop(&h->awake);
	if (h->closing)
		return;
	h->mhd.run(h->daemon);
	if (h->mhd.get_timeout(h->daemon, &ms) == MHD_YES)
		uv_timer_start(&h->timer, on_timer, (uint64_t)ms, 0);
	else
		uv_timer_stop(&h->timer);
}

static void on_due(uv_idle_t *idle)
{
	turn(idle->data);
}

static void on_timer(uv_timer_t *timer)
{
	turn(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	turn(poll->data);
}

/* -- answers --------------------------------------------------------------- */

static void settle(struct http_request *r, unsigned status,
		   struct MHD_Response *response)
{
	r->answered = true;
	r->status = status;
	r->response = response;
	if (r->suspended) {
		r->suspended = false;
		r->http->mhd.resume_connection(r->connection);
		want_turn(r->http);
	}
}

static struct MHD_Response *make_response(const struct http *h,
					  const struct http_answer *answer)
{
	if (answer->body) {
		size_t len = answer->body->len;
		char *data = buf_steal_str(answer->body);
		struct MHD_Response *response;

		if (!data)
			return NULL;
		response = h->mhd.create_response_from_buffer(
			len, data, MHD_RESPMEM_MUST_FREE);
		if (!response)
			free(data);
		return response;
	}
	return h->mhd.create_response_from_buffer(
		answer->len, (void *)answer->data, MHD_RESPMEM_MUST_COPY);
}

static void add_headers(const struct http *h, struct MHD_Response *response,
			const struct http_answer *answer)
{
	for (size_t i = 0; gate_headers[i]; i += 2)
		h->mhd.add_response_header(response, gate_headers[i],
					   gate_headers[i + 1]);
	if (answer->type)
		h->mhd.add_response_header(response, "content-type",
					   answer->type);
	if (answer->name)
		h->mhd.add_response_header(response, answer->name,
					   answer->value);
}

void http_answer(struct http_request *r, const struct http_answer *answer)
{
	struct MHD_Response *response = make_response(r->http, answer);

	if (response)
		add_headers(r->http, response, answer);
	/* Without a response the connection is closed. */
	settle(r, response ? answer->status : 0, response);
}

/* -- WebSocket ------------------------------------------------------------- */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (list && *list) {
		size_t len;

		list += strspn(list, ", \t");
		len = strcspn(list, ", \t");
		if (len == n && strncasecmp(list, word, n) == 0)
			return true;
		list += len;
	}
	return false;
}

bool http_wants_socket(const struct http_request *r)
{
	const char *version = http_header(r, "sec-websocket-version");

	return strcmp(r->method, "GET") == 0 &&
	       has_word(http_header(r, "upgrade"), "websocket") &&
	       has_word(http_header(r, "connection"), "upgrade") && version &&
	       strcmp(version, "13") == 0 &&
	       accept_is_key(http_header(r, "sec-websocket-key"));
}

static void on_upgraded(void *context, struct MHD_Connection *connection,
			void *request, const char *extra, size_t n, int fd,
			struct MHD_UpgradeResponseHandle *handle)
{
	struct http_request *r = request;
	struct http_socket *s = calloc(1, sizeof(*s));

	if (!s) {
		/* on_completed() tells that it was dropped. */
		r->http->mhd.upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
		return;
	}
	s->http = r->http;
	s->handle = handle;
	r->dropped = NULL;
	r->upgraded(r->context, s, fd, extra, n);
}

void http_upgrade(struct http_request *r, http_upgraded_fn *done,
		  void (*dropped)(void *context), void *context)
{
	char accept[ACCEPT_SIZE];
	const struct http_answer answer = {
		.name = "sec-websocket-accept",
		.value = accept,
	};
	struct MHD_Response *response =
		r->http->mhd.create_response_for_upgrade(on_upgraded, NULL);

	r->upgraded = done;
	r->dropped = dropped;
	r->context = context;
	if (response &&
	    accept_of_key(http_header(r, "sec-websocket-key"), accept) == 0) {
		add_headers(r->http, response, &answer);
		r->http->mhd.add_response_header(response, "upgrade",
						 "websocket");
		settle(r, MHD_HTTP_SWITCHING_PROTOCOLS, response);
		return;
	}
	if (response)
		r->http->mhd.destroy_response(response);
	settle(r, 0, NULL);
}

void http_socket_end(struct http_socket *socket)
{
	socket->http->mhd.upgrade_action(socket->handle,
					 MHD_UPGRADE_ACTION_CLOSE);
	want_turn(socket->http);
	free(socket);
}

/* -- requests -------------------------------------------------------------- */

const char *http_method(const struct http_request *r)
{
	return r->method;
}

const char *http_path(const struct http_request *r)
{
	return r->path;
}

const char *http_header(const struct http_request *r, const char *name)
{
	return r->http->mhd.lookup_connection_value(r->connection,
						    MHD_HEADER_KIND, name);
}

const char *http_query(const struct http_request *r, const char *name)
{
	return r->http->mhd.lookup_connection_value(
		r->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void refuse(struct http_request *r, unsigned status, const char *words)
{
	const struct http_answer answer = {
		.status = status,
		.type = "text/plain; charset=utf-8",
		.data = words,
		.len = strlen(words),
	};

	r->begun = true;
	http_answer(r, &answer);
}

static enum MHD_Result count_value(void *context, enum MHD_ValueKind kind,
				   const char *key, const char *value)
{
	unsigned *count = context;

	if (strcasecmp(key, "host") == 0)
		++*count;
	return MHD_YES;
}

/* RFC 9112 3.2: several Hosts are nobody's. */
static void check_host(struct http_request *r)
{
	unsigned count = 0;

	r->http->mhd.get_connection_values(r->connection, MHD_HEADER_KIND,
					   count_value, &count);
	if (count != 1)
		refuse(r, MHD_HTTP_BAD_REQUEST,
		       "the request names no host, or several\n");
}

static struct http_request *begin(struct http *h, struct MHD_Connection *c,
				  const char *url, const char *method)
{
	struct http_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->http = h;
	r->connection = c;
	list_init(&r->node);
	r->method = strdup(method);
	r->path = strdup(url);
	if (!r->method || !r->path) {
		free(r->method);
		free(r->path);
		free(r);
		return NULL;
	}
	list_append(&h->requests, &r->node);
	if (strlen(url) > WEB_PATH_BYTES)
		refuse(r, MHD_HTTP_URI_TOO_LONG, "the path is too long\n");
	else
		check_host(r);
	return r;
}

static enum MHD_Result queue(struct http_request *r)
{
	enum MHD_Result rc;

	if (!r->response)
		return MHD_NO;
	rc = r->http->mhd.queue_response(r->connection, r->status, r->response);
	r->http->mhd.destroy_response(steal(&r->response));
	return rc;
}

/* Bodies carry nothing here: they are counted, and dropped. */
static enum MHD_Result drop_body(struct http_request *r, size_t *n)
{
	r->body += *n;
	*n = 0;
	return r->body <= WEB_BODY_BYTES ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *c,
				 const char *url, const char *method,
				 const char *version, const char *data,
				 size_t *n, void **request)
{
	struct http *h = context;
	struct http_request *r = *request;

	if (!r) {
		r = begin(h, c, url, method);
		*request = r;
		return r ? MHD_YES : MHD_NO;
	}
	if (*n)
		return drop_body(r, n);
	if (!r->begun) {
		r->begun = true;
		h->events->on_request(h->context, r);
		if (!r->answered && !h->closing) {
			r->suspended = true;
			h->mhd.suspend_connection(c);
			return MHD_YES;
		}
	}
	return queue(r);
}

static void on_completed(void *context, struct MHD_Connection *c,
			 void **request, enum MHD_RequestTerminationCode why)
{
	struct http_request *r = *request;

	if (!r)
		return;
	if (r->dropped)
		r->dropped(r->context);
	if (r->response)
		r->http->mhd.destroy_response(r->response);
	list_remove(&r->node);
	free(r->method);
	free(r->path);
	free(r);
	*request = NULL;
}

/* Escapes stay: only a route knows what may stand in its parts. */
static size_t keep_escapes(void *context, struct MHD_Connection *c, char *text)
{
	return strlen(text);
}

static void on_log(void *context, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_log(void *context, const char *format, va_list args)
{
	struct http *h = context;
	autobuf text = {0};
	autofree char *words = NULL;

	buf_vappendf(&text, format, args);
	words = buf_steal_str(&text);
	if (words)
		log_debug(h->log, "http: %s", words);
}

/* -- begin and end --------------------------------------------------------- */

static int start_daemon(struct http *h, struct error *err)
{
	if (!h->mhd.is_feature_supported(MHD_FEATURE_EPOLL) ||
	    !h->mhd.is_feature_supported(MHD_FEATURE_UPGRADE))
		return error_set(err, ERROR_UNSUPPORTED,
				 "this system's libmicrohttpd has no epoll or "
				 "no upgrade, which virtmux web needs");
	h->daemon = h->mhd.start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_UPGRADE |
			MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_access, h, MHD_OPTION_EXTERNAL_LOGGER, on_log,
		h, MHD_OPTION_CONNECTION_LIMIT, WEB_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_HEADER_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
		keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		NULL, MHD_OPTION_END);
	return h->daemon ? 0
			 : error_set(err, ERROR_SYSTEM,
				     "the page's server does not start");
}

static void on_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (--h->handles == 0)
		free(h);
}

int http_new(struct http **http, uv_loop_t *uv,
	     const struct http_events *events, void *context, struct log *log,
	     struct error *err)
{
	struct http *h = calloc(1, sizeof(*h));
	const union MHD_DaemonInfo *info;

	if (!h)
		return error_set_no_memory(err);
	h->events = events;
	h->context = context;
	h->log = log;
	list_init(&h->requests);
	if (http_library_load(&h->mhd, err) < 0 || start_daemon(h, err) < 0) {
		free(h);
		return -1;
	}
	info = h->mhd.get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || uv_poll_init(uv, &h->poll, info->epoll_fd) < 0) {
		h->mhd.stop_daemon(h->daemon);
		free(h);
		return error_set(err, ERROR_SYSTEM,
				 "the page's server cannot be watched");
	}
	uv_timer_init(uv, &h->timer);
	uv_idle_init(uv, &h->awake);
	h->poll.data = h->timer.data = h->awake.data = h;
	h->handles = 3;
	uv_poll_start(&h->poll, UV_READABLE, on_poll);
	*http = h;
	return 0;
}

void http_close(struct http *h)
{
	if (!h || h->closing)
		return;
	h->closing = true;
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
	uv_close((uv_handle_t *)&h->awake, on_closed);
	list_for_each (node, &h->requests) {
		struct http_request *r =
			list_entry(node, struct http_request, node);

		if (r->suspended)
			settle(r, 0, NULL);
	}
	/* What was resumed or ended is taken note of before the end. */
	h->mhd.run(h->daemon);
	h->mhd.stop_daemon(h->daemon);
}

void http_add(struct http *h, int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &size) < 0)
		size = sizeof(address);
	/* It closes FD where it cannot take it. */
	h->mhd.add_connection(h->daemon, fd, (struct sockaddr *)&address, size);
	want_turn(h);
}
