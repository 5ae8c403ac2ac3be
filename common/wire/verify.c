/*
 * The judgement on a certificate; see verify.h. OpenSSL checks signatures, dates,
 * names, strength and revocation; what stands here is ours: no intermediate, no CA
 * as a leaf, the exact usage, no NUL, and one identity.
 */
#include "wire/verify.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/clock.h"
#include "base/user.h"

#define USER_NAME_MAX 64

/* -- describing ------------------------------------------------------------ */

static void hex(const uint8_t *bytes, size_t n, char *text, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n && 2 * i + 2 < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * i] = '\0';
}

int64_t verify_seconds(const ASN1_TIME *time)
{
	struct tm tm = {0};

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return 0;
	return timegm(&tm);
}

void verify_common_name(const X509_NAME *name, char *text, size_t size)
{
	if (X509_NAME_get_text_by_NID(name, NID_commonName, text, (int)size) <
	    0)
		snprintf(text, size, "(no common name)");
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

void verify_describe(X509 *cert, struct tls_peer *peer)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	verify_common_name(X509_get_subject_name(cert), peer->subject,
			   sizeof(peer->subject));
	hex(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial),
	    peer->serial, sizeof(peer->serial));
	if (X509_digest(cert, EVP_sha256(), digest, &n) == 1)
		hex(digest, n, peer->fingerprint, sizeof(peer->fingerprint));
	peer->not_after = verify_seconds(X509_get0_notAfter(cert));
}

static void append_name(const GENERAL_NAME *name, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	const ASN1_STRING *s = name->d.ia5;
	const char *kind = name->type == GEN_DNS     ? "DNS"
			   : name->type == GEN_EMAIL ? "email"
						     : "URI";

	if (name->type == GEN_IPADD) {
		int family = ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6;

		if (inet_ntop(family, ASN1_STRING_get0_data(s), text,
			      sizeof(text)))
			buf_appendf(out, "IP:%s", text);
		return;
	}
	if (name->type != GEN_DNS && name->type != GEN_EMAIL &&
	    name->type != GEN_URI)
		return;
	buf_appendf(out, "%s:", kind);
	for (int i = 0; i < ASN1_STRING_length(s); i++) {
		unsigned char c = ASN1_STRING_get0_data(s)[i];

		buf_append_char(out, isprint(c) ? (char)c : '?');
	}
}

void verify_names(X509 *cert, struct buf *out)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;

	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_append_str(out, ", ");
		append_name(sk_GENERAL_NAME_value(names, i), out);
	}
	if (n == 0)
		buf_append_str(out, "none");
	GENERAL_NAMES_free(names);
}

/* -- the leaf ---------------------------------------------------------------- */

/* Letters, digits and ". _ @ -": safe in files, logs and globs. */
static bool is_user_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isascii((unsigned char)s[i]) ||
		    (!isalnum((unsigned char)s[i]) && !memchr("._@-", s[i], 4)))
			return false;
	return true;
}

static int take_identity(const ASN1_STRING *value, size_t skip,
			 struct tls_peer *peer, struct error *err)
{
	const char *s = (const char *)ASN1_STRING_get0_data(value) + skip;
	size_t n = (size_t)ASN1_STRING_length(value) - skip;

	if (n == 0 || n > USER_NAME_MAX)
		return error_set(err, ERROR_TLS,
				 "the user's name in the certificate %s; have "
				 "it issued anew by virtmux-pki",
				 n == 0 ? "is empty"
					: "has more than 64 characters");
	if (!is_user_name(s, n))
		return error_set(err, ERROR_TLS,
				 "the user's name in the certificate is not "
				 "made of letters, digits and . _ @ - alone; "
				 "have it issued anew by virtmux-pki");
	memcpy(peer->identity, s, n);
	peer->identity[n] = '\0';
	return 0;
}

static int identity_from_cn(X509 *cert, struct tls_peer *peer,
			    struct error *err)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return error_set(err, ERROR_TLS,
				 "the certificate must have exactly one common "
				 "name, since identity = cn is configured");
	return take_identity(
		X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), 0,
		peer, err);
}

static int identity_from_san(X509 *cert, int type, const char *prefix,
			     struct tls_peer *peer, struct error *err)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const ASN1_STRING *found = NULL;
	int count = 0;
	int rc;

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == type) {
			found = name->d.ia5;
			count++;
		}
	}
	if (count != 1)
		rc = error_set(err, ERROR_TLS,
			       "the certificate names %d identities where "
			       "exactly one %s belongs; have it issued by "
			       "virtmux-pki user",
			       count,
			       type == GEN_URI ? "URI virtmux://user/NAME"
					       : "e-mail address");
	else if ((size_t)ASN1_STRING_length(found) < strlen(prefix) ||
		 memcmp(ASN1_STRING_get0_data(found), prefix, strlen(prefix)))
		rc = error_set(err, ERROR_TLS,
			       "the certificate's URI is not %sNAME; have it "
			       "issued by virtmux-pki user",
			       prefix);
	else
		rc = take_identity(found, strlen(prefix), peer, err);
	GENERAL_NAMES_free(names);
	return rc;
}

static int user_identity(X509 *cert, enum tls_identity identity,
			 struct tls_peer *peer, struct error *err)
{
	switch (identity) {
	case TLS_IDENTITY_URI:
		return identity_from_san(cert, GEN_URI, USER_URI_PREFIX, peer,
					 err);
	case TLS_IDENTITY_EMAIL:
		return identity_from_san(cert, GEN_EMAIL, "", peer, err);
	default:
		return identity_from_cn(cert, peer, err);
	}
}

/* A NUL ends a C string: who compares less than all of it is deceived. */
static bool has_nul(const ASN1_STRING *s)
{
	return s && memchr(ASN1_STRING_get0_data(s), 0,
			   (size_t)ASN1_STRING_length(s));
}

static bool alternative_has_nul(X509 *cert)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS || name->type == GEN_EMAIL ||
		    name->type == GEN_URI)
			found = found || has_nul(name->d.ia5);
	}
	GENERAL_NAMES_free(names);
	return found;
}

bool verify_has_nul(X509 *cert)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	for (int i = 0; i < X509_NAME_entry_count(subject); i++)
		if (has_nul(X509_NAME_ENTRY_get_data(
			    X509_NAME_get_entry(subject, i))))
			return true;
	return alternative_has_nul(cert);
}

static int check_kind(X509 *cert, const char *kind, struct error *err)
{
	if (X509_check_ca(cert) || (X509_get_extension_flags(cert) & EXFLAG_CA))
		return error_set(err, ERROR_TLS,
				 "the certificate is a CA's, not a %s's; issue "
				 "one with virtmux-pki %s",
				 kind, kind);
	if (verify_has_nul(cert))
		return error_set(err, ERROR_TLS,
				 "a NUL byte stands in %s name of the %s's "
				 "certificate, which can only be meant to "
				 "deceive; issue one with virtmux-pki %s",
				 alternative_has_nul(cert) ? "an alternative"
							   : "the subject's",
				 kind, kind);
	return 0;
}

static int usage_count(X509 *cert)
{
	EXTENDED_KEY_USAGE *usage =
		X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	int n = usage ? sk_ASN1_OBJECT_num(usage) : 0;

	EXTENDED_KEY_USAGE_free(usage);
	return n;
}

/* Authorities that exist already often issue for several uses. */
static int check_extended_usage(X509 *cert, const struct verify_rules *rules,
				const char *kind, struct error *err)
{
	bool host = rules->peer_is == TLS_HOST;
	uint32_t want = host ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
	const char *name = host ? "serverAuth" : "clientAuth";
	int count = usage_count(cert);

	if (count == 0)
		return error_set(err, ERROR_TLS,
				 "the %s's certificate has no extended key "
				 "usage, which must be %s; issue one with "
				 "virtmux-pki %s",
				 kind, name, kind);
	if (!(X509_get_extended_key_usage(cert) & want))
		return error_set(err, ERROR_TLS,
				 "the certificate may not be used as a %s's: "
				 "its extended key usage lacks %s; issue one "
				 "with virtmux-pki %s",
				 kind, name, kind);
	if (count > 1 && rules->identity == TLS_IDENTITY_URI)
		return error_set(err, ERROR_TLS,
				 "the %s's certificate may be used for %d "
				 "purposes where %s alone belongs (extended "
				 "key usage); issue one with virtmux-pki %s",
				 kind, count, name, kind);
	return 0;
}

int verify_usage(X509 *cert, const struct verify_rules *rules,
		 struct error *err)
{
	const char *kind = verify_kind(rules);

	if (check_kind(cert, kind, err) ||
	    check_extended_usage(cert, rules, kind, err))
		return -1;
	if (!(X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE))
		return error_set(err, ERROR_TLS,
				 "the key usage of the %s's certificate lacks "
				 "digitalSignature; issue one with virtmux-pki "
				 "%s",
				 kind, kind);
	return 0;
}

/* -- the judgement -------------------------------------------------------------- */

const char *verify_kind(const struct verify_rules *rules)
{
	return rules->peer_is == TLS_HOST ? "host" : "user";
}

/* Only the log shows it: whoever is refused knows what he has. */
static int with_offer(X509 *cert, const struct tls_peer *peer,
		      struct error *err)
{
	char until[CLOCK_TEXT_SIZE];
	char issuer[TLS_IDENTITY_MAX];
	autobuf names = {0};
	autofree char *text = NULL;

	verify_common_name(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	clock_format_s(peer->not_after, until);
	verify_names(cert, &names);
	text = buf_steal_str(&names);
	return error_set_cause(err,
			       "offered: certificate of \"%s\", names %s, "
			       "serial %s, issued by \"%s\", valid until %s",
			       peer->subject, text ? text : "?", peer->serial,
			       issuer, until);
}

int verify_judge(X509_STORE_CTX *store, const struct verify_rules *rules,
		 struct tls_peer *peer, struct error *err)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	int code = X509_V_OK;

	verify_describe(leaf, peer);
	if (X509_verify_cert(store) != 1) {
		code = X509_STORE_CTX_get_error(store);
		if (code == X509_V_OK)
			code = X509_V_ERR_UNSPECIFIED;
		verify_explain(store, code, rules, err);
	} else if (sk_X509_num(X509_STORE_CTX_get0_chain(store)) != 2) {
		code = X509_V_ERR_PATH_LENGTH_EXCEEDED;
		verify_explain(store, code, rules, err);
	} else if (verify_usage(leaf, rules, err)) {
		code = X509_V_ERR_INVALID_PURPOSE;
	} else if (rules->peer_is == TLS_CLIENT &&
		   user_identity(leaf, rules->identity, peer, err)) {
		code = X509_V_ERR_INVALID_EXTENSION;
	}
	if (code != X509_V_OK)
		with_offer(leaf, peer, err);
	return code;
}

int verify_outside(SSL_CTX *context, X509 *leaf, STACK_OF(X509) * more,
		   const struct verify_rules *rules, struct tls_peer *peer,
		   struct error *err)
{
	X509_STORE_CTX *store = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int code = X509_V_ERR_OUT_OF_MEM;

	if (!store ||
	    !X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(context), leaf,
				 more)) {
		X509_STORE_CTX_free(store);
		error_set_no_memory(err);
		return code;
	}
	param = X509_STORE_CTX_get0_param(store);
	X509_VERIFY_PARAM_set1(param, SSL_CTX_get0_param(context));
	X509_VERIFY_PARAM_set_purpose(param, rules->peer_is == TLS_HOST
						     ? X509_PURPOSE_SSL_SERVER
						     : X509_PURPOSE_SSL_CLIENT);
	X509_VERIFY_PARAM_set_auth_level(param, VERIFY_LEVEL);
	if (rules->without_crl)
		X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_CRL_CHECK);
	code = verify_judge(store, rules, peer, err);
	X509_STORE_CTX_free(store);
	return code;
}
