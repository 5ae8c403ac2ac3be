/*
 * Allocation functions for OpenSSL that know the size of a block, by a header before
 * it, and wipe it (key_memory.h).
 */
#include "client/connect/key_memory.h"

#include <openssl/crypto.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define SECURE_LEAST 32          /* bytes of the secure heap's smallest block */
#define STACK_WIPED  (48 * 1024) /* bytes; a key's opening takes less */

/* Before each block; as large as any type's alignment asks. */
union header {
	size_t size;
	max_align_t align;
};

static void *on_malloc(size_t size, const char *file, int line)
{
	union header *h = NULL;

	if (size == 0 || size > SIZE_MAX - sizeof(*h))
		return NULL;
	h = malloc(sizeof(*h) + size);
	if (!h)
		return NULL;
	h->size = size;
	return h + 1;
}

static void on_free(void *block, const char *file, int line)
{
	union header *h = block;

	if (!block)
		return;
	h--;
	if (h->size <= KEY_MEMORY_WIPED)
		secret_wipe(block, h->size);
	free(h);
}

static void *on_realloc(void *block, size_t size, const char *file, int line)
{
	union header *h = block;
	void *other = NULL;

	if (!block)
		return on_malloc(size, file, line);
	h--;
	if (size == 0) {
		on_free(block, file, line);
		return NULL;
	}
	other = on_malloc(size, file, line);
	if (!other)
		return NULL;
	memcpy(other, block, h->size < size ? h->size : size);
	on_free(block, file, line);
	return other;
}

void key_memory_begin(void)
{
	CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
}

void key_memory_protect(bool alone)
{
	if (alone)
		secret_forbid_core();
	if (!CRYPTO_secure_malloc_initialized())
		CRYPTO_secure_malloc_init(KEY_MEMORY_SECURE, SECURE_LEAST);
}

__attribute__((noinline)) void key_memory_wipe_stack(void)
{
	char stack[STACK_WIPED];

	secret_wipe(stack, sizeof(stack));
}
