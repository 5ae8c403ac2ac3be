/*
 * Why TLS failed, in words with a cure: from the alert that the peer sent, from
 * our own judgement on its certificate, or from what it sent instead of TLS.
 * Called by tls.c; no state.
 */
#include <ctype.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/clock.h"
#include "wire/tls_private.h"
#include "wire/verify.h"

struct alert_words {
	int alert;
	const char *client; /* the client reads it from a host */
	const char *host;   /* the host reads it from a client */
};

/* RFC 8446 section 6; what the peer meant, and what to do. */
static const struct alert_words alerts[] = {
	{SSL_AD_HANDSHAKE_FAILURE,
	 "the host found no common TLS parameters, or refused our certificate; "
	 "its log has the reason",
	 "the client found no common TLS parameters"},
	{SSL_AD_BAD_CERTIFICATE,
	 "the host refused our certificate as bad; its log has the reason",
	 NULL},
	{SSL_AD_UNSUPPORTED_CERTIFICATE,
	 "the host refused our certificate: it is not a user's (clientAuth); "
	 "issue one with virtmux-pki user",
	 "the client refused our certificate: it is not a host's (serverAuth); "
	 "issue one with virtmux-pki host"},
	{SSL_AD_CERTIFICATE_REVOKED,
	 "the host refused our certificate: it has been revoked; ask the "
	 "administrator of the CA for a new one",
	 "the client refused our certificate: it has been revoked"},
	{SSL_AD_CERTIFICATE_EXPIRED,
	 "the host refused our certificate: it has expired by the host's clock",
	 "the client refused our certificate: it has expired by the client's "
	 "clock; issue one with virtmux-pki host, or set the clock"},
	{SSL_AD_CERTIFICATE_UNKNOWN,
	 "the host could not accept our certificate; its log has the reason",
	 "the client could not accept our certificate"},
	{SSL_AD_ILLEGAL_PARAMETER, "the host found our TLS message wrong",
	 "the client found our TLS message wrong"},
	{SSL_AD_ACCESS_DENIED, "the host denied us access",
	 "the client denied us access"},
	{SSL_AD_PROTOCOL_VERSION, NULL, NULL},
	{SSL_AD_CERTIFICATE_REQUIRED,
	 "the host requires a certificate and none was sent; set certificate = "
	 "and key = to yours (virtmux-pki user NAME makes them)",
	 "the client requires a certificate"},
	{SSL_AD_NO_APPLICATION_PROTOCOL,
	 "the host does not speak HTTP/2 on this port (no ALPN \"h2\"): is it "
	 "virtmuxd's port?",
	 "the client does not speak HTTP/2"},
	{SSL_AD_INSUFFICIENT_SECURITY,
	 "the host demands stronger parameters than we offer",
	 "the client demands stronger parameters than we offer"},
	{SSL_AD_DECRYPT_ERROR,
	 "the host could not verify our signature; its log has the reason",
	 "the client could not verify our signature"},
	{SSL_AD_INTERNAL_ERROR,
	 "the host cannot judge certificates now: its revocation list is out "
	 "of "
	 "date, missing or not its CA's, or its TLS has an internal error; its "
	 "log has the reason, and virtmux-pki crl makes a new list",
	 "the client cannot judge certificates now: its revocation list is out "
	 "of "
	 "date, missing or not its CA's, or its TLS has an internal error"},
};

static const char *our_versions(const struct tls *tls)
{
	return tls->context->allow_tls12 ? "TLS 1.2 and 1.3" : "TLS 1.3";
}

static int explain_version(struct tls *tls, struct error *err)
{
	bool host = tls->context->role == TLS_HOST;

	return error_set(err, ERROR_TLS,
			 "no common TLS version: we offer %s, the %s does not "
			 "(it offers %s at most); %s",
			 our_versions(tls), host ? "client" : "host",
			 tls->context->allow_tls12 ? "TLS 1.1" : "TLS 1.2",
			 tls->context->allow_tls12
				 ? "update its TLS library"
				 : "update it, or allow the older version with "
				   "tls-min = 1.2 on this side");
}

/* What the peer's words for it would be, if it judges as we do. */
static bool explain_own(struct tls *tls, struct error *err)
{
	const struct verify_rules rules = {
		.peer_is = tls->context->role,
		.identity = tls->context->identity,
		.without_crl = true,
	};
	X509 *own = SSL_CTX_get0_certificate(tls->context->ssl);
	STACK_OF(X509) *more = NULL;
	struct tls_peer peer = {0};
	int code;

	if (!own)
		return false;
	SSL_CTX_get0_chain_certs(tls->context->ssl, &more);
	code = verify_outside(tls->context->ssl, own, more, &rules, &peer, err);
	if (code == X509_V_OK || verify_is_unknown_issuer(code))
		return false;
	error_prefix(err, "the %s refused our certificate",
		     tls->context->role == TLS_HOST ? "client" : "host");
	return true;
}

static int explain_unknown_ca(struct tls *tls, struct error *err)
{
	X509 *own = SSL_CTX_get0_certificate(tls->context->ssl);
	char issuer[TLS_IDENTITY_MAX] = "?";

	if (own)
		verify_common_name(X509_get_issuer_name(own), issuer,
				   sizeof(issuer));
	if (tls->context->role == TLS_HOST)
		return error_set(err, ERROR_TLS,
				 "the client does not know the CA that issued "
				 "this host's certificate (\"%s\"); it needs "
				 "this CA as ca = FILE",
				 issuer);
	return error_set(err, ERROR_TLS,
			 "the host does not know the CA that issued our "
			 "certificate (\"%s\"); use a certificate of the CA "
			 "that the host trusts (ca = in virtmuxd.conf)",
			 issuer);
}

/* The host's certificate is in order, but not the one that the client wants. */
static int explain_other_name(struct tls *tls, struct error *err)
{
	const char *asked =
		SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
	X509 *own = SSL_CTX_get0_certificate(tls->context->ssl);
	autobuf names = {0};
	autofree char *text = NULL;

	if (own)
		verify_names(own, &names);
	text = buf_steal_str(&names);
	return error_set(err, ERROR_TLS,
			 "the client refused our certificate: it asked for "
			 "%s%s%s, and the names in ours are %s; or its clock "
			 "or its revocation list differs",
			 asked ? "'" : "", asked ? asked : "an address",
			 asked ? "'" : "", text ? text : "unknown");
}

/* What our own look at the certificate may explain better than the alert. */
static bool is_about_certificate(int alert)
{
	return alert == SSL_AD_BAD_CERTIFICATE ||
	       alert == SSL_AD_UNSUPPORTED_CERTIFICATE ||
	       alert == SSL_AD_CERTIFICATE_EXPIRED ||
	       alert == SSL_AD_CERTIFICATE_UNKNOWN ||
	       alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_DECRYPT_ERROR;
}

static int explain_alert(struct tls *tls, int alert, struct error *err)
{
	bool host = tls->context->role == TLS_HOST;

	if (alert == SSL_AD_PROTOCOL_VERSION)
		return explain_version(tls, err);
	if (is_about_certificate(alert) && explain_own(tls, err))
		return -1;
	if (alert == SSL_AD_UNKNOWN_CA)
		return explain_unknown_ca(tls, err);
	if (host && alert == SSL_AD_BAD_CERTIFICATE)
		return explain_other_name(tls, err);
	for (size_t i = 0; i < array_size(alerts); i++)
		if (alerts[i].alert == alert)
			return error_set(err, ERROR_TLS, "%s",
					 host ? alerts[i].host
					      : alerts[i].client);
	return error_set(err, ERROR_TLS, "the %s ended TLS with the alert '%s'",
			 host ? "client" : "host",
			 SSL_alert_desc_string_long(alert));
}

/* What a peer that speaks no TLS has sent, made printable. */
static int explain_no_tls(struct tls *tls, struct error *err)
{
	char text[TLS_FIRST_BYTES + 1];
	size_t n = 0;

	for (; n < tls->first_len && isprint(tls->first[n]); n++)
		text[n] = (char)tls->first[n];
	text[n] = '\0';
	if (n < 3)
		return error_set(err, ERROR_TLS,
				 "the peer does not speak TLS on this port: is "
				 "it virtmuxd's port (16515 by default)?");
	return error_set(err, ERROR_TLS,
			 "the peer does not speak TLS on this port, it said "
			 "'%s': is it virtmuxd's port (16515 by default)?",
			 text);
}

bool tls_looks_like_tls(const struct tls *tls)
{
	/* RFC 8446 5.1: content type 20 to 23, legacy version 3.x. */
	return tls->first_len == 0 ||
	       (tls->first[0] >= 20 && tls->first[0] <= 23 &&
		(tls->first_len < 2 || tls->first[1] == 3));
}

static int explain_queue(struct tls *tls, struct error *err)
{
	unsigned long code = ERR_peek_error();
	bool host = tls->context->role == TLS_HOST;

	switch (ERR_GET_REASON(code)) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
		return explain_version(tls, err);
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return error_set(err, ERROR_TLS,
				 "the %s sent no certificate; every user needs "
				 "one of his own (virtmux-pki user NAME)",
				 host ? "client" : "host");
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
		return error_set(err, ERROR_TLS,
				 "no common cipher or key exchange group");
	default:
		return error_set(err, ERROR_TLS, "TLS failed: %s",
				 code ? ERR_reason_error_string(code)
				      : "unknown reason");
	}
}

void tls_explain(struct tls *tls, int ssl_error, struct error *err)
{
	bool host = tls->context->role == TLS_HOST;

	if (error_is_set(&tls->verify_error)) {
		error_move(err, &tls->verify_error);
		return;
	}
	if (tls->alert_received >= 0) {
		explain_alert(tls, tls->alert_received, err);
		return;
	}
	if (!tls_looks_like_tls(tls)) {
		explain_no_tls(tls, err);
		return;
	}
	if (tls->no_alpn) {
		error_set(err, ERROR_TLS,
			  host ? "the client does not speak HTTP/2 (it offers "
				 "no ALPN \"h2\")"
			       : "the host does not speak HTTP/2 on this port "
				 "(no ALPN \"h2\"): is it virtmuxd's port?");
		return;
	}
	if (ssl_error == SSL_ERROR_SYSCALL) {
		error_set(err, ERROR_TLS, "the peer broke off TLS");
		return;
	}
	explain_queue(tls, err);
}
