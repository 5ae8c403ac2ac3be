/*
 * memcpy() for bulk. The C library copies more than 4 KiB by `rep movsb`, which
 * some processors do at 3 GB/s where the target lies a few bytes behind the
 * source modulo a page, at 60 to 90 elsewhere; pieces of 4 KiB never fall under
 * 20 (glibc bug 30994). Any thread.
 */
#ifndef VIRTMUX_BASE_COPY_H
#define VIRTMUX_BASE_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COPY_PIECE 4096u

/* N bytes; the two must not overlap. */
static inline void copy_bulk(uint8_t *to, const uint8_t *from, size_t n)
{
	while (n > 0) {
		size_t piece = n < COPY_PIECE ? n : COPY_PIECE;

		memcpy(to, from, piece);
		to += piece;
		from += piece;
		n -= piece;
	}
}

#endif
