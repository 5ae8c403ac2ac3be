/*
 * Memory for passphrases and keys: locked in RAM where the limits allow it, kept out of
 * core dumps, wiped before it is given back. One owner; any thread.
 */
#ifndef VIRTMUX_BASE_SECRET_H
#define VIRTMUX_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define SECRET_MAX 1024 /* bytes, with the final NUL */

struct secret {
	size_t len;            /* bytes, without the final NUL */
	char text[SECRET_MAX]; /* always NUL-terminated */
};

struct secret *secret_new(void); /* empty; NULL without memory */
/* The same; processes forked later share it, and whoever frees it wipes it. */
struct secret *secret_new_shared(void);
void secret_free(struct secret *s); /* wipes; NULL-safe */

/* The same for N bytes of anything, zeroed; SHARED as above. */
void *secret_map(size_t n, bool shared);
void secret_unmap(void *data, size_t n); /* wipes; NULL-safe */

DEFINE_CLEANUP(secret, secret_free);

/*
 * The process makes no core dump from now on, into a file or a pipe. What it starts
 * inherits that.
 */
void secret_forbid_core(void);

/* Wipes N bytes so that no compiler leaves it out. */
void secret_wipe(void *data, size_t n);

#endif
