/*
 * A transfer from its beginning to its end over any number of connections
 * (transfer.h): one request after another, a wait and a comparison after each cut.
 * What always holds: it gives up after TRANSFER_TRIES attempts in which nothing more
 * has come over, and at once where trying again cannot help.
 */
#include "client/transfer.h"

#include <inttypes.h>

#include "client/connect/channel.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/transfer_private.h"

/* -- attempts -------------------------------------------------------------- */

static bool may_try_again(const struct error *why)
{
	return why->code == ERROR_UNKNOWN_OUTCOME ||
	       error_code_may_retry(why->code);
}

static bool is_complete(const struct transfer *t)
{
	return t->done == t->length;
}

/* What both have already; all that may be there is what was moved before. */
static int find_place(struct transfer *t, struct channel *channel,
		      struct error *err)
{
	uint64_t same = 0;

	if (transfer_compare(t, channel, t->done, &same, NULL, err) < 0)
		return -1;
	t->done = same;
	return 0;
}

static int move(struct transfer *t, struct channel *channel,
		struct progress *progress, struct error *err)
{
	bool all = t->done == 0;

	t->sha256[0] = '\0';
	if (is_complete(t) && !all)
		return 0;
	if ((t->upload ? transfer_send(t, channel, progress, err)
		       : transfer_receive(t, channel, progress, err)) < 0)
		return -1;
	if (!all)
		t->sha256[0] = '\0';
	return 0;
}

/* It came in parts: is it the same now, from the first byte to the last? */
static int check_all(struct transfer *t, struct channel *channel,
		     struct error *err)
{
	autoerror difference = {0};
	uint64_t same = 0;

	if (t->sha256[0])
		return 0;
	if (transfer_compare(t, channel, t->length, &same, &difference, err) <
	    0)
		return -1;
	if (same == t->length)
		return 0;
	if (!error_is_set(&difference))
		error_set(&difference, ERROR_FAILED, "the contents differ");
	return error_move(err, &difference);
}

static int attempt(struct transfer *t, struct channel *channel, bool again,
		   struct progress *progress, struct error *err)
{
	if ((again || t->resume) && find_place(t, channel, err) < 0)
		return -1;
	if (t->resume) {
		t->resume = false;
		t->skipped = t->done;
		progress_begin(progress, t->progress, t->done);
	}
	if (move(t, channel, progress, err) < 0)
		return -1;
	progress_end(progress);
	return check_all(t, channel, err);
}

/*
 * Waits and connects; a failure to connect is one more attempt. A signal that came
 * with the cut is told of, not the cut.
 */
static int connect_again(struct transfer *t, struct channel **channel,
			 struct interrupt *signals, unsigned *tries,
			 struct error *why, struct error *err)
{
	for (;;) {
		uint64_t ms = TRANSFER_WAIT_MS << (*tries < 6 ? *tries : 6);
		autoerror failed = {0};

		if (interrupt_pause(signals, 0, err) < 0)
			return -1;
		if (*tries >= TRANSFER_TRIES || !may_try_again(why))
			return error_move(err, why);
		++*tries;
		if (ms > TRANSFER_WAIT_MOST)
			ms = TRANSFER_WAIT_MOST;
		if (interrupt_pause(signals, ms, err) < 0)
			return -1;
		/* The channel sees only signals that come once it is there. */
		if (call_reconnect(t->call, channel, &failed) == 0)
			return interrupt_pause(signals, 0, err);
		error_clear(why);
		error_move(why, &failed);
	}
}

int transfer_run(struct transfer *t, struct error *err)
{
	autoptr(interrupt) signals = NULL;
	struct channel *channel = NULL;
	struct progress progress;
	uint64_t furthest = 0;
	unsigned tries = 0;
	int rc = 0;

	if (call_channel(t->call, &channel, err) < 0 ||
	    interrupt_watch(&signals, call_deadline(t->call), err) < 0)
		return -1;
	/* Of a file that goes up, the host may have all already. */
	if (t->resume && t->upload)
		t->done = t->length;
	progress_begin(&progress, t->progress, 0);
	for (;;) {
		autoerror why = {0};

		rc = attempt(t, channel, t->cuts > 0, &progress, &why);
		if (rc == 0)
			break;
		if (!may_try_again(&why)) {
			error_move(err, &why);
			break;
		}
		t->cuts++;
		if (t->done > furthest)
			tries = 0;
		furthest = t->done > furthest ? t->done : furthest;
		rc = connect_again(t, &channel, signals, &tries, &why, err);
		if (rc < 0)
			break;
	}
	progress_end(&progress);
	return rc;
}
