/*
 * The verb `event`: follows GET /events and shows each line as it comes. What
 * always holds: the word `after` of the last line is kept, so that a channel that
 * breaks is made anew and nothing is shown twice; it is tried for as long as the
 * profile's `reconnect` says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/connect/channel.h"
#include "client/connect/profile.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "client/verbs.h"

#define RETRY_FIRST_MS 100 /* twice as long each time */
#define RETRY_MOST_MS  1000
#define LINE_MAX_BYTES (64 * 1024) /* of one event, or of an error */

struct following {
	struct command_call *call;
	struct channel *channel;
	struct h2_stream *stream; /* NULL: it has ended */
	struct buf text;          /* an unfinished line, or an error's body */
	char *after;              /* of the last line; or NULL */
	unsigned heard;
	uint64_t cut_ms; /* since when it is tried again; 0: it is not */
	uint64_t retry_ms;
	bool over; /* there is enough */
	bool timed_out;
	struct error why;
};

/* -- one event ------------------------------------------------------------- */

static const char *text_of(struct json_object *line, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(line, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* Of a host: control characters must not reach the terminal. */
static void print_escaped(FILE *file, const char *before, const char *text,
			  const char *after)
{
	autobuf out = {0};
	autofree char *shown = NULL;

	output_escape(&out, text);
	shown = buf_steal_str(&out);
	fprintf(file, "%s%s%s", before, shown ? shown : "", after);
}

/* As virsh has it: "Started Booted". */
static void print_word(FILE *file, const char *before, const char *word)
{
	char first[2] = {word[0], '\0'};

	if (first[0] >= 'a' && first[0] <= 'z')
		first[0] = (char)(first[0] - 'a' + 'A');
	fputs(before, file);
	print_escaped(file, "", first, "");
	print_escaped(file, "", word[0] ? word + 1 : "", "");
}

static void print_subject(FILE *file, struct json_object *line)
{
	static const char *const kinds[] = {"domain", "network", "pool"};

	for (size_t i = 0; i < array_size(kinds); i++) {
		const char *name = text_of(line, kinds[i]);

		if (!name)
			continue;
		fprintf(file, " for %s", kinds[i]);
		print_escaped(file, " '", name, "'");
	}
}

static void print_words(FILE *file, struct json_object *line)
{
	static const char *const words[] = {"event", "detail"};
	const char *device = text_of(line, "device");
	struct json_object *size = NULL;
	const char *before = ": ";
	char text[OUTPUT_SIZE_TEXT];

	for (size_t i = 0; i < array_size(words); i++) {
		const char *word = text_of(line, words[i]);

		if (word)
			print_word(file, before, word);
		before = word ? " " : before;
	}
	if (device)
		print_escaped(file, before, device, "");
	if (json_object_object_get_ex(line, "size", &size)) {
		output_size(text, json_object_get_uint64(size));
		fprintf(file, "%s%s", device ? " " : before, text);
	}
}

/* "event 'lifecycle' for domain 'web': Started Booted" */
static void print_event(struct following *f, struct json_object *line)
{
	FILE *file = output_file(call_output(f->call));
	const char *time = text_of(line, "time");
	const char *type = text_of(line, "type");

	if (time && call_flag(f->call, "timestamp"))
		print_escaped(file, "", time, ": ");
	print_escaped(file, "event '", type ? type : "", "'");
	print_subject(file, line);
	print_words(file, line);
	fputc('\n', file);
}

static void warn_missed(struct json_object *line)
{
	const char *why = text_of(line, "event");

	print_escaped(stderr, "virtmux: events were missed: ", why ? why : "",
		      "\n");
}

static void show(struct following *f, struct json_object *line,
		 const char *text, size_t len)
{
	struct output *output = call_output(f->call);
	const char *type = text_of(line, "type");
	bool begins = type && strcmp(type, "begin") == 0;
	bool missed = type && strcmp(type, "missed") == 0;

	if (!output_is_text(output)) {
		fwrite(text, 1, len, output_file(output));
		fputc('\n', output_file(output));
	} else if (missed) {
		warn_missed(line);
	} else if (!begins) {
		print_event(f, line);
	}
	fflush(output_file(output));
	if (begins)
		f->cut_ms = 0;
	if (begins || missed)
		return;
	f->heard++;
	f->over = !call_flag(f->call, "loop");
}

static int take_line(struct following *f, const char *text, size_t len,
		     struct error *err)
{
	autojson line = NULL;
	const char *after;

	if (json_parse(text, len, &json_response_limits, &line, err) < 0)
		return error_prefix(err, "the host's stream of events");
	after = text_of(line, "after");
	if (after) {
		free(f->after);
		f->after = strdup(after);
	}
	show(f, line, text, len);
	return 0;
}

/* -- the stream ------------------------------------------------------------ */

static void finish(struct following *f)
{
	f->over = true;
	channel_stop(f->channel);
}

static void take_lines(struct following *f)
{
	uint8_t *end;

	while (!f->over && f->text.len > 0 &&
	       (end = memchr(buf_bytes(&f->text), '\n', f->text.len))) {
		size_t len = (size_t)(end - buf_bytes(&f->text));

		if (take_line(f, (const char *)buf_bytes(&f->text), len,
			      &f->why) < 0)
			f->over = true;
		buf_consume(&f->text, len + 1);
	}
	if (f->over)
		finish(f);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	struct following *f = context;

	h2_stream_consume(s, len);
	if (f->over)
		return;
	buf_append(&f->text, data, len);
	if (h2_stream_status(s) == 200)
		take_lines(f);
	if (f->text.len <= LINE_MAX_BYTES || f->over)
		return;
	error_set(&f->why, ERROR_TOO_LARGE,
		  "the host's stream of events has a line of more than %d "
		  "bytes",
		  LINE_MAX_BYTES);
	finish(f);
}

static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct following *f = context;
	unsigned status = h2_stream_status(s);

	f->stream = NULL;
	if (!f->over && status != 0 && status != 200)
		channel_read_error(status, buf_bytes(&f->text), f->text.len,
				   &f->why);
	channel_stop(f->channel);
}

static const struct h2_handler handler = {
	.on_data = on_data,
	.on_closed = on_closed,
};

/* -- where to, and for how long ---------------------------------------------- */

static int make_path(const struct following *f, char **path, struct error *err)
{
	const struct method *m = method_by_id(METHOD_event_follow);
	const char *domain = call_argument(f->call, 0);
	enum event_type type =
		(enum event_type)call_choice(f->call, "event", 0);
	struct event_follow_params params = {
		.domain = (char *)domain,
		.has_domain = domain != NULL,
		.type = &type,
		.type_count = 1,
		.has_type = call_given(f->call, "event"),
		.after = f->after,
		.has_after = f->after != NULL,
	};
	autobuf text = {0};

	if (params_encode_path(m, &params, &text) < 0 ||
	    !(*path = buf_steal_str(&text)))
		return error_set_no_memory(err);
	return 0;
}

/* One stream to its end, or to the channel's. */
static int follow_once(struct following *f, struct interrupt *signals,
		       struct error *err)
{
	autofree char *path = NULL;
	int rc;

	/* The channel sees only those signals that come once it is there. */
	if (make_path(f, &path, err) < 0 ||
	    call_channel(f->call, &f->channel, err) < 0 ||
	    interrupt_pause(signals, 0, err) < 0)
		return -1;
	buf_consume(&f->text, f->text.len);
	if (channel_follow(f->channel, path, &handler, f, &f->stream, err) < 0)
		return -1;
	rc = channel_run(f->channel, err);
	if (rc < 0 && channel_is_late(f->channel)) {
		f->timed_out = true;
		f->over = true;
		error_clear(err);
		rc = 0;
	}
	if (f->stream)
		h2_stream_reset(f->stream, H2_CANCEL);
	/* Its last events still come to F. */
	call_drop_channel(f->call);
	if (rc == 0 && error_is_set(&f->why))
		return error_move(err, &f->why);
	if (rc == 0 && !f->over)
		return error_set(err, ERROR_DISCONNECTED,
				 "the host ended the stream of events");
	return rc;
}

/* -- again, where it broke ---------------------------------------------------- */

static bool may_retry(const struct error *err)
{
	switch (err->code) {
	case ERROR_CONNECT:
	case ERROR_DISCONNECTED:
	case ERROR_DRAINING:
	case ERROR_UNAVAILABLE:
	case ERROR_BUSY:
	case ERROR_TIMED_OUT:
		return true;
	default:
		return false;
	}
}

/* Whether there is time for one more attempt, which waits first. -1: a signal. */
static int await_retry(struct following *f, struct interrupt *signals,
		       struct error *why, struct error *err)
{
	const struct profile *profile = NULL;
	uint64_t now_ms = uv_hrtime() / 1000000;
	uint64_t ms;

	if (call_profile(f->call, &profile, err) < 0)
		return -1;
	if (!f->cut_ms) {
		f->cut_ms = now_ms;
		f->retry_ms = RETRY_FIRST_MS;
	}
	if (!may_retry(why) ||
	    now_ms - f->cut_ms >= (uint64_t)profile->reconnect)
		return error_move(err, why);
	log_info(call_log(f->call), "%s; trying again", error_words(why));
	ms = f->retry_ms;
	f->retry_ms = ms * 2 < RETRY_MOST_MS ? ms * 2 : RETRY_MOST_MS;
	return interrupt_pause(signals, ms, err);
}

static int follow(struct following *f, struct error *err)
{
	autoptr(interrupt) signals = NULL;

	if (interrupt_watch(&signals, call_deadline(f->call), err) < 0)
		return -1;
	for (;;) {
		autoerror why = {0};
		bool had_begun = f->after != NULL;

		if (follow_once(f, signals, &why) == 0)
			return 0;
		/* What never began is told at once. */
		if (why.code == ERROR_INTERRUPTED || (!had_begun && !f->after))
			return error_move(err, &why);
		if (await_retry(f, signals, &why, err) < 0)
			return -1;
	}
}

/* -- the verb ---------------------------------------------------------------- */

/* A line each: its name for people, an object in JSON. */
static int list_types(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct type *type = &api_type_event_type;

	for (unsigned i = 0; i < type->values_count; i++) {
		const char *name = type->values[i].text;
		autojson line = json_object_new_object();

		if (output_is_text(output)) {
			fprintf(output_file(output), "%s\n", name);
			continue;
		}
		if (!line)
			return error_set_no_memory(err);
		json_object_object_add(line, "type",
				       json_object_new_string(name));
		output_json(output, line, NULL);
	}
	return 0;
}

int verb_event(struct command_call *call, struct error *err)
{
	const char *after = call_text(call, "after", NULL);
	uint64_t seconds = (uint64_t)call_number(call, "timeout", 0);
	struct following f = {.call = call};
	int rc;

	if (output_format(call_output(call)) == OUTPUT_CSV)
		return error_set(err, ERROR_USAGE,
				 "events come as text or, with --json, as "
				 "JSON, one a line");
	if (call_flag(call, "list"))
		return list_types(call, err);
	if (seconds && call_default_timeout(call, seconds * 1000, err) < 0)
		return -1;
	f.after = after ? strdup(after) : NULL;
	rc = follow(&f, err);
	if (rc == 0 && f.timed_out && f.heard == 0)
		rc = error_set(err, ERROR_TIMED_OUT,
			       "no event came within the time");
	output_say(call_output(call), "events received: %u", f.heard);
	buf_free(&f.text);
	error_clear(&f.why);
	free(f.after);
	return rc;
}
