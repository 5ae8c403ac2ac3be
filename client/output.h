/*
 * Results for people and scripts: tables that fit the terminal, records, JSON,
 * JSON lines and CSV. Used by the verbs; the format is the user's choice and the
 * verb gives all of them from the same rows.
 *
 * What always holds: text from a host is shown with control characters escaped
 * (a guest's title cannot drive the terminal), JSON as it came; only results go
 * to standard output. One thread.
 */
#ifndef VIRTMUX_CLIENT_OUTPUT_H
#define VIRTMUX_CLIENT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

struct json_object;
struct output;

enum output_format {
	OUTPUT_TABLE,
	OUTPUT_JSON,  /* the result object */
	OUTPUT_JSONL, /* a list's entries, one a line; else the object */
	OUTPUT_CSV,   /* RFC 4180 with a header line */
};

struct output_options {
	FILE *file; /* borrowed */
	enum output_format format;
	bool quiet;     /* no messages */
	bool colour;    /* allowed; used where a person reads */
	bool person;    /* a person reads FILE though it is no terminal */
	unsigned width; /* columns; 0: of the terminal, or no limit */
};

struct output *output_new(const struct output_options *options);
void output_free(struct output *output); /* NULL-safe; does not close */

enum output_format output_format(const struct output *output);
bool output_is_text(const struct output *output); /* OUTPUT_TABLE */
bool output_is_json(const struct output *output); /* and OUTPUT_JSONL */
bool output_is_terminal(const struct output *output);
/* Text that goes to a terminal, by itself or through what reads FILE. */
bool output_is_for_person(const struct output *output);
bool output_has_colour(const struct output *output);
unsigned output_width(const struct output *output); /* columns; 0: no limit */
FILE *output_file(const struct output *output);

/* Whether all was written: ERROR_SYSTEM otherwise. Flushes. */
int output_finish(struct output *output, struct error *err);

/* -- messages -------------------------------------------------------------- */

/* A line for people; nothing in other formats or when quiet. */
void output_say(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* -- JSON ------------------------------------------------------------------ */

/*
 * RESULT (borrowed, may be NULL) as JSON; as JSONL the entries of its member
 * LIST (NULL: itself).
 */
void output_json(struct output *output, struct json_object *result,
		 const char *list);
/* The same where JSON is wanted, and whether it is. */
bool output_as_json(struct output *output, struct json_object *result,
		    const char *list);

/* -- tables ---------------------------------------------------------------- */

enum output_style {
	OUTPUT_PLAIN,
	OUTPUT_GOOD, /* green on a terminal */
	OUTPUT_BAD,  /* red */
	OUTPUT_WARN, /* yellow */
	OUTPUT_DIM,
	OUTPUT_MOMENT, /* of a cell: RFC 3339, shown as by output_moment() */
	OUTPUT_END,    /* the same, of a moment at which something ends */
};

/* TEXT (ours, nothing to escape) in that style where colour is allowed. */
void output_styled(struct output *output, enum output_style style,
		   const char *text);

struct output_column {
	const char *title; /* "Id"; CSV uses KEY */
	const char *key;   /* "id" */
	bool right;        /* aligned */
	bool shrinks;      /* is cut first where the terminal is narrow */
};

struct output_cell {
	const char *text; /* borrowed for the call; NULL: "-" */
	enum output_style style;
};

struct output_table;

/* COLUMNS is borrowed until output_table_end(). NULL without memory: see there. */
struct output_table *output_table_new(struct output *output,
				      const struct output_column *columns,
				      size_t n);
/* CELLS has N of them. Without memory, or TABLE, the row is missing and the end fails. */
void output_table_row(struct output_table *table,
		      const struct output_cell *cells);
/* Prints as text or CSV and frees; 0 or ERROR_NO_MEMORY, as where TABLE is NULL. */
int output_table_end(struct output_table *table, struct error *err);

/* Adds the row of ENTRY; in CSV values are not rounded. */
typedef void output_entry_fn(struct output_table *table,
			     struct json_object *entry, bool csv);
/*
 * RESULT in the user's format: as JSON, or its member LIST as a table to which ROW adds
 * what each entry is.
 */
int output_list(struct output *output, struct json_object *result,
		const char *list, const struct output_column *columns, size_t n,
		output_entry_fn *row, struct error *err);

/* -- records --------------------------------------------------------------- */

/*
 * One "Name:   value" line. Values begin in column OUTPUT_FIELD_COLUMNS, as in
 * virsh dominfo, unless output_field_columns() says otherwise.
 */
#define OUTPUT_FIELD_COLUMNS 16
void output_field_columns(struct output *output, unsigned columns);
void output_field(struct output *output, const char *name, const char *format,
		  ...) __attribute__((format(printf, 3, 4)));

/*
 * Any JSON value, in every format: for people objects as fields and lists of
 * objects as tables.
 */
int output_value(struct output *output, struct json_object *value,
		 struct error *err);

/*
 * NAME (NULL: empty) alone on a line, escaped; or as it is with a NUL behind it, for
 * xargs -0.
 */
void output_name(struct output *output, const char *name, bool null);

/* -- moments --------------------------------------------------------------- */

#define OUTPUT_NEAR_END_S                                                      \
	(30 * CLOCK_S_PER_DAY) /* what ends so soon stands out */

/*
 * TIME (RFC 3339, as results have it; borrowed) as tables show it: for a person "3 min
 * ago" or "in 5 days", in TEXT, which has CLOCK_TEXT_SIZE bytes; else, and where it is
 * no time, TIME itself.
 */
const char *output_moment(const struct output *output, const char *time,
			  char *text);

/* The style for a moment at which something ends: OUTPUT_WARN soon, OUTPUT_BAD past. */
enum output_style output_end_style(const char *time);

/* A field of it: for a person "2026-11-21 08:45:12 UTC, 3 min ago"; else TIME. */
void output_field_moment(struct output *output, const char *name,
			 const char *time, bool end);

/* -- texts ----------------------------------------------------------------- */

/* TEXT with control characters and invalid UTF-8 as \xNN, appended. */
void output_escape(struct buf *to, const char *text);

/* "512 MiB", "1.5 GiB"; TEXT has OUTPUT_SIZE_TEXT bytes. */
#define OUTPUT_SIZE_TEXT 32
void output_size(char *text, uint64_t bytes);

#endif
