/*
 * Pages for passphrases. Called by the client's unlocking and by the reading of
 * private keys. What always holds: each secret has pages of its own, so that
 * locking and wiping never touch a neighbour.
 */
#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static struct secret *new_pages(int sharing)
{
	struct secret *s;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 sharing | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return NULL;
	/* RLIMIT_MEMLOCK may forbid it; an unlocked passphrase still works. */
	(void)mlock(s, sizeof(*s));
#ifdef MADV_DONTDUMP
	(void)madvise(s, sizeof(*s), MADV_DONTDUMP);
#endif
	return s;
}

struct secret *secret_new(void)
{
	return new_pages(MAP_PRIVATE);
}

struct secret *secret_new_shared(void)
{
	return new_pages(MAP_SHARED);
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	secret_wipe(s, sizeof(*s));
	munmap(s, sizeof(*s));
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
