/*
 * A serial line's recording on the terminal, at the pace at which it came
 * (replay_private.h). Ctrl-C ends it between two events, and the terminal gets its
 * plain colours back. What always holds: only what the guest said is written.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/output.h"
#include "client/replay_private.h"
#include "record/cast.h"

#define PLAIN "\033[0m\033[?25h" /* colours, and the cursor is shown */

struct show {
	struct pace *pace;
	struct replay_clock *clock;
	struct cast_reader *reader;
};

static int write_out(struct show *s, const uint8_t *data, size_t n,
		     struct error *err)
{
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, data, n);

		if (done < 0 && errno != EINTR)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot write the output");
		data += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

static int on_event(void *context, const struct cast_event *event,
		    struct error *err)
{
	struct show *s = context;
	enum pace_event what;

	if (pace_wait(s->pace, -1, false, replay_due(s->clock, event->ns),
		      &what, err) < 0)
		return -1;
	if (event->kind != CAST_OUTPUT)
		return 0;
	return write_out(s, event->data, event->len, err);
}

static int feed(void *context, const uint8_t *data, size_t n, struct error *err)
{
	struct show *s = context;

	return cast_reader_feed(s->reader, data, n, on_event, s, err);
}

int replay_cast(struct command_call *call, FILE *file, const char *path,
		struct replay_clock *clock, struct error *err)
{
	autoptr(pace) pace = NULL;
	autoptr(cast_reader) reader = cast_reader_new();
	struct show show = {.clock = clock, .reader = reader};
	bool cut = false;
	int rc;

	if (!reader)
		return error_set_no_memory(err);
	if (pace_new(&pace, err) < 0)
		return -1;
	show.pace = pace;
	rc = replay_read(file, path, feed, &show, err);
	if (rc == 0)
		rc = cast_reader_end(reader, &cut, err);
	if (isatty(STDOUT_FILENO))
		write_out(&show, (const uint8_t *)PLAIN, strlen(PLAIN), NULL);
	if (rc == 0 && cut && !call_flag(call, "quiet"))
		fprintf(stderr, "The recording ends within an event: it was "
				"cut off there\n");
	return rc;
}
