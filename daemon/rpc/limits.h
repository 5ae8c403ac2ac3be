/*
 * Every queue, buffer, count and time-out of daemon/rpc, with its reason. Those
 * that an administrator may want to change are fields of struct rpc_limits
 * (rpc.h); what stands here is then the default of daemon/core/options.def.
 */
#ifndef VIRTMUX_DAEMON_RPC_LIMITS_H
#define VIRTMUX_DAEMON_RPC_LIMITS_H

/* Calls of one identity that run at once, and that wait for their turn. */
#define RPC_CALLS_RUNNING 8u
#define RPC_CALLS_WAITING 256u

/*
 * Calls of LONG methods (jobs) of one identity at once: they wait for disks, not for
 * a turn. Those that have ended, in all, of one identity, and for how long they are
 * kept when others come; bytes of a result that is kept with them.
 */
#define RPC_JOBS                32u
#define RPC_JOBS_ENDED          256u
#define RPC_JOBS_ENDED_IDENTITY 64u
#define RPC_JOBS_AGE_MS         (24u * 60 * 60 * 1000)
#define RPC_JOB_RESULT          (64u * 1024)

/* Bytes of a request body; domain XML is the longest that is meant. */
#define RPC_BODY_MAX (1024u * 1024)

/*
 * Bytes of the bodies of one identity that are held together, until their calls
 * are answered; a batch counts for RPC_BATCH_COST more, since what is left of it
 * stays as a tree, whose containers cost far more than their text.
 */
#define RPC_HELD_MAX   (64u * 1024 * 1024)
#define RPC_BATCH_COST (1024u * 1024)

/* Bytes of a body that are read and dropped after its answer; then a reset. */
#define RPC_DISCARD_MAX (4u * 1024 * 1024)

/* First guess of an answer's size, so that most need one allocation. */
#define RPC_ANSWER_SIZE 512u

/* Bytes of an idempotency-key; a UUID has 36. */
#define RPC_KEY_MAX 128u

/*
 * Keys that are remembered: in all, of one identity, and for how long. A client
 * asks again for half a minute: so many must not come in that time.
 */
#define RPC_KEYS_ALL      16384u
#define RPC_KEYS_IDENTITY 4096u
#define RPC_KEYS_AGE_MS   (60u * 60 * 1000)

/* Bytes of all remembered results together. */
#define RPC_KEYS_BYTES (16u * 1024 * 1024)

/*
 * The journal of keys: bytes of history before it is written anew (and as much as
 * it had then), bytes that are read at start at most, and for how long an outcome
 * that nobody waits for may stay in the kernel's cache.
 */
#define RPC_JOURNAL_SPARE    (1024u * 1024)
#define RPC_JOURNAL_MAX      (3u * 1024 * 1024 * 1024)
#define RPC_JOURNAL_DELAY_MS 1000u

/* Buckets of the table of keys; a power of two. */
#define RPC_KEYS_BUCKETS 1024u

/* Bytes of audit lines that wait, and above which they are written at once. */
#define RPC_AUDIT_BUFFER (256u * 1024)
#define RPC_AUDIT_BATCH  (32u * 1024)

/* Records of reads are written this long after them at the latest. */
#define RPC_AUDIT_DELAY_MS 1000u

/* Bytes of what a peer named, in a line of the audit or the log. */
#define RPC_NAME_SHOWN 128u

/* The journal of events: lines, and their bytes together. */
#define RPC_EVENTS_KEPT  8192u
#define RPC_EVENTS_BYTES (4u * 1024 * 1024)

/* Bytes of a stream of events that are ready to be sent, at least. */
#define RPC_EVENTS_CHUNK 16384u

/* Rules of access.conf. */
#define RPC_ACCESS_RULES 4096u

#endif
