/*
 * Reading, writing and searching the index. Called by store. What always holds:
 * a line that is not exactly as this file writes it is an error with its
 * number, never skipped, since a lost line could hide a certificate.
 */
#include "pki/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define FIELDS       8
#define TIME_PATTERN "%Y-%m-%dT%H:%M:%SZ"
#define HEADER                                                                 \
	"# virtmux-pki index, version 1. Written by virtmux-pki alone.\n"      \
	"# kind\tname\tserial\tissued\texpires\tstate\tsince\treason\n"

static const char *const state_names[INDEX_STATES] = {
	[INDEX_VALID] = "valid",
	[INDEX_REPLACED] = "replaced",
	[INDEX_REVOKED] = "revoked",
};

static void clear_entry(struct index_entry *entry)
{
	free(entry->name);
	free(entry->reason);
}

void index_clear(struct index *index)
{
	for (size_t i = 0; i < index->count; i++)
		clear_entry(&index->entries[i]);
	free(index->entries);
	*index = (struct index){0};
}

const char *index_state_name(const struct index_entry *entry, time_t now)
{
	if (entry->state == INDEX_VALID && now > entry->expires)
		return "expired";
	return state_names[entry->state];
}

void index_time_text(time_t seconds, char *text)
{
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(text, INDEX_TIME_SIZE, TIME_PATTERN, &tm))
		strcpy(text, "-");
}

static bool parse_time(const char *text, time_t *seconds)
{
	struct tm tm = {0};
	char again[INDEX_TIME_SIZE];
	const char *end = strptime(text, TIME_PATTERN, &tm);

	if (!end || *end)
		return false;
	*seconds = timegm(&tm);
	index_time_text(*seconds, again);
	return strcmp(text, again) == 0;
}

static bool parse_state(const char *text, enum index_state *state)
{
	for (unsigned i = 0; i < INDEX_STATES; i++) {
		if (strcmp(state_names[i], text) == 0) {
			*state = (enum index_state)i;
			return true;
		}
	}
	return false;
}

static bool parse_serial(const char *text, char *serial)
{
	if (strlen(text) != SERIAL_TEXT_SIZE - 1 ||
	    strspn(text, "0123456789ABCDEF") != SERIAL_TEXT_SIZE - 1)
		return false;
	strcpy(serial, text);
	return true;
}

/* Cuts LINE at its tabs; whether there are exactly FIELDS fields, none empty. */
static bool split(char *line, char **fields)
{
	for (size_t i = 0; i < FIELDS; i++) {
		fields[i] = strsep(&line, "\t");
		if (!fields[i] || !*fields[i])
			return false;
	}
	return !line;
}

/* Borrows name and reason from LINE. */
static bool parse_line(char *line, struct index_entry *entry)
{
	char *fields[FIELDS];
	int kind;

	if (!split(line, fields))
		return false;
	kind = certificate_kind_from_name(fields[0]);
	if (kind < 0 || !parse_serial(fields[2], entry->serial) ||
	    !parse_time(fields[3], &entry->issued) ||
	    !parse_time(fields[4], &entry->expires) ||
	    !parse_state(fields[5], &entry->state))
		return false;
	if (strcmp(fields[6], "-") != 0 &&
	    !parse_time(fields[6], &entry->since))
		return false;
	if ((entry->state == INDEX_VALID) != (entry->since == 0))
		return false;
	entry->kind = (enum certificate_kind)kind;
	entry->name = fields[1];
	entry->reason = strcmp(fields[7], "-") == 0 ? NULL : fields[7];
	return true;
}

/* "crl", number, issued, expires; LINE is cut. */
static bool parse_crl(char *line, struct index_crl *crl)
{
	char *fields[4];
	char *end = NULL;

	for (size_t i = 0; i < array_size(fields); i++)
		fields[i] = strsep(&line, "\t");
	if (line || !fields[3] || crl->number != 0)
		return false;
	if (fields[1][strspn(fields[1], "0123456789")] || *fields[1] == '0')
		return false;
	errno = 0;
	crl->number = strtoull(fields[1], &end, 10);
	return !errno && crl->number != 0 &&
	       parse_time(fields[2], &crl->issued) &&
	       parse_time(fields[3], &crl->expires);
}

static int append(struct index *index, const struct index_entry *entry,
		  struct error *err)
{
	struct index_entry copy = *entry;

	if (index->count == index->room) {
		size_t room = index->room ? 2 * index->room : 16;
		void *more = reallocarray(index->entries, room,
					  sizeof(*index->entries));

		if (!more)
			return error_set_no_memory(err);
		index->entries = more;
		index->room = room;
	}
	copy.name = strdup(entry->name);
	copy.reason = entry->reason ? strdup(entry->reason) : NULL;
	if (!copy.name || (entry->reason && !copy.reason)) {
		clear_entry(&copy);
		return error_set_no_memory(err);
	}
	index->entries[index->count++] = copy;
	return 0;
}

static int damaged(const char *file, size_t line, const char *what,
		   struct error *err)
{
	return error_set(err, ERROR_CONFIG,
			 "%s:%zu: %s. The index is written by virtmux-pki "
			 "alone; put back a copy of it from before the change",
			 file, line, what);
}

/* Serials of a big index are compared in sorted order, not each with each. */
static int compare_serials(const void *a, const void *b)
{
	const struct index_entry *const *left = a;
	const struct index_entry *const *right = b;

	return strcmp((*left)->serial, (*right)->serial);
}

static int check_serials(const struct index *index, const char *file,
			 struct error *err)
{
	autofree const struct index_entry **sorted =
		calloc(index->count + 1, sizeof(const struct index_entry *));

	if (!sorted)
		return error_set_no_memory(err);
	for (size_t i = 0; i < index->count; i++)
		sorted[i] = &index->entries[i];
	qsort(sorted, index->count, sizeof(*sorted), compare_serials);
	for (size_t i = 1; i < index->count; i++)
		if (compare_serials(&sorted[i - 1], &sorted[i]) == 0)
			return error_set(err, ERROR_CONFIG,
					 "%s: serial %s occurs twice", file,
					 sorted[i]->serial);
	return 0;
}

/* Cuts LINE and adds what it says. */
static int take_line(struct index *index, char *line, const char *file,
		     size_t number, struct error *err)
{
	struct index_entry entry = {0};

	if (strncmp(line, "crl\t", 4) == 0)
		return parse_crl(line, &index->crl)
			       ? 0
			       : damaged(file, number, "the line is damaged",
					 err);
	if (!parse_line(line, &entry))
		return damaged(file, number, "the line is damaged", err);
	return append(index, &entry, err);
}

static int parse_lines(struct index *index, char *rest, const char *file,
		       struct error *err)
{
	char *line;

	for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
		if (!rest && *line)
			return damaged(file, number, "the line has no end",
				       err);
		if (!*line || *line == '#')
			continue;
		if (take_line(index, line, file, number, err) < 0)
			return -1;
	}
	return check_serials(index, file, err);
}

int index_parse(struct index *index, const char *text, size_t len,
		const char *file, struct error *err)
{
	autofree char *copy = NULL;

	if (len == 0)
		return 0;
	if (memchr(text, '\0', len) || !utf8_valid((const uint8_t *)text, len))
		return error_set(err, ERROR_CONFIG,
				 "%s is not the text of an index", file);
	copy = strndup(text, len);
	if (!copy)
		return error_set_no_memory(err);
	return parse_lines(index, copy, file, err);
}

static void print_entry(const struct index_entry *entry, struct buf *out)
{
	char issued[INDEX_TIME_SIZE], expires[INDEX_TIME_SIZE];
	char since[INDEX_TIME_SIZE] = "-";

	index_time_text(entry->issued, issued);
	index_time_text(entry->expires, expires);
	if (entry->since)
		index_time_text(entry->since, since);
	buf_appendf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
		    certificate_kind_name(entry->kind), entry->name,
		    entry->serial, issued, expires, state_names[entry->state],
		    since, entry->reason ? entry->reason : "-");
}

static void print_crl(const struct index_crl *crl, struct buf *out)
{
	char issued[INDEX_TIME_SIZE], expires[INDEX_TIME_SIZE];

	index_time_text(crl->issued, issued);
	index_time_text(crl->expires, expires);
	buf_appendf(out, "crl\t%ju\t%s\t%s\n", (uintmax_t)crl->number, issued,
		    expires);
}

void index_print(const struct index *index, struct buf *out)
{
	buf_append_str(out, HEADER);
	if (index->crl.number)
		print_crl(&index->crl, out);
	for (size_t i = 0; i < index->count; i++)
		print_entry(&index->entries[i], out);
}

int index_add(struct index *index, const struct index_entry *entry,
	      struct error *err)
{
	struct index_entry *old;

	if (index_find_serial(index, entry->serial))
		return error_set(err, ERROR_EXISTS,
				 "serial %s was issued already", entry->serial);
	while ((old = index_find(index, entry->kind, entry->name))) {
		old->state = INDEX_REPLACED;
		old->since = entry->issued;
	}
	return append(index, entry, err);
}

int index_revoke(struct index *index, const char *serial, time_t since,
		 const char *reason, struct error *err)
{
	struct index_entry *entry = index_find_serial(index, serial);
	autofree char *copy = reason ? strdup(reason) : NULL;

	if (reason && !copy)
		return error_set_no_memory(err);
	if (!entry)
		return error_set(err, ERROR_NOT_FOUND,
				 "serial %s was never issued", serial);
	if (entry->state == INDEX_REVOKED)
		return error_set(err, ERROR_STATE,
				 "serial %s is revoked already", serial);
	entry->state = INDEX_REVOKED;
	entry->since = since;
	free(entry->reason);
	entry->reason = steal(&copy);
	return 0;
}

static struct index_entry *latest(const struct index *index,
				  enum certificate_kind kind, const char *name,
				  int (*compare)(const char *, const char *))
{
	for (size_t i = index->count; i-- > 0;) {
		struct index_entry *entry = &index->entries[i];

		if (entry->kind == kind && entry->state == INDEX_VALID &&
		    compare(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

struct index_entry *index_find(const struct index *index,
			       enum certificate_kind kind, const char *name)
{
	return latest(index, kind, name, strcmp);
}

struct index_entry *index_find_alike(const struct index *index,
				     enum certificate_kind kind,
				     const char *name)
{
	return latest(index, kind, name, strcasecmp);
}

struct index_entry *index_find_last(const struct index *index,
				    enum certificate_kind kind,
				    const char *name)
{
	for (size_t i = index->count; i-- > 0;) {
		struct index_entry *entry = &index->entries[i];

		if (entry->kind == kind && strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

struct index_entry *index_find_serial(const struct index *index,
				      const char *serial)
{
	for (size_t i = 0; i < index->count; i++)
		if (strcmp(index->entries[i].serial, serial) == 0)
			return &index->entries[i];
	return NULL;
}
