/*
 * The command renew: a new certificate with the names of an old one. Called by
 * the command table. What always holds: the names and the kind are those of the
 * certificate that is renewed, and so is the key unless --new-key is given.
 */
#include <string.h>

#include "base/clock.h"
#include "pki/issue.h"
#include "pki/settings.h"
#include "pki/target.h"

static int check_state(const struct index *index,
		       const struct index_entry *entry, struct error *err)
{
	const char *kind = certificate_kind_name(entry->kind);

	if (entry->kind == CERTIFICATE_AUTHORITY)
		return error_set(err, ERROR_USAGE,
				 "an authority is not renewed: make a new one "
				 "in another folder with 'virtmux-pki --dir "
				 "DIR init'");
	if (entry->state == INDEX_REVOKED)
		return error_set(err, ERROR_STATE,
				 "the certificate of the %s %s (serial %s) is "
				 "revoked. For a new key and certificate: "
				 "'virtmux-pki %s %s'",
				 kind, entry->name, entry->serial, kind,
				 entry->name);
	if (entry->state == INDEX_REPLACED)
		return error_set(err, ERROR_STATE,
				 "serial %s was replaced by %s: renew that one",
				 entry->serial,
				 index_find_last(index, entry->kind,
						 entry->name)
					 ->serial);
	return 0;
}

/* --new-key: of the old one's type, unless --key-type says another. */
static int choose_type(const struct command_call *call, const EVP_PKEY *old,
		       enum key_type *type, struct error *err)
{
	if (arguments_given(call->arguments, ARGUMENT_KEY_TYPE))
		return settings_key_type(call->arguments, type, err);
	if (key_type_of(old, type) < 0)
		*type = KEY_P256;
	return 0;
}

/* A key that was made elsewhere cannot be replaced by one that is made here. */
static int check_key_is_here(const struct store *store,
			     const struct index_entry *entry, struct error *err)
{
	autofree char *key =
		store_path(store, entry->kind, entry->name, STORE_KEY);

	if (!key)
		return error_set_no_memory(err);
	if (access(key, F_OK) == 0)
		return 0;
	return error_set(err, ERROR_STATE,
			 "the key of %s was made elsewhere and is not in %s. "
			 "Get a new request, and 'virtmux-pki sign' it with "
			 "--replace",
			 entry->name, store_dir(store));
}

static void report(FILE *out, const char *dir, bool new_key,
		   const struct index_entry *entry)
{
	const char *kind = certificate_kind_name(entry->kind);
	char end[CLOCK_TEXT_SIZE];

	clock_format_s(entry->expires, end);
	fprintf(out,
		"Renewed the certificate of the %s %s, serial %s, valid until "
		"%s.\n"
		"%s/%ss/%s.crt goes to where the old one is",
		kind, entry->name, entry->serial, end, dir, kind, entry->name);
	if (new_key)
		fprintf(out, ", together with its new key %s/%ss/%s.key", dir,
			kind, entry->name);
	else
		fputs("; the key stays", out);
	fputs(entry->kind == CERTIFICATE_HOST
		      ? ". Then send virtmuxd a SIGHUP.\n"
		      : ".\n",
	      out);
}

static int renew(const struct command_call *call, struct store *store,
		 struct authority_request *request, X509 *old,
		 struct index_entry *entry, struct error *err)
{
	autopkey *key = X509_get_pubkey(old);
	enum key_type type;

	if (!key)
		return crypto_error(err, ERROR_KEY,
				    "the key in the certificate of %s cannot "
				    "be read",
				    request->name);
	if (!arguments_given(call->arguments, ARGUMENT_NEW_KEY)) {
		request->key = key;
		return issue_for_key(call, store, request, entry, err);
	}
	if (choose_type(call, key, &type, err) < 0)
		return -1;
	return issue_with_new_key(call, store, request, type, entry, err);
}

static int check_options(const struct arguments *arguments, struct error *err)
{
	static const enum argument_id want_new_key[] = {
		ARGUMENT_KEY_TYPE, ARGUMENT_PASSPHRASE_FD,
		ARGUMENT_PASSPHRASE_FILE};

	for (size_t i = 0; i < array_size(want_new_key); i++)
		if (arguments_given(arguments, want_new_key[i]) &&
		    !arguments_given(arguments, ARGUMENT_NEW_KEY))
			return error_set(err, ERROR_USAGE,
					 "--%s wants --new-key",
					 argument_spec(want_new_key[i])->name);
	return 0;
}

int command_renew(const struct command_call *call, struct error *err)
{
	struct authority_request request = {.replace = true};
	autofree struct san *sans = NULL;
	autofree char *name = NULL; /* the index is read again meanwhile */
	char serial[SERIAL_TEXT_SIZE];
	const struct index_entry *old;
	autoptr(store) store = NULL;
	struct index_entry entry;
	autox509 *x = NULL;

	if (check_options(call->arguments, err) < 0 ||
	    settings_days(call->arguments, &request.days, err) < 0)
		return -1;
	store = settings_open_store(call->arguments, err);
	if (!store || authority_check_present(store, err) < 0)
		return -1;
	old = target_find(store_index(store),
			  arguments_word(call->arguments, 1), err);
	if (!old || check_state(store_index(store), old, err) < 0)
		return -1;
	if (arguments_given(call->arguments, ARGUMENT_NEW_KEY) &&
	    check_key_is_here(store, old, err) < 0)
		return -1;
	x = store_certificate(store, old, err);
	if (!x || certificate_sans(x, &sans, &request.san_count, err) < 0)
		return -1;
	name = strdup(old->name);
	if (!name)
		return error_set_no_memory(err);
	strcpy(serial, old->serial);
	request.kind = old->kind;
	request.name = name;
	request.sans = sans;
	request.renews = serial;
	if (renew(call, store, &request, x, &entry, err) < 0)
		return -1;
	report(call->out, store_dir(store),
	       arguments_given(call->arguments, ARGUMENT_NEW_KEY), &entry);
	return 0;
}
