/*
 * Addresses: their forms, what counts as one source, and listening on them.
 */
#include "daemon/core/address.h"

#include <netinet/in.h>
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static struct address parse(const char *text)
{
	struct address address;
	autoerror err = {0};

	if (address_parse(text, &address, &err) < 0)
		fail_msg("%s", error_words(&err));
	return address;
}

static void test_there_and_back(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{"127.0.0.1:16515", "127.0.0.1:16515"},
		{"[::]:0", "[::]:0"},
		{"[2001:DB8::1]:65535", "[2001:db8::1]:65535"},
		{"[::ffff:192.0.2.7]:5", "192.0.2.7:5"},
		{"[192.0.2.1]:1", "192.0.2.1:1"},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct address address = parse(cases[i].in);
		char text[ADDRESS_TEXT_SIZE];

		address_format(&address, text);
		assert_string_equal(text, cases[i].out);
	}
}

static void test_what_is_no_address(void **state)
{
	static const char *const bad[] = {
		"",          "1",          ":1",          "localhost:1",
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999",
		"::1:5",     "[::1]",      "[::1:5",      "[]:1",
	};

	for (size_t i = 0; i < array_size(bad); i++) {
		struct address address;
		autoerror err = {0};

		if (address_parse(bad[i], &address, &err) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(err.code, ERROR_CONFIG);
		assert_non_null(strstr(err.words, bad[i]));
	}
}

static bool same_source(const char *a, const char *b)
{
	struct address first = parse(a), second = parse(b);
	struct address_source x = address_source(&first);
	struct address_source y = address_source(&second);

	return address_source_equal(&x, &y);
}

static void test_sources(void **state)
{
	assert_true(same_source("192.0.2.1:1", "192.0.2.1:2"));
	assert_false(same_source("192.0.2.1:1", "192.0.2.2:1"));
	assert_true(same_source("192.0.2.1:1", "[::ffff:192.0.2.1]:1"));
	assert_true(same_source("[2001:db8::1]:1", "[2001:db8::ffff:1]:1"));
	assert_false(same_source("[2001:db8::1]:1", "[2001:db8:0:1::1]:1"));
	assert_false(same_source("[::]:1", "0.0.0.0:1"));
}

static void test_listening(void **state)
{
	struct address any = parse("127.0.0.1:0"), bound;
	autoerror err = {0};
	int fd = address_listen(&any, &err);
	const struct sockaddr_in *in = (const void *)&bound.storage;

	assert_true(fd >= 0);
	assert_int_equal(address_of_socket(fd, &bound), 0);
	assert_true(in->sin_port != 0);
	assert_int_equal(address_listen(&bound, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_non_null(strstr(err.words, "ss -tlnp"));
	close(fd);
}

static void test_an_address_of_somebody_else(void **state)
{
	struct address other = parse("192.0.2.1:0");
	autoerror err = {0};

	assert_int_equal(address_listen(&other, &err), -1);
	assert_non_null(strstr(err.words, "192.0.2.1:0"));
	assert_non_null(strstr(err.words, "no such address"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_no_address),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_listening),
		cmocka_unit_test(test_an_address_of_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
