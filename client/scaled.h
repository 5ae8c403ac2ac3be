/*
 * Sizes as virsh takes them. One thread.
 */
#ifndef VIRTMUX_CLIENT_SCALED_H
#define VIRTMUX_CLIENT_SCALED_H

#include <stdint.h>

#include "base/error.h"

/*
 * "512", "2G", "1GiB", "2GB": a whole number with a unit as virsh has it (b; k, M,
 * G, T, P, E and their iB: powers of 1024; KB, MB …: powers of 1000), as bytes.
 * Without a unit it counts in UNIT bytes. ERROR_USAGE, which begins with WHAT.
 */
int scaled_bytes(const char *what, const char *text, uint64_t unit,
		 uint64_t *bytes, struct error *err);

#endif
