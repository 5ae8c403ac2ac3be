/*
 * Events of the library: GET /events, line by line, over as many streams as it takes. What
 * always holds: the word `after` of the last line is kept, so that no event is told twice,
 * and what is lost is told by the host's own line `missed`.
 */
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/connect/channel.h"
#include "client/library/library_private.h"

struct virtmux_events {
	struct list node; /* connection->events */
	struct virtmux_connection *connection;
	struct h2_stream *h2; /* NULL: none runs */
	struct event_follow_params params;
	struct buf text; /* an unfinished line, or the body of a refusal */
	uv_timer_t again;
	unsigned ends; /* of streams, without an event between */
	bool ended;    /* the host has ended it properly */
	bool over;     /* nothing more is told */
	bool released; /* the program has none any more: it goes with `h2` and `again` */
	bool closed; /* `again` is */
	struct error why;
	virtmux_event_fn *on_event;
	virtmux_events_end_fn *on_end;
	void *context;
};

/* -- life ------------------------------------------------------------------ */

static void free_if_over(struct virtmux_events *e)
{
	if (!e->released || e->h2 || !e->closed)
		return;
	params_free(method_by_id(METHOD_event_follow), &e->params);
	buf_free(&e->text);
	error_clear(&e->why);
	free(e);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct virtmux_events *e = handle->data;

	e->closed = true;
	free_if_over(e);
}

void virtmux_events_stop(virtmux_events *e)
{
	if (!e)
		return;
	list_remove(&e->node);
	e->over = true;
	e->released = true;
	uv_close((uv_handle_t *)&e->again, on_timer_closed);
	if (e->h2)
		h2_stream_reset(e->h2, H2_CANCEL);
}

void events_release(struct virtmux_connection *c)
{
	list_for_each_safe (node, &c->events)
		virtmux_events_stop(
			list_entry(node, struct virtmux_events, node));
}

/* WHY is moved; NULL: all was told. */
static void finish(struct virtmux_events *e, struct error *why)
{
	struct virtmux_error error = {0};

	if (why)
		error_move(&error.inner, why);
	if (!e->over && !e->connection->closing && e->on_end) {
		e->over = true;
		e->on_end(e->context, why ? &error : NULL);
	}
	e->over = true;
	error_clear(&error.inner);
}

/* -- one line -------------------------------------------------------------- */

static int keep_after(struct virtmux_events *e, const char *line, size_t len,
		      struct error *err)
{
	autojson tree = NULL;
	struct json_object *after = NULL;
	char *copy;

	if (json_parse(line, len, &json_response_limits, &tree, err) < 0)
		return -1;
	if (!json_object_object_get_ex(tree, "after", &after) ||
	    !json_object_is_type(after, json_type_string))
		return error_set(err, ERROR_INVALID_REQUEST,
				 "an event has no word \"after\"");
	copy = strdup(json_object_get_string(after));
	if (!copy)
		return error_set_no_memory(err);
	free(e->params.after);
	e->params.after = copy;
	e->params.has_after = true;
	return 0;
}

/* LINE ends with a NUL instead of its newline. */
static int take_line(struct virtmux_events *e, const char *line, size_t len,
		     struct error *err)
{
	if (keep_after(e, line, len, err) < 0)
		return error_prefix(err, "the host's stream of events");
	e->ends = 0;
	e->on_event(e->context, line, e->params.after);
	return 0;
}

static void take_lines(struct virtmux_events *e, struct error *err)
{
	uint8_t *end;

	while (!e->over && !e->connection->closing && e->text.len > 0 &&
	       (end = memchr(buf_bytes(&e->text), '\n', e->text.len))) {
		const char *line = (const char *)buf_bytes(&e->text);
		size_t len = (size_t)(end - buf_bytes(&e->text));

		*end = '\0';
		if (take_line(e, line, len, err) < 0)
			return;
		buf_consume(&e->text, len + 1);
	}
	if (e->text.len > LIBRARY_LINE_MAX)
		error_set(err, ERROR_TOO_LARGE,
			  "the host's stream of events has a line of more than "
			  "%u bytes",
			  LIBRARY_LINE_MAX);
}

/* -- the stream ------------------------------------------------------------ */

static void on_data(void *context, struct h2_stream *h2, const uint8_t *data,
		    size_t len)
{
	struct virtmux_events *e = context;
	bool is_refused = h2_stream_status(h2) != 200;
	autoerror why = {0};

	h2_stream_consume(h2, len);
	if (e->over || error_is_set(&e->why) ||
	    (is_refused && e->text.len + len > LIBRARY_ERROR_MAX))
		return;
	if (buf_append(&e->text, data, len) < 0)
		error_set_no_memory(&why);
	else if (!is_refused)
		take_lines(e, &why);
	if (!error_is_set(&why))
		return;
	error_move(&e->why, &why);
	h2_stream_reset(h2, H2_CANCEL);
}

static void on_end(void *context, struct h2_stream *h2)
{
	struct virtmux_events *e = context;

	e->ended = true;
}

static int begin(struct virtmux_events *e, struct error *err);

static void on_again(uv_timer_t *timer)
{
	struct virtmux_events *e = timer->data;
	autoerror why = {0};

	if (e->over || e->h2 || !virtmux_is_open(e->connection))
		return;
	if (begin(e, &why) < 0 && why.code != ERROR_DRAINING &&
	    why.code != ERROR_DISCONNECTED)
		finish(e, &why);
}

/* Not the end of all, but of a stream: what becomes of it? */
static void go_on(struct virtmux_events *e, unsigned status, uint32_t code)
{
	struct conn *conn = channel_conn(e->connection->channel);
	autoerror why = {0};

	if (error_is_set(&e->why)) {
		finish(e, &e->why);
	} else if (status && status != 200) {
		channel_read_error(status, buf_bytes(&e->text), e->text.len,
				   &why);
		finish(e, &why);
	} else if (e->ended && e->params.has_follow && !e->params.follow) {
		finish(e, NULL);
	} else if (code == H2_INADEQUATE_SECURITY && conn &&
		   conn_is_open(conn)) {
		error_set(&why, ERROR_DENIED,
			  "the host's administrator has changed the rights: "
			  "ask again");
		finish(e, &why);
	} else if (conn && conn_is_open(conn) &&
		   ++e->ends > LIBRARY_EVENT_ENDS) {
		error_set(&why, ERROR_DISCONNECTED,
			  "the host ends the stream of events again and again");
		finish(e, &why);
	} else if (conn && conn_is_open(conn)) {
		uv_timer_start(&e->again, on_again, LIBRARY_EVENT_WAIT, 0);
	}
}

static void on_closed(void *context, struct h2_stream *h2, uint32_t code)
{
	struct virtmux_events *e = context;

	e->h2 = NULL;
	if (!e->over)
		go_on(e, h2_stream_status(h2), code);
	uv_stop(channel_loop(e->connection->channel));
	free_if_over(e);
}

static const struct h2_handler handler = {
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

static int begin(struct virtmux_events *e, struct error *err)
{
	const struct method *m = method_by_id(METHOD_event_follow);
	autobuf text = {0};
	autofree char *path = NULL;

	if (params_encode_path(m, &e->params, &text) < 0 ||
	    !(path = buf_steal_str(&text)))
		return error_set_no_memory(err);
	buf_reset(&e->text);
	e->ended = false;
	return channel_follow(e->connection->channel, path, &handler, e, &e->h2,
			      err);
}

void events_resume(struct virtmux_connection *c)
{
	if (!virtmux_is_open(c))
		return;
	list_for_each (node, &c->events) {
		struct virtmux_events *e =
			list_entry(node, struct virtmux_events, node);

		/* From the loop, where a callback may come. */
		if (!e->over && !e->h2 &&
		    !uv_is_active((uv_handle_t *)&e->again))
			uv_timer_start(&e->again, on_again, 0, 0);
	}
}

/* -- the beginning --------------------------------------------------------- */

static int read_params(struct virtmux_events *e, const char *params,
		       struct error *err)
{
	autojson tree = NULL;

	if (params && json_parse(params, strlen(params), NULL, &tree, err) < 0)
		return -1;
	return params_decode(method_by_id(METHOD_event_follow), tree,
			     &e->params, err);
}

virtmux_events *virtmux_events_start(virtmux_connection *c, const char *params,
				     virtmux_event_fn *on_event,
				     virtmux_events_end_fn *to_end,
				     void *context, virtmux_error **error)
{
	struct virtmux_events *e = calloc(1, sizeof(*e));
	autoerror why = {0};

	if (!e) {
		error_set_no_memory(&why);
		error_give(error, &why);
		return NULL;
	}
	e->connection = c;
	e->on_event = on_event;
	e->on_end = to_end;
	e->context = context;
	list_init(&e->node);
	list_append(&c->events, &e->node);
	uv_timer_init(channel_loop(c->channel), &e->again);
	e->again.data = e;
	if (read_params(e, params, &why) < 0 || begin(e, &why) < 0) {
		e->h2 = NULL;
		virtmux_events_stop(e);
		error_give(error, &why);
		return NULL;
	}
	return e;
}
