/*
 * A lane: one thread for what may wait for a disk, so that the loop never does. The
 * taps write their recordings by it, and daemon/ops makes the files. One thread for
 * all of them: they share one folder, hence one disk. It is not libuv's pool, where
 * four of them that a dead disk holds would stop the journal of mutations too.
 *
 * What always holds: jobs are done one after another, in the order in which they
 * were given; `done` is called from the loop, once for each. The thread is started
 * by the first job. Loop thread only, but for `work`.
 */
#ifndef VIRTMUX_RELAY_LANE_H
#define VIRTMUX_RELAY_LANE_H

#include <uv.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"

struct lane;

struct lane_job {
	struct list node;                   /* the lane's */
	void (*work)(struct lane_job *job); /* in its thread; may block */
	void (*done)(struct lane_job *job); /* on the loop */
};

/* LOG is borrowed. ERROR_NO_MEMORY, ERROR_SYSTEM. */
int lane_new(struct lane **lane, uv_loop_t *uv, struct log *log,
	     struct error *err);

/* JOB is the lane's until done. ERROR_SYSTEM: there is no thread for it. */
int lane_give(struct lane *lane, struct lane_job *job, struct error *err);

/* Somebody who will give jobs holds it open: lane_close() waits for him. */
void lane_hold(struct lane *lane);
void lane_release(struct lane *lane);

/*
 * When nobody holds it and all jobs are done, or after RELAY_LANE_END_MS, its
 * handles are closed: run the loop until it ends, then free. A thread that the disk
 * still holds then is left behind, with its job.
 */
void lane_close(struct lane *lane);
void lane_free(struct lane *lane); /* NULL-safe */

DEFINE_CLEANUP(lane, lane_free);

#endif
