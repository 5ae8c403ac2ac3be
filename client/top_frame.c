/*
 * Rows of `top` as a frame of text that fits a screen, and as JSON (top.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json_object.h>

#include "api/codec.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "client/output.h"
#include "client/top.h"

#define LINE_MAX_BYTES 1024
#define HEAD_LINES     4 /* before the first row */
#define REVERSE_ON     "\033[7m"
#define REVERSE_OFF    "\033[0m"

static const char help_text[] =
	"\n"
	"  q, Ctrl-C   leave\n"
	"  h, ?        this help, and back\n"
	"  P           sort by processor time used now\n"
	"  M           sort by memory\n"
	"  B           sort by bytes read and written\n"
	"  X           sort by bytes received and sent\n"
	"  T           sort by processor time used in all\n"
	"  N           sort by name\n"
	"  R           the other way round\n"
	"  j, k        a line down, up (or the arrow keys)\n"
	"  space       ask the host now\n"
	"\n"
	"  %CPU is of all processors of the host; rates are bytes a second.\n";

/* -- lines ----------------------------------------------------------------- */

/* As much of TEXT as WIDTH columns hold (0: all), and the line's end. */
static void append_line(struct buf *out, const char *text, unsigned width)
{
	size_t left = strlen(text);
	size_t used = 0;

	while (left > 0) {
		char one[8] = {0};
		uint32_t c = 0;
		size_t n = utf8_sequence((const uint8_t *)text, left, &c);

		if (!n)
			break;
		memcpy(one, text, n);
		used += utf8_columns(one);
		if (width && used > width)
			break;
		buf_append(out, text, n);
		text += n;
		left -= n;
	}
	buf_append_char(out, '\n');
}

/* "1.5K", "12M": at most five columns; "-" where it is not known. */
static void short_size(char *text, size_t size, double bytes)
{
	static const char units[] = "BKMGTPE";
	size_t unit = 0;

	if (bytes < 0) {
		snprintf(text, size, "-");
		return;
	}
	while (bytes >= 999.5 && unit + 2 < sizeof(units)) {
		bytes /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(text, size, "%.0f", bytes);
	else
		snprintf(text, size, "%.*f%c", bytes < 9.95 ? 1 : 0, bytes,
			 units[unit]);
}

static void percent(char *text, size_t size, double value)
{
	if (value < 0)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%.1f", value);
}

static void time_text(char *text, size_t size, int64_t ns)
{
	int64_t s = ns / (int64_t)CLOCK_NS_PER_S;

	if (ns < 0)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%" PRId64 ":%02d:%02d", s / 3600,
			 (int)(s / 60 % 60), (int)(s % 60));
}

static void append_row(struct buf *out, const struct top_row *row,
		       const struct top_head *head, unsigned width)
{
	char cpu[16], memory[16], share[16], time[32], rates[4][16];
	char line[LINE_MAX_BYTES];
	autobuf name = {0};
	autofree char *shown = NULL;

	output_escape(&name, row->name);
	shown = buf_steal_str(&name);
	percent(cpu, sizeof(cpu), row->cpu);
	short_size(memory, sizeof(memory), (double)row->memory);
	percent(share, sizeof(share),
		row->memory < 0 || head->memory == 0
			? -1
			: (double)row->memory * 100 / (double)head->memory);
	short_size(rates[0], sizeof(rates[0]), row->read);
	short_size(rates[1], sizeof(rates[1]), row->written);
	short_size(rates[2], sizeof(rates[2]), row->received);
	short_size(rates[3], sizeof(rates[3]), row->sent);
	time_text(time, sizeof(time), row->counters.cpu_ns);
	snprintf(line, sizeof(line),
		 "%-12s %5s %5s %5s %6s %6s %6s %6s %10s %s",
		 enum_text(&api_type_domain_state, (unsigned)row->state), cpu,
		 memory, share, rates[0], rates[1], rates[2], rates[3], time,
		 shown ? shown : "");
	append_line(out, line, width);
}

/* -- the head -------------------------------------------------------------- */

static void append_head(struct buf *out, const struct top_rows *rows,
			const struct top_head *head, unsigned width)
{
	char line[LINE_MAX_BYTES], size[OUTPUT_SIZE_TEXT],
		given[OUTPUT_SIZE_TEXT];
	size_t running = 0;
	uint64_t memory = 0;
	double cpu = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct top_row *r = &rows->rows[i];

		running += r->state == DOMAIN_STATE_RUNNING;
		cpu += r->cpu > 0 ? r->cpu : 0;
		memory += r->memory > 0 ? (uint64_t)r->memory : 0;
	}
	output_size(size, head->memory);
	output_size(given, memory);
	snprintf(line, sizeof(line),
		 "virtmux top - %s - %s - %" PRIu64 " CPUs, %s", head->time,
		 head->host, head->cpus, size);
	append_line(out, line, width);
	snprintf(line, sizeof(line),
		 "%zu domains, %zu running; CPU %.1f %%, memory given %s%s%s",
		 rows->count, running, cpu, given, head->note ? "; " : "",
		 head->note ? head->note : "");
	append_line(out, line, width);
}

static void append_titles(struct buf *out, const struct top_view *view)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof(line),
		 "%-12s %5s %5s %5s %6s %6s %6s %6s %10s %s", "State", "%CPU",
		 "Mem", "%MEM", "Read/s", "Writ/s", "Recv/s", "Sent/s", "Time",
		 "Name");
	buf_append_char(out, '\n');
	if (view->colour)
		buf_append_str(out, REVERSE_ON);
	append_line(out, line, view->width);
	if (view->colour)
		buf_append_str(out, REVERSE_OFF);
}

/* -- the frame ------------------------------------------------------------- */

/* How many rows fit; the first one is moved so that none are left out behind it. */
static size_t fit(const struct top_rows *rows, struct top_view *view)
{
	size_t room = rows->count;

	if (view->height)
		room = view->height > HEAD_LINES + 1
			       ? view->height - HEAD_LINES - 1
			       : 1;
	if (room >= rows->count)
		view->first = 0;
	else if (view->first > rows->count - room)
		view->first = rows->count - room;
	return room < rows->count ? room : rows->count;
}

int top_frame(struct buf *out, struct top_rows *rows,
	      const struct top_head *head, struct top_view *view)
{
	size_t room = fit(rows, view);

	append_head(out, rows, head, view->width);
	if (view->help) {
		buf_append_str(out, help_text);
		return buf_ok(out) ? 0 : -1;
	}
	top_sort(rows, view->sort, view->reverse);
	append_titles(out, view);
	for (size_t i = 0; i < room; i++)
		append_row(out, &rows->rows[view->first + i], head,
			   view->width);
	return buf_ok(out) ? 0 : -1;
}

/* -- JSON ------------------------------------------------------------------ */

static void add_rate(struct json_object *o, const char *name, double value)
{
	if (value >= 0)
		json_object_object_add(o, name, json_object_new_double(value));
}

static struct json_object *row_json(const struct top_row *row)
{
	struct json_object *o = json_object_new_object();
	const char *state =
		enum_text(&api_type_domain_state, (unsigned)row->state);

	json_object_object_add(o, "uuid", json_object_new_string(row->uuid));
	json_object_object_add(o, "name", json_object_new_string(row->name));
	json_object_object_add(o, "state", json_object_new_string(state));
	if (row->memory >= 0)
		json_object_object_add(o, "memory",
				       json_object_new_int64(row->memory));
	if (row->counters.cpu_ns >= 0)
		json_object_object_add(
			o, "cpu_time",
			json_object_new_int64(row->counters.cpu_ns));
	add_rate(o, "cpu_percent", row->cpu);
	add_rate(o, "read_rate", row->read);
	add_rate(o, "write_rate", row->written);
	add_rate(o, "receive_rate", row->received);
	add_rate(o, "send_rate", row->sent);
	return o;
}

struct json_object *top_json(const struct top_rows *rows,
			     const struct top_head *head)
{
	struct json_object *frame = json_object_new_object();
	struct json_object *list = json_object_new_array();

	json_object_object_add(frame, "host",
			       json_object_new_string(head->host));
	json_object_object_add(frame, "time",
			       json_object_new_string(head->time));
	for (size_t i = 0; i < rows->count; i++)
		json_object_array_add(list, row_json(&rows->rows[i]));
	json_object_object_add(frame, "domains", list);
	return frame;
}
