/*
 * The commands that only look: list and show. Called by the command table. What
 * always holds: they take no lock, change nothing and need no passphrase.
 */
#include <ctype.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "pki/arguments.h"
#include "pki/authority.h"
#include "pki/commands.h"
#include "pki/describe.h"
#include "pki/json.h"
#include "pki/settings.h"

#define MOMENT_SIZE                                                            \
	(CLOCK_TEXT_SIZE > INDEX_TIME_SIZE ? CLOCK_TEXT_SIZE : INDEX_TIME_SIZE)
#define DAY_COLUMNS    10 /* of "2026-11-21" */
#define MOMENT_COLUMNS 13 /* of "23 months ago" */
#define SOON_SECONDS   (30 * CLOCK_S_PER_DAY)

static int write_out(FILE *out, const struct buf *text, struct error *err)
{
	if (!buf_ok(text))
		return error_set_no_memory(err);
	if (text->len > 0)
		fwrite(buf_bytes(text), 1, text->len, out);
	return 0;
}

static void json_revocation(const struct index_entry *entry, struct buf *out)
{
	if (entry->state != INDEX_REVOKED)
		return;
	buf_append_str(out, ", \"since\": ");
	json_time(out, entry->since);
	buf_append_str(out, ", \"reason\": ");
	json_string(out, entry->reason ? entry->reason : "unspecified");
}

static void list_json(const struct index *index, time_t now, struct buf *out)
{
	for (size_t i = 0; i < index->count; i++) {
		const struct index_entry *entry = &index->entries[i];

		buf_append_str(out, i ? ",\n {\"kind\": " : "[{\"kind\": ");
		json_string(out, certificate_kind_name(entry->kind));
		buf_append_str(out, ", \"name\": ");
		json_string(out, entry->name);
		buf_append_str(out, ", \"serial\": ");
		json_string(out, entry->serial);
		buf_append_str(out, ", \"issued\": ");
		json_time(out, entry->issued);
		buf_append_str(out, ", \"expires\": ");
		json_time(out, entry->expires);
		buf_append_str(out, ", \"state\": ");
		json_string(out, index_state_name(entry, now));
		json_revocation(entry, out);
		buf_append_str(out, "}");
	}
	buf_append_str(out, index->count ? "]\n" : "[]\n");
}

static size_t name_width(const struct index *index)
{
	size_t width = strlen("NAME");

	for (size_t i = 0; i < index->count; i++) {
		size_t columns = utf8_columns(index->entries[i].name);

		width = columns > width ? columns : width;
	}
	return width;
}

static void pad(struct buf *out, const char *text, size_t width)
{
	buf_append_str(out, text);
	for (size_t i = utf8_columns(text); i < width; i++)
		buf_append_char(out, ' ');
}

/* The day; for a person how long ago or how soon that is. */
static void moment_text(time_t seconds, time_t now, bool person, char *text)
{
	if (person) {
		clock_format_ago(seconds, now, text);
		return;
	}
	index_time_text(seconds, text);
	text[strcspn(text, "T")] = '\0';
}

static bool ends_soon(const struct index_entry *entry, time_t now)
{
	return entry->state == INDEX_VALID && entry->expires > now &&
	       entry->expires - now < SOON_SECONDS;
}

static void list_table(const struct index *index, time_t now, bool person,
		       struct buf *out)
{
	size_t width = name_width(index);
	int moment = person ? MOMENT_COLUMNS : DAY_COLUMNS;

	buf_append_str(out, "KIND  ");
	pad(out, "NAME", width);
	buf_appendf(out, "  %-32s  %-*s  %-*s  STATE\n", "SERIAL", moment,
		    "ISSUED", moment, "EXPIRES");
	for (size_t i = 0; i < index->count; i++) {
		const struct index_entry *entry = &index->entries[i];
		char issued[MOMENT_SIZE], expires[MOMENT_SIZE];

		moment_text(entry->issued, now, person, issued);
		moment_text(entry->expires, now, person, expires);
		buf_appendf(out, "%-4s  ", certificate_kind_name(entry->kind));
		pad(out, entry->name, width);
		buf_appendf(out, "  %-32s  %-*s  %-*s  %s%s\n", entry->serial,
			    moment, issued, moment, expires,
			    index_state_name(entry, now),
			    person && ends_soon(entry, now) ? ", ends soon"
							    : "");
	}
}

/* At a terminal. */
static bool is_for_person(FILE *out)
{
	return isatty(fileno(out)) == 1;
}

int command_list(const struct command_call *call, struct error *err)
{
	autoptr(store) store = settings_open_store(call->arguments, err);
	autobuf text = {0};

	if (!store || authority_check_present(store, err) < 0)
		return -1;
	if (arguments_given(call->arguments, ARGUMENT_JSON))
		list_json(store_index(store), time(NULL), &text);
	else
		list_table(store_index(store), time(NULL),
			   is_for_person(call->out), &text);
	return write_out(call->out, &text, err);
}

/* What show has printed so far. */
struct shown {
	struct buf text;
	enum describe_form form;
	size_t count;
};

static void show_certificate(struct shown *shown, X509 *x, const char *state)
{
	if (shown->form == DESCRIBE_JSON)
		buf_append_str(&shown->text, shown->count ? ",\n " : "[");
	else
		buf_append_str(&shown->text, shown->count ? "\n" : "");
	certificate_describe(x, state, shown->form, &shown->text);
	shown->count++;
}

static int show_entry(struct shown *shown, const struct store *store,
		      const struct index_entry *entry, struct error *err)
{
	autox509 *x = store_certificate(store, entry, err);

	if (!x)
		return -1;
	show_certificate(shown, x, index_state_name(entry, time(NULL)));
	return 0;
}

static bool is_serial(const char *word, char *serial)
{
	size_t len = strlen(word);

	if (len != SERIAL_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i <= len; i++)
		serial[i] = (char)toupper((unsigned char)word[i]);
	return true;
}

/* Every kind may have a certificate of that name. */
static int show_named(struct shown *shown, const struct store *store,
		      const char *word, struct error *err)
{
	const struct index *index = store_index(store);
	const struct index_entry *entry;
	char serial[SERIAL_TEXT_SIZE];

	for (unsigned kind = 0; kind < CERTIFICATE_KINDS; kind++) {
		entry = index_find_last(index, (enum certificate_kind)kind,
					word);
		if (entry && show_entry(shown, store, entry, err) < 0)
			return -1;
	}
	if (shown->count == 0 && is_serial(word, serial)) {
		entry = index_find_serial(index, serial);
		if (entry)
			return show_entry(shown, store, entry, err);
	}
	return 0;
}

static int show_file(struct shown *shown, const struct store *store,
		     const char *path, struct error *err)
{
	const struct index_entry *entry = NULL;
	char serial[SERIAL_TEXT_SIZE];
	autobuf data = {0};
	autox509 *x = NULL;

	if (file_read(path, PEM_FILE_MAX, &data, err) < 0) {
		if (err->code != ERROR_NOT_FOUND)
			return -1;
		return error_set(err, ERROR_NOT_FOUND,
				 "there is no certificate '%s' in %s, and no "
				 "file of that name. See 'virtmux-pki list'",
				 path, store_dir(store));
	}
	x = certificate_from_bytes(buf_bytes(&data), data.len, path, err);
	if (!x)
		return -1;
	if (certificate_read_serial(x, serial) == 0)
		entry = index_find_serial(store_index(store), serial);
	show_certificate(shown, x,
			 entry ? index_state_name(entry, time(NULL)) : NULL);
	return 0;
}

static int show(struct shown *shown, const struct store *store,
		const char *word, struct error *err)
{
	if (!word) {
		if (authority_check_present(store, err) < 0)
			return -1;
		return show_entry(shown, store, authority_entry(store), err);
	}
	if (!strchr(word, '/') && show_named(shown, store, word, err) < 0)
		return -1;
	return shown->count ? 0 : show_file(shown, store, word, err);
}

int command_show(const struct command_call *call, struct error *err)
{
	autoptr(store) store = settings_open_store(call->arguments, err);
	struct shown shown = {
		.form = arguments_given(call->arguments, ARGUMENT_JSON)
				? DESCRIBE_JSON
			: is_for_person(call->out) ? DESCRIBE_PERSON
						   : DESCRIBE_LINES,
	};
	int result;

	if (!store)
		return -1;
	result = show(&shown, store, arguments_word(call->arguments, 1), err);
	if (result == 0 && shown.form == DESCRIBE_JSON)
		buf_append_str(&shown.text, "]\n");
	if (result == 0)
		result = write_out(call->out, &shown.text, err);
	buf_free(&shown.text);
	return result;
}
