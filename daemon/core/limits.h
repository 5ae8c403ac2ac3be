/*
 * Counts and times of daemon/core that are no option, with their reasons. Those
 * that an administrator may want to change stand in options.def.
 */
#ifndef VIRTMUX_DAEMON_CORE_LIMITS_H
#define VIRTMUX_DAEMON_CORE_LIMITS_H

/* Connections accepted before the loop serves the others. */
#define CORE_ACCEPT_TURN 64

/* Pause after an accept() that failed for want of resources. */
#define CORE_ACCEPT_PAUSE_MS 100

/* libuv's own descriptors lie above this number; see loop.c. */
#define CORE_LOW_DESCRIPTORS 16

/* Sockets to listen on. */
#define CORE_LISTENERS_MAX 64

/*
 * Connections that are being closed still cost a descriptor for some moments
 * (an alert lingers): so many more than the limits say, before new ones are
 * closed unseen.
 */
#define CORE_ENDING 512u

/*
 * Connections without a member's certificate from one source: so many at once
 * (behind one address may be many), and a second after that; a handshake costs
 * about a millisecond. The table remembers sources in rows of a few.
 */
#define CORE_SOURCE_BURST 1000u
#define CORE_SOURCE_RATE  100u
#define CORE_SOURCES      256u
#define CORE_SOURCE_WAYS  4u

/* Certificates of live connections judged anew in one turn of the loop, after a
 * reload; each costs about two signatures. */
#define CORE_JUDGE_TURN 8u

/* A stranger's time to ask and to read why he has no rights; at most twice it. */
#define CORE_STRANGER_MS 5000u

/* From session.end to the end of the connection: its answers may still go out. */
#define CORE_DISMISS_MS 500u

/* Refusals: the same reason once in this time; lines a second in all. */
#define CORE_REFUSAL_QUIET_MS 60000u
#define CORE_REFUSAL_KINDS    128u
#define CORE_REFUSAL_RATE     20u

/* Warnings begin so long before a certificate or a revocation list ends. */
#define CORE_TRUST_DAYS 30

/* How often a drain looks whether all is over. */
#define CORE_DRAIN_LOOK_MS 20u

/* After the drain time-out: until connections that linger are cut. */
#define CORE_CUT_MS 1500u

#endif
