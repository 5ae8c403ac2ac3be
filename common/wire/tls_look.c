/*
 * Looking at TLS; see tls_look.h. Reads the state that tls.c keeps, and makes
 * the contexts that only probe.
 */
#include "wire/tls_look.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "wire/tls_private.h"
#include "wire/verify.h"

#define FILE_MAX   (1024 * 1024) /* bytes of a certificate's file */
#define GROUPS_MAX 32            /* of an offer, shown */

/* -- certificates -------------------------------------------------------------- */

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm = {0};

	return time && ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

static void take_common_name(X509_NAME *name, char *text, size_t size)
{
	if (X509_NAME_get_text_by_NID(name, NID_commonName, text, (int)size) <
	    0)
		snprintf(text, size, "(no common name)");
}

static void describe(X509 *cert, struct tls_certificate *c)
{
	uint32_t flags = X509_get_extension_flags(cert);
	autobuf names = {0};
	autofree char *text = NULL;

	take_common_name(X509_get_subject_name(cert), c->subject,
			 sizeof(c->subject));
	take_common_name(X509_get_issuer_name(cert), c->issuer,
			 sizeof(c->issuer));
	verify_names(cert, &names);
	text = buf_steal_str(&names);
	snprintf(c->names, sizeof(c->names), "%s", text ? text : "");
	c->not_before = seconds_of(X509_get0_notBefore(cert));
	c->not_after = seconds_of(X509_get0_notAfter(cert));
	c->is_ca = (flags & EXFLAG_CA) != 0;
	c->for_clients = (flags & EXFLAG_XKUSAGE) &&
			 (X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT);
}

static int read_file(const char *path, const char *what, X509 **cert,
		     struct error *err)
{
	autobuf text = {0};
	BIO *bio;

	if (file_read(path, FILE_MAX, &text, err))
		return error_prefix(err, "%s", what);
	bio = BIO_new_mem_buf(buf_bytes(&text), (int)text.len);
	if (bio)
		*cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (*cert)
		return 0;
	return error_set(err, ERROR_KEY,
			 "%s: %s holds no certificate in PEM form", what, path);
}

int tls_look_file(const char *path, const char *what,
		  struct tls_certificate *certificate, struct error *err)
{
	X509 *cert = NULL;

	if (read_file(path, what, &cert, err))
		return -1;
	describe(cert, certificate);
	X509_free(cert);
	return 0;
}

int tls_look_pair(const char *path, struct evp_pkey_st *key, struct error *err)
{
	X509 *cert = NULL;
	bool fits;

	if (read_file(path, "the certificate", &cert, err))
		return -1;
	fits = X509_check_private_key(cert, key) == 1;
	ERR_clear_error();
	X509_free(cert);
	if (fits)
		return 0;
	return error_set(err, ERROR_KEY,
			 "the key does not belong to the certificate %s; give "
			 "the key that was made with it",
			 path);
}

/* -- what is offered, and what came of it --------------------------------------- */

/* A host without a certificate speaks TLS 1.3 only where it may have such keys. */
static int find_no_psk(SSL *ssl, const unsigned char *identity, size_t len,
		       SSL_SESSION **session)
{
	*session = NULL;
	return 1;
}

/*
 * OpenSSL tells a host the groups of its client, and nobody his own: our first
 * message is shown to a host in memory, which has no certificate to go on with.
 */
static int groups_of(SSL *client, SSL *host, int *groups)
{
	BIO *hello = BIO_new(BIO_s_mem());
	BIO *nothing = BIO_new(BIO_s_mem());
	int n;

	if (!hello || !nothing) {
		BIO_free(hello);
		BIO_free(nothing);
		return 0;
	}
	BIO_up_ref(hello);
	SSL_set_bio(client, nothing, hello);
	SSL_set_bio(host, hello, BIO_new(BIO_s_mem()));
	SSL_set_psk_find_session_callback(host, find_no_psk);
	SSL_connect(client);
	SSL_accept(host);
	ERR_clear_error();
	n = (int)SSL_get1_groups(host, NULL);
	return n <= GROUPS_MAX ? (int)SSL_get1_groups(host, groups) : 0;
}

void tls_look_offer(const struct tls_context *context, struct buf *out)
{
	SSL_CTX *other = SSL_CTX_new(TLS_server_method());
	SSL *host = other ? SSL_new(other) : NULL;
	SSL *client = SSL_new(context->ssl);
	int groups[GROUPS_MAX];
	int n = host && client ? groups_of(client, host, groups) : 0;

	buf_append_str(out,
		       context->allow_tls12 ? "TLS 1.2 and 1.3" : "TLS 1.3");
	for (int i = 0; i < n; i++)
		buf_appendf(out, "%s%s", i ? ", " : " with ",
			    SSL_group_to_name(client, groups[i]));
	SSL_free(client);
	SSL_free(host);
	SSL_CTX_free(other);
}

static enum tls_stage stage_of(const struct tls *tls)
{
	if (tls->established ||
	    (tls->context->probe && SSL_is_init_finished(tls->ssl)))
		return TLS_STAGE_DONE;
	if (tls->refused)
		return TLS_STAGE_CERTIFICATE;
	if (tls->no_alpn ||
	    tls->alert_received == SSL_AD_NO_APPLICATION_PROTOCOL)
		return TLS_STAGE_ALPN;
	if (tls->alert_received >= 0 && SSL_get0_peer_certificate(tls->ssl))
		return TLS_STAGE_VERDICT;
	return TLS_STAGE_HELLO;
}

void tls_look(const struct tls *tls, struct tls_report *report)
{
	X509 *peer = SSL_get0_peer_certificate(tls->ssl);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	int group = (int)SSL_get_negotiated_group(tls->ssl);

	*report = (struct tls_report){.stage = stage_of(tls)};
	report->speaks_tls = tls->first_len > 0 && tls_looks_like_tls(tls);
	if (peer) {
		report->has_peer = true;
		describe(peer, &report->peer);
	}
	if (!cipher)
		return;
	snprintf(report->version, sizeof(report->version), "%s",
		 SSL_get_version(tls->ssl));
	snprintf(report->cipher, sizeof(report->cipher), "%s",
		 SSL_CIPHER_get_name(cipher));
	if (group)
		snprintf(report->group, sizeof(report->group), "%s",
			 SSL_group_to_name(tls->ssl, group));
}

/* -- probes ---------------------------------------------------------------------- */

int tls_probe_new(struct tls_context **context, unsigned version,
		  struct error *err)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION,
				       TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_config config = {.role = TLS_CLIENT, .probe = true};
	struct tls_context *made = NULL;
	int only;

	if (version < 10 || version > 13)
		return error_set(err, ERROR_UNSUPPORTED,
				 "there is no such version of TLS");
	only = versions[version - 10];
	if (tls_context_new(&made, &config, err))
		return -1;
	/* What we would never speak is offered, too: nothing is said by it. */
	SSL_CTX_set_security_level(made->ssl, 0);
	if (!SSL_CTX_set_min_proto_version(made->ssl, only) ||
	    !SSL_CTX_set_max_proto_version(made->ssl, only) ||
	    !SSL_CTX_set_cipher_list(made->ssl, "ALL:@SECLEVEL=0")) {
		ERR_clear_error();
		tls_context_unref(made);
		return error_set(err, ERROR_UNSUPPORTED,
				 "this OpenSSL cannot offer that");
	}
	*context = made;
	return 0;
}
