/*
 * Which host is meant: request, default, the only one, an address; overrides, and
 * the words where none can be found.
 */
#include "client/connect/profile.h"

#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"

#define FILE_NAME "/tmp/virtmux-test-profile.conf"

static const char two_hosts[] = "[defaults]\nhost = home\n"
				"[host home]\naddress = h.example\nkey = /k\n"
				"[host work]\n";

static struct profile *load(const char *text, struct profile_request request)
{
	struct profile *p = NULL;
	autoerror err = {0};

	request.config = FILE_NAME;
	assert_int_equal(file_write_atomic(FILE_NAME, text, strlen(text), 0600,
					   NULL),
			 0);
	if (profile_load(&p, &request, &err) < 0)
		fail_msg("%s", error_words(&err));
	return p;
}

static void assert_refused(const char *text, struct profile_request request,
			   enum error_code code, const char *words)
{
	struct profile *p = NULL;
	autoerror err = {0};

	request.config = FILE_NAME;
	assert_int_equal(file_write_atomic(FILE_NAME, text, strlen(text), 0600,
					   NULL),
			 0);
	assert_int_equal(profile_load(&p, &request, &err), -1);
	if (err.code != code || !strstr(error_words(&err), words))
		fail_msg("%s: %s", error_code_name(err.code),
			 error_words(&err));
}

#define REQUEST(...) ((struct profile_request){__VA_ARGS__})

static void test_which_host(void **state)
{
	autoptr(profile) p = load(two_hosts, REQUEST(.host = NULL));

	assert_string_equal(p->name, "home");
	assert_string_equal(p->address, "h.example");
	assert_true(p->known);
	assert_false(p->overridden);
	profile_free(p);
	p = load(two_hosts, REQUEST(.host = "work"));
	assert_string_equal(p->address, "work");
	assert_false(p->overridden);
	profile_free(p);
	p = load("", REQUEST(.host = "[2001:db8::1]:99"));
	assert_string_equal(p->address, "[2001:db8::1]:99");
	assert_false(p->known);
	profile_free(p);
	p = load("", REQUEST(.host = "box", .address = "192.0.2.1"));
	assert_string_equal(p->name, "box");
	assert_string_equal(p->address, "192.0.2.1");
	assert_true(p->overridden);
	profile_free(p);
	p = load("", REQUEST(.address = "192.0.2.1"));
	assert_string_equal(p->name, "192.0.2.1");
}

static void test_overrides(void **state)
{
	autoptr(profile) p = load(two_hosts, REQUEST(.key = "k.pem", .ca = "c",
						     .certificate = "/d"));

	assert_string_equal(p->key, "k.pem");
	assert_string_equal(p->ca, "c");
	assert_string_equal(p->certificate, "/d");
	assert_true(p->overridden);
	profile_free(p);
	/* The same as the file says changes nothing. */
	p = load(two_hosts, REQUEST(.key = "/k"));
	assert_false(p->overridden);
}

static void test_refusals(void **state)
{
	assert_refused(two_hosts, REQUEST(.host = "hom"), ERROR_CONFIG,
		       "did you mean 'home'");
	assert_refused(two_hosts, REQUEST(.host = "elsewhere"), ERROR_CONFIG,
		       "[host elsewhere]");
	assert_refused("", REQUEST(.host = NULL), ERROR_CONFIG,
		       "no host is configured");
	assert_refused("[host a]\n[host b]\n", REQUEST(.host = NULL),
		       ERROR_CONFIG, "which host?");
	assert_refused("", REQUEST(.host = "a,b"), ERROR_USAGE,
		       "'a,b' is not the name");
	assert_refused("", REQUEST(.host = ""), ERROR_USAGE, "''");
	assert_refused("", REQUEST(.address = ""), ERROR_USAGE, "empty");
}

static int teardown(void **state)
{
	return unlink(FILE_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_host),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
