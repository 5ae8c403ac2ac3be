/*
 * The command export: certificate, key and authority in one PKCS#12 file (RFC
 * 7292). Called by the command table. What always holds: the file is new, is
 * nobody else's to read, and is under a passphrase.
 */
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pki/authority.h"
#include "pki/commands.h"
#include "pki/settings.h"
#include "pki/target.h"
#include "pki/unlock.h"

/* What goes into the file. */
struct bundle {
	const struct index_entry *entry;
	X509 *certificate, *authority;
	EVP_PKEY *key;
};

static void clear_bundle(struct bundle *bundle)
{
	X509_free(bundle->certificate);
	X509_free(bundle->authority);
	EVP_PKEY_free(bundle->key);
}

static int check_state(const struct index_entry *entry, struct error *err)
{
	if (entry->kind == CERTIFICATE_AUTHORITY)
		return error_set(err, ERROR_USAGE,
				 "the authority's key is not exported: it "
				 "stays where it is");
	if (entry->state == INDEX_VALID)
		return 0;
	return error_set(err, ERROR_STATE,
			 "the certificate of the %s %s with serial %s is %s: "
			 "there is nothing to export",
			 certificate_kind_name(entry->kind), entry->name,
			 entry->serial, index_state_name(entry, 0));
}

static int read_certificates(const struct store *store, struct bundle *bundle,
			     struct error *err)
{
	bundle->certificate = store_certificate(store, bundle->entry, err);
	if (!bundle->certificate)
		return -1;
	bundle->authority =
		store_certificate(store, authority_entry(store), err);
	return bundle->authority ? 0 : -1;
}

static int read_key(const struct store *store,
		    const struct passphrase_source *source,
		    struct bundle *bundle, struct error *err)
{
	const struct index_entry *entry = bundle->entry;
	autofree char *path =
		store_path(store, entry->kind, entry->name, STORE_KEY);

	if (!path)
		return error_set_no_memory(err);
	if (access(path, F_OK) < 0)
		return error_set(err, ERROR_NOT_FOUND,
				 "the key of %s is not in %s: it was made "
				 "elsewhere and stays there",
				 entry->name, store_dir(store));
	bundle->key = unlock_key(path, source, err);
	if (!bundle->key)
		return -1;
	if (X509_check_private_key(bundle->certificate, bundle->key) == 1)
		return 0;
	return crypto_error(err, ERROR_KEY,
			    "%s is not the key of the certificate beside it. "
			    "See 'virtmux-pki check'",
			    path);
}

/* AES-256-CBC and HMAC-SHA-256, OpenSSL's defaults, which NSS reads as well. */
static BIO *build(const struct bundle *bundle, const struct secret *passphrase,
		  struct error *err)
{
	autobio *der = BIO_new(BIO_s_mem());
	STACK_OF(X509) *others = sk_X509_new_null();
	PKCS12 *file = NULL;
	bool ok = false;

	if (der && others && sk_X509_push(others, bundle->authority) > 0)
		file = PKCS12_create(passphrase->text, bundle->entry->name,
				     bundle->key, bundle->certificate, others,
				     0, 0, P12_ITERATIONS, P12_ITERATIONS, 0);
	ok = file && i2d_PKCS12_bio(der, file) == 1;
	PKCS12_free(file);
	sk_X509_free(others);
	if (ok)
		return steal(&der);
	crypto_error(err, ERROR_FAILED, "cannot build the PKCS#12 file");
	return NULL;
}

/* --output, or NAME.p12; to free(). */
static char *output_path(const struct arguments *arguments, const char *name)
{
	const char *given = arguments_value(arguments, ARGUMENT_OUTPUT);
	autobuf path = {0};

	if (given)
		return strdup(given);
	buf_appendf(&path, "%s.p12", name);
	return buf_steal_str(&path);
}

static int check_new(const char *path, struct error *err)
{
	if (access(path, F_OK) < 0)
		return 0;
	return error_set(err, ERROR_EXISTS,
			 "%s exists already. Name another file with --output",
			 path);
}

static int export(const struct command_call *call, const struct store *store,
		  struct bundle *bundle, const char *path, struct error *err)
{
	struct passphrase_source key_source, source;
	autoptr(secret) passphrase = NULL;
	autobio *der = NULL;
	const char *bytes;
	size_t len;

	if (settings_user_passphrase(call->arguments, &key_source, err) < 0 ||
	    settings_p12_passphrase(call->arguments, &source, err) < 0 ||
	    read_certificates(store, bundle, err) < 0 ||
	    read_key(store, &key_source, bundle, err) < 0)
		return -1;
	passphrase = passphrase_get_new(&source, err);
	if (!passphrase)
		return -1;
	der = build(bundle, passphrase, err);
	if (!der)
		return -1;
	bytes = crypto_bio_bytes(der, &len);
	return file_write_new(path, bytes, len, 0600, err);
}

int command_export(const struct command_call *call, struct error *err)
{
	cleanup(clear_bundle) struct bundle bundle = {0};
	autofree char *path = NULL;
	autoptr(store) store = NULL;

	if (!arguments_given(call->arguments, ARGUMENT_P12))
		return error_set(err, ERROR_USAGE,
				 "say in which form: --p12 is the only one");
	store = settings_open_store(call->arguments, err);
	if (!store || authority_check_present(store, err) < 0)
		return -1;
	bundle.entry = target_find(store_index(store),
				   arguments_word(call->arguments, 1), err);
	if (!bundle.entry || check_state(bundle.entry, err) < 0)
		return -1;
	path = output_path(call->arguments, bundle.entry->name);
	if (!path)
		return error_set_no_memory(err);
	if (check_new(path, err) < 0 ||
	    export(call, store, &bundle, path, err) < 0)
		return -1;
	fprintf(call->out,
		"Wrote certificate and key of the %s %s, and the authority's "
		"certificate, to %s. Give its passphrase by another way.\n",
		certificate_kind_name(bundle.entry->kind), bundle.entry->name,
		path);
	return 0;
}
