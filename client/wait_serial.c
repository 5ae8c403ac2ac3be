/*
 * The verb `wait-serial`: until a guest says something on its serial line, for
 * scripts. What it says is made plain text (serial_text.h) and searched line by
 * line; the line that was found goes to standard output.
 *
 * What always holds: without --send it only watches, from what the host has kept on,
 * and disturbs nobody; with --send it writes, and ends well only when the host has
 * taken all of it. What was heard is kept, and shown or written where it was in vain.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/file.h"
#include "client/connect/channel.h"
#include "client/connect/deadline.h"
#include "client/consoles/console_domain.h"
#include "client/output.h"
#include "client/consoles/serial_line.h"
#include "client/consoles/serial_text.h"
#include "client/verbs.h"

#define DEFAULT_TIMEOUT_MS (60 * 1000)
#define SHOWN_MAX          200 /* bytes of the last line in an error */

struct wait {
	struct command_call *call;
	struct channel *channel;
	struct serial_line *serial;
	struct console_domain domain;
	regex_t pattern;
	struct serial_text heard;
	struct buf send; /* --send, as it is typed */
	uint64_t missed; /* bytes that could not be searched */
	char *line;      /* found */
	const struct serial_end *end;
};

/* -- the line's events ------------------------------------------------------ */

static void fail(struct wait *w, struct error *why)
{
	serial_line_fail(w->serial, why);
}

static void fail_memory(struct wait *w)
{
	autoerror why = {0};

	error_set_no_memory(&why);
	fail(w, &why);
}

static void on_open(void *context, struct h2_stream *s)
{
	struct wait *w = context;
	autoerror why = {0};

	if (console_domain_read(&w->domain, s, call_argument(w->call, 0),
				&why) < 0)
		fail(w, &why);
}

/* It was found: what was to be typed shall have arrived. */
static void leave(struct wait *w)
{
	if (w->send.len > 0)
		serial_line_settle(w->serial);
	else
		serial_line_stop(w->serial, 0);
}

static void on_data(void *context, const uint8_t *data, size_t n)
{
	struct wait *w = context;

	serial_line_consumed(w->serial, n);
	if (w->line)
		return;
	if (serial_text_feed(&w->heard, data, n) == 0)
		w->line = serial_text_find(&w->heard, &w->pattern);
	if (!buf_ok(&w->heard.text))
		fail_memory(w);
	else if (w->line)
		leave(w);
}

static void on_settled(void *context)
{
	struct wait *w = context;

	serial_line_stop(w->serial, 0);
}

static void on_cut(void *context, const struct error *why)
{
	struct wait *w = context;

	log_info(call_log(w->call), "the console is cut off: %s",
		 error_words(why));
}

static void on_back(void *context, const struct serial_news *news)
{
	struct wait *w = context;
	autoerror why = {0};

	w->missed += news->missed;
	if (!news->unknown && !news->dropped)
		return;
	error_set(&why, ERROR_UNKNOWN_OUTCOME,
		  "the channel was cut, and whether the last %" PRIu64
		  " bytes of --send have arrived is not known",
		  news->unknown + news->dropped);
	fail(w, &why);
}

static const struct serial_events events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_cut = on_cut,
	.on_back = on_back,
	.on_settled = on_settled,
};

/* -- running ------------------------------------------------------------------- */

static int64_t history(const struct wait *w)
{
	return w->send.len > 0 || call_flag(w->call, "new") ? 0 : -1;
}

static int start(struct wait *w, struct error *err)
{
	struct serial_options options = {
		.channel = w->channel,
		.ask = {.domain = call_argument(w->call, 0),
			.n = (unsigned)call_number(w->call, "port", 0),
			.watch = w->send.len == 0,
			.force = w->send.len > 0 && call_flag(w->call, "force"),
			.history = history(w)},
		.events = &events,
		.context = w,
		.return_ms = deadline_left_ms(call_deadline(w->call)),
	};

	if (serial_line_new(&w->serial, &options, err) < 0)
		return -1;
	if (w->send.len == 0)
		return 0;
	if (serial_line_type(w->serial, buf_bytes(&w->send), w->send.len) < 0)
		return error_set_no_memory(err);
	serial_line_finish(w->serial);
	return 0;
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

static int explain_late(const struct wait *w, struct error *err)
{
	deadline_late(call_deadline(w->call), err);
	if (w->line)
		return error_prefix(err,
				    "it was seen, but the guest has not taken "
				    "the last %" PRIu64 " bytes of --send",
				    serial_line_unsettled(w->serial));
	return error_prefix(err, "it was not seen");
}

/* What ended it; without `end` it is --timeout. */
static int explain_end(struct wait *w, struct error *err)
{
	const struct error *why = w->end ? &w->end->why : NULL;
	autofree char *end = NULL;

	if (!why)
		return explain_late(w, err);
	if (w->end->reason != SERIAL_ENDED)
		return error_copy(err, why);
	if (error_is_set(why))
		return error_set(err,
				 why->code == ERROR_STATE ? ERROR_FAILED
							  : why->code,
				 "%s before it was seen", error_words(why));
	end = console_explain_end(w->channel, &w->domain, "console");
	return error_set(err, ERROR_FAILED, "%s before it was seen",
			 end ? end : "the console has ended");
}

/* Why it was in vain, and what was heard last. */
static int explain(struct wait *w, struct error *err)
{
	autofree char *last = last_line(w);
	autoerror why = {0};
	autobuf text = {0};
	autofree char *words = NULL;

	if (w->end && w->end->reason == SERIAL_REFUSED)
		return error_copy(err, &w->end->why);
	explain_end(w, &why);
	buf_appendf(&text, "'%s' on domain '%s': %s", call_argument(w->call, 1),
		    call_argument(w->call, 0), error_words(&why));
	if (w->missed)
		buf_appendf(&text,
			    "; while the channel was cut, %" PRIu64
			    " bytes were missed",
			    w->missed);
	if (last)
		buf_appendf(&text, "; its last line was: %s", last);
	else
		buf_append_str(&text, "; the guest said nothing: --send '\\r' "
				      "makes many of them speak");
	words = buf_steal_str(&text);
	return words ? error_set(err, why.code, "%s", words)
		     : error_set_no_memory(err);
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

static int run(struct wait *w, struct error *err)
{
	autoerror why = {0};
	int rc = serial_line_run(w->serial, &w->end, &why);

	if (rc < 0 && !call_is_late(w->call))
		return error_move(err, &why);
	if (rc == 0 && w->line && w->end->reason == SERIAL_STOPPED)
		return 0;
	return explain(w, err);
}

static int listen_for(struct wait *w, struct error *err)
{
	autoerror kept = {0};
	int rc;

	call_keep_key(w->call);
	if (call_channel(w->call, &w->channel, err) < 0)
		return -1;
	rc = start(w, err);
	if (rc == 0)
		rc = run(w, err);
	serial_line_free(steal(&w->serial));
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
	int rc;

	if (call_default_timeout(call, DEFAULT_TIMEOUT_MS, err) < 0 ||
	    compile(&w, err) < 0)
		return -1;
	rc = read_send(&w, err);
	if (rc == 0)
		rc = listen_for(&w, err);
	regfree(&w.pattern);
	serial_text_clear(&w.heard);
	buf_free(&w.send);
	free(w.line);
	console_domain_clear(&w.domain);
	return rc;
}
