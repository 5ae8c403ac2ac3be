/*
 * Keys and the sources of their passphrase: which one counts, how often it is
 * asked, and the words where a key, a certificate or a passphrase is missing. Runs
 * in a session of its own, so that there is no terminal.
 */
#include "client/connect/key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "client/no_terminal.h"
#include "client/connect/profile.h"
#include "wire/tls.h"

#define FOLDER  "/tmp/virtmux-test-key"
#define PLAIN   FOLDER "/plain.key"
#define SEALED  FOLDER "/sealed.key"
#define PASS    FOLDER "/pass"
#define ASKPASS FOLDER "/askpass"
#define ASKED   FOLDER "/asked"

static const struct key_sources nobody = {.passphrase_fd = -1};

static void write_key(const char *path, const char *passphrase)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "w");

	assert_non_null(key);
	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(PEM_write_PKCS8PrivateKey(
				 f, key, passphrase ? EVP_aes_256_cbc() : NULL,
				 passphrase,
				 passphrase ? (int)strlen(passphrase) : 0, NULL,
				 NULL),
			 1);
	fclose(f);
	EVP_PKEY_free(key);
}

static void write_text(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(
		file_write_atomic(path, text, strlen(text), mode, NULL), 0);
}

/* An askpass program that gives ANSWER and counts how often it was asked. */
static void write_askpass(const char *answer)
{
	char script[256];

	snprintf(script, sizeof(script),
		 "#!/bin/sh\necho \"$1\" >> " ASKED "\necho '%s'\n", answer);
	write_text(ASKPASS, script, 0700);
	unlink(ASKED);
}

static int times_asked(void)
{
	autobuf text = {0};
	int n = 0;

	if (file_read(ASKED, 65536, &text, NULL) < 0)
		return 0;
	for (size_t i = 0; i < text.len; i++)
		n += buf_bytes(&text)[i] == '\n';
	return n;
}

static int load(const char *path, struct key_sources sources, struct error *err)
{
	struct profile profile = {.name = (char *)"x",
				  .file = (char *)"/etc/conf",
				  .key = (char *)path};
	struct evp_pkey_st *key = NULL;
	int rc = key_load(&key, &profile, &sources, err);

	assert_true((rc == 0) == (key != NULL));
	tls_key_free(key);
	return rc;
}

static void assert_refused(const char *path, struct key_sources sources,
			   const char *words)
{
	autoerror err = {0};

	assert_int_equal(load(path, sources, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	if (!strstr(error_words(&err), words))
		fail_msg("\"%s\" lacks \"%s\"", error_words(&err), words);
}

static int descriptor_with(const char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_write_all(ends[1], text, strlen(text), NULL), 0);
	close(ends[1]);
	return ends[0];
}

/* -- tests ----------------------------------------------------------------- */

static void test_plain(void **state)
{
	assert_int_equal(load(PLAIN, nobody, NULL), 0);
}

static void test_descriptor(void **state)
{
	struct key_sources s = nobody;

	s.passphrase_fd = descriptor_with("secret\nmore");
	assert_int_equal(load(SEALED, s, NULL), 0);
	close(s.passphrase_fd);
	/* It counts before the others, right or wrong. */
	write_text(PASS, "secret\n", 0600);
	s.passphrase_fd = descriptor_with("wrong\n");
	s.passphrase_file = PASS;
	assert_refused(SEALED, s, "passphrase");
	close(s.passphrase_fd);
}

/* A key that was unlocked is handed over, without its passphrase. */
static void test_handed_over(void **state)
{
	struct key_opened *opened = secret_map(sizeof(*opened), true);
	struct key_sources s = {.passphrase_fd = -1, .batch = true};
	struct key_sources first = s;
	int ends[2];

	assert_non_null(opened);
	write_text(PASS, "secret\n", 0600);
	first.passphrase_file = PASS;
	first.keep_key = opened;
	assert_int_equal(load(SEALED, first, NULL), 0);
	assert_in_range(opened->len, 32, KEY_OPENED_MAX);
	assert_refused(SEALED, s, "passphrase");
	s.opened = opened;
	assert_int_equal(load(SEALED, s, NULL), 0);
	s.opened = NULL;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(
		file_write_all(ends[1], opened->der, opened->len, NULL), 0);
	close(ends[1]);
	s.key_fd = ends[0];
	assert_int_equal(load(SEALED, s, NULL), 0);
	/* It was read to its end. */
	assert_refused(SEALED, s, "no private key");
	close(ends[0]);
	assert_refused(SEALED, s, "cannot read the key from descriptor");
	memset(opened->der, 'x', opened->len);
	s.key_fd = 0;
	s.opened = opened;
	assert_refused(SEALED, s, "no private key");
	secret_unmap(opened, sizeof(*opened));
}

static void test_file(void **state)
{
	struct key_sources s = nobody;

	s.passphrase_file = PASS;
	s.batch = true;
	write_text(PASS, "secret\r\nsecond line\n", 0600);
	assert_int_equal(load(SEALED, s, NULL), 0);
	write_text(PASS, "secret", 0600);
	assert_int_equal(load(SEALED, s, NULL), 0);
	write_text(PASS, "", 0600);
	assert_refused(SEALED, s, "passphrase");
	write_text(PASS, "secret", 0604);
	assert_refused(SEALED, s, "chmod");
	unlink(PASS);
	assert_refused(SEALED, s, PASS);
}

static void test_askpass(void **state)
{
	setenv("VIRTMUX_ASKPASS", ASKPASS, 1);
	write_askpass("secret");
	assert_int_equal(load(SEALED, nobody, NULL), 0);
	assert_int_equal(times_asked(), 1);
	write_askpass("wrong");
	assert_refused(SEALED, nobody, "does not open");
	assert_int_equal(times_asked(), KEY_TRIES);
	unlink(ASKED);
	assert_refused(
		SEALED,
		((struct key_sources){.passphrase_fd = -1, .batch = true}),
		"--batch");
	assert_int_equal(times_asked(), 0);
	unsetenv("VIRTMUX_ASKPASS");
}

static void test_ssh_askpass(void **state)
{
	static const struct {
		const char *require;
		const char *display;
		int asked;
	} cases[] = {
		{NULL, NULL, 0},     {NULL, ":0", 1},     {"force", NULL, 1},
		{"prefer", ":0", 1}, {"prefer", NULL, 0}, {"never", ":0", 0},
		{"NEVER", ":0", 0},
	};

	write_askpass("secret");
	setenv("SSH_ASKPASS", ASKPASS, 1);
	unsetenv("WAYLAND_DISPLAY");
	for (size_t i = 0; i < array_size(cases); i++) {
		unsetenv("SSH_ASKPASS_REQUIRE");
		unsetenv("DISPLAY");
		unlink(ASKED);
		if (cases[i].require)
			setenv("SSH_ASKPASS_REQUIRE", cases[i].require, 1);
		if (cases[i].display)
			setenv("DISPLAY", cases[i].display, 1);
		if (cases[i].asked)
			assert_int_equal(load(SEALED, nobody, NULL), 0);
		else
			assert_refused(SEALED, nobody, "no terminal");
		assert_int_equal(times_asked(), cases[i].asked);
	}
	unsetenv("SSH_ASKPASS");
	unsetenv("SSH_ASKPASS_REQUIRE");
	unsetenv("DISPLAY");
}

static void test_refused(void **state)
{
	assert_refused(FOLDER "/none", nobody, FOLDER "/none");
	assert_refused(NULL, nobody, "virtmux enroll");
	assert_refused(NULL, nobody, "/etc/conf");
	write_text(PASS, "no key at all", 0600);
	assert_refused(PASS, nobody, "no private key");
	assert_int_equal(chmod(PLAIN, 0640), 0);
	assert_refused(PLAIN, nobody, "chmod");
	assert_int_equal(chmod(PLAIN, 0600), 0);
}

static void test_incomplete_profile(void **state)
{
	struct profile p = {.name = (char *)"x", .file = (char *)"/etc/conf"};
	struct tls_context *context = NULL;
	autoerror err = {0};

	assert_int_equal(key_tls_context(&context, &p, &nobody, &err), -1);
	assert_non_null(strstr(error_words(&err), "no certificate"));
	p.certificate = (char *)"c";
	assert_int_equal(key_tls_context(&context, &p, &nobody, &err), -1);
	assert_non_null(strstr(error_words(&err), "no key"));
	p.key = (char *)PLAIN;
	assert_int_equal(key_tls_context(&context, &p, &nobody, &err), -1);
	assert_non_null(strstr(error_words(&err), "no CA"));
	assert_int_equal(err.code, ERROR_TLS);
	p.ca = (char *)FOLDER "/none";
	assert_int_equal(key_tls_context(&context, &p, &nobody, &err), -1);
	assert_int_equal(error_code_exit_status(err.code), 6);
}

static int setup(void **state)
{
	unsetenv("VIRTMUX_ASKPASS");
	unsetenv("SSH_ASKPASS");
	if (file_make_dirs(FOLDER, 0700, NULL) < 0)
		return -1;
	write_key(PLAIN, NULL);
	write_key(SEALED, "secret");
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {PLAIN, SEALED, PASS, ASKPASS,
					    ASKED};

	for (size_t i = 0; i < array_size(files); i++)
		unlink(files[i]);
	return rmdir(FOLDER);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_handed_over),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_askpass),
		cmocka_unit_test(test_ssh_askpass),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_incomplete_profile),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

int main(void)
{
	return without_terminal(run_all);
}
