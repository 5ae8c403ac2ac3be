/*
 * Waiting for a domain to run, starting it, and coming back to a display that was
 * lost (view_private.h). What happens to the domain is heard of by the host's events;
 * where those may not be read, it is looked at again and again.
 *
 * What always holds: each thing that was heard leads to a look, and the look decides;
 * the events are listened to before the first look.
 */
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "client/output.h"
#include "client/view_private.h"

/* Between two looks, where nothing tells of changes. */
#define LOOK_MS 1000u

/* -- the domain ------------------------------------------------------------ */

static const char *given(const struct view *v)
{
	return v->domain.uuid ? v->domain.uuid : call_argument(v->call, 0);
}

/* 1: it runs, or is paused; 0: neither. */
static int look(struct view *v, struct error *err)
{
	struct domain_info_params params = {.domain = (char *)given(v)};
	struct domain_info info = {0};
	bool runs;

	if (channel_call_typed(v->channel, METHOD_domain_info, &params, &info,
			       err) < 0)
		return -1;
	runs = info.state != DOMAIN_STATE_SHUTOFF &&
	       info.state != DOMAIN_STATE_CRASHED;
	result_free(method_by_id(METHOD_domain_info), &info);
	return runs;
}

/* 0 also where somebody else was faster: then it is not paused by us. */
static int start(struct view *v, struct error *err)
{
	struct domain_start_params params = {
		.domain = (char *)given(v), .paused = true, .has_paused = true};
	autoerror why = {0};

	if (channel_call_typed(v->channel, METHOD_domain_start, &params, NULL,
			       &why) == 0)
		v->paused = true;
	else if (why.code != ERROR_STATE)
		return error_move(err, &why);
	return 0;
}

int view_resume(struct view *v, struct error *err)
{
	struct domain_resume_params params = {.domain = (char *)given(v)};
	autoerror why = {0};

	v->paused = false;
	/* Somebody else may have resumed or ended it. */
	if (channel_call_typed(v->channel, METHOD_domain_resume, &params, NULL,
			       &why) < 0 &&
	    why.code != ERROR_STATE)
		return error_move(err, &why);
	return 0;
}

/* -- its events ------------------------------------------------------------ */

struct news {
	struct view *view;
	struct h2_stream *stream; /* NULL: nobody tells us */
	bool heard;
};

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct news *n = context;

	h2_stream_consume(s, len);
	n->heard = true;
	channel_stop(n->view->channel);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct news *n = context;

	n->stream = NULL;
	n->heard = true;
	channel_stop(n->view->channel);
}

static const struct h2_handler news_handler = {
	.on_data = on_data,
	.on_closed = on_closed,
};

static int listen_for_news(struct news *n, struct error *err)
{
	enum event_type type = EVENT_LIFECYCLE;
	struct event_follow_params params = {
		.domain = (char *)given(n->view),
		.has_domain = true,
		.type = &type,
		.type_count = 1,
		.has_type = true,
	};
	autobuf text = {0};
	autofree char *path = NULL;

	if (params_encode_path(method_by_id(METHOD_event_follow), &params,
			       &text) < 0 ||
	    !(path = buf_steal_str(&text)))
		return error_set_no_memory(err);
	return channel_follow(n->view->channel, path, &news_handler, n,
			      &n->stream, err);
}

static void on_look(uv_timer_t *timer)
{
	struct view *v = timer->data;

	channel_stop(v->channel);
}

/* Until something was heard, or the next look. */
static int await_news(struct news *n, struct error *err)
{
	struct view *v = n->view;

	if (n->heard) {
		n->heard = false;
		return 0;
	}
	if (!n->stream)
		uv_timer_start(&v->again, on_look, LOOK_MS, 0);
	if (channel_run(v->channel, err) < 0)
		return -1;
	uv_timer_stop(&v->again);
	n->heard = false;
	return 0;
}

static int await_run(struct news *n, struct error *err)
{
	int rc = 0;

	while (rc == 0) {
		if (await_news(n, err) < 0)
			return -1;
		rc = look(n->view, err);
	}
	return rc < 0 ? -1 : 0;
}

/* Until the domain runs. */
static int await_domain(struct view *v, struct error *err)
{
	struct news n = {.view = v};
	int rc;

	if (listen_for_news(&n, err) < 0)
		return -1;
	rc = await_run(&n, err);
	uv_timer_stop(&v->again);
	if (n.stream) {
		static const struct h2_handler nobody = {0};

		h2_stream_set_handler(n.stream, &nobody, NULL);
		h2_stream_reset(n.stream, H2_CANCEL);
	}
	return rc;
}

/* -- before the first picture ---------------------------------------------- */

static int wait_for_start(struct view *v, struct error *err)
{
	struct output *o = call_output(v->call);

	output_say(o, "Waiting for domain '%s' to be started; Ctrl-C ends it.",
		   call_argument(v->call, 0));
	fflush(output_file(o));
	if (await_domain(v, err) == 0)
		return 0;
	if (channel_is_late(v->channel))
		error_prefix(err, "domain '%s' was not started",
			     call_argument(v->call, 0));
	return -1;
}

int view_await(struct view *v, struct error *err)
{
	bool starts = call_flag(v->call, "start");
	bool waits = call_flag(v->call, "wait");
	int rc;

	if (!starts && !waits)
		return 0;
	rc = look(v, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return starts ? start(v, err) : wait_for_start(v, err);
}

/* -- after the last one ---------------------------------------------------- */

/* One attempt; what is wrong may be over soon. */
static int try_to_come_back(struct view *v, struct error *err)
{
	if (!channel_conn(v->channel) && channel_reopen(v->channel, err) < 0)
		return -1;
	if (await_domain(v, err) < 0)
		return -1;
	return view_open_first(v, err);
}

/* A guest that is starting, or just ending, is not there for a moment. */
static bool may_help(const struct error *why)
{
	return error_code_may_retry(why->code) || why->code == ERROR_STATE;
}

int view_come_back(struct view *v, struct error *err)
{
	uint64_t ms = VIEW_RETRY_MS;

	for (;;) {
		autoerror why = {0};

		if (channel_pause(v->channel, ms, err) < 0)
			return -1;
		if (try_to_come_back(v, &why) == 0)
			return 0;
		if (!may_help(&why))
			return error_move(err, &why);
		log_info(call_log(v->call), "%s; trying again",
			 error_words(&why));
		view_suspend(v);
		ms = ms * 2 < VIEW_RETRY_MOST_MS ? ms * 2 : VIEW_RETRY_MOST_MS;
	}
}
