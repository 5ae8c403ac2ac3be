/*
 * Pages for passphrases. Called by the client's unlocking and by the reading of
 * private keys. What always holds: each secret has pages of its own, so that
 * locking and wiping never touch a neighbour.
 */
#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

void *secret_map(size_t n, bool shared)
{
	void *data = mmap(NULL, n, PROT_READ | PROT_WRITE,
			  (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS,
			  -1, 0);

	if (data == MAP_FAILED)
		return NULL;
	/* RLIMIT_MEMLOCK may forbid it; an unlocked passphrase still works. */
	(void)mlock(data, n);
#ifdef MADV_DONTDUMP
	(void)madvise(data, n, MADV_DONTDUMP);
#endif
	return data;
}

void secret_unmap(void *data, size_t n)
{
	if (!data)
		return;
	secret_wipe(data, n);
	munmap(data, n);
}

struct secret *secret_new(void)
{
	return secret_map(sizeof(struct secret), false);
}

struct secret *secret_new_shared(void)
{
	return secret_map(sizeof(struct secret), true);
}

void secret_free(struct secret *s)
{
	secret_unmap(s, sizeof(*s));
}

void secret_forbid_core(void)
{
	struct rlimit limit;

	/* To Linux 0 means nothing where dumps go into a pipe, but 1 does. */
	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max < 1 ? 0 : 1;
	(void)setrlimit(RLIMIT_CORE, &limit);
}

void secret_wipe(void *data, size_t n)
{
	if (n == 0)
		return;
	memset(data, 0, n);
	/* The compiler must assume that this reads the memory. */
	__asm__ __volatile__("" : : "r"(data) : "memory");
}
