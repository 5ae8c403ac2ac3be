/*
 * The clocks: monotonic for time-outs and measurements, with and without sleep,
 * wall time for certificates, logs and people. Any thread.
 */
#ifndef VIRTMUX_BASE_CLOCK_H
#define VIRTMUX_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_MS 1000000ull
#define CLOCK_NS_PER_S  1000000000ull
#define CLOCK_S_PER_DAY 86400

/* Nanoseconds since an arbitrary start; never goes back. */
uint64_t clock_monotonic_ns(void);

/*
 * The same, but time in which the machine slept counts where the system tells it
 * apart; else it is clock_monotonic_ns().
 */
uint64_t clock_boottime_ns(void);

/* Microseconds since 1970 UTC. */
int64_t clock_realtime_us(void);

#define CLOCK_TEXT_SIZE 32

/*
 * "2026-11-21T08:45:12.123Z" (RFC 3339, UTC). TEXT has CLOCK_TEXT_SIZE bytes;
 * a time that no calendar holds becomes "an unknown time".
 */
void clock_format_us(int64_t realtime_us, char *text);

/* What clock_format_us() wrote; false where TEXT is no such time. */
bool clock_parse_us(const char *text, int64_t *realtime_us);

/* "2026-11-21 08:45:12 UTC", for sentences. */
void clock_format_s(time_t seconds, char *text);

/* -- for people ------------------------------------------------------------ */

/* What is less away than this is now: clocks of two machines differ a little. */
#define CLOCK_NOW_S 5

/*
 * How long: "45 s", "3 min", "5 h", "12 days", "4 months", "2 years", to the nearest,
 * in the greatest unit that still tells enough: up to 90 s, 90 min, 36 h, 100 days and
 * 24 months. TEXT has CLOCK_TEXT_SIZE bytes.
 */
void clock_format_span(uint64_t seconds, char *text);

/* MOMENT as seen at NOW, both seconds since 1970: "3 min ago", "in 5 days", "now". */
void clock_format_ago(int64_t moment, int64_t now, char *text);

#endif
