/*
 * The verb `replay`: which kind of recording a file is, what it tells of itself
 * (--info), and the pace at which it is shown (replay_private.h).
 */
#include <errno.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/clock.h"
#include "client/output.h"
#include "client/replay_private.h"
#include "client/verbs.h"
#include "record/capture.h"
#include "record/cast.h"

#define SPEED_MIN 0.01
#define SPEED_MAX 1000000.0
#define NS_PER_MS 1000000u

/* -- what the files share -------------------------------------------------- */

uint64_t replay_due(struct replay_clock *clock, uint64_t at_ns)
{
	uint64_t pause = at_ns - clock->last_ns;

	if (clock->idle_limit_ns && pause > clock->idle_limit_ns)
		pause = clock->idle_limit_ns;
	if (!clock->due_ns)
		clock->due_ns = clock_monotonic_ns();
	clock->due_ns += (uint64_t)((double)pause / clock->speed);
	clock->last_ns = at_ns;
	return clock->due_ns;
}

int replay_read(FILE *file, const char *path, replay_feed_fn *fn, void *context,
		struct error *err)
{
	autofree uint8_t *chunk = malloc(REPLAY_CHUNK);
	size_t n;

	if (!chunk)
		return error_set_no_memory(err);
	while ((n = fread(chunk, 1, REPLAY_CHUNK, file)) > 0)
		if (fn(context, chunk, n, err) < 0)
			return err && err->code == ERROR_PARSE
				       ? error_prefix(err, "'%s'", path)
				       : -1;
	if (ferror(file))
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot read '%s'", path);
	return 0;
}

/* -- what a recording tells of itself -------------------------------------- */

struct tally {
	struct cast_reader *reader;
	uint64_t ns;
	uint64_t output, input;
	bool cut;
};

static int on_event(void *context, const struct cast_event *event,
		    struct error *err)
{
	struct tally *t = context;

	t->ns = event->ns;
	if (event->kind == CAST_OUTPUT)
		t->output += event->len;
	else if (event->kind == CAST_INPUT)
		t->input += event->len;
	return 0;
}

static int feed(void *context, const uint8_t *data, size_t n, struct error *err)
{
	struct tally *t = context;

	return cast_reader_feed(t->reader, data, n, on_event, t, err);
}

static void add_number(struct json_object *o, const char *name, uint64_t number)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)number));
}

/* What the file says of itself stands beside what was counted, not in its place. */
static void add_about(struct json_object *o, struct json_object *about)
{
	json_object_object_foreach(
		about, name,
		value) if (!json_object_object_get_ex(o, name, NULL) &&
			   strcmp(name, "escape") != 0)
		json_object_object_add(o, name, json_object_get(value));
}

static void add_rest(struct json_object *o, double seconds, uint64_t output,
		     uint64_t input, bool cut)
{
	json_object_object_add(o, "seconds", json_object_new_double(seconds));
	add_number(o, "bytes_from_guest", output);
	add_number(o, "bytes_to_guest", input);
	json_object_object_add(o, "complete", json_object_new_boolean(!cut));
}

static int describe_cast(struct json_object *o, FILE *file, const char *path,
			 struct error *err)
{
	autoptr(cast_reader) reader = cast_reader_new();
	struct tally t = {.reader = reader};
	struct json_object *header, *part;

	if (!reader)
		return error_set_no_memory(err);
	if (replay_read(file, path, feed, &t, err) < 0)
		return -1;
	if (cast_reader_end(reader, &t.cut, err) < 0)
		return error_prefix(err, "'%s'", path);
	header = cast_reader_header(reader);
	json_add_text(o, "format", "asciicast-v2");
	add_rest(o, (double)t.ns / CLOCK_NS_PER_S, t.output, t.input, t.cut);
	if (json_object_object_get_ex(header, "virtmux", &part) &&
	    json_object_is_type(part, json_type_object))
		add_about(o, part);
	if (json_object_object_get_ex(header, "title", &part))
		json_object_object_add(o, "title", json_object_get(part));
	return 0;
}

static void describe_screen(struct json_object *o,
			    const struct replay_scan *scan)
{
	struct json_object *list = json_object_new_array();

	add_number(o, "width", scan->width);
	add_number(o, "height", scan->height);
	json_add_text(o, "name", scan->name ? scan->name : "");
	add_number(o, "bits_per_pixel", scan->format[0]);
	for (size_t i = 0; i < scan->encodings.count; i++)
		json_object_array_add(
			list, json_object_new_int(scan->encodings.list[i]));
	json_object_object_add(o, "encodings", list);
}

static int describe_capture(struct json_object *o, FILE *file, const char *path,
			    struct error *err)
{
	struct replay_scan scan;
	int rc = replay_scan(&scan, file, path, err);

	if (rc == 0) {
		json_add_text(o, "format", "virtmux-capture");
		add_rest(o, (double)scan.last_us / 1e6, scan.from_server,
			 scan.from_client, scan.cut);
		if (scan.handshake)
			describe_screen(o, &scan);
		add_about(o, scan.about);
	}
	replay_scan_clear(&scan);
	return rc;
}

static int show_info(struct command_call *call, struct json_object *o,
		     struct error *err)
{
	struct output *out = call_output(call);

	if (!output_is_text(out)) {
		output_json(out, o, NULL);
		return 0;
	}
	json_object_object_foreach(o, name, value)
	{
		if (json_object_is_type(value, json_type_boolean))
			output_field(out, name, "%s",
				     json_object_get_boolean(value) ? "yes"
								    : "no");
		else
			output_field(out, name, "%s",
				     json_object_get_string(value));
	}
	return 0;
}

static int describe(struct command_call *call, FILE *file, const char *path,
		    bool is_capture, struct error *err)
{
	autojson o = json_object_new_object();
	int rc;

	if (!o)
		return error_set_no_memory(err);
	rc = is_capture ? describe_capture(o, file, path, err)
			: describe_cast(o, file, path, err);
	return rc < 0 ? -1 : show_info(call, o, err);
}

/* -- the verb -------------------------------------------------------------- */

static int read_speed(struct command_call *call, double *speed,
		      struct error *err)
{
	const char *text = call_text(call, "speed", "1");
	char *end = NULL;

	*speed = strtod(text, &end);
	if (end != text && *end == '\0' && *speed >= SPEED_MIN &&
	    *speed <= SPEED_MAX)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "--speed=%s is no number of times from %g to %g", text,
			 SPEED_MIN, SPEED_MAX);
}

/* By its first bytes; the file stands at its begin again. */
static int look(FILE *file, const char *path, bool *is_capture,
		struct error *err)
{
	char head[CAPTURE_MAGIC_SIZE] = "";
	size_t n = fread(head, 1, sizeof(head), file);

	if (fseek(file, 0, SEEK_SET) < 0)
		return error_set(err, ERROR_SYSTEM,
				 "'%s' is no file that can be read twice; a "
				 "recording is read from a file",
				 path);
	*is_capture = n == sizeof(head) &&
		      memcmp(head, CAPTURE_MAGIC, sizeof(head)) == 0;
	if (*is_capture || (n > 0 && head[0] == '{'))
		return 0;
	return error_set(err, ERROR_PARSE,
			 "'%s' is no recording: neither asciicast (version 2) "
			 "nor of a display",
			 path);
}

int verb_replay(struct command_call *call, struct error *err)
{
	const char *path = call_argument(call, 0);
	autofclose FILE *file = fopen(path, "rbe");
	struct replay_clock clock = {
		.idle_limit_ns = (uint64_t)call_number(call, "idle-limit", 0) *
				 NS_PER_MS,
	};
	bool is_capture;

	if (!file)
		return error_set_errno(
			err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM,
			errno, "cannot open '%s'", path);
	if (read_speed(call, &clock.speed, err) < 0 ||
	    look(file, path, &is_capture, err) < 0)
		return -1;
	if (call_flag(call, "info"))
		return describe(call, file, path, is_capture, err);
	return is_capture ? replay_display(call, file, path, &clock, err)
			  : replay_cast(call, file, path, &clock, err);
}
