/*
 * What the benchmark's programs share: sampling, percentiles, and one line of
 * JSON as the result. Included by each program in this folder; none of it is
 * part of the product.
 */
#ifndef VIRTMUX_BENCH_H
#define VIRTMUX_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct samples {
	uint32_t *ns;
	size_t n;
	size_t cap;
};

static inline void samples_add(struct samples *s, uint64_t ns)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 4096;
		s->ns = realloc(s->ns, s->cap * sizeof(*s->ns));
		if (!s->ns)
			abort();
	}
	s->ns[s->n++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static inline int samples_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Microseconds below which the share P (0 to 1) lies; sorts. */
static inline double samples_us(struct samples *s, double p)
{
	if (s->n == 0)
		return 0;
	qsort(s->ns, s->n, sizeof(*s->ns), samples_compare);
	return s->ns[(size_t)(p * (double)(s->n - 1))] / 1e3;
}

#endif
