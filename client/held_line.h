/*
 * The line on standard error that tells a person why his command says nothing: the
 * session holds it, since its host is away (channel.h, on_held). Renewed in its place,
 * and wiped when the command goes on; on a terminal that cannot do that it is said once.
 * Called by command.c.
 */
#ifndef VIRTMUX_CLIENT_HELD_LINE_H
#define VIRTMUX_CLIENT_HELD_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct channel_held;

struct held_line {
	bool drawn; /* it stands on the terminal */
	bool said;  /* to one that is dumb */
};

/* HELD is NULL where nothing is held any more. */
void held_line_show(struct held_line *line, const char *host,
		    const struct channel_held *held);

/*
 * Its words, to free(), no wider than COLUMNS: NOW_NS is clock_monotonic_ns(), when
 * clock_realtime_us() was NOW_US.
 */
char *held_line_text(const char *host, const struct channel_held *held,
		     uint64_t now_ns, int64_t now_us, size_t columns);

#endif
