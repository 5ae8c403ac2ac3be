/*
 * Injected allocation failures, for tests that unit_test_alloc() registers: the
 * linker leads malloc, calloc, realloc, strdup and strndup of the test and of
 * the rooms' libraries through here. Allocations inside shared libraries are
 * not seen. Single thread.
 */
#ifndef VIRTMUX_TESTS_ALLOC_FAIL_H
#define VIRTMUX_TESTS_ALLOC_FAIL_H

#include <stdbool.h>

/* Lets the N-th allocation from now fail, and none after it; 0: none fails. */
void alloc_fail_at(unsigned n);

/* Disarms; whether an allocation failed since alloc_fail_at(). */
bool alloc_fail_end(void);

/* Does what is tested and releases it. Returns 0, or -1 without memory. */
typedef int alloc_fail_fn(void *context);

/*
 * Runs RUN with its first allocation failing, then with its second, and so on,
 * up to the run in which none fails. Asserts that RUN returns -1 where one
 * failed, and 0 in the last run. Returns the number of failures injected.
 */
unsigned alloc_fail_each(alloc_fail_fn *run, void *context);

#endif
