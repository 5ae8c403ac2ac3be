/*
 * INI text into option values, by a table. The reader is inih; what stands here
 * is what inih does not give: line numbers, sections without keys, long lines,
 * keys given twice, unknown names with the nearest known one, and typed values
 * with ranges. Used for virtmuxd.conf, access.conf and the client's
 * configuration. Any thread, no state.
 *
 * The form: "[SECTION]" and "KEY = VALUE" (or "KEY: VALUE"), one a line. A line
 * that begins with '#' or ';' is a comment; behind a value neither begins one,
 * so that paths, colours and pkcs11: URIs stay whole. Blanks around names and
 * values are dropped; quotes and backslashes are plain characters; an indented
 * line continues nothing.
 */
#ifndef VIRTMUX_BASE_INI_H
#define VIRTMUX_BASE_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define INI_TEXT_MAX  (256 * 1024) /* bytes of a configuration file */
#define INI_LINE_MAX  4096         /* bytes of a line */
#define INI_KEY_MAX   49           /* bytes of a key: inih's MAX_NAME */
#define INI_NAMES_MAX 4096         /* sections of a file, keys of a section */

/*
 * Receives one entry, or with KEY and VALUE NULL the begin of a section.
 * SECTION is "" before the first one. The strings are borrowed for the call.
 * Returns 0, or -1 with ERR set (the reader then stops and puts "FILE:LINE: "
 * before the words).
 */
typedef int ini_entry_fn(void *context, const char *section, const char *key,
			 const char *value, unsigned line, struct error *err);

/*
 * Reads TEXT (LEN bytes; NULs and invalid UTF-8 are errors). FILE is for
 * messages. ERROR_CONFIG with file and line on the first fault; a key given
 * twice in a section, a section given twice, an empty name and what exceeds a
 * limit above are faults. A byte order mark at the begin is skipped.
 */
int ini_read(const char *text, size_t len, const char *file,
	     ini_entry_fn *entry, void *context, struct error *err);

/*
 * Reads the file at PATH (at most INI_TEXT_MAX) and parses it. Errors: those of
 * file_read() and ini_read().
 */
int ini_read_file(const char *path, ini_entry_fn *entry, void *context,
		  struct error *err);

enum option_type {
	OPTION_STRING,   /* char *, owned by the target */
	OPTION_PATH,     /* char *, absolute, or "~/…" expanded */
	OPTION_BOOL,     /* bool: yes/no, true/false, on/off, 1/0 */
	OPTION_NUMBER,   /* int64_t, decimal */
	OPTION_BYTES,    /* int64_t bytes: 64, 64K, 16M, 1G, 1T (1024-based) */
	OPTION_DURATION, /* int64_t milliseconds: 0, 500ms, 10s, 5m, 2h, 1d */
	OPTION_LIST,     /* char **, NULL-terminated; comma or space separated;
			    one allocation together with its strings */
	OPTION_CHOICE,   /* int64_t: index in the space-separated choices */
};

enum option_change { OPTION_RELOAD, OPTION_RESTART };

/*
 * One option, from an OPTION() line of a .def table:
 * OPTION(section, name, TYPE, default, range, RELOAD|RESTART, doc)
 * range: "" or "MIN..MAX" in the type's own notation (NUMBER, BYTES, DURATION),
 * or the choices.
 */
struct option_spec {
	const char *section; /* "" for none; for named sections the kind */
	const char *name;
	enum option_type type;
	const char *fallback; /* in the file's notation; NULL: unset, which is
				 NULL, false, 0 or, for a choice, -1 */
	const char *range;
	enum option_change change;
	const char *doc;
	size_t offset; /* of the member in the target struct */
};

/*
 * Sets every option of the table to its default. TARGET is zeroed before its
 * first use; older values are freed. Errors as for options_set().
 */
int options_set_defaults(const struct option_spec *specs, size_t n,
			 void *target, struct error *err);

/*
 * Sets one option. SECTION is matched exactly against spec->section.
 * ERROR_CONFIG for an unknown section or key (naming the nearest known one), a
 * wrong form or a value out of range (naming the range); the target then keeps
 * its older value.
 */
int options_set(const struct option_spec *specs, size_t n, void *target,
		const char *section, const char *key, const char *value,
		struct error *err);

/* Whether SECTION occurs in the table. */
bool options_has_section(const struct option_spec *specs, size_t n,
			 const char *section);

/* Frees what strings and lists of the target own, and leaves them NULL. */
void options_free(const struct option_spec *specs, size_t n, void *target);

/*
 * The value of an option in the file's notation, appended to OUT; nothing where
 * it is unset. 0, or -1 without memory.
 */
int option_print(const struct option_spec *spec, const void *target,
		 struct buf *out);

/*
 * The nearest of N names to WORD, or NULL: the edit distance (insert, delete,
 * replace or swap a byte) is at most a third of WORD's length. The first of
 * equals; NULL for words above 64 bytes. Also used for verbs, methods and
 * domains.
 */
const char *nearest_name(const char *word, const char *const *names, size_t n);

#endif
