/*
 * Warnings before certificates and lists end: none too early, an error afterwards,
 * and each names its option and the cure.
 */
#include "daemon/core/trust.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

/* What is written for DATES, to free(). */
static char *warn(const struct tls_dates *dates)
{
	FILE *file = tmpfile();
	struct log *log = log_new(fileno(file), "t", LOG_LEVEL_INFO, true);
	autobuf text = {0};

	trust_warn(log, dates, NOW);
	log_free(log);
	rewind(file);
	assert_int_equal(file_read_fd(fileno(file), "log", 65536, &text, NULL),
			 0);
	fclose(file);
	buf_append_str(&text, "");
	return buf_steal_str(&text);
}

static void test_nothing_too_early(void **state)
{
	const struct tls_dates dates = {.certificate = NOW + 30 * DAY + 1,
					.ca = NOW + 3650 * DAY};
	autofree char *text = warn(&dates);

	assert_string_equal(text ? text : "", "");
}

static void test_each_with_its_cure(void **state)
{
	const struct tls_dates dates = {.certificate = NOW + 30 * DAY,
					.ca = NOW + 2 * DAY + 5,
					.crl = NOW + 1};
	autofree char *text = warn(&dates);

	assert_non_null(strstr(text, "<4>[tls] certificate: "));
	assert_non_null(strstr(text, "ends in 30 days"));
	assert_non_null(strstr(text, "<4>[tls] ca: "));
	assert_non_null(strstr(text, "ends in 2 days"));
	assert_non_null(strstr(text, "<4>[tls] crl: "));
	assert_non_null(strstr(text, "ends in 0 days"));
	assert_non_null(strstr(text, "virtmux-pki renew"));
	assert_non_null(strstr(text, "host push-crl"));
}

static void test_what_has_ended_is_an_error(void **state)
{
	const struct tls_dates dates = {.crl = NOW};
	autofree char *text = warn(&dates);

	assert_non_null(strstr(text, "<3>[tls] crl: "));
	assert_non_null(strstr(text, "nobody gets in"));
	assert_null(strstr(text, "certificate:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_too_early),
		cmocka_unit_test(test_each_with_its_cure),
		cmocka_unit_test(test_what_has_ended_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
