/*
 * The page's routes (doc/WEB.md): its files, the hosts, their domains and what is
 * done to them, each a call of the host's method; pictures; and consoles.
 *
 * What always holds: only what stands in the tables here can be asked for; a name
 * becomes a parameter or an escaped part of a path, never more.
 */
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/web_private.h"

#define PARTS_MAX 8 /* of a path */
#define TYPE_JSON "application/json"

/* A request that waits for its host's answer. */
struct web_wait {
	struct list node;
	struct web *web;
	struct http_request *request;
	struct buf body; /* of a picture */
	unsigned status;
};

/* A path without its escapes: "/api/hosts/a%20b" is "api", "hosts", "a b". */
struct parts {
	char *text[PARTS_MAX];
	size_t count;
};

/* -- answers --------------------------------------------------------------- */

static unsigned status_of(enum error_code code)
{
	switch (code) {
	case ERROR_NOT_FOUND:
		return 404;
	case ERROR_DENIED:
		return 403;
	case ERROR_USAGE:
	case ERROR_INVALID_PARAMS:
		return 400;
	case ERROR_BUSY:
	case ERROR_STATE:
	case ERROR_EXISTS:
		return 409;
	case ERROR_UNSUPPORTED:
		return 501;
	case ERROR_TIMED_OUT:
		return 504;
	case ERROR_CONNECT:
	case ERROR_DISCONNECTED:
	case ERROR_UNAVAILABLE:
	case ERROR_DRAINING:
		return 503;
	default:
		return 500;
	}
}

/* BODY is taken. */
static void answer_json(struct http_request *request, unsigned status,
			struct buf *body)
{
	const struct http_answer answer = {
		.status = status,
		.type = TYPE_JSON,
		.body = body,
	};

	http_answer(request, &answer);
}

void web_answer_error(struct http_request *request, const struct error *why)
{
	autobuf body = {0};

	buf_append_str(&body, "{\"error\":{\"name\":");
	json_append_string(&body, error_code_name(why->code));
	buf_append_str(&body, ",\"message\":");
	json_append_string(&body, error_words(why));
	buf_append_str(&body, "}}\n");
	answer_json(request, status_of(why->code), &body);
}

static void answer_no_route(struct http_request *request)
{
	autoerror why = {0};

	error_set(&why, ERROR_NOT_FOUND, "there is no %s", http_path(request));
	web_answer_error(request, &why);
}

static void answer_asset(struct web *web, struct http_request *request)
{
	const struct asset *asset =
		assets_find(web->assets, http_path(request));
	struct http_answer answer = {.status = 200};

	if (!asset) {
		answer_no_route(request);
		return;
	}
	answer.type = asset->type;
	answer.data = asset->data;
	answer.len = asset->len;
	http_answer(request, &answer);
}

/* -- waiting --------------------------------------------------------------- */

static struct web_wait *begin_wait(struct web *web,
				   struct http_request *request)
{
	struct web_wait *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->web = web;
	w->request = request;
	list_append(&web->waits, &w->node);
	return w;
}

static void end_wait(struct web_wait *w)
{
	list_remove(&w->node);
	buf_free(&w->body);
	free(w);
}

void web_forget_requests(struct web *web)
{
	list_for_each (node, &web->waits)
		list_entry(node, struct web_wait, node)->request = NULL;
}

/* -- calls ----------------------------------------------------------------- */

static void on_called(void *context, struct json_object *result,
		      const struct error *why)
{
	struct web_wait *w = context;
	autobuf body = {0};

	if (w->request && why) {
		web_answer_error(w->request, why);
	} else if (w->request) {
		buf_append_str(&body, json_object_to_json_string_ext(
					      result, JSON_C_TO_STRING_PLAIN));
		answer_json(w->request, 200, &body);
	}
	end_wait(w);
}

static bool is_open(struct web_host *host, struct http_request *request)
{
	autoerror why = {0};

	if (host->state == WEB_HOST_OPEN)
		return true;
	error_set(&why, ERROR_CONNECT, "host '%s' is not connected%s%s",
		  host->name, error_is_set(&host->why) ? ": " : "",
		  error_is_set(&host->why) ? error_words(&host->why) : "");
	web_answer_error(request, &why);
	return false;
}

/* DOMAIN NULL: of no domain. */
static void call_host(struct web_host *host, struct http_request *request,
		      const char *method, const char *domain)
{
	struct web_wait *w;
	autofree char *params = NULL;
	autobuf text = {0};
	autoerror why = {0};

	if (!is_open(host, request))
		return;
	if (domain) {
		buf_append_str(&text, "{\"domain\":");
		json_append_string(&text, domain);
		buf_append_str(&text, "}");
		params = buf_steal_str(&text);
	}
	w = begin_wait(host->web, request);
	if (!w || (domain && !params))
		error_set_no_memory(&why);
	else if (channel_call_start(host->channel, method, params, on_called, w,
				    NULL, &why) == 0)
		return;
	web_answer_error(request, &why);
	if (w)
		end_wait(w);
}

/* -- pictures -------------------------------------------------------------- */

static void on_picture_response(void *context, struct h2_stream *s)
{
	struct web_wait *w = context;

	w->status = h2_stream_status(s);
}

static void on_picture_data(void *context, struct h2_stream *s,
			    const uint8_t *data, size_t len)
{
	struct web_wait *w = context;

	if (w->body.len + len > WEB_PICTURE_BYTES ||
	    buf_append(&w->body, data, len) < 0)
		h2_stream_reset(s, H2_CANCEL);
	else
		h2_stream_consume(s, len);
}

static void on_picture_end(void *context, struct h2_stream *s)
{
	struct web_wait *w = context;
	struct http_answer answer = {
		.status = 200,
		.type = "image/png",
		.body = &w->body,
	};
	autoerror why = {0};

	if (!w->request)
		return;
	if (w->status == 200) {
		http_answer(w->request, &answer);
	} else {
		channel_read_error(w->status, buf_bytes(&w->body), w->body.len,
				   &why);
		web_answer_error(w->request, &why);
	}
	w->request = NULL;
}

static void on_picture_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct web_wait *w = context;
	autoerror why = {0};

	if (w->request) {
		error_set(&why, ERROR_DISCONNECTED,
			  "the host broke the picture off");
		web_answer_error(w->request, &why);
	}
	end_wait(w);
}

static void send_picture(struct web_host *host, struct http_request *request,
			 const char *path)
{
	static const struct h2_handler handler = {
		.on_response = on_picture_response,
		.on_data = on_picture_data,
		.on_end = on_picture_end,
		.on_closed = on_picture_closed,
	};
	struct h2_stream *stream = NULL;
	struct web_wait *w;
	autoerror why = {0};

	if (!is_open(host, request))
		return;
	w = begin_wait(host->web, request);
	if (!w)
		error_set_no_memory(&why);
	else if (channel_follow(host->channel, path, &handler, w, &stream,
				&why) == 0)
		return;
	web_answer_error(request, &why);
	if (w)
		end_wait(w);
}

/* -- hosts ----------------------------------------------------------------- */

static void append_host(const struct web_host *h, struct buf *out)
{
	buf_append_str(out, "{\"name\":");
	json_append_string(out, h->name);
	buf_append_str(out, ",\"address\":");
	json_append_string(out, h->profile->address);
	buf_append_str(out, ",\"state\":");
	json_append_string(out, web_host_state_name(h));
	if (h->state != WEB_HOST_OPEN && error_is_set(&h->why)) {
		buf_append_str(out, ",\"reason\":");
		json_append_string(out, error_words(&h->why));
	}
	buf_append_str(out, "}");
}

static void answer_hosts(struct web *web, struct http_request *request)
{
	autobuf body = {0};

	buf_append_str(&body, "{\"version\":");
	json_append_string(&body, VIRTMUX_VERSION);
	buf_append_str(&body, ",\"hosts\":[");
	for (size_t i = 0; i < web->count; i++) {
		if (i > 0)
			buf_append_char(&body, ',');
		append_host(&web->hosts[i], &body);
	}
	buf_append_str(&body, "]}\n");
	answer_json(request, 200, &body);
}

static struct web_host *find_host(struct web *web, const char *name)
{
	for (size_t i = 0; i < web->count; i++)
		if (strcmp(web->hosts[i].name, name) == 0)
			return &web->hosts[i];
	return NULL;
}

/* -- routes ---------------------------------------------------------------- */

/* What may be done to a domain: the word of the path, and the method. */
static const struct {
	const char *word;
	const char *method;
} actions[] = {
	{"start", "domain.start"},     {"shutdown", "domain.shutdown"},
	{"reboot", "domain.reboot"},   {"destroy", "domain.destroy"},
	{"suspend", "domain.suspend"}, {"resume", "domain.resume"},
};

static const char *method_of_action(const char *word)
{
	for (size_t i = 0; i < array_size(actions); i++)
		if (strcmp(actions[i].word, word) == 0)
			return actions[i].method;
	return NULL;
}

static void clear_parts(struct parts *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->text[i]);
}

/* 0, or -1 where it has no form that any route has. */
static int split(const char *path, struct parts *parts)
{
	while (*path) {
		size_t n = strcspn(++path, "/");
		autofree char *part = strndup(path, n);

		if (!part || n == 0 || parts->count == PARTS_MAX)
			return -1;
		parts->text[parts->count] = local_unescape(part);
		if (!parts->text[parts->count])
			return -1;
		parts->count++;
		path += n;
	}
	return 0;
}

static bool is_number(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= 3 && strspn(text, "0123456789") == n;
}

/* A value that the host reads: what needs no escapes, or nothing. */
static const char *plain_query(struct http_request *request, const char *name)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM"
				       "NOPQRSTUVWXYZ0123456789-_.";
	const char *value = http_query(request, name);

	return value && *value && strspn(value, alphabet) == strlen(value)
		       ? value
		       : NULL;
}

/* "/domains/DOMAIN/KIND[/N]" with the query's parameters that are named. */
static char *host_path(struct http_request *request, const char *domain,
		       const char *kind, const char *n,
		       const char *const *names)
{
	autofree char *escaped = channel_escape(domain);
	char mark = '?';
	autobuf path = {0};

	if (!escaped)
		return NULL;
	buf_appendf(&path, "/domains/%s/%s", escaped, kind);
	if (n)
		buf_appendf(&path, "/%s", n);
	for (; *names; names++) {
		const char *value = plain_query(request, *names);

		if (!value)
			continue;
		buf_appendf(&path, "%c%s=%s", mark, *names, value);
		mark = '&';
	}
	return buf_steal_str(&path);
}

static void open_console(struct web_host *host, struct http_request *request,
			 const struct parts *p)
{
	static const char *const graphics[] = {"run", NULL};
	static const char *const serial[] = {
		"watch", "force", "history", "line", "after", "writer", NULL};
	bool display = strcmp(p->text[5], "graphics") == 0;
	autofree char *path =
		host_path(request, p->text[4], p->text[5], p->text[6],
			  display ? graphics : serial);
	autoerror why = {0};

	if (path) {
		web_console_open(host, request, path);
		return;
	}
	error_set_no_memory(&why);
	web_answer_error(request, &why);
}

static void serve_domain(struct web_host *host, struct http_request *request,
			 const struct parts *p)
{
	static const char *const screen[] = {"screen", NULL};
	bool get = strcmp(http_method(request), "GET") == 0;
	bool post = strcmp(http_method(request), "POST") == 0;
	const char *method =
		p->count == 6 ? method_of_action(p->text[5]) : NULL;
	autofree char *path = NULL;

	if (p->count == 5 && get) {
		call_host(host, request, "domain.info", p->text[4]);
	} else if (method && post) {
		call_host(host, request, method, p->text[4]);
	} else if (p->count == 6 && get &&
		   strcmp(p->text[5], "screenshot") == 0 &&
		   (path = host_path(request, p->text[4], p->text[5], NULL,
				     screen))) {
		send_picture(host, request, path);
	} else if (p->count == 7 && http_wants_socket(request) &&
		   is_number(p->text[6]) &&
		   (strcmp(p->text[5], "graphics") == 0 ||
		    strcmp(p->text[5], "serial") == 0)) {
		open_console(host, request, p);
	} else {
		answer_no_route(request);
	}
}

static void serve_host(struct web *web, struct http_request *request,
		       const struct parts *p)
{
	struct web_host *host = find_host(web, p->text[2]);
	autoerror why = {0};

	if (!host) {
		error_set(&why, ERROR_NOT_FOUND, "this page has no host '%s'",
			  p->text[2]);
		web_answer_error(request, &why);
	} else if (p->count < 4 || strcmp(p->text[3], "domains") != 0) {
		answer_no_route(request);
	} else if (p->count == 4 && strcmp(http_method(request), "GET") == 0) {
		call_host(host, request, "domain.list", NULL);
	} else if (p->count > 4) {
		serve_domain(host, request, p);
	} else {
		answer_no_route(request);
	}
}

void web_serve_request(struct web *web, struct http_request *request)
{
	const char *path = http_path(request);
	bool get = strcmp(http_method(request), "GET") == 0 ||
		   strcmp(http_method(request), "HEAD") == 0;
	struct parts parts = {0};

	if (strncmp(path, "/api/", 5) != 0) {
		if (get)
			answer_asset(web, request);
		else
			answer_no_route(request);
		return;
	}
	if (split(path, &parts) < 0 || parts.count < 2 ||
	    strcmp(parts.text[1], "hosts") != 0)
		answer_no_route(request);
	else if (parts.count > 2)
		serve_host(web, request, &parts);
	else if (get)
		answer_hosts(web, request);
	else
		answer_no_route(request);
	clear_parts(&parts);
}
