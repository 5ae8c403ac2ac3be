/*
 * What an administrator sends: sorted, judged and written again; and files cut at
 * every length, since they come from outside. (Real ones: test_enroll.py.)
 */
#include "client/key_bundle.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "wire/certificates.h"

static const struct key_sources nobody = {.passphrase_fd = -1, .batch = true};

struct files {
	char dir[64];
	struct buf ca, anna, bob, host, p12;
};

static void take(const struct files *f, const char *name, struct buf *out)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(file_read(path, 65536, out, NULL), 0);
}

/* anna's certificate and key with the CA's, without a passphrase, as DER. */
static void make_p12(struct files *f, const struct authority *ca)
{
	autobuf pem = {0};
	BIO *bio = NULL;
	EVP_PKEY *key = NULL;
	X509 *user = NULL;
	STACK_OF(X509) *cas = sk_X509_new_null();
	PKCS12 *p12 = NULL;
	unsigned char *der = NULL;
	int len;

	take(f, "anna.key", &pem);
	bio = BIO_new_mem_buf(buf_bytes(&pem), (int)pem.len);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(buf_bytes(&f->anna), (int)f->anna.len);
	user = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	sk_X509_push(cas, ca->cert);
	p12 = PKCS12_create("", "anna", key, user, cas, 0, 0, 0, 0, 0);
	len = i2d_PKCS12(p12, &der);
	assert_true(len > 0);
	buf_append(&f->p12, der, (size_t)len);
	OPENSSL_free(der);
	PKCS12_free(p12);
	sk_X509_free(cas);
	X509_free(user);
	EVP_PKEY_free(key);
}

static int setup(void **state)
{
	static const struct leaf_options leaves[] = {
		{.cn = "anna",
		 .san = "URI:virtmux://user/anna",
		 .usage = "clientAuth"},
		{.cn = "bob", .usage = "clientAuth"},
		{.cn = "host", .san = "DNS:localhost", .usage = "serverAuth"},
	};
	struct files *f = calloc(1, sizeof(*f));
	struct authority ca;

	strcpy(f->dir, "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	authority_make(&ca, "test CA");
	authority_write(&ca, f->dir, "ca");
	for (size_t i = 0; i < array_size(leaves); i++)
		leaf_write(&ca, &leaves[i], f->dir, leaves[i].cn);
	take(f, "ca.crt", &f->ca);
	take(f, "anna.crt", &f->anna);
	take(f, "bob.crt", &f->bob);
	take(f, "host.crt", &f->host);
	make_p12(f, &ca);
	authority_free(&ca);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;
	char command[96];

	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	buf_free(&f->ca);
	buf_free(&f->anna);
	buf_free(&f->bob);
	buf_free(&f->host);
	buf_free(&f->p12);
	free(f);
	return system(command);
}

static struct key_bundle *bundle_of(const struct buf *one,
				    const struct buf *other)
{
	struct key_bundle *b = key_bundle_new();
	autoerror err = {0};

	if (key_bundle_add(b, one, "one", &nobody, &err) < 0 ||
	    (other && key_bundle_add(b, other, "other", &nobody, &err) < 0))
		fail_msg("%s", error_words(&err));
	return b;
}

static void test_sorted(void **state)
{
	struct files *f = *state;
	autoptr(key_bundle) b = bundle_of(&f->ca, &f->anna);
	autoerror err = {0};
	autobuf name = {0};

	assert_true(key_bundle_has_user(b));
	assert_false(key_bundle_has_key(b));
	assert_int_equal(key_bundle_cas(b), 1);
	key_bundle_ca_name(b, &name);
	assert_int_equal(name.len, strlen("test CA"));
	assert_memory_equal(buf_bytes(&name), "test CA", name.len);
	/* The same again is nothing new, another user is too much. */
	assert_int_equal(key_bundle_add(b, &f->ca, "x", &nobody, &err), 0);
	assert_int_equal(key_bundle_add(b, &f->anna, "x", &nobody, &err), 0);
	assert_int_equal(key_bundle_cas(b), 1);
	assert_int_equal(key_bundle_add(b, &f->bob, "x", &nobody, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_true(key_bundle_fits_pem(b, &f->anna));
	assert_false(key_bundle_fits_pem(b, &f->bob));
	assert_false(key_bundle_fits_pem(b, &f->p12));
}

static void test_judged(void **state)
{
	struct files *f = *state;
	autoptr(key_bundle) anna = bundle_of(&f->anna, &f->ca);
	autoptr(key_bundle) bob = bundle_of(&f->bob, &f->ca);
	autoptr(key_bundle) host = bundle_of(&f->host, &f->ca);
	autoptr(key_bundle) alone = bundle_of(&f->anna, NULL);
	struct tls_peer peer = {0};
	autoerror err = {0};
	bool by_name = true;

	assert_int_equal(key_bundle_judge(anna, &peer, &by_name, &err), 0);
	assert_string_equal(peer.identity, "anna");
	assert_false(by_name);
	assert_int_equal(key_bundle_judge(bob, &peer, &by_name, &err), 0);
	assert_string_equal(peer.identity, "bob");
	assert_true(by_name);
	assert_int_equal(key_bundle_judge(host, &peer, &by_name, &err), -1);
	assert_int_equal(err.code, ERROR_TLS);
	assert_int_equal(key_bundle_judge(alone, &peer, &by_name, &err), -1);
}

static void test_written(void **state)
{
	struct files *f = *state;
	autoptr(key_bundle) b = bundle_of(&f->p12, NULL);
	autoerror err = {0};
	autobuf user = {0};
	autobuf cas = {0};
	autobuf key = {0};

	assert_true(key_bundle_has_key(b));
	assert_int_equal(key_bundle_write_user(b, &user, NULL), 0);
	assert_int_equal(key_bundle_write_cas(b, &cas, NULL), 0);
	assert_int_equal(user.len, f->anna.len);
	assert_memory_equal(buf_bytes(&user), buf_bytes(&f->anna), user.len);
	assert_int_equal(cas.len, f->ca.len);
	assert_memory_equal(buf_bytes(&cas), buf_bytes(&f->ca), cas.len);
	/* A key that had no passphrase wants one. */
	assert_int_equal(key_bundle_write_key(b, &nobody, "k", &key, &err), -1);
	assert_non_null(strstr(error_words(&err), "needs a passphrase"));
	assert_int_equal(key.len, 0);
}

static void cut_everywhere(const struct buf *whole, size_t step)
{
	for (size_t n = 0; n < whole->len; n += step) {
		autoptr(key_bundle) b = key_bundle_new();
		autobuf part = {0};
		autoerror err = {0};

		buf_append(&part, buf_bytes(whole), n);
		if (key_bundle_add(b, &part, "part", &nobody, &err) < 0)
			assert_int_equal(err.code, ERROR_KEY);
		assert_false(key_bundle_has_key(b));
	}
}

static void test_cut(void **state)
{
	struct files *f = *state;

	cut_everywhere(&f->anna, 1);
	cut_everywhere(&f->p12, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_judged),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
