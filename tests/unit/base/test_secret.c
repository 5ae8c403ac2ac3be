/* Memory for passphrases: empty, of its own pages, and really wiped. */
#include "base/secret.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_new_is_empty(void **state)
{
	autoptr(secret) s = secret_new();

	assert_non_null(s);
	assert_int_equal(s->len, 0);
	for (size_t i = 0; i < sizeof(s->text); i++)
		assert_int_equal(s->text[i], 0);
}

static void test_secrets_share_no_page(void **state)
{
	autoptr(secret) a = secret_new();
	autoptr(secret) b = secret_new();
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal((uintptr_t)a % page, 0);
	assert_int_equal((uintptr_t)b % page, 0);
	memset(a->text, 'a', sizeof(a->text));
	assert_int_equal(b->text[0], 0);
}

static void test_wipe(void **state)
{
	char text[] = "-passphrase-";

	secret_wipe(text + 1, strlen(text) - 2);
	assert_int_equal(text[0], '-');
	assert_int_equal(text[11], '-');
	for (size_t i = 1; i < 11; i++)
		assert_int_equal(text[i], 0);
	secret_wipe(NULL, 0);
}

#ifdef __linux__
/* The flags of the mapping that holds P, from /proc/self/smaps. */
static void mapping_flags(const void *p, char *flags, size_t size)
{
	autofclose FILE *maps = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	bool found = false;
	char line[512];

	*flags = '\0';
	assert_non_null(maps);
	while (!*flags && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			found = (uintptr_t)p >= from && (uintptr_t)p < to;
		if (found && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, size, "%s", line + 8);
	}
}

static void test_kept_out_of_core_dumps(void **state)
{
	autoptr(secret) s = secret_new();
	char flags[512];

	assert_non_null(s);
	mapping_flags(s, flags, sizeof(flags));
	if (!*flags)
		skip(); /* a kernel or sandbox without VmFlags */
	assert_non_null(strstr(flags, " dd"));
}
#endif

static void test_free_of_null(void **state)
{
	secret_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_is_empty),
		cmocka_unit_test(test_secrets_share_no_page),
		cmocka_unit_test(test_wipe),
#ifdef __linux__
		cmocka_unit_test(test_kept_out_of_core_dumps),
#endif
		cmocka_unit_test(test_free_of_null),
	};

	return cmocka_run_group_tests_name("base/secret", tests, NULL, NULL);
}
