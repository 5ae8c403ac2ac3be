/*
 * TLS contexts: certificate, key, CA and rules as one unit that is built whole
 * or not at all. Made by the daemon for each configuration and by the client
 * for each host; see tls.h.
 */
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "wire/limits.h"
#include "wire/tls_private.h"
#include "wire/verify.h"

/* -- the peer's certificate -------------------------------------------------- */

/*
 * The whole judgement on the peer's certificate, inside the handshake. OpenSSL
 * makes the alert of the code: where our lists are at fault it must not read as if
 * the certificate were, so that the peer is told of an internal error.
 */
static int judge(X509_STORE_CTX *store, void *context)
{
	struct tls_context *own = context;
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_app_data(ssl);
	const struct verify_rules rules = {
		.peer_is = own->role == TLS_HOST ? TLS_CLIENT : TLS_HOST,
		.identity = own->identity,
		.name = tls->server_name,
	};
	int code;

	if (own->probe)
		return 1; /* and it ends with the handshake */
	code = verify_judge(store, &rules, &tls->peer, &tls->verify_error);
	if (code == X509_V_OK)
		return 1;
	X509_STORE_CTX_set_error(store, verify_is_our_fault(code)
						? X509_V_ERR_UNSPECIFIED
						: code);
	return 0;
}

int tls_judge(const struct tls *tls, struct tls_context *by, struct error *err)
{
	const struct verify_rules rules = {
		.peer_is = by->role == TLS_HOST ? TLS_CLIENT : TLS_HOST,
		.identity = by->identity,
	};
	X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
	struct tls_peer peer = {0};

	if (!leaf)
		return error_set(err, ERROR_TLS,
				 "the peer has shown no certificate");
	if (verify_outside(by->ssl, leaf, NULL, &rules, &peer, err) !=
	    X509_V_OK) {
		ERR_clear_error();
		return -1;
	}
	if (strcmp(peer.identity, tls->peer.identity) == 0)
		return 0;
	return error_set(err, ERROR_TLS,
			 "the certificate names \"%s\" by the host's new "
			 "rules, and no longer \"%s\"",
			 peer.identity, tls->peer.identity);
}

/* -- how long it lasts --------------------------------------------------------- */

static void earlier(int64_t *least, int64_t time)
{
	if (time && (!*least || time < *least))
		*least = time;
}

void tls_context_dates(const struct tls_context *context,
		       struct tls_dates *dates)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	X509 *own = SSL_CTX_get0_certificate(context->ssl);

	*dates = (struct tls_dates){0};
	if (own)
		dates->certificate = verify_seconds(X509_get0_notAfter(own));
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
		X509 *ca = X509_OBJECT_get0_X509(object);
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(object);

		if (ca)
			earlier(&dates->ca,
				verify_seconds(X509_get0_notAfter(ca)));
		if (crl)
			earlier(&dates->crl,
				verify_seconds(X509_CRL_get0_nextUpdate(crl)));
	}
}

/* -- ALPN -------------------------------------------------------------------- */

static const unsigned char alpn_h2[] = {2, 'h', '2'};

static int select_alpn(SSL *ssl, const unsigned char **out,
		       unsigned char *out_len, const unsigned char *in,
		       unsigned in_len, void *context)
{
	struct tls *tls = SSL_get_app_data(ssl);
	unsigned char *found;

	if (SSL_select_next_proto(&found, out_len, alpn_h2, sizeof(alpn_h2), in,
				  in_len) != OPENSSL_NPN_NEGOTIATED) {
		tls->no_alpn = true;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

/* A client without the ALPN extension never reaches select_alpn(). */
static int on_client_hello(SSL *ssl, int *alert, void *context)
{
	struct tls *tls = SSL_get_app_data(ssl);
	const unsigned char *data;
	size_t len;

	if (SSL_client_hello_get0_ext(
		    ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
		    &data, &len))
		return SSL_CLIENT_HELLO_SUCCESS;
	tls->no_alpn = true;
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

/* -- notes for explanations --------------------------------------------------- */

static void on_info(const SSL *ssl, int where, int value)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (!(where & SSL_CB_ALERT))
		return;
	if (where & SSL_CB_READ)
		tls->alert_received = value & 0xff;
	else
		tls->alert_sent = value & 0xff;
}

static void on_keylog(const SSL *ssl, const char *line)
{
	struct tls_context *own = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	autobuf text = {0};

	buf_append_str(&text, line);
	buf_append_char(&text, '\n');
	if (buf_ok(&text))
		file_write_all(own->keylog_fd, buf_bytes(&text), text.len,
			       NULL);
}

/* -- building it --------------------------------------------------------------- */

static int set_protocol(struct tls_context *own, struct error *err)
{
	SSL_CTX *ctx = own->ssl;
	int least = own->allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;

	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(ctx, VERIFY_LEVEL);
	if (!SSL_CTX_set_num_tickets(ctx, 0) ||
	    !SSL_CTX_set_min_proto_version(ctx, least) ||
	    !SSL_CTX_set_max_early_data(ctx, 0) ||
	    /* RFC 9113 section 9.2.2 forbids the rest of TLS 1.2's. */
	    !SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20"))
		return error_set(err, ERROR_TLS,
				 "OpenSSL cannot do TLS 1.3 as configured");
	if (own->role == TLS_HOST) {
		SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
		SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
	} else if (SSL_CTX_set_alpn_protos(ctx, alpn_h2, sizeof(alpn_h2))) {
		return error_set_no_memory(err);
	}
	SSL_CTX_set_info_callback(ctx, on_info);
	return 0;
}

static const char *ssl_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	return words ? words : "unknown reason";
}

static int load_ca(struct tls_context *own, const struct tls_config *config,
		   struct error *err)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(own->ssl);
	X509_STORE *store = SSL_CTX_get_cert_store(own->ssl);
	autobuf text = {0};

	if (config->probe)
		return 0;
	if (!config->ca_file)
		return error_set(err, ERROR_CONFIG,
				 "no CA is configured: set ca = FILE to the "
				 "ca.crt that virtmux-pki made");
	if (file_read(config->ca_file, WIRE_PEM_MAX, &text, err))
		return error_prefix(err, "the CA certificate");
	if (!X509_STORE_load_file(store, config->ca_file))
		return error_set(err, ERROR_TLS,
				 "%s holds no CA certificate in PEM form",
				 config->ca_file);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_purpose(param, own->role == TLS_HOST
						     ? X509_PURPOSE_SSL_CLIENT
						     : X509_PURPOSE_SSL_SERVER);
	if (!config->crl_file)
		return 0;
	if (!X509_STORE_load_file(store, config->crl_file))
		return error_set(err, ERROR_TLS,
				 "%s holds no revocation list in PEM form (%s)",
				 config->crl_file, ssl_words());
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK);
	return 0;
}

/*
 * A client's key stands in no SSL_CTX, which OpenSSL would not let go of it: it is
 * lent to each connection for its handshake (tls.c).
 */
static bool take_key(struct tls_context *own, EVP_PKEY *key)
{
	X509 *certificate = SSL_CTX_get0_certificate(own->ssl);

	if (own->role == TLS_HOST)
		return SSL_CTX_use_PrivateKey(own->ssl, key) == 1;
	if (X509_check_private_key(certificate, key) != 1)
		return false;
	EVP_PKEY_up_ref(key);
	own->key = key;
	return true;
}

static int load_certificate(struct tls_context *own,
			    const struct tls_config *config, struct error *err)
{
	autobuf text = {0};

	if (!config->certificate_file)
		return 0;
	if (file_read(config->certificate_file, WIRE_PEM_MAX, &text, err))
		return error_prefix(err, "the certificate");
	if (SSL_CTX_use_certificate_chain_file(own->ssl,
					       config->certificate_file) != 1)
		return error_set(err, ERROR_KEY,
				 "%s holds no certificate in PEM form that can "
				 "be used (%s)",
				 config->certificate_file, ssl_words());
	if (!config->key)
		return error_set(err, ERROR_KEY,
				 "there is a certificate but no key for it");
	if (!take_key(own, config->key))
		return error_set(err, ERROR_KEY,
				 "the key does not belong to the certificate "
				 "%s; give the key that was made with it",
				 config->certificate_file);
	return 0;
}

/* Whoever can read it reads all that is sent: nobody else may. */
static int check_keylog(int fd, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (st.st_uid != geteuid())
		return error_set(err, ERROR_KEY,
				 "the TLS key log %s belongs to somebody else, "
				 "who could read all that is sent; name "
				 "another file",
				 path);
	if (fchmod(fd, 0600) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "the TLS key log %s cannot be closed to "
				       "others",
				       path);
	return 0;
}

static int open_keylog(struct tls_context *own, const struct tls_config *config,
		       struct error *err)
{
	if (!config->keylog_file)
		return 0;
	own->keylog_fd =
		open(config->keylog_file,
		     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		     0600);
	if (own->keylog_fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "the TLS key log %s cannot be opened",
				       config->keylog_file);
	if (check_keylog(own->keylog_fd, config->keylog_file, err))
		return -1;
	SSL_CTX_set_keylog_callback(own->ssl, on_keylog);
	return 0;
}

static int build(struct tls_context *own, const struct tls_config *config,
		 struct error *err)
{
	own->ssl = SSL_CTX_new(TLS_method());
	if (!own->ssl)
		return error_set_no_memory(err);
	SSL_CTX_set_app_data(own->ssl, own);
	if (set_protocol(own, err) || load_ca(own, config, err) ||
	    load_certificate(own, config, err) || open_keylog(own, config, err))
		return -1;
	SSL_CTX_set_verify(own->ssl,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   NULL);
	SSL_CTX_set_cert_verify_callback(own->ssl, judge, own);
	return 0;
}

int tls_context_new(struct tls_context **context,
		    const struct tls_config *config, struct error *err)
{
	struct tls_context *own = calloc(1, sizeof(*own));

	if (!own)
		return error_set_no_memory(err);
	atomic_init(&own->references, 1);
	own->role = config->role;
	own->identity = config->identity;
	own->allow_tls12 = config->allow_tls12;
	own->probe = config->probe;
	own->keylog_fd = -1;
	own->bio = tls_bio_method();
	ERR_clear_error();
	if (!own->bio) {
		error_set_no_memory(err);
		tls_context_unref(own);
		return -1;
	}
	if (build(own, config, err)) {
		ERR_clear_error();
		tls_context_unref(own);
		return -1;
	}
	*context = own;
	return 0;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	atomic_fetch_add(&context->references, 1);
	return context;
}

void tls_context_forget_key(struct tls_context *context)
{
	EVP_PKEY_free(steal(&context->key));
}

void tls_context_unref(struct tls_context *context)
{
	if (!context || atomic_fetch_sub(&context->references, 1) != 1)
		return;
	tls_context_forget_key(context);
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->bio);
	if (context->keylog_fd >= 0)
		close(context->keylog_fd);
	free(context);
}
