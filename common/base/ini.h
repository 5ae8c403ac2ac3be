/*
 * INI text into option values, by a table. The reader is inih; what stands here
 * is what inih does not give: line numbers, sections without keys, lines that
 * are too long, keys given twice, unknown names with the nearest known one, and
 * typed values with ranges. Used for virtmuxd.conf, access.conf and the client's
 * configuration. Any thread, no state.
 */
#ifndef VIRTMUX_BASE_INI_H
#define VIRTMUX_BASE_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define INI_TEXT_MAX (256 * 1024) /* bytes of a configuration file */

/*
 * Receives one entry, or with KEY NULL the begin of a section. SECTION is ""
 * before the first one. Returns 0, or -1 with ERR set (the reader then stops
 * and puts "FILE:LINE: " before the words).
 */
typedef int ini_entry_fn(void *context, const char *section, const char *key,
			 const char *value, unsigned line, struct error *err);

/*
 * Reads TEXT (LEN bytes; NULs and invalid UTF-8 are errors). FILE is for
 * messages. ERROR_CONFIG with file and line on the first fault; a key given
 * twice in a section, and a section given twice, are faults.
 */
int ini_parse(const char *text, size_t len, const char *file,
	      ini_entry_fn *entry, void *context, struct error *err);

/* Reads the file at PATH (at most INI_TEXT_MAX) and parses it. */
int ini_parse_file(const char *path, ini_entry_fn *entry, void *context,
		   struct error *err);

enum option_type {
	OPTION_STRING,	 /* char *, owned by the target */
	OPTION_PATH,	 /* char *, absolute, or "~/…" expanded */
	OPTION_BOOL,	 /* bool: yes/no, true/false, on/off, 1/0 */
	OPTION_NUMBER,	 /* int64_t */
	OPTION_BYTES,	 /* int64_t bytes: 64, 64K, 16M, 1G (1024-based) */
	OPTION_DURATION, /* int64_t milliseconds: 500ms, 10s, 5m, 2h, 1d */
	OPTION_LIST,	 /* char **, NULL-terminated; comma or space separated */
	OPTION_CHOICE,	 /* int64_t: index in the space-separated choices */
};

enum option_change { OPTION_RELOAD, OPTION_RESTART };

/*
 * One option, from an OPTION() line of a .def table:
 * OPTION(section, name, TYPE, default, range, RELOAD|RESTART, doc)
 * range: "" or "MIN..MAX" in the type's own notation, or the choices.
 */
struct option_spec {
	const char *section; /* "" for none; for named sections the kind */
	const char *name;
	enum option_type type;
	const char *fallback; /* in the file's notation; NULL: unset */
	const char *range;
	enum option_change change;
	const char *doc;
	size_t offset; /* of the member in the target struct */
};

/* Sets every option of the table to its default. */
int options_set_defaults(const struct option_spec *specs, size_t n,
			 void *target, struct error *err);

/*
 * Sets one option. SECTION is matched exactly against spec->section.
 * ERROR_CONFIG for an unknown section or key (naming the nearest known one), a
 * wrong form or a value out of range (naming the range).
 */
int options_set(const struct option_spec *specs, size_t n, void *target,
		const char *section, const char *key, const char *value,
		struct error *err);

/* Whether SECTION occurs in the table. */
bool options_has_section(const struct option_spec *specs, size_t n,
			 const char *section);

/* Frees what strings and lists of the target own. */
void options_free(const struct option_spec *specs, size_t n, void *target);

/* The value of an option in the file's notation, appended to OUT. */
int option_print(const struct option_spec *spec, const void *target,
		 struct buf *out);

/*
 * The nearest of N names to WORD (edit distance at most a third of its length),
 * or NULL. Also used for verbs, methods and domains.
 */
const char *nearest_name(const char *word, const char *const *names, size_t n);

#endif
