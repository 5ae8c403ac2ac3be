/*
 * Judging certificates with OpenSSL. Called by authority and check.
 */
#include "pki/verify.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/user.h"

static void free_store(X509_STORE **store)
{
	X509_STORE_free(*store);
}

static void free_context(X509_STORE_CTX **context)
{
	X509_STORE_CTX_free(*context);
}

static int purpose_of(enum certificate_kind kind)
{
	static const int purposes[CERTIFICATE_KINDS] = {
		[CERTIFICATE_AUTHORITY] = X509_PURPOSE_ANY,
		[CERTIFICATE_HOST] = X509_PURPOSE_SSL_SERVER,
		[CERTIFICATE_USER] = X509_PURPOSE_SSL_CLIENT,
	};

	return purposes[kind];
}

static int broken_constraint(struct error *err)
{
	return error_set(err, ERROR_STATE,
			 "a name in it is not among those that the authority "
			 "permits, which 'virtmux-pki show' tells");
}

int verify_chain(X509 *certificate, X509 *issuer, enum certificate_kind kind,
		 struct error *err)
{
	cleanup(free_store) X509_STORE *store = X509_STORE_new();
	cleanup(free_context) X509_STORE_CTX *context = X509_STORE_CTX_new();
	int reason;

	if (!store || !context || X509_STORE_add_cert(store, issuer) != 1 ||
	    X509_STORE_CTX_init(context, store, certificate, NULL) != 1)
		return crypto_error(err, ERROR_FAILED, "cannot verify");
	X509_STORE_CTX_set_flags(
		context, X509_V_FLAG_X509_STRICT | X509_V_FLAG_NO_CHECK_TIME |
				 X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_STORE_CTX_set_purpose(context, purpose_of(kind));
	if (X509_verify_cert(context) == 1)
		return 0;
	reason = X509_STORE_CTX_get_error(context);
	ERR_clear_error();
	if (reason == X509_V_ERR_PERMITTED_VIOLATION ||
	    reason == X509_V_ERR_EXCLUDED_VIOLATION)
		return broken_constraint(err);
	return error_set(err, ERROR_STATE,
			 "it is not accepted under the authority (OpenSSL: %s)",
			 X509_verify_cert_error_string(reason));
}

static int differs(const char *what, struct error *err)
{
	return error_set(err, ERROR_STATE, "%s", what);
}

static bool has_usage(X509 *x, enum certificate_kind kind)
{
	uint32_t usage = X509_get_key_usage(x);
	uint32_t purpose = X509_get_extended_key_usage(x);

	if (kind == CERTIFICATE_AUTHORITY)
		return usage == (KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	if ((usage & ~(uint32_t)KU_KEY_ENCIPHERMENT) != KU_DIGITAL_SIGNATURE)
		return false;
	return purpose ==
	       (kind == CERTIFICATE_HOST ? XKU_SSL_SERVER : XKU_SSL_CLIENT);
}

static bool is_identity(const GENERAL_NAME *name, const char *user)
{
	char uri[sizeof(USER_URI_PREFIX) + USER_NAME_MAX];
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	int len = snprintf(uri, sizeof(uri), USER_URI_PREFIX "%s", user);

	return type == GEN_URI && ASN1_STRING_length(value) == len &&
	       memcmp(ASN1_STRING_get0_data(value), uri, (size_t)len) == 0;
}

/* A user: one URI, his; a host: names of hosts alone, its own among them. */
static bool has_names(const GENERAL_NAMES *names,
		      const struct index_entry *entry)
{
	bool own = false;

	if (entry->kind == CERTIFICATE_AUTHORITY)
		return sk_GENERAL_NAME_num(names) <= 0;
	if (entry->kind == CERTIFICATE_USER)
		return sk_GENERAL_NAME_num(names) == 1 &&
		       is_identity(sk_GENERAL_NAME_value(names, 0),
				   entry->name);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		struct san san;

		if (!certificate_san(sk_GENERAL_NAME_value(names, i), &san))
			return false;
		own |= strcmp(san.text, entry->name) == 0;
	}
	return own;
}

int verify_fields(X509 *certificate, const struct index_entry *entry,
		  struct error *err)
{
	bool authority = entry->kind == CERTIFICATE_AUTHORITY;
	char serial[SERIAL_TEXT_SIZE];
	GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool named = has_names(names, entry);

	GENERAL_NAMES_free(names);
	ERR_clear_error();
	if (certificate_read_serial(certificate, serial) < 0 ||
	    strcmp(serial, entry->serial) != 0)
		return differs("its serial is not that of the index", err);
	if (certificate_not_after(certificate) != entry->expires)
		return differs("its end is not that of the index", err);
	if (X509_get_version(certificate) != X509_VERSION_3)
		return differs("it is not of version 3", err);
	if (X509_check_ca(certificate) != (authority ? 1 : 0) ||
	    X509_get_pathlen(certificate) != (authority ? 0 : -1))
		return differs("its basic constraints are wrong", err);
	if (!has_usage(certificate, entry->kind))
		return differs("its key usage or purpose is wrong", err);
	if (!X509_get0_subject_key_id(certificate) ||
	    (!authority && !X509_get0_authority_key_id(certificate)))
		return differs("it lacks a key identifier", err);
	if (!named)
		return differs("its names are not those of its kind and of "
			       "the index",
			       err);
	return 0;
}
