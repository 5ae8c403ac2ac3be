/*
 * Every size, count and time-out of the wire room, by name. What a
 * configuration may change stands in struct h2_limits and struct conn_limits;
 * these are the defaults and the hard bounds.
 */
#ifndef VIRTMUX_WIRE_LIMITS_H
#define VIRTMUX_WIRE_LIMITS_H

#define WIRE_FRAME_HEADER 9u /* bytes, RFC 9113 4.1 */
/* Bytes that one recv() or send() moves: eight full TLS records and overhead. */
#define WIRE_BLOCK_SIZE (136u * 1024)
/* Plaintext of one full TLS record (RFC 8446 section 5.1). */
#define WIRE_RECORD_PLAIN 16384u
/* DATA in it, behind a frame's header. */
#define WIRE_RECORD_DATA (WIRE_RECORD_PLAIN - WIRE_FRAME_HEADER)
/* What a record adds at most: header, content type, tag, padding none. */
#define WIRE_RECORD_OVERHEAD 256u
/* Blocks kept for reuse when nobody needs them. */
#define WIRE_BLOCKS_KEPT 8u
/* Bytes written to one connection before the loop serves the others. */
#define WIRE_WRITE_TURN (128u * 1024)
/* Unsent bytes in the kernel above which a socket is not writable. */
#define WIRE_NOTSENT_LOWAT (64 * 1024)

/* Bytes of a file of certificates: the CAs of a whole system are 0.2 MiB. */
#define WIRE_PEM_MAX (32u * 1024 * 1024)

#define WIRE_STREAMS           64u          /* open streams of a connection */
#define WIRE_HEADER_LIST       (16u * 1024) /* bytes, RFC 9113 6.5.2 */
#define WIRE_HEADERS_MAX       64u          /* fields of one request */
#define WIRE_WINDOW_FIRST      (64 * 1024)  /* bytes a stream at first */
#define WIRE_WINDOW_LEAST      (16 * 1024)  /* bytes an active stream keeps */
#define WIRE_WINDOW_MOST       (4 * 1024 * 1024)  /* bytes one stream */
#define WIRE_WINDOW_ALL        (16 * 1024 * 1024) /* bytes all streams */
#define WIRE_WINDOW_CONNECTION (64 * 1024 * 1024) /* never the brake */
/*
 * A peer on this machine, over a Unix socket: there is no line to be measured, and
 * what does not fit the socket waits with its sender.
 */
#define WIRE_WINDOW_LOCAL (512 * 1024) /* bytes a stream that carries bulk */
#define WIRE_FRAME_LOCAL  (4 * WIRE_RECORD_DATA) /* bytes of a DATA frame */

#define WIRE_HEADER_TABLE 4096u /* bytes of HPACK state each way */

#define WIRE_GRACE_MS         10000u /* TCP accept to first HTTP/2 SETTINGS */
#define WIRE_CONNECT_MS       10000u /* one address: TCP connect */
#define WIRE_ATTEMPT_DELAY_MS 250u   /* RFC 8305 section 5 */
#define WIRE_SILENCE_MS       10000u /* silence after which a PING is sent */
#define WIRE_PONG_MS          5000u  /* answer to it, or the peer is dead */
#define WIRE_LINGER_MS        1000u  /* for an alert or GOAWAY to arrive */
#define WIRE_TICK_MS          1000u  /* granularity of the above */

#define WIRE_FAREWELL 512u /* bytes of the words in a GOAWAY */

/*
 * Frames that do no work (RST_STREAM, PING, SETTINGS, PRIORITY_UPDATE, empty
 * DATA, WINDOW_UPDATE without need, unknown types) are paid from a bucket; a
 * completed stream pays a few back. An empty bucket ends the connection with
 * ENHANCE_YOUR_CALM.
 */
#define WIRE_ABUSE_BURST  2000u /* frames */
#define WIRE_ABUSE_RATE   200u  /* frames a second */
#define WIRE_ABUSE_REFUND 2u    /* frames for a stream that did work */

#endif
