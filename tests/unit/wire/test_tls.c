/*
 * TLS without I/O: handshake and records carried by hand between two ends,
 * split at every offset; keys and contexts that cannot be loaded; the identity
 * in a certificate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "wire/certificates.h"
#include "wire/tls_private.h"

struct ends {
	char dir[64];
	struct tls *host;
	struct tls *client;
	struct block_pool pool;
	struct block *from_host;
	struct block *from_client;
};

static const char *path_of(const char *dir, const char *file, char *path)
{
	snprintf(path, 128, "%s/%s", dir, file);
	return path;
}

static int load_key(const char *path, const char *passphrase,
		    struct evp_pkey_st **key, bool *wrong, struct error *err)
{
	autoptr(secret) secret = passphrase ? secret_new() : NULL;
	autobuf pem = {0};

	if (secret) {
		strcpy(secret->text, passphrase);
		secret->len = strlen(passphrase);
	}
	assert_int_equal(file_read(path, 65536, &pem, err), 0);
	return tls_key_from_pem(key, (char *)buf_bytes(&pem), pem.len, path,
				secret, wrong, err);
}

static int make_context(const char *dir, enum tls_role role, const char *leaf,
			struct tls_context **context, struct error *err)
{
	struct tls_config config = {.role = role};
	char ca[128], cert[128], key[128], name[64];
	int rc;

	snprintf(name, sizeof(name), "%s.crt", leaf);
	config.ca_file = path_of(dir, "ca.crt", ca);
	config.certificate_file = path_of(dir, name, cert);
	snprintf(name, sizeof(name), "%s.key", leaf);
	assert_int_equal(load_key(path_of(dir, name, key), NULL, &config.key,
				  NULL, err),
			 0);
	rc = tls_context_new(context, &config, err);
	tls_key_free(config.key);
	return rc;
}

static void open_end(struct ends *e, enum tls_role role, const char *leaf,
		     struct tls **tls, struct block **out)
{
	struct tls_context *context = NULL;
	autoerror err = {0};

	assert_int_equal(make_context(e->dir, role, leaf, &context, &err), 0);
	assert_int_equal(tls_new(tls, context,
				 role == TLS_CLIENT ? "localhost" : NULL, &err),
			 0);
	tls_context_unref(context);
	*out = block_get(&e->pool);
	tls_set_output(*tls, *out);
}

static int set_up(void **state)
{
	struct ends *e = calloc(1, sizeof(*e));
	const struct leaf_options host = {
		.cn = "host", .san = "DNS:localhost", .usage = "serverAuth"};
	const struct leaf_options user = {.cn = "anna",
					  .san = "URI:virtmux://user/anna",
					  .usage = "clientAuth"};
	struct authority ca;

	strcpy(e->dir, "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(e->dir));
	authority_make(&ca, "test CA");
	authority_write(&ca, e->dir, "ca");
	leaf_write(&ca, &host, e->dir, "host");
	leaf_write(&ca, &user, e->dir, "user");
	authority_free(&ca);
	open_end(e, TLS_HOST, "host", &e->host, &e->from_host);
	open_end(e, TLS_CLIENT, "user", &e->client, &e->from_client);
	*state = e;
	return 0;
}

static int tear_down(void **state)
{
	struct ends *e = *state;
	char command[96];

	tls_free(e->host);
	tls_free(e->client);
	block_put(&e->pool, e->from_host);
	block_put(&e->pool, e->from_client);
	block_pool_clear(&e->pool);
	snprintf(command, sizeof(command), "rm -r '%s'", e->dir);
	assert_int_equal(system(command), 0);
	free(e);
	return 0;
}

/* Lends what stands in FROM to TLS, PIECE bytes at a time, and steps it. */
static enum tls_status hand_over(struct tls *tls, struct block *from,
				 size_t piece)
{
	enum tls_status status = TLS_AGAIN;

	while (from->len > 0 && status == TLS_AGAIN) {
		size_t n = piece < from->len ? piece : from->len;
		uint8_t *copy = malloc(n);

		memcpy(copy, from->data + from->head, n);
		tls_lend_input(tls, copy, n);
		status = tls_handshake(tls, NULL);
		assert_true(status == TLS_OK || tls_input_left(tls) == 0);
		if (status == TLS_OK)
			n -= tls_input_left(tls);
		from->head += n;
		from->len -= n;
		tls_lend_input(tls, NULL, 0);
		free(copy);
	}
	if (from->len == 0)
		from->head = 0;
	return status;
}

static void shake_hands(struct ends *e, size_t piece)
{
	assert_int_equal(tls_handshake(e->client, NULL), TLS_AGAIN);
	assert_int_equal(hand_over(e->host, e->from_client, piece), TLS_AGAIN);
	assert_int_equal(hand_over(e->client, e->from_host, piece), TLS_OK);
	assert_int_equal(hand_over(e->host, e->from_client, piece), TLS_OK);
}

static void say(struct ends *e, const char *text, size_t piece)
{
	uint8_t plain[64];
	size_t got = 0;
	size_t n;

	assert_int_equal(tls_write(e->client, (const uint8_t *)text,
				   strlen(text), NULL),
			 TLS_OK);
	for (n = e->from_client->len; n > 0; n -= piece < n ? piece : n) {
		tls_lend_input(e->host,
			       e->from_client->data + e->from_client->head,
			       piece < n ? piece : n);
		e->from_client->head += piece < n ? piece : n;
		if (tls_read(e->host, plain, sizeof(plain), &got, NULL) ==
		    TLS_OK)
			break;
	}
	assert_int_equal(got, strlen(text));
	assert_memory_equal(plain, text, got);
}

static void test_split_everywhere(void **state)
{
	for (size_t piece = 1; piece < 200; piece += piece < 24 ? 1 : 17) {
		struct ends *e;

		assert_int_equal(set_up(state), 0);
		e = *state;
		shake_hands(e, piece);
		assert_string_equal(tls_peer(e->host)->identity, "anna");
		assert_string_equal(tls_peer(e->client)->subject, "host");
		assert_int_equal(strlen(tls_peer(e->host)->fingerprint), 64);
		say(e, "hello", piece);
		tear_down(state);
	}
}

static void test_close_is_heard(void **state)
{
	struct ends *e = *state;
	uint8_t plain[16];
	size_t got;

	shake_hands(e, SIZE_MAX);
	tls_close(e->client);
	assert_true(e->from_client->len > 0);
	tls_lend_input(e->host, e->from_client->data + e->from_client->head,
		       e->from_client->len);
	assert_int_equal(tls_read(e->host, plain, sizeof(plain), &got, NULL),
			 TLS_CLOSED);
}

static void test_damaged_record(void **state)
{
	struct ends *e = *state;
	autoerror err = {0};
	uint8_t plain[16];
	size_t got;

	shake_hands(e, SIZE_MAX);
	e->from_client->len = e->from_client->head = 0;
	tls_write(e->client, (const uint8_t *)"hello", 5, NULL);
	e->from_client->data[e->from_client->len - 1] ^= 1;
	tls_lend_input(e->host, e->from_client->data, e->from_client->len);
	assert_int_equal(tls_read(e->host, plain, sizeof(plain), &got, &err),
			 TLS_FAILED);
	assert_int_equal(err.code, ERROR_TLS);
}

static void test_older_version_is_refused(void **state)
{
	/* A TLS 1.2 record of type handshake that no ClientHello is. */
	static const uint8_t hello[] = {22, 3, 1, 0, 4, 2, 0, 0, 0};
	struct ends *e = *state;
	autoerror err = {0};

	tls_lend_input(e->host, hello, sizeof(hello));
	assert_int_equal(tls_handshake(e->host, &err), TLS_FAILED);
	assert_true(e->from_host->len > 0);
}

static void expect_bad_context(const char *dir, const char *ca,
			       const char *cert, const char *words)
{
	struct tls_context *context = NULL;
	struct tls_config config = {.role = TLS_CLIENT};
	char ca_path[128], cert_path[128], key_path[128];
	autoerror err = {0};

	config.ca_file = ca ? path_of(dir, ca, ca_path) : NULL;
	config.certificate_file = path_of(dir, cert, cert_path);
	assert_int_equal(load_key(path_of(dir, "user.key", key_path), NULL,
				  &config.key, NULL, &err),
			 0);
	assert_int_equal(tls_context_new(&context, &config, &err), -1);
	if (!strstr(error_words(&err), words))
		fail_msg("%s", error_words(&err));
	tls_key_free(config.key);
}

static void test_contexts_that_cannot_be(void **state)
{
	struct ends *e = *state;

	expect_bad_context(e->dir, NULL, "user.crt", "no CA is configured");
	expect_bad_context(e->dir, "none.crt", "user.crt", "none.crt");
	expect_bad_context(e->dir, "user.key", "user.crt",
			   "holds no CA certificate");
	expect_bad_context(e->dir, "ca.crt", "user.key",
			   "holds no certificate");
	expect_bad_context(e->dir, "ca.crt", "host.crt",
			   "does not belong to the certificate");
}

static void test_keys(void **state)
{
	struct ends *e = *state;
	struct evp_pkey_st *key = NULL;
	char path[128], command[512];
	autobuf pem = {0};
	autoerror err = {0};
	bool wrong;

	snprintf(command, sizeof(command),
		 "openssl pkcs8 -topk8 -scrypt -in %s/user.key -out %s/x.key "
		 "-passout pass:right 2>/dev/null",
		 e->dir, e->dir);
	assert_int_equal(system(command), 0);
	path_of(e->dir, "x.key", path);
	assert_int_equal(file_read(path, 65536, &pem, &err), 0);
	assert_true(tls_key_is_encrypted((char *)buf_bytes(&pem), pem.len));
	assert_int_equal(load_key(path, NULL, &key, &wrong, &err), -1);
	assert_false(wrong);
	assert_int_equal(load_key(path, "wrong", &key, &wrong, &err), -1);
	assert_true(wrong);
	assert_int_equal(err.code, ERROR_KEY);
	assert_int_equal(load_key(path, "right", &key, &wrong, &err), 0);
	tls_key_free(key);
	path_of(e->dir, "user.crt", path);
	assert_int_equal(load_key(path, NULL, &key, &wrong, &err), -1);
	assert_non_null(strstr(err.words, "no private key"));
}

static void on_key_freed(void *key, void *freed, CRYPTO_EX_DATA *data,
			 int index, long number, void *pointer)
{
	if (freed)
		*(bool *)freed = true;
}

/* A client's key is freed, and its copy when the handshake is over. */
static void test_key_is_forgotten(void **state)
{
	struct ends *e = *state;
	struct tls_context *context = e->client->context;
	int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL,
					    NULL, NULL, on_key_freed);
	bool freed = false;

	assert_int_equal(EVP_PKEY_set_ex_data(context->key, index, &freed), 1);
	assert_int_equal(tls_handshake(e->client, NULL), TLS_AGAIN);
	assert_ptr_not_equal(SSL_get_privatekey(e->client->ssl), context->key);
	tls_context_forget_key(context);
	assert_true(freed);
	assert_non_null(SSL_get_privatekey(e->client->ssl));
	assert_int_equal(hand_over(e->host, e->from_client, 4096), TLS_AGAIN);
	assert_int_equal(hand_over(e->client, e->from_host, 4096), TLS_OK);
	assert_null(SSL_get_privatekey(e->client->ssl));
	assert_int_equal(hand_over(e->host, e->from_client, 4096), TLS_OK);
	say(e, "it lives", 4096);
	CRYPTO_free_ex_index(CRYPTO_EX_INDEX_EVP_PKEY, index);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_everywhere),
		TEST(test_close_is_heard),
		TEST(test_damaged_record),
		TEST(test_older_version_is_refused),
		TEST(test_contexts_that_cannot_be),
		TEST(test_keys),
		TEST(test_key_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
