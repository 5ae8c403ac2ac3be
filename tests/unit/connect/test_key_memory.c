/*
 * The functions that OpenSSL allocates with, and the secure heap; cores, which end.
 * (That what is freed is wiped: tests/integration/test_secrets.py.)
 */
#include "client/connect/key_memory.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/resource.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define PATTERN 0x5a

static void test_functions(void **state)
{
	CRYPTO_malloc_fn taken = NULL;
	CRYPTO_realloc_fn retaken = NULL;
	CRYPTO_free_fn given = NULL;
	unsigned char *block = NULL;

	CRYPTO_get_mem_functions(&taken, &retaken, &given);
	assert_true(taken != CRYPTO_malloc);
	assert_null(taken(0, "", 0));
	assert_null(taken(SIZE_MAX, "", 0));
	given(NULL, "", 0);
	block = retaken(NULL, 100, "", 0);
	assert_int_equal((uintptr_t)block % _Alignof(max_align_t), 0);
	memset(block, PATTERN, 100);
	block = retaken(block, 100000, "", 0);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(block[i], PATTERN);
	block = retaken(block, 10, "", 0);
	assert_int_equal(block[9], PATTERN);
	assert_null(retaken(block, 0, "", 0));
}

static void test_protect(void **state)
{
	struct rlimit limit;
	void *secure = NULL;

	key_memory_protect(true);
	key_memory_protect(true);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_true(limit.rlim_cur <= 1);
	secure = OPENSSL_secure_malloc(64);
	assert_int_equal(CRYPTO_secure_allocated(secure), 1);
	OPENSSL_secure_free(secure);
	key_memory_wipe_stack();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_protect),
	};

	key_memory_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
