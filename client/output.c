/*
 * Where results go and in which form (output.h): messages, JSON, fields and
 * texts. Tables stand in output_table.c, the rendering of any JSON value in
 * output_value.c.
 */
#include "client/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <json-c/json_object.h>

#include "base/utf8.h"

struct output {
	struct output_options options;
	bool terminal;
	unsigned field_columns;
};

static unsigned terminal_width(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

struct output *output_new(const struct output_options *options)
{
	struct output *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->options = *options;
	o->field_columns = OUTPUT_FIELD_COLUMNS;
	o->terminal = isatty(fileno(options->file)) == 1;
	if (!o->options.width && o->terminal)
		o->options.width = terminal_width(fileno(options->file));
	return o;
}

void output_free(struct output *output)
{
	free(output);
}

enum output_format output_format(const struct output *output)
{
	return output->options.format;
}

bool output_is_text(const struct output *output)
{
	return output->options.format == OUTPUT_TABLE;
}

bool output_is_json(const struct output *output)
{
	return output->options.format == OUTPUT_JSON ||
	       output->options.format == OUTPUT_JSONL;
}

bool output_is_terminal(const struct output *output)
{
	return output->terminal;
}

bool output_is_for_person(const struct output *output)
{
	return output_is_text(output) &&
	       (output->terminal || output->options.person);
}

bool output_has_colour(const struct output *output)
{
	return output_is_for_person(output) && output->options.colour;
}

unsigned output_width(const struct output *output)
{
	return output->options.width;
}

FILE *output_file(const struct output *output)
{
	return output->options.file;
}

int output_finish(struct output *output, struct error *err)
{
	FILE *f = output->options.file;

	errno = 0;
	if (fflush(f) == 0 && !ferror(f))
		return 0;
	return error_set_errno(err, ERROR_SYSTEM, errno ? errno : EIO,
			       "cannot write the result");
}

void output_say(struct output *output, const char *format, ...)
{
	autobuf text = {0};
	autobuf shown = {0};
	autofree char *s = NULL;
	autofree char *line = NULL;
	va_list args;

	if (output->options.quiet || !output_is_text(output))
		return;
	va_start(args, format);
	buf_vappendf(&text, format, args);
	va_end(args);
	s = buf_steal_str(&text);
	if (s)
		output_escape(&shown, s);
	line = buf_steal_str(&shown);
	fprintf(output->options.file, "%s\n", line ? line : "");
}

/* -- JSON ------------------------------------------------------------------ */

static void print_json(struct output *output, struct json_object *value)
{
	bool pretty = output_is_terminal(output) &&
		      output->options.format == OUTPUT_JSON;
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (pretty)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	fprintf(output->options.file, "%s\n",
		json_object_to_json_string_ext(value, flags));
}

void output_json(struct output *output, struct json_object *result,
		 const char *list)
{
	struct json_object *entries = NULL;

	if (output->options.format != OUTPUT_JSONL || !list ||
	    !json_object_object_get_ex(result, list, &entries) ||
	    !json_object_is_type(entries, json_type_array)) {
		print_json(output, result);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(entries); i++)
		print_json(output, json_object_array_get_idx(entries, i));
}

bool output_as_json(struct output *output, struct json_object *result,
		    const char *list)
{
	bool wanted = output_is_json(output);

	if (wanted)
		output_json(output, result, list);
	return wanted;
}

/* -- records --------------------------------------------------------------- */

void output_field_columns(struct output *output, unsigned columns)
{
	output->field_columns = columns;
}

/* "Name:   ", with which a field's line begins. */
static void begin_field(struct output *output, const char *name)
{
	int pad = (int)output->field_columns - (int)utf8_columns(name) - 1;

	fprintf(output->options.file, "%s%c%*s", name, *name ? ':' : ' ',
		pad > 1 ? pad : 1, "");
}

void output_field(struct output *output, const char *name, const char *format,
		  ...)
{
	autobuf text = {0};
	autobuf shown = {0};
	autofree char *value = NULL;
	autofree char *line = NULL;
	va_list args;

	va_start(args, format);
	buf_vappendf(&text, format, args);
	va_end(args);
	value = buf_steal_str(&text);
	if (value)
		output_escape(&shown, value);
	line = buf_steal_str(&shown);
	begin_field(output, name);
	fprintf(output->options.file, "%s\n", line ? line : "");
}

/* -- moments --------------------------------------------------------------- */

static int64_t now_s(void)
{
	return clock_realtime_us() / 1000000;
}

static bool read_seconds(const char *time, int64_t *seconds)
{
	int64_t us;

	if (!clock_parse_us(time, &us))
		return false;
	*seconds = us / 1000000;
	return true;
}

const char *output_moment(const struct output *output, const char *time,
			  char *text)
{
	int64_t seconds;

	if (!output_is_for_person(output) || !read_seconds(time, &seconds))
		return time;
	clock_format_ago(seconds, now_s(), text);
	return text;
}

enum output_style output_end_style(const char *time)
{
	int64_t now = now_s();
	int64_t seconds;

	if (!read_seconds(time, &seconds))
		return OUTPUT_PLAIN;
	if (seconds <= now)
		return OUTPUT_BAD;
	return seconds - now < OUTPUT_NEAR_END_S ? OUTPUT_WARN : OUTPUT_PLAIN;
}

void output_field_moment(struct output *output, const char *name,
			 const char *time, bool end)
{
	char text[2 * CLOCK_TEXT_SIZE + 2], at[CLOCK_TEXT_SIZE];
	char ago[CLOCK_TEXT_SIZE];
	int64_t seconds;

	if (!output_is_for_person(output) || !read_seconds(time, &seconds)) {
		output_field(output, name, "%s", time);
		return;
	}
	clock_format_s((time_t)seconds, at);
	clock_format_ago(seconds, now_s(), ago);
	snprintf(text, sizeof(text), "%s, %s", at, ago);
	begin_field(output, name);
	output_styled(output, end ? output_end_style(time) : OUTPUT_PLAIN,
		      text);
	fputc('\n', output->options.file);
}

/* -- texts ----------------------------------------------------------------- */

/* C0, DEL and C1 (U+0080 to U+009F): what a terminal may act upon. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

void output_escape(struct buf *to, const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text);

	while (left > 0) {
		uint32_t c = 0;
		size_t n = utf8_sequence(p, left, &c);
		size_t step = n ? n : 1;

		if (n && !is_control(c))
			buf_append(to, p, n);
		else
			for (size_t i = 0; i < step; i++)
				buf_appendf(to, "\\x%02x", p[i]);
		p += step;
		left -= step;
	}
}

void output_name(struct output *output, const char *name, bool null)
{
	FILE *f = output->options.file;
	autobuf text = {0};
	autofree char *shown = NULL;

	if (!name)
		name = "";
	if (null) {
		fwrite(name, 1, strlen(name) + 1, f);
		return;
	}
	output_escape(&text, name);
	shown = buf_steal_str(&text);
	fprintf(f, "%s\n", shown ? shown : "");
}

void output_size(char *text, uint64_t bytes)
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < array_size(units)) {
		value /= 1024;
		unit++;
	}
	if (value == (double)(uint64_t)value)
		snprintf(text, OUTPUT_SIZE_TEXT, "%" PRIu64 " %s",
			 (uint64_t)value, units[unit]);
	else
		snprintf(text, OUTPUT_SIZE_TEXT, "%.1f %s", value, units[unit]);
}
