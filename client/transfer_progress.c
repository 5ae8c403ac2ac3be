/*
 * The line that tells how a transfer goes, on a terminal alone (transfer_private.h):
 * share, bytes, speed and the time that is left.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/output.h"
#include "client/transfer_private.h"

#define TELL_MS 200u

void progress_begin(struct progress *p, bool shown, uint64_t first)
{
	*p = (struct progress){
		.shown = shown && isatty(STDERR_FILENO),
		.begun_ns = clock_monotonic_ns(),
		.first = first,
	};
}

static void format_left(char *text, size_t size, uint64_t seconds)
{
	if (seconds >= 3600)
		snprintf(text, size, "%" PRIu64 ":%02u:%02u", seconds / 3600,
			 (unsigned)(seconds / 60 % 60),
			 (unsigned)(seconds % 60));
	else
		snprintf(text, size, "%u:%02u", (unsigned)(seconds / 60),
			 (unsigned)(seconds % 60));
}

void progress_tell(struct progress *p, uint64_t done, uint64_t all)
{
	uint64_t now = clock_monotonic_ns();
	double seconds = (double)(now - p->begun_ns) / 1e9;
	double speed = seconds > 0 ? (double)(done - p->first) / seconds : 0;
	char have[OUTPUT_SIZE_TEXT], total[OUTPUT_SIZE_TEXT];
	char rate[OUTPUT_SIZE_TEXT], left[24] = "-";

	if (!p->shown || now - p->told_ns < TELL_MS * CLOCK_NS_PER_MS)
		return;
	p->told_ns = now;
	p->line = true;
	output_size(have, done);
	output_size(total, all);
	output_size(rate, (uint64_t)speed);
	if (speed >= 1)
		format_left(left, sizeof(left),
			    (uint64_t)((double)(all - done) / speed));
	fprintf(stderr, "\r%3u%%  %s of %s  %s/s  %s left\x1b[K",
		all ? (unsigned)(done * 100.0 / (double)all) : 100u, have,
		total, rate, left);
}

void progress_end(struct progress *p)
{
	if (p->line)
		fputs("\r\x1b[K", stderr);
	p->line = false;
}
