/*
 * Certificate rules and their words; see verify.h. OpenSSL checks signatures,
 * dates, path length and revocation; what stands here is ours: no CA as a leaf,
 * the exact usage, and one identity.
 */
#include "wire/verify.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/clock.h"

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

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm = {0};

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return 0;
	return timegm(&tm);
}

static void common_name(X509 *cert, char *text, size_t size)
{
	X509_NAME *name = X509_get_subject_name(cert);

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

	common_name(cert, peer->subject, sizeof(peer->subject));
	hex(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial),
	    peer->serial, sizeof(peer->serial));
	if (X509_digest(cert, EVP_sha256(), digest, &n) == 1)
		hex(digest, n, peer->fingerprint, sizeof(peer->fingerprint));
	peer->not_after = seconds_of(X509_get0_notAfter(cert));
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
	if (n == 0 || n > USER_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isascii(s[i]) ||
		    (!isalnum((unsigned char)s[i]) && !strchr("._@-", s[i])))
			return false;
	return true;
}

static int take_identity(const ASN1_STRING *value, size_t skip,
			 struct tls_peer *peer, struct error *err)
{
	const char *s = (const char *)ASN1_STRING_get0_data(value) + skip;
	size_t n = (size_t)ASN1_STRING_length(value) - skip;

	if (!is_user_name(s, n))
		return error_set(err, ERROR_TLS,
				 "the user's name in the certificate is not "
				 "made of 1 to %d letters, digits and . _ @ -; "
				 "have it issued anew by virtmux-pki",
				 USER_NAME_MAX);
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
		return identity_from_san(cert, GEN_URI, VERIFY_URI_PREFIX, peer,
					 err);
	case TLS_IDENTITY_EMAIL:
		return identity_from_san(cert, GEN_EMAIL, "", peer, err);
	default:
		return identity_from_cn(cert, peer, err);
	}
}

static int check_usage(X509 *cert, enum tls_role peer_is, struct error *err)
{
	uint32_t flags = X509_get_extension_flags(cert);
	uint32_t want = peer_is == TLS_HOST ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
	const char *name = peer_is == TLS_HOST ? "serverAuth" : "clientAuth";
	const char *verb = peer_is == TLS_HOST ? "host" : "user";

	if (X509_check_ca(cert) || (flags & EXFLAG_CA))
		return error_set(err, ERROR_TLS,
				 "the certificate is a CA's, not a %s's; issue "
				 "one with virtmux-pki %s",
				 verb, verb);
	if (!(flags & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(cert) & want))
		return error_set(err, ERROR_TLS,
				 "the certificate may not be used as a %s's: "
				 "its extended key usage lacks %s; issue one "
				 "with virtmux-pki %s",
				 verb, name, verb);
	if (!(X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE))
		return error_set(err, ERROR_TLS,
				 "the certificate's key usage lacks "
				 "digitalSignature; issue one with virtmux-pki "
				 "%s",
				 verb);
	return 0;
}

int verify_leaf(X509 *cert, enum tls_role peer_is, enum tls_identity identity,
		struct tls_peer *peer, struct error *err)
{
	verify_describe(cert, peer);
	if (check_usage(cert, peer_is, err))
		return X509_V_ERR_INVALID_PURPOSE;
	if (peer_is == TLS_CLIENT && user_identity(cert, identity, peer, err))
		return X509_V_ERR_INVALID_EXTENSION;
	return X509_V_OK;
}

/* -- words ------------------------------------------------------------------- */

static void explain_dates(X509 *cert, bool expired, enum tls_role peer_is,
			  struct error *err)
{
	char from[CLOCK_TEXT_SIZE];
	char until[CLOCK_TEXT_SIZE];
	char now[CLOCK_TEXT_SIZE];

	clock_format_s(seconds_of(X509_get0_notBefore(cert)), from);
	clock_format_s(seconds_of(X509_get0_notAfter(cert)), until);
	clock_format_s(clock_realtime_us() / 1000000, now);
	error_set(err, ERROR_TLS,
		  "the %s's certificate %s: it is valid from %s to %s, and "
		  "this machine's clock says %s; %s",
		  peer_is == TLS_HOST ? "host" : "user",
		  expired ? "has expired" : "is not valid yet", from, until,
		  now,
		  expired ? "issue a new one with virtmux-pki, or set the clock"
			  : "set the clock, or wait");
}

static void explain_name(X509 *cert, const char *name, struct error *err)
{
	autobuf names = {0};
	autofree char *text = NULL;

	verify_names(cert, &names);
	text = buf_steal_str(&names);
	error_set(err, ERROR_TLS,
		  "the host's certificate is not for '%s': the names in it "
		  "are %s; use one of these as the address, set server-name, "
		  "or issue a certificate with virtmux-pki host --san",
		  name ? name : "", text ? text : "unknown");
}

static void explain_issuer(X509 *cert, enum tls_role peer_is, struct error *err)
{
	char issuer[TLS_IDENTITY_MAX] = "?";

	if (cert)
		X509_NAME_oneline(X509_get_issuer_name(cert), issuer,
				  sizeof(issuer));
	if (peer_is == TLS_HOST)
		error_set(err, ERROR_TLS,
			  "the host's certificate was issued by a CA that we "
			  "do not trust (%s): give the CA that issued it with "
			  "ca = FILE or --ca, if you are sure that this is "
			  "the right host",
			  issuer);
	else
		error_set(err, ERROR_TLS,
			  "the user's certificate was not issued by our CA "
			  "but by %s; issue one with this host's CA",
			  issuer);
}

void verify_explain(X509 *cert, int code, enum tls_role peer_is,
		    const char *name, struct error *err)
{
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		explain_dates(cert, code == X509_V_ERR_CERT_HAS_EXPIRED,
			      peer_is, err);
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		explain_name(cert, name, err);
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		explain_issuer(cert, peer_is, err);
		return;
	case X509_V_ERR_INVALID_PURPOSE:
		if (check_usage(cert, peer_is, err) == 0)
			error_set(err, ERROR_TLS,
				  "the certificate may not be used for this");
		return;
	case X509_V_ERR_CERT_REVOKED:
		error_set(err, ERROR_TLS,
			  "the certificate has been revoked; ask the "
			  "administrator of the CA for a new one");
		return;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		error_set(
			err, ERROR_TLS,
			"the revocation list is not current (%s), so nobody "
			"is let in; install a new one made by virtmux-pki crl",
			X509_verify_cert_error_string(code));
		return;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		error_set(err, ERROR_TLS,
			  "the certificate's key or signature is too weak "
			  "(%s); issue one with virtmux-pki",
			  X509_verify_cert_error_string(code));
		return;
	default:
		error_set(err, ERROR_TLS, "the certificate is refused: %s",
			  X509_verify_cert_error_string(code));
	}
}

bool verify_own(X509 *own, X509_STORE *cas, enum tls_role own_is,
		struct error *err)
{
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	struct tls_peer peer = {0};
	int code = X509_V_OK;

	if (!check || !X509_STORE_CTX_init(check, cas, own, NULL)) {
		X509_STORE_CTX_free(check);
		return true;
	}
	if (X509_verify_cert(check) != 1)
		code = X509_STORE_CTX_get_error(check);
	X509_STORE_CTX_free(check);
	if (code != X509_V_OK) {
		verify_explain(own, code, own_is, NULL, err);
		return false;
	}
	return verify_leaf(own, own_is, TLS_IDENTITY_URI, &peer, err) ==
	       X509_V_OK;
}
