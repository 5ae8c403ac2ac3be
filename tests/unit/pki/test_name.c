/*
 * The rules for names of hosts and authorities, at their edges.
 */
#include "pki/name.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static char *repeat(char *text, char c, size_t n)
{
	memset(text, c, n);
	text[n] = '\0';
	return text;
}

static void test_permits(void **state)
{
	static const unsigned char net4[] = {10, 1, 0, 0, 255, 255, 0, 0};
	static const char *const bad[] = {
		"",          "*.example.org", ".example.org", "10.0.0.0/33",
		"10.0.0.0/", "10.0.0.0/-1",   "::1/129",      "10.0.0/8",
		"IP:a.org",  "DNS:10.0.0.1",  "a.org/8",      "10.0.0.0/8/8"};
	struct permit permit;
	autoerror err = {0};

	assert_int_equal(name_parse_permit("Example.org", &permit, NULL), 0);
	assert_int_equal(permit.type, SAN_DNS);
	assert_string_equal(permit.text, "example.org");
	assert_int_equal(name_parse_permit("dns:x", &permit, NULL), 0);
	assert_string_equal(permit.text, "x");
	assert_int_equal(name_parse_permit("10.1.2.3/16", &permit, NULL), 0);
	assert_int_equal(permit.type, SAN_IP);
	assert_int_equal(permit.net_len, sizeof(net4));
	assert_memory_equal(permit.net, net4, sizeof(net4));
	assert_int_equal(name_parse_permit("10.15.2.3/13", &permit, NULL), 0);
	assert_int_equal(permit.net[1], 8);
	assert_int_equal(permit.net[5], 0xf8);
	assert_int_equal(name_parse_permit("IP:::1", &permit, NULL), 0);
	assert_int_equal(permit.net_len, 32);
	assert_int_equal(permit.net[15], 1);
	for (size_t i = 16; i < 32; i++)
		assert_int_equal(permit.net[i], 255);
	assert_int_equal(name_parse_permit("0.0.0.0/0", &permit, NULL), 0);
	assert_int_equal(permit.net[4], 0);
	for (size_t i = 0; i < array_size(bad); i++) {
		assert_int_equal(name_parse_permit(bad[i], &permit, &err), -1);
		assert_int_equal(err.code, ERROR_USAGE);
	}
}

static void test_authority_names(void **state)
{
	char text[80];

	assert_int_equal(name_check_authority("Gr\xc3\xb6\xc3\x9f"
					      "e \"x\"",
					      NULL),
			 0);
	assert_int_equal(name_check_authority("", NULL), -1);
	assert_int_equal(name_check_authority("a\tb", NULL), -1);
	assert_int_equal(name_check_authority("a\x7f", NULL), -1);
	assert_int_equal(name_check_authority("a\xff", NULL), -1);
	assert_int_equal(name_check_authority(repeat(text, 'a', 64), NULL), 0);
	assert_int_equal(name_check_authority(repeat(text, 'a', 65), NULL), -1);
}

static const struct {
	const char *text;
	const char *canonical; /* NULL: refused */
	enum san_type type;
} hosts[] = {
	{"web1", "web1", SAN_DNS},
	{"WEB1.Example.ORG", "web1.example.org", SAN_DNS},
	{"web1.example.org.", "web1.example.org", SAN_DNS},
	{"1and1.com", "1and1.com", SAN_DNS},
	{"10.0.0.1", "10.0.0.1", SAN_IP},
	{"::1", "::1", SAN_IP},
	{"2001:DB8:0:0::1", "2001:db8::1", SAN_IP},
	{"", NULL, SAN_DNS},
	{".", NULL, SAN_DNS},
	{"a..b", NULL, SAN_DNS},
	{".a", NULL, SAN_DNS},
	{"a..", NULL, SAN_DNS},
	{"-a", NULL, SAN_DNS},
	{"a-", NULL, SAN_DNS},
	{"a_b", NULL, SAN_DNS},
	{"a b", NULL, SAN_DNS},
	{"a/b", NULL, SAN_DNS},
	{"*.example.org", NULL, SAN_DNS},
	{"300.1.1.1", NULL, SAN_DNS},
	{"10.1.2", NULL, SAN_DNS},
	{"5", NULL, SAN_DNS},
	{"2001:db8:::1", NULL, SAN_DNS},
	{"DNS:a", NULL, SAN_DNS},
	{"fe80::1%eth0", NULL, SAN_DNS},
	{"\xc3\xa4.de", NULL, SAN_DNS},
};

static void test_host_names(void **state)
{
	for (size_t i = 0; i < array_size(hosts); i++) {
		autoerror err = {0};
		struct san san;
		int result = name_parse_host(hosts[i].text, &san, &err);

		assert_int_equal(result, hosts[i].canonical ? 0 : -1);
		if (result < 0) {
			assert_int_equal(err.code, ERROR_USAGE);
			continue;
		}
		assert_string_equal(san.text, hosts[i].canonical);
		assert_int_equal(san.type, hosts[i].type);
	}
}

static void test_long_host_names(void **state)
{
	struct san san;
	char text[400], label[80];

	assert_int_equal(name_parse_host(repeat(label, 'a', 63), &san, NULL),
			 0);
	assert_int_equal(name_parse_host(repeat(label, 'a', 64), &san, NULL),
			 -1);
	/* 120 labels of one letter: 239 characters. */
	for (size_t i = 0; i < 240; i++)
		text[i] = i % 2 ? '.' : 'a';
	text[239] = '\0';
	assert_int_equal(name_parse_host(text, &san, NULL), 0);
	strcat(text, ".b");
	assert_int_equal(name_parse_host(text, &san, NULL), -1);
}

static void test_addresses(void **state)
{
	struct san san;

	assert_int_equal(name_parse_host("10.0.0.1", &san, NULL), 0);
	assert_int_equal(san.address_len, 4);
	assert_memory_equal(san.address, "\x0a\0\0\1", 4);
	assert_int_equal(name_parse_host("::1", &san, NULL), 0);
	assert_int_equal(san.address_len, 16);
	assert_int_equal(san.address[15], 1);
}

static void test_alternative_names(void **state)
{
	struct san a, b;

	assert_int_equal(name_parse_san("DNS:Web1", &a, NULL), 0);
	assert_int_equal(name_parse_san("web1", &b, NULL), 0);
	assert_true(name_same_san(&a, &b));
	assert_int_equal(name_parse_san("ip:10.0.0.1", &a, NULL), 0);
	assert_int_equal(a.type, SAN_IP);
	assert_false(name_same_san(&a, &b));
	assert_int_equal(name_parse_san("IP:2001:db8::1", &a, NULL), 0);
	assert_int_equal(name_parse_san("IP:web1", &a, NULL), -1);
	assert_int_equal(name_parse_san("DNS:", &a, NULL), -1);
	assert_int_equal(name_parse_san("URI:virtmux://user/root", &a, NULL),
			 -1);
	assert_int_equal(name_parse_san("a,DNS:b", &a, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_permits),
		cmocka_unit_test(test_authority_names),
		cmocka_unit_test(test_host_names),
		cmocka_unit_test(test_long_host_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_alternative_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
