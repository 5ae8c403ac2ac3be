/*
 * Tables as virsh prints them, and the same rows as CSV (RFC 4180). All rows are
 * gathered first, since columns are as wide as their widest cell; where the
 * terminal is narrower, gaps and columns that may shrink do, and where that is not
 * enough, each row becomes a block of lines.
 */
#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "client/output.h"

#define GAP          3  /* columns between two */
#define GAP_LEAST    1  /* where the terminal is narrow */
#define SHRUNK_LEAST 10 /* columns that a cell keeps */
#define CUT          "…"

struct cell {
	char *text; /* escaped in tables; NULL where there is no value */
	enum output_style style;
};

struct output_table {
	struct output *output;
	const struct output_column *columns;
	size_t n;
	struct cell *cells; /* rows * n */
	size_t rows;
	size_t room; /* rows that fit */
	size_t gap;  /* columns between two */
	bool failed;
};

struct output_table *output_table_new(struct output *output,
				      const struct output_column *columns,
				      size_t n)
{
	struct output_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->output = output;
	t->columns = columns;
	t->n = n;
	t->gap = GAP;
	return t;
}

static bool is_csv(const struct output_table *t)
{
	return output_format(t->output) == OUTPUT_CSV;
}

static bool is_moment(const struct output_cell *cell)
{
	return cell->style == OUTPUT_MOMENT || cell->style == OUTPUT_END;
}

/* How TEXT is shown, which has no value where it is NULL. */
static enum output_style cell_style(const struct output_cell *cell)
{
	if (!is_moment(cell))
		return cell->style;
	return cell->text && cell->style == OUTPUT_END
		       ? output_end_style(cell->text)
		       : OUTPUT_PLAIN;
}

static char *cell_text(const struct output_table *t,
		       const struct output_cell *cell)
{
	char moment[CLOCK_TEXT_SIZE];
	autobuf out = {0};

	if (is_csv(t))
		return strdup(cell->text);
	output_escape(&out, is_moment(cell) ? output_moment(t->output,
							    cell->text, moment)
					    : cell->text);
	return buf_steal_str(&out);
}

static bool make_room(struct output_table *t)
{
	size_t room = t->room ? 2 * t->room : 64;
	struct cell *cells = NULL;

	if (t->rows < t->room)
		return true;
	if (room > SIZE_MAX / sizeof(*cells) / (t->n ? t->n : 1))
		return false;
	cells = realloc(t->cells, room * t->n * sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->room = room;
	return true;
}

void output_table_row(struct output_table *t, const struct output_cell *cells)
{
	struct cell *row = NULL;

	if (!t)
		return;
	if (!make_room(t)) {
		t->failed = true;
		return;
	}
	row = &t->cells[t->rows++ * t->n];
	for (size_t i = 0; i < t->n; i++) {
		row[i] = (struct cell){.style = cell_style(&cells[i])};
		if (!cells[i].text)
			continue;
		row[i].text = cell_text(t, &cells[i]);
		if (!row[i].text)
			t->failed = true;
	}
}

static void table_free(struct output_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->rows * t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

/* -- CSV ------------------------------------------------------------------- */

static void print_csv_value(FILE *f, const char *text)
{
	if (!text)
		return;
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			fputc('"', f);
		fputc(*p, f);
	}
	fputc('"', f);
}

static void print_csv(const struct output_table *t)
{
	FILE *f = output_file(t->output);

	for (size_t i = 0; i < t->n; i++)
		fprintf(f, "%s%s", i ? "," : "", t->columns[i].key);
	fputs("\r\n", f);
	for (size_t r = 0; r < t->rows; r++) {
		for (size_t i = 0; i < t->n; i++) {
			if (i)
				fputc(',', f);
			print_csv_value(f, t->cells[r * t->n + i].text);
		}
		fputs("\r\n", f);
	}
}

/* -- text ------------------------------------------------------------------ */

static const char *shown(const struct cell *cell)
{
	return cell->text ? cell->text : "-";
}

static void measure(const struct output_table *t, size_t *widths)
{
	for (size_t i = 0; i < t->n; i++)
		widths[i] = utf8_columns(t->columns[i].title);
	for (size_t r = 0; r < t->rows; r++)
		for (size_t i = 0; i < t->n; i++) {
			size_t w = utf8_columns(shown(&t->cells[r * t->n + i]));

			if (w > widths[i])
				widths[i] = w;
		}
}

static size_t total_width(const struct output_table *t, const size_t *widths)
{
	size_t total = 1;

	for (size_t i = 0; i < t->n; i++)
		total += widths[i] + (i ? t->gap : 0);
	return total;
}

static bool fits(const struct output_table *t, const size_t *widths)
{
	unsigned limit = output_width(t->output);

	return limit == 0 || total_width(t, widths) <= limit;
}

/*
 * Takes away from the gaps, then from the widest column that may shrink, until all
 * fit; false: they do not.
 */
static bool shrink(struct output_table *t, size_t *widths)
{
	while (t->gap > GAP_LEAST && !fits(t, widths))
		t->gap--;
	while (!fits(t, widths)) {
		size_t widest = t->n;

		for (size_t i = 0; i < t->n; i++)
			if (t->columns[i].shrinks && widths[i] > SHRUNK_LEAST &&
			    (widest == t->n || widths[i] > widths[widest]))
				widest = i;
		if (widest == t->n)
			return false;
		widths[widest]--;
	}
	return true;
}

/* Bytes of TEXT that fit WIDTH columns, which *USED tells. */
static size_t prefix_of(const char *text, size_t width, size_t *used)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text);
	size_t taken = 0;

	*used = 0;
	while (taken < left) {
		char one[8] = {0};
		uint32_t c = 0;
		size_t n = utf8_sequence(p + taken, left - taken, &c);
		size_t w = 0;

		if (!n)
			break;
		memcpy(one, p + taken, n);
		w = utf8_columns(one);
		if (*used + w > width)
			break;
		*used += w;
		taken += n;
	}
	return taken;
}

static const char *style_on(enum output_style style)
{
	switch (style) {
	case OUTPUT_GOOD:
		return "\033[32m";
	case OUTPUT_BAD:
		return "\033[31m";
	case OUTPUT_WARN:
		return "\033[33m";
	case OUTPUT_DIM:
		return "\033[2m";
	case OUTPUT_PLAIN:
	case OUTPUT_MOMENT:
	case OUTPUT_END:
		break;
	}
	return "";
}

void output_styled(struct output *output, enum output_style style,
		   const char *text)
{
	bool colour = style != OUTPUT_PLAIN && output_has_colour(output);

	fprintf(output_file(output), "%s%s%s", colour ? style_on(style) : "",
		text, colour ? "\033[0m" : "");
}

static void print_cell(const struct output_table *t, size_t column,
		       const char *text, enum output_style style, size_t width)
{
	FILE *f = output_file(t->output);
	bool last = column + 1 == t->n;
	bool colour = style != OUTPUT_PLAIN && output_has_colour(t->output);
	size_t used = utf8_columns(text);
	size_t bytes = strlen(text);
	bool cut = used > width;
	int pad = 0;

	if (cut) {
		bytes = prefix_of(text, width - 1, &used);
		used++;
	}
	if (last && bytes == 0)
		return; /* no blanks at a line's end */
	pad = (int)(width - used);
	fprintf(f, "%*s", column ? (int)t->gap : 1, "");
	if (t->columns[column].right)
		fprintf(f, "%*s", pad, "");
	fprintf(f, "%s%.*s%s%s", colour ? style_on(style) : "", (int)bytes,
		text, cut ? CUT : "", colour ? "\033[0m" : "");
	if (!t->columns[column].right && !last)
		fprintf(f, "%*s", pad, "");
}

/* A row is a block of lines, each a column's title and value. */
static void print_records(const struct output_table *t)
{
	FILE *f = output_file(t->output);
	size_t widest = 0;

	for (size_t i = 0; i < t->n; i++) {
		size_t w = utf8_columns(t->columns[i].title);

		widest = w > widest ? w : widest;
	}
	for (size_t r = 0; r < t->rows; r++) {
		if (r > 0)
			fputc('\n', f);
		for (size_t i = 0; i < t->n; i++) {
			const struct cell *c = &t->cells[r * t->n + i];
			const char *title = t->columns[i].title;

			fprintf(f, "%s:%*s", title,
				(int)(widest - utf8_columns(title) + 1), "");
			output_styled(t->output, c->style, shown(c));
			fputc('\n', f);
		}
	}
}

static void print_text(struct output_table *t, size_t *widths)
{
	FILE *f = output_file(t->output);
	size_t total = 0;

	measure(t, widths);
	if (!shrink(t, widths) && t->rows > 0) {
		print_records(t);
		return;
	}
	total = total_width(t, widths);
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, i, t->columns[i].title, OUTPUT_PLAIN, widths[i]);
	fputc('\n', f);
	for (size_t i = 0; i <= total; i++)
		if (!output_width(t->output) || i < output_width(t->output))
			fputc('-', f);
	fputc('\n', f);
	for (size_t r = 0; r < t->rows; r++) {
		for (size_t i = 0; i < t->n; i++) {
			const struct cell *c = &t->cells[r * t->n + i];

			print_cell(t, i, shown(c), c->style, widths[i]);
		}
		fputc('\n', f);
	}
}

int output_table_end(struct output_table *t, struct error *err)
{
	autofree size_t *widths =
		t ? calloc(t->n ? t->n : 1, sizeof(*widths)) : NULL;
	bool failed = !widths || t->failed;

	if (failed)
		error_set_no_memory(err);
	else if (is_csv(t))
		print_csv(t);
	else
		print_text(t, widths);
	table_free(t);
	return failed ? -1 : 0;
}

int output_list(struct output *output, struct json_object *result,
		const char *list, const struct output_column *columns, size_t n,
		output_entry_fn *row, struct error *err)
{
	struct output_table *table = NULL;
	struct json_object *entries = NULL;

	if (output_as_json(output, result, list))
		return 0;
	table = output_table_new(output, columns, n);
	json_object_object_get_ex(result, list, &entries);
	for (size_t i = 0; entries && i < json_object_array_length(entries);
	     i++)
		row(table, json_object_array_get_idx(entries, i),
		    output_format(output) == OUTPUT_CSV);
	return output_table_end(table, err);
}
