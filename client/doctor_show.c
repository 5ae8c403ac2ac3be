/*
 * How doctor tells: a line a step for people, as soon as it is known, with the
 * words of a failure wrapped beside it; one object or table for programs.
 */
#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/utf8.h"
#include "client/command.h"
#include "client/doctor_private.h"
#include "client/output.h"
#include "client/connect/profile.h"

#define TITLE_COLUMNS  18
#define RESULT_COLUMNS 9
#define TEXT_COLUMN    (1 + TITLE_COLUMNS + 3 + RESULT_COLUMNS + 3)
#define TEXT_LEAST     30 /* columns; narrower terminals get long lines */

static const struct {
	const char *name;
	const char *title;
} steps[] = {
#define DOCTOR_STEP(id, name, title) {name, title},
#include "client/doctor.def"
#undef DOCTOR_STEP
};

static const struct {
	const char *name;
	enum output_style style;
} results[] = {
	[DOCTOR_OK] = {"ok", OUTPUT_GOOD},
	[DOCTOR_WARNING] = {"warning", OUTPUT_WARN},
	[DOCTOR_FAILED] = {"failed", OUTPUT_BAD},
	[DOCTOR_NOT_TRIED] = {"not tried", OUTPUT_DIM},
};

/* -- for people ------------------------------------------------------------ */

static void print_head(struct doctor *d)
{
	FILE *f = output_file(d->output);
	unsigned width = output_width(d->output);

	fprintf(f, " %-*s   %-*s   %s\n", TITLE_COLUMNS, "Step", RESULT_COLUMNS,
		"Result", "Finding");
	for (unsigned i = 0; i < (width && width < 80 ? width : 80); i++)
		fputc('-', f);
	fputc('\n', f);
}

/* Bytes of the first line of TEXT in WIDTH columns; 0: no limit. */
static size_t line_of(const char *text, unsigned width)
{
	size_t all = strlen(text);
	size_t best = 0;

	if (!width || utf8_columns(text) <= width)
		return all;
	for (size_t n = 1; n < all; n++) {
		char *head = text[n] == ' ' ? strndup(text, n) : NULL;
		bool fits = head && utf8_columns(head) <= width;

		free(head);
		if (fits)
			best = n;
		else if (text[n] == ' ')
			break;
	}
	return best ? best : strcspn(text, " ");
}

static void print_text(struct doctor *d, const char *text)
{
	FILE *f = output_file(d->output);
	unsigned width = output_width(d->output);
	autobuf escaped = {0};
	autofree char *shown = NULL;

	width = width > TEXT_COLUMN + TEXT_LEAST ? width - TEXT_COLUMN : 0;
	output_escape(&escaped, text);
	shown = buf_steal_str(&escaped);
	for (const char *p = shown ? shown : ""; *p;) {
		size_t n = line_of(p, width);

		fprintf(f, "%.*s\n", (int)n, p);
		p += n;
		p += *p == ' ';
		if (*p)
			fprintf(f, "%*s", TEXT_COLUMN, "");
	}
}

static void print_finding(struct doctor *d, const struct doctor_finding *it)
{
	FILE *f = output_file(d->output);
	const char *word = results[it->result].name;

	fprintf(f, " %-*s   ", TITLE_COLUMNS, steps[it->step].title);
	output_styled(d->output, results[it->result].style, word);
	if (!it->text || !*it->text) {
		fputc('\n', f);
		return;
	}
	fprintf(f, "%*s", RESULT_COLUMNS - (int)strlen(word) + 3, "");
	print_text(d, it->text);
}

static void tell(struct doctor *d)
{
	if (!output_is_text(d->output))
		return;
	while (d->told < d->count &&
	       d->findings[d->told].result != DOCTOR_OPEN) {
		if (d->told == 0)
			print_head(d);
		print_finding(d, &d->findings[d->told++]);
	}
	fflush(output_file(d->output));
}

/* -- findings -------------------------------------------------------------- */

static void add(struct doctor *d, enum doctor_step step,
		enum doctor_result result, enum error_code code, char *text)
{
	struct doctor_finding *more =
		realloc(d->findings, (d->count + 1) * sizeof(*d->findings));

	if (!more) {
		free(text);
		d->failed = true;
		return;
	}
	d->findings = more;
	more[d->count++] = (struct doctor_finding){
		.step = step, .result = result, .code = code, .text = text};
	if (result == DOCTOR_FAILED && d->first == ERROR_NONE)
		d->first = code;
	tell(d);
}

void doctor_add(struct doctor *d, enum doctor_step step,
		enum doctor_result result, const char *format, ...)
{
	autobuf text = {0};
	va_list args;

	va_start(args, format);
	buf_vappendf(&text, format, args);
	va_end(args);
	add(d, step, result, ERROR_NONE, buf_steal_str(&text));
}

void doctor_fail(struct doctor *d, enum doctor_step step,
		 const struct error *why)
{
	add(d, step, DOCTOR_FAILED, why->code, strdup(error_words(why)));
}

void doctor_skip(struct doctor *d, enum doctor_step from, enum doctor_step to)
{
	for (unsigned step = from; step <= to; step++)
		add(d, step, DOCTOR_NOT_TRIED, ERROR_NONE, NULL);
}

static struct doctor_finding *find_open(const struct doctor *d)
{
	for (size_t i = d->told; i < d->count; i++)
		if (d->findings[i].result == DOCTOR_OPEN)
			return &d->findings[i];
	return NULL;
}

bool doctor_is_open(const struct doctor *d)
{
	return find_open(d) != NULL;
}

void doctor_settle(struct doctor *d, enum doctor_result result,
		   const struct error *why)
{
	struct doctor_finding *it = find_open(d);

	if (!it)
		return;
	it->result = result;
	if (why) {
		it->code = why->code;
		free(it->text);
		it->text = strdup(error_words(why));
		d->first = why->code;
	}
	tell(d);
}

/* -- for programs ---------------------------------------------------------- */

static struct json_object *json_of(const struct doctor_finding *it)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_add_text(o, "step", steps[it->step].name);
	json_add_text(o, "result", results[it->result].name);
	if (it->text)
		json_add_text(o, "finding", it->text);
	if (it->code != ERROR_NONE)
		json_add_text(o, "error", error_code_name(it->code));
	return o;
}

static int show_json(struct doctor *d, struct error *err)
{
	autojson all = json_object_new_object();
	struct json_object *list = NULL;

	if (!all)
		return error_set_no_memory(err);
	if (d->profile) {
		json_add_text(all, "host", d->profile->name);
		json_add_text(all, "address", d->profile->address);
	}
	json_object_object_add(
		all, "status",
		json_object_new_int(d->first ? error_code_exit_status(d->first)
					     : 0));
	list = json_add_list(all, "steps");
	if (!list)
		return error_set_no_memory(err);
	for (size_t i = 0; i < d->count; i++)
		json_object_array_add(list, json_of(&d->findings[i]));
	output_json(d->output, all, "steps");
	return 0;
}

static int show_csv(struct doctor *d, struct error *err)
{
	static const struct output_column columns[] = {
		{.title = "Step", .key = "step"},
		{.title = "Result", .key = "result"},
		{.title = "Finding", .key = "finding"},
	};
	struct output_table *t =
		output_table_new(d->output, columns, array_size(columns));

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *it = &d->findings[i];
		const struct output_cell cells[] = {
			{.text = steps[it->step].name},
			{.text = results[it->result].name},
			{.text = it->text},
		};

		output_table_row(t, cells);
	}
	return output_table_end(t, err);
}

int doctor_end(struct doctor *d, struct error *err)
{
	doctor_settle(d, DOCTOR_WARNING, NULL);
	if (d->failed)
		return error_set_no_memory(err);
	if (output_is_text(d->output))
		return 0;
	return output_format(d->output) == OUTPUT_CSV ? show_csv(d, err)
						      : show_json(d, err);
}
