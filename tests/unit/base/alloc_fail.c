/*
 * The allocator that fails on demand. Called by the linker's --wrap in the
 * tests of unit_test_alloc(). What always holds: while disarmed it only passes
 * on to the C library (or to the sanitizer's allocator).
 */
#include "base/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static unsigned countdown; /* 0: disarmed */
static bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

void alloc_fail_at(unsigned n)
{
	countdown = n;
	failed = false;
}

bool alloc_fail_end(void)
{
	countdown = 0;
	return failed;
}

unsigned alloc_fail_each(alloc_fail_fn *run, void *context)
{
	unsigned n = 0;
	bool injected;
	int r;

	do {
		alloc_fail_at(++n);
		r = run(context);
		injected = alloc_fail_end();
		assert_int_equal(r, injected ? -1 : 0);
	} while (injected);
	return n - 1;
}

static bool fails_now(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s)
{
	return fails_now() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails_now() ? NULL : __real_strndup(s, n);
}
