/*
 * The verb `wait-serial`: until a guest says something on its serial line, for
 * scripts. What it says is made plain text (serial_text.h) and searched line by
 * line; the line that was found goes to standard output.
 *
 * What always holds: the splice has one end of a socket pair, and this file the
 * other; what was heard is kept, and shown or written where it was in vain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/json.h"
#include "base/file.h"
#include "client/channel.h"
#include "client/console_domain.h"
#include "client/output.h"
#include "client/serial_text.h"
#include "client/splice.h"
#include "client/verbs.h"

#define DEFAULT_TIMEOUT_MS (60 * 1000)
#define SHOWN_MAX          200 /* bytes of the last line in an error */

struct wait {
	struct command_call *call;
	struct channel *channel;
	struct splice *splice; /* NULL when it is done */
	struct console_domain domain;
	regex_t pattern;
	struct serial_text heard;
	struct buf send; /* what is still to be typed */
	int fd;          /* our end of the pair */
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles; /* of the loop, open ones */
	char *line;       /* found */
	bool done;
	enum splice_reason reason;
	struct error why;
};

/* -- the end ----------------------------------------------------------------- */

static void stop(struct wait *w)
{
	w->done = true;
	channel_stop(w->channel);
}

static void on_done(void *context, const struct splice_end *end)
{
	struct wait *w = context;

	w->splice = NULL;
	w->reason = end->reason;
	if (error_is_set(&end->why) && !error_is_set(&w->why))
		error_set(&w->why, end->why.code, "%s", error_words(&end->why));
	if (end->reason != SPLICE_FAR_END)
		stop(w);
}

static void on_open(void *context, struct h2_stream *s)
{
	struct wait *w = context;

	if (console_domain_read(&w->domain, s, call_argument(w->call, 0),
				&w->why) < 0)
		stop(w);
}

static const struct splice_events events = {
	.on_open = on_open,
	.on_done = on_done,
};

static void on_late(uv_timer_t *timer)
{
	struct wait *w = timer->data;

	error_set(&w->why, ERROR_TIMED_OUT, "it was not seen in time");
	stop(w);
}

/* -- bytes --------------------------------------------------------------------- */

static void type_some(struct wait *w)
{
	while (w->send.len > 0) {
		ssize_t n = send(w->fd, buf_bytes(&w->send), w->send.len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		buf_consume(&w->send, (size_t)n);
	}
}

static void search(struct wait *w, const uint8_t *data, size_t n)
{
	if (serial_text_feed(&w->heard, data, n) == 0)
		w->line = serial_text_find(&w->heard, &w->pattern);
	if (!buf_ok(&w->heard.text))
		error_set_no_memory(&w->why);
	if (w->line || error_is_set(&w->why))
		stop(w);
}

static void on_ready(uv_poll_t *poll, int status, int happened);

static void want(struct wait *w)
{
	uv_poll_start(&w->poll,
		      UV_READABLE | (w->send.len > 0 ? UV_WRITABLE : 0),
		      on_ready);
}

static void on_ready(uv_poll_t *poll, int status, int happened)
{
	struct wait *w = poll->data;
	uint8_t data[SPLICE_READ];
	ssize_t n;

	type_some(w);
	n = recv(w->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n > 0)
		search(w, data, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		uv_poll_stop(poll);
		stop(w);
	} else if (!w->done) {
		want(w);
	}
}

/* -- running ------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct wait *w = handle->data;

	w->handles--;
}

static int open_stream(struct wait *w, const char *path, struct error *err)
{
	struct splice_options options = {
		.channel = w->channel,
		.path = path,
		.events = &events,
		.context = w,
	};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a socket pair");
	w->fd = pair[0];
	if (splice_new(&w->splice, &options, err) < 0) {
		close(pair[1]);
		return -1;
	}
	return splice_attach(w->splice, pair[1], pair[1], true, err);
}

static int start(struct wait *w, const char *path, struct error *err)
{
	uv_loop_t *uv = channel_loop(w->channel);
	int64_t ms = call_number(w->call, "timeout", DEFAULT_TIMEOUT_MS);

	if (open_stream(w, path, err) < 0)
		return -1;
	uv_timer_init(uv, &w->timer);
	uv_poll_init(uv, &w->poll, w->fd);
	w->timer.data = w->poll.data = w;
	w->handles = 2;
	uv_timer_start(&w->timer, on_late, (uint64_t)ms, 0);
	want(w);
	return 0;
}

static int run(struct wait *w, struct error *err)
{
	while (!w->done) {
		autoerror why = {0};

		if (channel_run(w->channel, &why) == 0 || w->done)
			continue;
		if (why.code == ERROR_INTERRUPTED)
			return error_move(err, &why);
		uv_run(channel_loop(w->channel), UV_RUN_ONCE);
	}
	return 0;
}

/* The pair's other end closes with the splice; then the loop lets go of ours. */
static void finish(struct wait *w)
{
	splice_free(w->splice);
	if (w->handles > 0) {
		uv_close((uv_handle_t *)&w->timer, on_handle_closed);
		uv_close((uv_handle_t *)&w->poll, on_handle_closed);
	}
	while (w->handles > 0)
		uv_run(channel_loop(w->channel), UV_RUN_ONCE);
	if (w->fd >= 0)
		close(w->fd);
}

/* -- what is told ---------------------------------------------------------------- */

/* The last line that has something in it, made safe; to free(). */
static char *last_line(const struct wait *w)
{
	const char *text = (const char *)buf_bytes(&w->heard.text);
	size_t end = w->heard.text.len, begin;
	autobuf shown = {0};
	autofree char *line = NULL;

	while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
		end--;
	begin = end;
	while (begin > 0 && text[begin - 1] != '\n' && end - begin < SHOWN_MAX)
		begin--;
	if (begin == end)
		return NULL;
	line = strndup(text + begin, end - begin);
	output_escape(&shown, line ? line : "");
	return buf_steal_str(&shown);
}

/* Why it was in vain, and what was heard last. */
static int explain(struct wait *w, struct error *err)
{
	autofree char *last = last_line(w);
	autofree char *end = NULL;

	if (!error_is_set(&w->why)) {
		end = console_explain_end(w->channel, &w->domain, "console");
		error_set(&w->why, ERROR_FAILED, "%s before it was seen",
			  end ? end : "the console has ended");
	}
	if (w->why.code != ERROR_TIMED_OUT && w->reason == SPLICE_REFUSED)
		return error_move(err, &w->why);
	if (last)
		error_set(err, w->why.code,
			  "'%s' on domain '%s': %s; its last line was: %s",
			  call_argument(w->call, 1), call_argument(w->call, 0),
			  error_words(&w->why), last);
	else
		error_set(err, w->why.code,
			  "'%s' on domain '%s': %s; the guest said nothing: "
			  "--send '\\r' makes many of them speak",
			  call_argument(w->call, 1), call_argument(w->call, 0),
			  error_words(&w->why));
	return -1;
}

static int keep_text(const struct wait *w, struct error *err)
{
	const char *file = call_text(w->call, "output", NULL);

	if (!file)
		return 0;
	return file_write_atomic(file, buf_bytes(&w->heard.text),
				 w->heard.text.len, 0600, err);
}

static int tell(struct wait *w, struct error *err)
{
	struct output *output = call_output(w->call);
	autofree char *shown = NULL;
	autobuf text = {0};
	autojson result = NULL;

	if (!output_is_text(output)) {
		result = json_object_new_object();
		if (!result)
			return error_set_no_memory(err);
		json_object_object_add(result, "domain",
				       json_object_new_string(w->domain.name));
		json_object_object_add(result, "uuid",
				       json_object_new_string(w->domain.uuid));
		json_object_object_add(result, "line",
				       json_object_new_string(w->line));
		return output_value(output, result, err);
	}
	output_escape(&text, w->line);
	shown = buf_steal_str(&text);
	if (!shown)
		return error_set_no_memory(err);
	fprintf(output_file(output), "%s\n", shown);
	return 0;
}

static int listen_for(struct wait *w, const char *path, struct error *err)
{
	autoerror kept = {0};
	int rc;

	w->fd = -1;
	if (call_channel(w->call, &w->channel, err) < 0)
		return -1;
	rc = start(w, path, err);
	if (rc == 0)
		rc = run(w, err);
	if (rc == 0 && !w->line)
		rc = explain(w, err);
	finish(w);
	if (rc == 0)
		rc = tell(w, err);
	if (keep_text(w, &kept) < 0 && rc == 0)
		rc = error_move(err, &kept);
	return rc;
}

/* -- what was asked for ------------------------------------------------------------ */

static int compile(struct wait *w, struct error *err)
{
	const char *text = call_argument(w->call, 1);
	int flags = REG_EXTENDED | REG_NOSUB;
	char words[128];
	int rc;

	if (call_flag(w->call, "ignore-case"))
		flags |= REG_ICASE;
	rc = regcomp(&w->pattern, text, flags);
	if (rc == 0)
		return 0;
	regerror(rc, &w->pattern, words, sizeof(words));
	return error_set(err, ERROR_USAGE,
			 "'%s' is no extended regular expression: %s", text,
			 words);
}

/* The character that stands for "\C" in --send, or -1. */
static int escaped(char c)
{
	static const char names[] = "rnte\\";
	static const char values[] = "\r\n\t\x1b\\";
	const char *at = c ? strchr(names, c) : NULL;

	return at ? values[at - names] : -1;
}

static int read_send(struct wait *w, struct error *err)
{
	for (const char *p = call_text(w->call, "send", ""); *p; p++) {
		int c = *p == '\\' ? escaped(*++p) : (unsigned char)*p;

		if (c < 0)
			return error_set(err, ERROR_USAGE,
					 "--send knows \\r \\n \\t \\e and "
					 "\\\\, not '\\%c'",
					 *p ? *p : ' ');
		buf_append_char(&w->send, (char)c);
	}
	return buf_ok(&w->send) ? 0 : error_set_no_memory(err);
}

int verb_wait_serial(struct command_call *call, struct error *err)
{
	struct wait w = {.call = call};
	autofree char *path = NULL;
	int rc;

	if (compile(&w, err) < 0)
		return -1;
	path = console_path(call_argument(call, 0), "serial",
			    (unsigned)call_number(call, "port", 0),
			    call_flag(call, "force"));
	if (!path)
		rc = error_set_no_memory(err);
	else
		rc = read_send(&w, err);
	if (rc == 0)
		rc = listen_for(&w, path, err);
	regfree(&w.pattern);
	serial_text_clear(&w.heard);
	buf_free(&w.send);
	free(w.line);
	console_domain_clear(&w.domain);
	error_clear(&w.why);
	return rc;
}
