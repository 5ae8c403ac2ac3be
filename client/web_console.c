/*
 * A console of the page: a WebSocket joined with a stream of the channel. Bytes are
 * binary messages; text messages are JSON: to the page what the host's answer says,
 * and why it ended; from the page how many bytes it has taken.
 *
 * What always holds: of the host's bytes at most WEB_UNTAKEN are with the page, the
 * rest waits in the stream's window, which is opened by what the page has taken; of
 * the page's at most WEB_AHEAD (and one message) are held before reading pauses. It
 * is freed when both sides have ended.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/web/socket.h"
#include "client/web_private.h"

#define CLOSE_NORMAL 1000 /* RFC 6455 7.4.1 */

struct web_console {
	struct list node;
	struct web *web;
	struct web_host *host;
	char *path;
	struct socket *socket;    /* NULL before and after */
	struct h2_stream *stream; /* NULL before and after */
	bool answered;            /* with 200 */
	bool upgraded;
	bool far_ended; /* the host sends no more */
	bool told;      /* the page knows of the end */

	struct buf up;    /* of the page, for the host */
	struct buf down;  /* of the host, for the page; or the words of a no */
	uint64_t sent;    /* bytes, to the page */
	uint64_t taken;   /* of them, by the page */
	uint64_t leaving; /* bytes in the message that is on its way */
};

static void free_if_over(struct web_console *c)
{
	if (c->socket || c->stream || !c->upgraded)
		return;
	list_remove(&c->node);
	c->web->consoles_count--;
	buf_free(&c->up);
	buf_free(&c->down);
	free(c->path);
	free(c);
}

/* -- words for the page ---------------------------------------------------- */

static void say(struct web_console *c, struct buf *text)
{
	if (c->socket && buf_ok(text))
		socket_send(c->socket, SOCKET_TEXT, buf_bytes(text), text->len);
}

static void append_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_append_char(out, ',');
	json_append_string(out, name);
	buf_append_char(out, ':');
	json_append_string(out, value);
}

static void say_open(struct web_console *c, struct h2_stream *s)
{
	static const char *const names[] = {"name",  "uuid",   "run",
					    "line",  "offset", "missed",
					    "taken", "mode",   "console"};
	static const char *const headers[] = {
		"virtmux-domain-name", "virtmux-domain-uuid",
		"virtmux-domain-run",  "virtmux-line",
		"virtmux-offset",      "virtmux-missed",
		"virtmux-taken",       "virtmux-mode",
		"virtmux-console"};
	autobuf text = {0};

	buf_append_str(&text, "{\"type\":\"open\"");
	for (size_t i = 0; i < array_size(names); i++)
		append_member(&text, names[i], h2_stream_header(s, headers[i]));
	buf_append_str(&text, "}");
	say(c, &text);
}

/* WHY NULL: a proper end. Once. */
static void say_end(struct web_console *c, const struct error *why)
{
	autobuf text = {0};

	if (c->told)
		return;
	c->told = true;
	buf_append_str(&text, "{\"type\":\"end\"");
	if (why) {
		append_member(&text, "error", error_code_name(why->code));
		append_member(&text, "message", error_words(why));
	}
	buf_append_str(&text, "}");
	say(c, &text);
	if (c->socket)
		socket_finish(c->socket, CLOSE_NORMAL);
}

/* -- from the host to the page --------------------------------------------- */

/* All is with the page that will come. */
static void finish_if_sent(struct web_console *c)
{
	if (c->far_ended && c->answered && c->down.len == 0 && !c->leaving)
		say_end(c, NULL);
}

static void pump(struct web_console *c)
{
	uint64_t room = WEB_UNTAKEN - (c->sent - c->taken);
	size_t n = c->down.len < WEB_CHUNK ? c->down.len : WEB_CHUNK;

	if (!c->socket || !c->answered || c->leaving)
		return;
	if (n > room)
		n = (size_t)room;
	if (n > 0 && socket_send(c->socket, SOCKET_BINARY, buf_bytes(&c->down),
				 n) == 0) {
		buf_consume(&c->down, n);
		c->leaving = n;
		c->sent += n;
	}
	finish_if_sent(c);
}

static void on_sent(void *context)
{
	struct web_console *c = context;

	if (c->stream && c->leaving)
		h2_stream_consume(c->stream, c->leaving);
	c->leaving = 0;
	pump(c);
}

/* {"taken":N}: all bytes that the page has done with. */
static void read_words(struct web_console *c, const uint8_t *data, size_t len)
{
	static const struct json_limits limits = {
		.size = 256, .depth = 1, .values = 4, .containers = 1};
	struct json_object *taken = NULL;
	autojson words = NULL;
	int64_t n;

	if (json_parse((const char *)data, len, &limits, &words, NULL) < 0 ||
	    !json_object_object_get_ex(words, "taken", &taken) ||
	    !json_object_is_type(taken, json_type_int))
		return;
	n = json_object_get_int64(taken);
	if (n < 0 || (uint64_t)n > c->sent || (uint64_t)n < c->taken)
		return;
	c->taken = (uint64_t)n;
	pump(c);
}

/* -- from the page to the host --------------------------------------------- */

static void on_message(void *context, enum socket_kind kind,
		       const uint8_t *data, size_t len)
{
	struct web_console *c = context;

	if (kind == SOCKET_TEXT) {
		read_words(c, data, len);
		return;
	}
	if (!c->stream || buf_append(&c->up, data, len) < 0)
		return;
	if (c->up.len >= WEB_AHEAD)
		socket_pause(c->socket, true);
	h2_stream_resume(c->stream);
}

static size_t source_ready(void *context, bool *end)
{
	struct web_console *c = context;

	*end = false;
	return c->up.len;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct web_console *c = context;

	memcpy(to, buf_bytes(&c->up), n);
	buf_consume(&c->up, n);
	if (c->up.len < WEB_AHEAD && c->socket)
		socket_pause(c->socket, false);
}

static const struct h2_source source = {
	.ready = source_ready,
	.take = source_take,
};

/* -- the stream ------------------------------------------------------------ */

static void on_response(void *context, struct h2_stream *s)
{
	struct web_console *c = context;

	c->answered = h2_stream_status(s) == 200;
	if (c->answered)
		say_open(c, s);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct web_console *c = context;

	if (!c->answered) {
		h2_stream_consume(s, len);
		if (c->down.len + len <= WEB_REFUSAL_BYTES)
			buf_append(&c->down, data, len);
		return;
	}
	if (buf_append(&c->down, data, len) < 0)
		h2_stream_reset(s, H2_CANCEL);
	else
		pump(c);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct web_console *c = context;
	autoerror why = {0};

	c->far_ended = true;
	if (c->answered) {
		pump(c);
		finish_if_sent(c);
	} else {
		channel_read_error(h2_stream_status(s), buf_bytes(&c->down),
				   c->down.len, &why);
		say_end(c, &why);
	}
	h2_stream_reset(s, H2_NO_ERROR);
}

static void explain(uint32_t code, struct error *why)
{
	if (code == H2_REFUSED_STREAM)
		error_set(why, ERROR_BUSY,
			  "the host refused it: it is draining or too much is "
			  "under way; try again");
	else if (code == H2_INADEQUATE_SECURITY)
		error_set(why, ERROR_DENIED,
			  "the host's administrator has taken the right to it "
			  "away");
	else
		error_set(why, ERROR_DISCONNECTED,
			  "the connection to the host was lost");
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct web_console *c = context;
	autoerror why = {0};

	c->stream = NULL;
	if (!c->far_ended) {
		explain(code, &why);
		say_end(c, &why);
	}
	free_if_over(c);
}

static const struct h2_handler handler = {
	.on_response = on_response,
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* -- the WebSocket --------------------------------------------------------- */

static void on_socket_end(void *context)
{
	struct web_console *c = context;

	c->socket = NULL;
	if (c->stream)
		h2_stream_reset(c->stream, H2_CANCEL);
	free_if_over(c);
}

static const struct socket_events events = {
	.on_message = on_message,
	.on_sent = on_sent,
	.on_end = on_socket_end,
};

static void open_stream(struct web_console *c)
{
	struct web_host *h = c->host;
	autoerror why = {0};

	if (h->state != WEB_HOST_OPEN)
		error_set(&why, ERROR_CONNECT, "host '%s' is not connected",
			  h->name);
	else if (channel_connect(h->channel, c->path, &source, c, &handler, c,
				 &c->stream, &why) == 0)
		return;
	say_end(c, &why);
}

static void on_upgraded(void *context, struct http_socket *http, int fd,
			const void *extra, size_t n)
{
	struct web_console *c = context;
	autoerror why = {0};

	c->upgraded = true;
	if (socket_new(&c->socket, &c->web->uv, http, fd, extra, n, &events, c,
		       &why) < 0) {
		log_warning(c->web->log, "a console: %s", error_words(&why));
		free_if_over(c);
		return;
	}
	if (c->web->ending) {
		socket_free(steal(&c->socket));
		free_if_over(c);
		return;
	}
	open_stream(c);
}

static void on_dropped(void *context)
{
	struct web_console *c = context;

	c->upgraded = true;
	free_if_over(c);
}

/* -- verbs ----------------------------------------------------------------- */

void web_console_open(struct web_host *host, struct http_request *request,
		      const char *path)
{
	struct web_console *c = NULL;
	autoerror why = {0};

	if (host->web->consoles_count >= WEB_CONSOLES)
		error_set(&why, ERROR_BUSY,
			  "%u consoles are open already, which is the limit: "
			  "close one",
			  WEB_CONSOLES);
	else if (!(c = calloc(1, sizeof(*c))) || !(c->path = strdup(path)))
		error_set_no_memory(&why);
	if (error_is_set(&why)) {
		free(c);
		web_answer_error(request, &why);
		return;
	}
	c->web = host->web;
	c->host = host;
	list_append(&c->web->consoles, &c->node);
	c->web->consoles_count++;
	http_upgrade(request, on_upgraded, on_dropped, c);
}

void web_console_end_all(struct web *web)
{
	list_for_each_safe (node, &web->consoles) {
		struct web_console *c =
			list_entry(node, struct web_console, node);

		if (c->stream)
			h2_stream_reset(c->stream, H2_CANCEL);
		socket_free(steal(&c->socket));
		free_if_over(c);
	}
}
