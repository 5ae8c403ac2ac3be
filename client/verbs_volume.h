/*
 * What the verbs of volumes share.
 */
#ifndef VIRTMUX_CLIENT_VERBS_VOLUME_H
#define VIRTMUX_CLIENT_VERBS_VOLUME_H

#include <stdint.h>

#include "base/error.h"

/*
 * "10G", "512", "1GiB", "2KB": bytes, or a number with a unit as virsh has it
 * (K, M, G, T, P, E and their iB: powers of 1024; KB, MB …: of 1000). WHAT names it
 * in an error. ERROR_USAGE.
 */
int volume_size(const char *what, const char *text, uint64_t *bytes,
		struct error *err);

#endif
