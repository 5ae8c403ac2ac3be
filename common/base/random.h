/*
 * Random numbers of the system (getentropy(3)), and names made of them. Any thread.
 */
#ifndef VIRTMUX_BASE_RANDOM_H
#define VIRTMUX_BASE_RANDOM_H

#include <stddef.h>

#include "base/error.h"

#define RANDOM_MOST 256 /* bytes at once */

/* Fit for keys; waits while the system has none yet, at its start. ERROR_SYSTEM. */
int random_bytes(void *to, size_t n, struct error *err);

/* SIZE - 1 hexadecimal digits, an even number, and a NUL. ERROR_SYSTEM. */
int random_hex(char *text, size_t size, struct error *err);

/*
 * The same for a name that keeps no secret and only must not come twice: where the
 * system gives nothing it is made of the time.
 */
void random_name(char *text, size_t size);

#endif
