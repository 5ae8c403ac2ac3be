/*
 * Looking at certificates in files, and at what a context offers. What a
 * handshake shows is tried in test_conn.c, where there are two ends.
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
#include "wire/tls_look.h"

static char *path_in(const char *dir, const char *file)
{
	return file_join(dir, file);
}

static int set_up(void **state)
{
	char *dir = strdup("/tmp/virtmux-test-XXXXXX");
	const struct leaf_options user = {.cn = "anna",
					  .san = "URI:virtmux://user/anna",
					  .usage = "clientAuth",
					  .until_s = 1000};
	struct authority ca;

	assert_non_null(mkdtemp(dir));
	authority_make(&ca, "test CA");
	authority_write(&ca, dir, "ca");
	leaf_write(&ca, &user, dir, "user");
	authority_free(&ca);
	*state = dir;
	return 0;
}

static int tear_down(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r '%s'", (char *)*state);
	assert_int_equal(system(command), 0);
	free(*state);
	return 0;
}

static void test_files(void **state)
{
	autofree char *user = path_in(*state, "user.crt");
	autofree char *ca = path_in(*state, "ca.crt");
	struct tls_certificate c = {0};
	autoerror err = {0};

	assert_int_equal(tls_look_file(user, "it", &c, &err), 0);
	assert_string_equal(c.subject, "anna");
	assert_string_equal(c.issuer, "test CA");
	assert_string_equal(c.names, "URI:virtmux://user/anna");
	assert_true(c.for_clients);
	assert_false(c.is_ca);
	assert_true(c.not_before < c.not_after);
	assert_int_equal(tls_look_file(ca, "it", &c, &err), 0);
	assert_string_equal(c.subject, "test CA");
	assert_string_equal(c.names, "none");
	assert_true(c.is_ca);
	assert_false(c.for_clients);
}

static void test_no_certificate(void **state)
{
	autofree char *key = path_in(*state, "user.key");
	autofree char *none = path_in(*state, "none.crt");
	struct tls_certificate c = {0};
	autoerror err = {0};

	assert_int_equal(tls_look_file(key, "the X", &c, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(err.words, "the X"));
	assert_non_null(strstr(err.words, "user.key holds no certificate"));
	assert_int_equal(tls_look_file(none, "the X", &c, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_offer(void **state)
{
	autofree char *ca = path_in(*state, "ca.crt");
	struct tls_config config = {.role = TLS_CLIENT, .ca_file = ca};

	for (int i = 0; i < 2; i++) {
		struct tls_context *context = NULL;
		autobuf text = {0};
		autofree char *offer = NULL;

		config.allow_tls12 = i == 1;
		assert_int_equal(tls_context_new(&context, &config, NULL), 0);
		tls_look_offer(context, &text);
		tls_context_unref(context);
		offer = buf_steal_str(&text);
		assert_non_null(offer);
		assert_int_equal(strncmp(offer, "TLS 1.2", 7) == 0, i == 1);
		assert_non_null(strstr(offer, "1.3 with "));
		assert_non_null(strstr(offer, "25519"));
	}
}

static void test_no_such_version(void **state)
{
	struct tls_context *context = NULL;

	assert_int_equal(tls_probe_new(&context, 10, NULL), 0);
	tls_context_unref(context);
	assert_int_equal(tls_probe_new(&context, 9, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_no_such_version),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
