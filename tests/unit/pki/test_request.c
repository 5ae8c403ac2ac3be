/*
 * Requests: what they wish, what is refused about them, and what is not granted.
 */
#include "pki/request.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/fixture.h"

/* A request for COMMON (may be NULL) with extensions as openssl.cnf has them. */
static BIO *make_request(const char *common, const char *names,
			 const char *usage, const char *constraints,
			 EVP_PKEY *key, EVP_PKEY *signer)
{
	const struct {
		int nid;
		const char *value;
	} wanted[] = {{NID_subject_alt_name, names},
		      {NID_ext_key_usage, usage},
		      {NID_basic_constraints, constraints}};
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	X509_REQ *asked = X509_REQ_new();
	BIO *pem = BIO_new(BIO_s_mem());

	for (size_t i = 0; i < array_size(wanted); i++)
		if (wanted[i].value)
			sk_X509_EXTENSION_push(
				extensions,
				X509V3_EXT_conf_nid(NULL, NULL, wanted[i].nid,
						    wanted[i].value));
	if (common)
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(asked),
					   "CN", MBSTRING_UTF8,
					   (const unsigned char *)common, -1,
					   -1, 0);
	if (sk_X509_EXTENSION_num(extensions) > 0)
		X509_REQ_add_extensions(asked, extensions);
	X509_REQ_set_pubkey(asked, key);
	assert_true(X509_REQ_sign(asked, signer, crypto_digest(signer)) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(pem, asked), 1);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(asked);
	return pem;
}

static struct request *read_request(BIO *pem, struct error *err)
{
	size_t len;
	const char *bytes = crypto_bio_bytes(pem, &len);

	return request_from_bytes(bytes, len, "x.csr", err);
}

static struct request *request_for(const char *common, const char *names,
				   const char *usage)
{
	autopkey *key = key_generate(KEY_ED25519, NULL);
	autobio *pem = make_request(common, names, usage, NULL, key, key);
	struct request *request = read_request(pem, NULL);

	assert_non_null(request);
	return request;
}

static void test_wishes(void **state)
{
	static const struct {
		const char *common, *names, *usage;
		int kind; /* -1: unclear */
		const char *name;
		size_t sans;
	} cases[] = {
		{"ann", NULL, NULL, CERTIFICATE_USER, "ann", 0},
		{"ann@x.org", NULL, "clientAuth", CERTIFICATE_USER, "ann@x.org",
		 0},
		{"x", "URI:virtmux://user/ann", NULL, CERTIFICATE_USER, "ann",
		 0},
		{"x", "URI:virtmux://user/ann,email:a@b", NULL,
		 CERTIFICATE_USER, "ann", 0},
		{NULL, "DNS:Web1,IP:::1,DNS:web1", NULL, CERTIFICATE_HOST,
		 "web1", 2},
		{"web1", NULL, "serverAuth", CERTIFICATE_HOST, "web1", 1},
		{"10.0.0.1", NULL, "serverAuth", CERTIFICATE_HOST, "10.0.0.1",
		 1},
		{"x", "URI:virtmux://user/a,URI:virtmux://user/b", NULL, -1, "",
		 0},
		{"x", "URI:virtmux://user/a,DNS:b", NULL, -1, "", 0},
		{"x", "URI:virtmux://user/a", "serverAuth", -1, "", 0},
		{"x", "URI:virtmux://user/../a", NULL, -1, "", 0},
		{"x", "URI:https://user/a", NULL, -1, "", 0},
		{"x", "email:a@b", NULL, -1, "", 0},
		{"x", "DNS:*.x.org", NULL, -1, "", 0},
		{"a b", NULL, NULL, -1, "", 0},
		{"a b", NULL, "serverAuth", -1, "", 0},
		{NULL, NULL, NULL, -1, "", 0},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		autoptr(request) request = request_for(
			cases[i].common, cases[i].names, cases[i].usage);
		cleanup(request_wish_clear) struct request_wish wish = {0};
		autoerror err = {0};
		int result = request_wish(request, &wish, &err);

		assert_int_equal(result, cases[i].kind < 0 ? -1 : 0);
		if (result < 0) {
			assert_int_equal(err.code, ERROR_USAGE);
			assert_non_null(strstr(err.words, "--user NAME"));
			continue;
		}
		assert_int_equal(wish.kind, cases[i].kind);
		assert_string_equal(wish.name, cases[i].name);
		assert_int_equal(wish.san_count, cases[i].sans);
	}
}

static void assert_denied(const struct request *request,
			  const struct request_wish *granted, const char *text)
{
	autobuf out = {0};

	request_print_denied(request, granted, &out);
	assert_int_equal(buf_append(&out, "", 1), 0);
	assert_string_equal((char *)buf_bytes(&out), text);
}

static void test_denied(void **state)
{
	autopkey *key = key_generate(KEY_P256, NULL);
	autobio *pem = make_request(
		"ann", "URI:virtmux://user/ann,DNS:web1,email:a@b,IP:10.0.0.1",
		"serverAuth", "CA:TRUE", key, key);
	autoptr(request) request = read_request(pem, NULL);
	struct san san;
	struct request_wish user = {.kind = CERTIFICATE_USER, .name = "ann"};
	struct request_wish host = {.kind = CERTIFICATE_HOST,
				    .name = "web1",
				    .sans = &san,
				    .san_count = 1};
	struct request_wish other = {.kind = CERTIFICATE_USER, .name = "bob"};
	autobuf out = {0};

	assert_int_equal(name_parse_host("web1", &san, NULL), 0);
	assert_denied(request, &user,
		      "DNS:web1\nemail:a@b\nIP:10.0.0.1\n"
		      "to be an authority\nto be a server\n");
	assert_denied(request, &host,
		      "URI:virtmux://user/ann\nemail:a@b\nIP:10.0.0.1\n"
		      "to be an authority\n");
	assert_denied(request, &other,
		      "URI:virtmux://user/ann\nDNS:web1\nemail:a@b\n"
		      "IP:10.0.0.1\nto be an authority\nto be a server\n");
	request_print(request, &out);
	assert_int_equal(buf_append(&out, "", 1), 0);
	assert_non_null(strstr((char *)buf_bytes(&out), "CN=ann"));
	assert_non_null(strstr((char *)buf_bytes(&out), "DNS:web1"));
	assert_non_null(strstr((char *)buf_bytes(&out), "EC P-256"));
}

static void test_wrong_signature(void **state)
{
	autopkey *key = key_generate(KEY_P256, NULL);
	autopkey *other = key_generate(KEY_P256, NULL);
	autobio *pem = make_request("ann", NULL, NULL, NULL, key, other);
	autoerror err = {0};

	assert_null(read_request(pem, &err));
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "not signed by its own key"));
}

static void test_weak_keys(void **state)
{
	EVP_PKEY *keys[] = {
		EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024),
		EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
		EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"),
	};

	for (size_t i = 0; i < array_size(keys); i++) {
		autobio *pem =
			make_request("ann", NULL, NULL, NULL, keys[i], keys[i]);
		autoerror err = {0};

		assert_null(read_request(pem, &err));
		assert_int_equal(err.code, ERROR_KEY);
		assert_non_null(strstr(err.words, "x.csr: a key of the kind"));
		EVP_PKEY_free(keys[i]);
	}
}

static void test_forms(void **state)
{
	autopkey *key = key_generate(KEY_P256, NULL);
	autobio *pem = make_request("ann", NULL, NULL, NULL, key, key);
	X509_REQ *asked = PEM_read_bio_X509_REQ(pem, NULL, NULL, NULL);
	unsigned char *der = NULL;
	int len = i2d_X509_REQ(asked, &der);
	autoptr(request) request =
		request_from_bytes(der, (size_t)len, "x", NULL);
	autoerror err = {0};

	assert_non_null(request);
	assert_int_equal(EVP_PKEY_eq(request_key(request), key), 1);
	assert_null(request_from_bytes(der, (size_t)len - 1, "x", &err));
	assert_int_equal(err.code, ERROR_KEY);
	assert_null(request_from_bytes("", 0, "x", &err));
	assert_null(request_from_bytes("nonsense", 8, "x", &err));
	OPENSSL_free(der);
	X509_REQ_free(asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_wrong_signature),
		cmocka_unit_test(test_weak_keys),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
