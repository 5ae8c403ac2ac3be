/*
 * What hosts gave, as one output: text under the host's name as soon as the host has
 * ended (or line by line, of a verb that is LIVE), JSON lines as they come with the
 * member "host", one JSON object with a member for each host, one CSV table; errors
 * on standard error, each with its host. What always holds: what one host gave stands
 * together, and only whole lines are shown.
 */
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "client/many_private.h"

/* -- lines ----------------------------------------------------------------- */

typedef void line_fn(struct many_host *host, const char *line, size_t len);

/* Gives the whole lines of TEXT to SHOW; with ALL also what has no end yet. */
static void take_lines(struct many_host *host, struct buf *text, bool all,
		       line_fn *show)
{
	while (text->len > 0) {
		const char *begin = (const char *)buf_bytes(text);
		const char *end = memchr(begin, '\n', text->len);
		size_t len = end ? (size_t)(end - begin) : text->len;

		if (!end && !all)
			return;
		show(host, begin, len);
		buf_consume(text, len + (end ? 1 : 0));
	}
}

static void show_message(struct many_host *host, const char *line, size_t len)
{
	fflush(stdout);
	fprintf(stderr, "%s: %.*s\n", host->name, (int)len, line);
}

static void show_text(struct many_host *host, const char *line, size_t len)
{
	printf("%s: %.*s\n", host->name, (int)len, line);
}

/* {"host":"a", and then what the object has; another value is the "result". */
static void show_json_line(struct many_host *host, const char *line, size_t len)
{
	autojson value = NULL;
	autobuf text = {0};
	bool parsed =
		json_parse(line, len, &json_response_limits, &value, NULL) == 0;
	bool object = parsed && json_object_is_type(value, json_type_object) &&
		      !json_object_object_get_ex(value, "host", NULL);
	size_t brace = object ? strcspn(line, "{") + 1 : 0;

	buf_append_str(&text, "{\"host\":");
	json_append_string(&text, host->name);
	if (object) {
		if (json_object_object_length(value) > 0)
			buf_append_char(&text, ',');
		buf_append(&text, line + brace, len - brace);
	} else {
		buf_append_str(&text, ",\"result\":");
		if (parsed)
			buf_append(&text, line, len);
		else
			json_append_string_len(&text, line, len);
		buf_append_char(&text, '}');
	}
	buf_append_char(&text, '\n');
	if (buf_ok(&text))
		fwrite(buf_bytes(&text), 1, text.len, stdout);
}

void many_show_part(struct many_stream *stream)
{
	struct many_host *host = stream->host;

	many_progress_hide(host->many);
	if (stream->kind == MANY_MESSAGES)
		take_lines(host, &stream->text, false, show_message);
	if (stream->kind != MANY_RESULT)
		return;
	if (host->many->format == OUTPUT_JSONL)
		take_lines(host, &stream->text, false, show_json_line);
	else if (host->many->format == OUTPUT_TABLE && host->many->live)
		take_lines(host, &stream->text, false, show_text);
	else
		return;
	fflush(stdout);
}

/* -- a host's end ---------------------------------------------------------- */

/* One line stands behind the host's name, several under it. */
static void show_block(struct many_host *host)
{
	struct buf *text = &host->streams[MANY_RESULT].text;
	const char *begin = (const char *)buf_bytes(text);
	const char *end = text->len ? memchr(begin, '\n', text->len) : NULL;
	bool one = !end || (size_t)(end - begin) + 1 == text->len;

	if (text->len == 0)
		return;
	if (one) {
		take_lines(host, text, true, show_text);
		return;
	}
	printf("%s%s:\n", host->many->shown ? "\n" : "", host->name);
	fwrite(begin, 1, text->len, stdout);
	if (begin[text->len - 1] != '\n')
		putchar('\n');
	host->many->shown = true;
}

void many_show_host(struct many_host *host)
{
	struct many *many = host->many;
	struct buf *text = &host->streams[MANY_RESULT].text;

	many_progress_hide(many);
	take_lines(host, &host->streams[MANY_MESSAGES].text, true,
		   show_message);
	if (many->format == OUTPUT_TABLE)
		show_block(host);
	else if (many->format == OUTPUT_JSONL)
		take_lines(host, text, true, show_json_line);
	fflush(stdout);
	if (error_is_set(&host->why))
		command_print_error(many->call, host->name, &host->why);
}

/* -- one JSON object ------------------------------------------------------- */

static struct json_object *error_value(const struct error *why)
{
	struct json_object *o = json_object_new_object();
	struct json_object *e = json_object_new_object();

	json_object_object_add(
		e, "code", json_object_new_string(error_code_name(why->code)));
	json_object_object_add(
		e, "number",
		json_object_new_int(error_code_rpc_number(why->code)));
	json_object_object_add(e, "message",
			       json_object_new_string(error_words(why)));
	json_object_object_add(o, "error", e);
	return o;
}

/* What is no JSON (an XML, a list of names) is a string; nothing is null. */
static struct json_object *result_value(const struct buf *text)
{
	struct json_object *value = NULL;
	const char *begin = text->len ? (const char *)buf_bytes(text) : "";

	if (text->len == 0 ||
	    json_parse(begin, text->len, &json_response_limits, &value, NULL) ==
		    0)
		return value;
	return json_object_new_string_len(begin, (int)text->len);
}

static int show_object(struct many *many, struct error *err)
{
	autojson all = json_object_new_object();

	if (!all)
		return error_set_no_memory(err);
	for (size_t i = 0; i < many->count; i++) {
		struct many_host *host = &many->hosts[i];
		struct json_object *value =
			error_is_set(&host->why)
				? error_value(&host->why)
				: result_value(
					  &host->streams[MANY_RESULT].text);

		json_object_object_add(all, host->name, value);
	}
	output_json(many->call->output, all, NULL);
	return 0;
}

static int show_csv(struct many *many, struct error *err)
{
	autobuf text = {0};

	if (many_join_csv(many, &text) < 0)
		return error_set_no_memory(err);
	fwrite(buf_bytes(&text), 1, text.len, stdout);
	return 0;
}

/* -- all of them ----------------------------------------------------------- */

static int status_of(const struct many_host *host)
{
	return error_is_set(&host->why) ? error_code_exit_status(host->why.code)
					: host->status;
}

/* "web-1 (connect)"; its words were told when it ended. */
static void append_failure(struct buf *out, const struct many_host *host)
{
	buf_appendf(out, "%s%s", out->len ? ", " : "", host->name);
	if (error_is_set(&host->why))
		buf_appendf(out, " (%s)", error_code_name(host->why.code));
	else
		buf_appendf(out, " (status %d)", host->status);
}

/* The exit status that all have in common, or that of ERROR_PARTIAL. */
static int settle(struct many *many, struct error *err)
{
	int first = status_of(&many->hosts[0]);
	autobuf names = {0};
	autofree char *failed = NULL;
	size_t n = 0;
	bool same = true;

	for (size_t i = 0; i < many->count; i++) {
		int status = status_of(&many->hosts[i]);

		same = same && status == first;
		if (status == 0)
			continue;
		append_failure(&names, &many->hosts[i]);
		n++;
	}
	if (same) {
		call_told_status(many->call, first);
		return 0;
	}
	failed = buf_steal_str(&names);
	return error_set(err, ERROR_PARTIAL, "%zu of %zu hosts failed: %s", n,
			 many->count, failed ? failed : "");
}

int many_show_all(struct many *many, struct error *err)
{
	int rc = 0;

	if (many->format == OUTPUT_JSON)
		rc = show_object(many, err);
	else if (many->format == OUTPUT_CSV)
		rc = show_csv(many, err);
	if (rc < 0 || output_finish(many->call->output, err) < 0)
		return -1;
	if (many->interrupted)
		return error_set(err, ERROR_INTERRUPTED, "it was interrupted");
	return settle(many, err);
}
