/*
 * TLS without I/O: an own BIO reads the bytes that conn has lent and appends
 * records to conn's output block, so that one send() carries many records; see
 * tls.h.
 */
#include "wire/tls.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/copy.h"
#include "wire/tls_private.h"

/* -- the BIO ------------------------------------------------------------------ */

static int bio_read(BIO *bio, char *to, size_t room, size_t *got)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*got = room < tls->input_len ? room : tls->input_len;
	if (*got == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	copy_bulk((uint8_t *)to, tls->input, *got);
	tls->input += *got;
	tls->input_len -= *got;
	return 1;
}

static int bio_write(BIO *bio, const char *from, size_t n, size_t *written)
{
	struct tls *tls = BIO_get_data(bio);
	size_t room = tls->output ? block_room(tls->output) : 0;

	BIO_clear_retry_flags(bio);
	*written = n < room ? n : room;
	if (*written == 0) {
		BIO_set_retry_write(bio);
		return 0;
	}
	copy_bulk(tls->output->data + tls->output->head + tls->output->len,
		  (const uint8_t *)from, *written);
	tls->output->len += *written;
	return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "virtmux");

	if (!method)
		return NULL;
	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

/* -- making one ---------------------------------------------------------------- */

/* SNI and the check of the name that the host's certificate must carry. */
static int expect_name(struct tls *tls, const char *name, struct error *err)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
	uint8_t address[sizeof(struct in6_addr)];
	bool is_address = inet_pton(AF_INET, name, address) == 1 ||
			  inet_pton(AF_INET6, name, address) == 1;

	tls->server_name = strdup(name);
	if (!tls->server_name)
		return error_set_no_memory(err);
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
			       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (is_address) {
		if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
			return 0;
	} else if (X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
		   SSL_set_tlsext_host_name(tls->ssl, name) == 1) {
		return 0;
	}
	return error_set(err, ERROR_USAGE, "'%s' cannot be the name of a host",
			 name);
}

/*
 * A copy of the key for this handshake: OpenSSL keeps what it computes of a key that
 * it has used (of RSA, the primes) in ordinary memory with it, so the context's own is
 * never used. A key on a token, which is no provider's, has no copy.
 */
static int use_key(struct tls *tls, struct error *err)
{
	EVP_PKEY *key = tls->context->key;
	EVP_PKEY *copy = NULL;
	bool used;

	if (!key)
		return 0;
	if (EVP_PKEY_get0_provider(key))
		copy = EVP_PKEY_dup(key);
	used = SSL_use_PrivateKey(tls->ssl, copy ? copy : key) == 1;
	EVP_PKEY_free(copy);
	return used ? 0 : error_set_no_memory(err);
}

static int attach(struct tls *tls, struct error *err)
{
	BIO *bio;

	tls->ssl = SSL_new(tls->context->ssl);
	bio = BIO_new(tls->context->bio);
	if (!tls->ssl || !bio) {
		BIO_free(bio);
		return error_set_no_memory(err);
	}
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	if (tls->context->role == TLS_HOST)
		SSL_set_accept_state(tls->ssl);
	else
		SSL_set_connect_state(tls->ssl);
	return use_key(tls, err);
}

int tls_new(struct tls **result, struct tls_context *context,
	    const char *server_name, struct error *err)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return error_set_no_memory(err);
	tls->context = tls_context_ref(context);
	tls->alert_received = -1;
	tls->alert_sent = -1;
	if (attach(tls, err) ||
	    (server_name && expect_name(tls, server_name, err))) {
		tls_free(tls);
		return -1;
	}
	*result = tls;
	return 0;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	tls_context_unref(tls->context);
	error_clear(&tls->verify_error);
	free(tls->server_name);
	free(tls);
}

/* -- bytes ------------------------------------------------------------------------ */

void tls_lend_input(struct tls *tls, const uint8_t *data, size_t len)
{
	tls->input = data;
	tls->input_len = len;
	if (tls->first_len == 0 && len > 0) {
		tls->first_len = len < TLS_FIRST_BYTES ? len : TLS_FIRST_BYTES;
		memcpy(tls->first, data, tls->first_len);
	}
}

size_t tls_input_left(const struct tls *tls)
{
	return tls->input_len;
}

void tls_set_output(struct tls *tls, struct block *block)
{
	tls->output = block;
}

/* SSL_get_error() wants an empty queue; clearing one is not free. */
static void forget_errors(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

static enum tls_status status_of(struct tls *tls, int rc, struct error *err)
{
	int ssl_error = SSL_get_error(tls->ssl, rc);

	switch (ssl_error) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TLS_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		tls->refused = error_is_set(&tls->verify_error);
		tls_explain(tls, ssl_error, err);
		ERR_clear_error();
		return TLS_FAILED;
	}
}

static bool agreed_on_h2(struct tls *tls)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(tls->ssl, &name, &len);
	return len == 2 && memcmp(name, "h2", 2) == 0;
}

enum tls_status tls_handshake(struct tls *tls, struct error *err)
{
	int rc;

	if (tls->established)
		return TLS_OK;
	ERR_clear_error();
	rc = SSL_do_handshake(tls->ssl);
	if (rc != 1)
		return status_of(tls, rc, err);
	if (tls->context->probe) {
		error_set(err, ERROR_TLS, "a probe ends with the handshake");
		return TLS_FAILED;
	}
	if (!agreed_on_h2(tls)) {
		tls->no_alpn = true;
		tls_explain(tls, SSL_ERROR_SSL, err);
		return TLS_FAILED;
	}
	tls->established = true;
	if (tls->context->role == TLS_CLIENT)
		SSL_certs_clear(tls->ssl); /* the key has done its work */
	return TLS_OK;
}

enum tls_status tls_read(struct tls *tls, uint8_t *to, size_t room, size_t *got,
			 struct error *err)
{
	int rc;

	forget_errors();
	rc = SSL_read_ex(tls->ssl, to, room, got);
	return rc == 1 ? TLS_OK : status_of(tls, rc, err);
}

enum tls_status tls_write(struct tls *tls, const uint8_t *from, size_t n,
			  struct error *err)
{
	size_t written = 0;
	int rc;

	forget_errors();
	rc = SSL_write_ex(tls->ssl, from, n, &written);
	return rc == 1 ? TLS_OK : status_of(tls, rc, err);
}

void tls_close(struct tls *tls)
{
	if (!tls->established)
		return;
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

const struct tls_peer *tls_peer(const struct tls *tls)
{
	return &tls->peer;
}

void tls_describe(const struct tls *tls, char *text, size_t size)
{
	int group = (int)SSL_get_negotiated_group(tls->ssl);

	snprintf(text, size, "%s, %s, %s", SSL_get_version(tls->ssl),
		 SSL_get_cipher_name(tls->ssl),
		 group ? SSL_group_to_name(tls->ssl, group) : "no group");
}
