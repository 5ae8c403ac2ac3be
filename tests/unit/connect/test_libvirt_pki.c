/*
 * libvirt's certificates: found where they are whole and readable, in the order in
 * which libvirt looks, and offered by a command.
 */
#include "client/connect/libvirt_pki.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "client/connect/profile.h"

#define HOME_  "/tmp/virtmux-test-libvirt-pki"
#define USER   HOME_ "/.pki/libvirt"
#define SYSTEM HOME_ "/etc"

static void make(const char *path)
{
	autofree char *folder = file_folder(path);

	assert_int_equal(file_make_dirs(folder, 0700, NULL), 0);
	assert_int_equal(file_write_atomic(path, "x", 1, 0600, NULL), 0);
}

static void assert_found(const char *ca, const char *certificate,
			 const char *key)
{
	struct libvirt_pki pki;

	assert_int_equal(libvirt_pki_find(&pki, SYSTEM), ca != NULL);
	if (ca) {
		assert_string_equal(pki.ca, ca);
		assert_string_equal(pki.certificate, certificate);
		assert_string_equal(pki.key, key);
	}
	libvirt_pki_clear(&pki);
	assert_null(pki.ca);
	assert_null(pki.key);
}

static void test_find(void **state)
{
	assert_found(NULL, NULL, NULL);
	make(SYSTEM "/libvirt/clientcert.pem");
	make(SYSTEM "/CA/cacert.pem");
	assert_found(NULL, NULL, NULL);
	make(SYSTEM "/libvirt/private/clientkey.pem");
	assert_found(SYSTEM "/CA/cacert.pem", SYSTEM "/libvirt/clientcert.pem",
		     SYSTEM "/libvirt/private/clientkey.pem");
	make(USER "/clientcert.pem");
	assert_found(SYSTEM "/CA/cacert.pem", SYSTEM "/libvirt/clientcert.pem",
		     SYSTEM "/libvirt/private/clientkey.pem");
	make(USER "/clientkey.pem");
	assert_found(SYSTEM "/CA/cacert.pem", USER "/clientcert.pem",
		     USER "/clientkey.pem");
	make(USER "/cacert.pem");
	assert_found(USER "/cacert.pem", USER "/clientcert.pem",
		     USER "/clientkey.pem");
	unlink(USER "/cacert.pem");
	unlink(SYSTEM "/CA/cacert.pem");
	assert_found(NULL, NULL, NULL);
}

static void test_hint(void **state)
{
	struct profile profile = {.name = (char *)"x",
				  .address = (char *)"x.example",
				  .known = true};
	autobuf text = {0};
	autofree char *words = NULL;

	libvirt_pki_hint(&text, &profile);
	assert_int_equal(text.len, 0);
	make(USER "/cacert.pem");
	libvirt_pki_hint(&text, &profile);
	words = buf_steal_str(&text);
	assert_non_null(strstr(
		words, "identity = cn: virtmux host add x x.example --force "
		       "--ca=" USER "/cacert.pem --certificate=" USER
		       "/clientcert.pem --key=" USER "/clientkey.pem"));
}

static int clean(void **state)
{
	return system("rm -rf '" HOME_ "'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_hint),
	};

	setenv("HOME", HOME_, 1);
	clean(NULL);
	return cmocka_run_group_tests(tests, NULL, clean);
}
