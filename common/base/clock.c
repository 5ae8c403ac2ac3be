/*
 * The clocks over clock_gettime(2). Called by every room; any thread. What
 * always holds: the texts are UTC, whatever TZ says.
 */
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t read_ns(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_boottime_ns(void)
{
#ifdef CLOCK_BOOTTIME
	return read_ns(CLOCK_BOOTTIME);
#else
	return read_ns(CLOCK_MONOTONIC);
#endif
}

int64_t clock_realtime_us(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Certificates may carry years that no struct tm holds. */
static bool split(time_t seconds, struct tm *tm, char *text)
{
	if (gmtime_r(&seconds, tm))
		return true;
	strcpy(text, "an unknown time");
	return false;
}

void clock_format_us(int64_t realtime_us, char *text)
{
	int64_t seconds = realtime_us / 1000000;
	int64_t us = realtime_us % 1000000;
	struct tm tm;
	size_t used;

	if (us < 0) {
		us += 1000000;
		seconds--;
	}
	if (!split((time_t)seconds, &tm, text))
		return;
	used = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + used, CLOCK_TEXT_SIZE - used, ".%03dZ",
		 (int)(us / 1000));
}

bool clock_parse_us(const char *text, int64_t *realtime_us)
{
	struct tm tm = {0};
	char z = '\0';
	int ms = 0;
	int used = 0;

	if (sscanf(text, "%5d-%2d-%2dT%2d:%2d:%2d.%3d%c%n", &tm.tm_year,
		   &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
		   &ms, &z, &used) != 8 ||
	    z != 'Z' || text[used])
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*realtime_us = (int64_t)timegm(&tm) * 1000000 + ms * 1000;
	return true;
}

void clock_format_s(time_t seconds, char *text)
{
	struct tm tm;

	if (split(seconds, &tm, text))
		strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

/* -- for people ------------------------------------------------------------ */

/*
 * A unit goes up to MOST of it, so that there are at least 2 of the next one and no
 * word is needed for a single one.
 */
static const struct {
	const char *name;
	uint64_t seconds;
	uint64_t most;
} units[] = {
	{"s", 1, 90},
	{"min", 60, 90},
	{"h", 3600, 36},
	{"days", CLOCK_S_PER_DAY, 100},
	{"months", 2629746, 24}, /* a twelfth of a Gregorian year */
	{"years", 31556952, 0},
};

#define UNITS_LAST (sizeof(units) / sizeof(units[0]) - 1)

void clock_format_span(uint64_t seconds, char *text)
{
	size_t u = 0;
	uint64_t n, rest;

	while (u < UNITS_LAST && seconds >= units[u].most * units[u].seconds)
		u++;
	n = seconds / units[u].seconds;
	rest = seconds % units[u].seconds;
	if (rest >= units[u].seconds - rest)
		n++;
	snprintf(text, CLOCK_TEXT_SIZE, "%" PRIu64 " %s", n, units[u].name);
}

void clock_format_ago(int64_t moment, int64_t now, char *text)
{
	bool past = moment < now;
	uint64_t seconds = past ? (uint64_t)now - (uint64_t)moment
				: (uint64_t)moment - (uint64_t)now;
	char span[CLOCK_TEXT_SIZE];

	clock_format_span(seconds, span);
	if (seconds < CLOCK_NOW_S)
		snprintf(text, CLOCK_TEXT_SIZE, "now");
	else
		snprintf(text, CLOCK_TEXT_SIZE, past ? "%.20s ago" : "in %.20s",
			 span);
}
