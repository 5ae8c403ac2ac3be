/*
 * The commands that write the revocation list: revoke and crl. Called by the
 * command table. What always holds: a revocation and the list that tells it
 * count together or not at all, and the lock is taken after the last question.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "pki/authority.h"
#include "pki/commands.h"
#include "pki/crl.h"
#include "pki/settings.h"
#include "pki/target.h"

static int refuse(const struct index_entry *entry, struct error *err)
{
	const char *kind = certificate_kind_name(entry->kind);
	char text[CLOCK_TEXT_SIZE];

	if (entry->kind == CERTIFICATE_AUTHORITY)
		return error_set(err, ERROR_USAGE,
				 "an authority cannot revoke itself. Make a "
				 "new one in another folder with 'virtmux-pki "
				 "--dir DIR init', and take this one's ca.crt "
				 "from every host");
	if (entry->state == INDEX_REVOKED) {
		clock_format_s(entry->since, text);
		return error_set(err, ERROR_STATE,
				 "the %s %s (serial %s) is revoked already, "
				 "since %s",
				 kind, entry->name, entry->serial, text);
	}
	clock_format_s(entry->expires, text);
	return error_set(err, ERROR_STATE,
			 "the certificate of the %s %s expired at %s: nobody "
			 "can use it. To list it all the same, name its serial "
			 "%s",
			 kind, entry->name, text, entry->serial);
}

/* A copy, since an index that is read again frees its own. */
struct serial {
	char text[SERIAL_TEXT_SIZE];
};

/* Whether WORD, which led to FOUND, means ENTRY as well. */
static bool is_meant(const struct index_entry *entry,
		     const struct index_entry *found, const char *word,
		     time_t now)
{
	if (entry->kind == CERTIFICATE_AUTHORITY ||
	    entry->state == INDEX_REVOKED)
		return false;
	if (target_is_serial(found, word))
		return entry == found;
	/* A replaced certificate is valid to its end, too. */
	return entry->kind == found->kind && entry->expires >= now &&
	       strcmp(entry->name, found->name) == 0;
}

/* What WORD means, to free(); NULL on error. */
static struct serial *choose(const struct index *index, const char *word,
			     size_t *count, struct error *err)
{
	const struct index_entry *found = target_find(index, word, err);
	autofree struct serial *serials = NULL;
	time_t now = time(NULL);

	*count = 0;
	if (!found)
		return NULL;
	serials = calloc(index->count, sizeof(*serials));
	if (!serials) {
		error_set_no_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < index->count; i++)
		if (is_meant(&index->entries[i], found, word, now))
			strcpy(serials[(*count)++].text,
			       index->entries[i].serial);
	if (*count > 0)
		return steal(&serials);
	refuse(found, err);
	return NULL;
}

static void report_list(FILE *out, const struct store *store)
{
	const struct index_crl *crl = &store_index(store)->crl;
	const char *dir = store_dir(store);
	char end[CLOCK_TEXT_SIZE];

	clock_format_s(crl->expires, end);
	fprintf(out,
		"Wrote the revocation list %s/crl.pem, number %ju, current "
		"until %s.\n"
		"It counts on a host once it is there: 'virtmux host push-crl "
		"%s/crl.pem' sends it, or copy it to the path that `crl =` "
		"names in /etc/virtmux/virtmuxd.conf and send virtmuxd a "
		"SIGHUP.\n",
		dir, (uintmax_t)crl->number, end, dir);
}

static void report_revoked(FILE *out, const struct index *index,
			   const struct serial *serials, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct index_entry *entry =
			index_find_serial(index, serials[i].text);

		fprintf(out, "Revoked the %s %s, serial %s (%s).\n",
			certificate_kind_name(entry->kind), entry->name,
			entry->serial,
			entry->reason ? entry->reason : "unspecified");
	}
}

/* With the authority open: the part under the lock. */
static int enter(const struct command_call *call, struct store *store,
		 const struct authority *authority, const char *reason,
		 long days, struct error *err)
{
	const char *word = arguments_word(call->arguments, 1);
	autofree struct serial *serials = NULL;
	time_t now = time(NULL);
	size_t count;

	if (store_lock(store, err) < 0)
		return -1;
	serials = choose(store_index(store), word, &count, err);
	if (!serials)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (store_revoke(store, serials[i].text, now, reason, err) < 0)
			return -1;
	if (authority_write_crl(authority, store, days, err) < 0)
		return -1;
	report_revoked(call->out, store_index(store), serials, count);
	report_list(call->out, store);
	return 0;
}

/* The store and its authority, opened with the passphrase; 0 or -1. */
static int open_authority(const struct command_call *call, struct store *store,
			  struct authority **authority, struct error *err)
{
	struct passphrase_source source;

	if (settings_ca_passphrase(call->arguments, &source, err) < 0)
		return -1;
	*authority = authority_open(store, &source, err);
	return *authority ? 0 : -1;
}

int command_revoke(const struct command_call *call, struct error *err)
{
	const char *word = arguments_word(call->arguments, 1);
	const char *given = arguments_value(call->arguments, ARGUMENT_REASON);
	autofree struct serial *serials = NULL;
	autoptr(authority) authority = NULL;
	autoptr(store) store = NULL;
	const char *reason = NULL;
	size_t count;
	long days;

	if (settings_days(call->arguments, &days, err) < 0 ||
	    (given && crl_reason(given, &reason, err) < 0))
		return -1;
	store = settings_open_store(call->arguments, err);
	if (!store || authority_check_present(store, err) < 0)
		return -1;
	/* Only to spare a person the question. */
	serials = choose(store_index(store), word, &count, err);
	if (!serials || open_authority(call, store, &authority, err) < 0)
		return -1;
	return enter(call, store, authority, reason, days, err);
}

int command_crl(const struct command_call *call, struct error *err)
{
	autoptr(authority) authority = NULL;
	autoptr(store) store = NULL;
	long days;

	if (settings_days(call->arguments, &days, err) < 0)
		return -1;
	store = settings_open_store(call->arguments, err);
	if (!store || authority_check_present(store, err) < 0 ||
	    open_authority(call, store, &authority, err) < 0 ||
	    store_lock(store, err) < 0 ||
	    authority_write_crl(authority, store, days, err) < 0)
		return -1;
	report_list(call->out, store);
	return 0;
}
