/*
 * Our flag bits to libvirt's. A bit that no pair knows is refused: a flag that
 * is silently dropped would do something else than was asked. Any thread.
 */
#ifndef VIRTMUX_VIRT_FLAGS_H
#define VIRTMUX_VIRT_FLAGS_H

#include <stddef.h>

#include "base/error.h"

struct flag_pair {
	unsigned ours;
	unsigned libvirts;
};

static inline int flags_translate(unsigned ours, const struct flag_pair *pairs,
				  size_t count, unsigned *libvirts,
				  struct error *err)
{
	*libvirts = 0;
	for (size_t i = 0; i < count; i++) {
		if (ours & pairs[i].ours)
			*libvirts |= pairs[i].libvirts;
		ours &= ~pairs[i].ours;
	}
	if (ours)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "unknown flag bits 0x%x", ours);
	return 0;
}

#endif
