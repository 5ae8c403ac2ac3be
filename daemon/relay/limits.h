/*
 * Every size and time-out of daemon/relay, by name. Included by the room and
 * its tests. What always holds: a relay keeps of its descriptor at most what the
 * peer's window has room for and RELAY_READ bytes, and of its stream at most the
 * window that h2 has opened.
 */
#ifndef VIRTMUX_RELAY_LIMITS_H
#define VIRTMUX_RELAY_LIMITS_H

#include "wire/limits.h"

/*
 * Bytes of one read(): as many as four DATA frames carry that fill a TLS record
 * each (a frame's header is 9 bytes, RFC 9113 section 4.1), so that no small
 * frame is left over.
 */
#define RELAY_READ (4u * (WIRE_RECORD_PLAIN - 9u))

/*
 * Bytes of a display that are read ahead: QEMU draws the next picture only when the
 * last one has left it, and looks 33 times a second whether it has.
 */
#define RELAY_AHEAD_DISPLAY (1024u * 1024)

/*
 * Once the descriptor has ended, the peer has this long to end its side, or to
 * take some of what is still on its way; then the stream is reset.
 */
#define RELAY_LINGER_MS 5000u

/*
 * A tap: bytes that its format gets at once, and how long the begin of a character
 * waits for the rest before it is passed on as it is.
 */
#define RELAY_TAP_CHUNK   65536u
#define RELAY_TAP_TAIL_MS 50u

/* At the end of the daemon: for a disk to take what is still to be recorded. */
#define RELAY_LANE_END_MS 5000u

#endif
