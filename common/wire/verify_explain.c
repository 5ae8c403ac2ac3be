/*
 * Words for a chain that OpenSSL has refused: what is wrong with whose
 * certificate, and the cure. Called by verify.c alone; no state. What always
 * holds: no two reasons read alike.
 */
#include <openssl/x509v3.h>
#include <string.h>

#include "base/clock.h"
#include "wire/verify.h"

struct case_of {
	X509_STORE_CTX *store;
	X509 *cert; /* the one at fault */
	int code;
	const struct verify_rules *rules;
	const char *whose; /* "host's", "user's", "CA's" */
	struct error *err;
};

static void say_dates(const struct case_of *c)
{
	bool expired = c->code == X509_V_ERR_CERT_HAS_EXPIRED;
	char from[CLOCK_TEXT_SIZE];
	char until[CLOCK_TEXT_SIZE];
	char now[CLOCK_TEXT_SIZE];

	clock_format_s(verify_seconds(X509_get0_notBefore(c->cert)), from);
	clock_format_s(verify_seconds(X509_get0_notAfter(c->cert)), until);
	clock_format_s(clock_realtime_us() / 1000000, now);
	error_set(c->err, ERROR_TLS,
		  "the %s certificate %s: it is valid from %s to %s, and "
		  "this machine's clock says %s; %s",
		  c->whose, expired ? "has expired" : "is not valid yet", from,
		  until, now,
		  expired ? "issue a new one with virtmux-pki, or set the clock"
			  : "set the clock, or wait");
}

static void say_name(const struct case_of *c)
{
	autobuf names = {0};
	autofree char *text = NULL;

	if (verify_has_nul(c->cert)) {
		verify_usage(c->cert, c->rules, c->err);
		return;
	}
	verify_names(c->cert, &names);
	text = buf_steal_str(&names);
	error_set(c->err, ERROR_TLS,
		  "the host's certificate is not for '%s': the names in it "
		  "are %s; use one of these as the address, set server-name, "
		  "or issue a certificate with virtmux-pki host --san",
		  c->rules->name ? c->rules->name : "",
		  text ? text : "unknown");
}

/* The CA of the same name is there, but with another key. */
static bool issuer_is_known(const struct case_of *c)
{
	X509_OBJECT *found = X509_STORE_CTX_get_obj_by_subject(
		c->store, X509_LU_X509, X509_get_issuer_name(c->cert));

	X509_OBJECT_free(found);
	return found != NULL;
}

static void say_issuer(const struct case_of *c)
{
	char issuer[TLS_IDENTITY_MAX];
	const char *same = issuer_is_known(c)
				   ? ", another CA of the same name as ours"
				   : "";

	verify_common_name(X509_get_issuer_name(c->cert), issuer,
			   sizeof(issuer));
	if (c->rules->peer_is == TLS_HOST)
		error_set(c->err, ERROR_TLS,
			  "the host's certificate was issued by a CA that we "
			  "do not trust (%s%s): give the CA that issued it "
			  "with ca = FILE or --ca, if you are sure that this "
			  "is the right host",
			  issuer, same);
	else
		error_set(c->err, ERROR_TLS,
			  "the user's certificate was not issued by our CA "
			  "but by \"%s\"%s; issue one with this host's CA",
			  issuer, same);
}

static void say_self_signed(const struct case_of *c)
{
	error_set(c->err, ERROR_TLS,
		  "the %s certificate is signed by its own key, and nobody "
		  "vouches for it; issue one with virtmux-pki %s",
		  c->whose, verify_kind(c->rules));
}

/* The common name of who issued the leaf; ISSUER has TLS_IDENTITY_MAX bytes. */
static void name_issuer(const struct case_of *c, char *issuer)
{
	verify_common_name(
		X509_get_issuer_name(X509_STORE_CTX_get0_cert(c->store)),
		issuer, TLS_IDENTITY_MAX);
}

static void say_intermediate(const struct case_of *c)
{
	char issuer[TLS_IDENTITY_MAX];

	name_issuer(c, issuer);
	error_set(c->err, ERROR_TLS,
		  "the %s's certificate comes from the intermediate CA \"%s\", "
		  "but only certificates that come directly from the CA are "
		  "accepted; issue one with virtmux-pki %s",
		  verify_kind(c->rules), issuer, verify_kind(c->rules));
}

static void say_no_ca(const struct case_of *c)
{
	char issuer[TLS_IDENTITY_MAX];

	name_issuer(c, issuer);
	error_set(c->err, ERROR_TLS,
		  "the %s's certificate was issued by \"%s\", which is no CA; "
		  "issue one with virtmux-pki %s",
		  verify_kind(c->rules), issuer, verify_kind(c->rules));
}

static void say_signature(const struct case_of *c)
{
	error_set(c->err, ERROR_TLS,
		  "the signature under the %s certificate is not the CA's: it "
		  "was altered after it was issued; fetch it anew",
		  c->whose);
}

static void say_usage(const struct case_of *c)
{
	if (verify_usage(c->cert, c->rules, c->err) == 0)
		error_set(c->err, ERROR_TLS,
			  "the %s certificate may not be used for this; issue "
			  "one with virtmux-pki %s",
			  c->whose, verify_kind(c->rules));
}

/* -- revocation --------------------------------------------------------------- */

/* The lists of the CA that has issued the certificate; to be freed. */
static STACK_OF(X509_CRL) * lists_of(const struct case_of *c)
{
	return X509_STORE_CTX_get1_crls(c->store,
					X509_get_issuer_name(c->cert));
}

static X509_REVOKED *entry_of(const struct case_of *c, STACK_OF(X509_CRL) * all)
{
	X509_REVOKED *entry = NULL;

	for (int i = 0; i < sk_X509_CRL_num(all) && !entry; i++)
		X509_CRL_get0_by_cert(sk_X509_CRL_value(all, i), &entry,
				      c->cert);
	return entry;
}

static void say_revoked(const struct case_of *c)
{
	STACK_OF(X509_CRL) *lists = lists_of(c);
	X509_REVOKED *entry = entry_of(c, lists);
	char when[CLOCK_TEXT_SIZE] = "an unknown time";

	if (entry)
		clock_format_s(
			verify_seconds(X509_REVOKED_get0_revocationDate(entry)),
			when);
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	error_set(c->err, ERROR_TLS,
		  "the %s certificate has been revoked at %s; ask the "
		  "administrator of the CA for a new one",
		  c->whose, when);
}

static void say_crl_dates(const struct case_of *c)
{
	STACK_OF(X509_CRL) *lists = lists_of(c);
	X509_CRL *crl = sk_X509_CRL_value(lists, 0);
	bool expired = c->code == X509_V_ERR_CRL_HAS_EXPIRED;
	char due[CLOCK_TEXT_SIZE] = "?";
	char now[CLOCK_TEXT_SIZE];

	if (crl)
		clock_format_s(
			verify_seconds(expired ? X509_CRL_get0_nextUpdate(crl)
					       : X509_CRL_get0_lastUpdate(crl)),
			due);
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	clock_format_s(clock_realtime_us() / 1000000, now);
	error_set(c->err, ERROR_TLS,
		  "the revocation list %s %s, and this machine's clock says "
		  "%s, so nobody is let in; install a new one made by "
		  "virtmux-pki crl",
		  expired ? "is out of date: the next one was due"
			  : "is not valid yet: it begins",
		  due, now);
}

static void say_crl_signature(const struct case_of *c)
{
	error_set(c->err, ERROR_TLS,
		  "the revocation list is not signed by our CA, but by "
		  "another one of its name or after it was altered, so nobody "
		  "is let in; install the one made by virtmux-pki crl");
}

static void say_no_crl(const struct case_of *c)
{
	STACK_OF(X509_CRL) *lists = lists_of(c);
	bool another = sk_X509_CRL_num(lists) > 0;
	char issuer[TLS_IDENTITY_MAX];

	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	if (another) {
		say_crl_signature(c);
		return;
	}
	verify_common_name(X509_get_issuer_name(c->cert), issuer,
			   sizeof(issuer));
	error_set(c->err, ERROR_TLS,
		  "the file of revocation lists has none of the CA \"%s\", so "
		  "nobody is let in; add the one that this CA made by "
		  "virtmux-pki crl",
		  issuer);
}

/* -- strength and form ---------------------------------------------------------- */

static void say_key(const struct case_of *c)
{
	EVP_PKEY *key = X509_get0_pubkey(c->cert);

	error_set(c->err, ERROR_TLS,
		  "the key of the %s certificate is too weak (%s of %d bits; "
		  "RSA needs 2048); make a new one with virtmux-pki",
		  c->whose, key ? EVP_PKEY_get0_type_name(key) : "?",
		  key ? EVP_PKEY_get_bits(key) : 0);
}

static void say_digest(const struct case_of *c)
{
	const char *name = OBJ_nid2ln(X509_get_signature_nid(c->cert));

	error_set(c->err, ERROR_TLS,
		  "the signature under the %s certificate is too weak (%s); "
		  "issue one with virtmux-pki, which uses SHA-256",
		  c->whose, name ? name : "?");
}

static void say_critical(const struct case_of *c)
{
	char oid[80] = "?";

	for (int i = 0; i < X509_get_ext_count(c->cert); i++) {
		X509_EXTENSION *extension = X509_get_ext(c->cert, i);

		if (X509_EXTENSION_get_critical(extension) &&
		    !X509_supported_extension(extension))
			OBJ_obj2txt(oid, sizeof(oid),
				    X509_EXTENSION_get_object(extension), 1);
	}
	error_set(c->err, ERROR_TLS,
		  "the %s certificate has the critical extension %s, which "
		  "virtmux does not know and so must refuse; issue one with "
		  "virtmux-pki",
		  c->whose, oid);
}

static void say_constraint(const struct case_of *c)
{
	autobuf names = {0};
	autofree char *text = NULL;

	verify_names(X509_STORE_CTX_get0_cert(c->store), &names);
	text = buf_steal_str(&names);
	error_set(c->err, ERROR_TLS,
		  "the CA may not vouch for the names of the %s's certificate "
		  "(%s): they are %s by its name constraints; issue one "
		  "within them",
		  verify_kind(c->rules), text ? text : "?",
		  c->code == X509_V_ERR_EXCLUDED_VIOLATION ? "excluded"
							   : "not permitted");
}

/* -- the table -------------------------------------------------------------------- */

static const struct {
	int code;
	void (*say)(const struct case_of *c);
} table[] = {
	{X509_V_ERR_CERT_HAS_EXPIRED, say_dates},
	{X509_V_ERR_CERT_NOT_YET_VALID, say_dates},
	{X509_V_ERR_HOSTNAME_MISMATCH, say_name},
	{X509_V_ERR_IP_ADDRESS_MISMATCH, say_name},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, say_issuer},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, say_issuer},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, say_issuer},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, say_issuer},
	{X509_V_ERR_CERT_UNTRUSTED, say_issuer},
	{X509_V_ERR_AKID_SKID_MISMATCH, say_issuer},
	{X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH, say_issuer},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, say_self_signed},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE, say_signature},
	{X509_V_ERR_PATH_LENGTH_EXCEEDED, say_intermediate},
	{X509_V_ERR_CERT_CHAIN_TOO_LONG, say_intermediate},
	{X509_V_ERR_INVALID_CA, say_no_ca},
	{X509_V_ERR_INVALID_PURPOSE, say_usage},
	{X509_V_ERR_CERT_REVOKED, say_revoked},
	{X509_V_ERR_CRL_HAS_EXPIRED, say_crl_dates},
	{X509_V_ERR_CRL_NOT_YET_VALID, say_crl_dates},
	{X509_V_ERR_UNABLE_TO_GET_CRL, say_no_crl},
	{X509_V_ERR_DIFFERENT_CRL_SCOPE, say_no_crl},
	{X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, say_crl_signature},
	{X509_V_ERR_CRL_SIGNATURE_FAILURE, say_crl_signature},
	{X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, say_crl_signature},
	{X509_V_ERR_EE_KEY_TOO_SMALL, say_key},
	{X509_V_ERR_CA_KEY_TOO_SMALL, say_key},
	{X509_V_ERR_CA_MD_TOO_WEAK, say_digest},
	{X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, say_critical},
	{X509_V_ERR_PERMITTED_VIOLATION, say_constraint},
	{X509_V_ERR_EXCLUDED_VIOLATION, say_constraint},
};

void verify_explain(X509_STORE_CTX *store, int code,
		    const struct verify_rules *rules, struct error *err)
{
	X509 *at = X509_STORE_CTX_get_current_cert(store);
	const char *leaf = rules->peer_is == TLS_HOST ? "host's" : "user's";
	const struct case_of c = {
		.store = store,
		.cert = at ? at : X509_STORE_CTX_get0_cert(store),
		.code = code,
		.rules = rules,
		.whose = X509_STORE_CTX_get_error_depth(store) > 0 ? "CA's"
								   : leaf,
		.err = err,
	};

	for (size_t i = 0; i < array_size(table); i++)
		if (table[i].code == code) {
			table[i].say(&c);
			return;
		}
	error_set(err, ERROR_TLS,
		  "the %s certificate breaks the rules of RFC 5280: %s; issue "
		  "one with virtmux-pki",
		  c.whose, X509_verify_cert_error_string(code));
}

bool verify_is_unknown_issuer(int code)
{
	for (size_t i = 0; i < array_size(table); i++)
		if (table[i].code == code)
			return table[i].say == say_issuer;
	return false;
}

bool verify_is_our_fault(int code)
{
	switch (code) {
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
		return true;
	default:
		return false;
	}
}
