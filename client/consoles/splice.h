/*
 * A console's stream and descriptors of this machine, joined: what the one gives,
 * the other gets, both ways, until one of them ends. Used by console (terminal or
 * pipes) and view (a viewer's connection).
 *
 * What always holds: the descriptor is read only as far ahead as the limit says;
 * the stream's window is opened only by bytes that the descriptor has taken; what
 * came before an end is written out before the end is told. Loop thread only.
 */
#ifndef VIRTMUX_CLIENT_SPLICE_H
#define VIRTMUX_CLIENT_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "wire/h2.h"

struct channel;
struct splice;

#define SPLICE_READ       (16u * 1024)  /* bytes of one read() */
#define SPLICE_AHEAD      (64u * 1024)  /* bytes read ahead of the stream */
#define SPLICE_AHEAD_KEYS (256u * 1024) /* the same, from a keyboard */
#define SPLICE_ERROR_MAX  (64u * 1024)  /* bytes of a refusal's body */

enum splice_reason {
	SPLICE_FAR_END,  /* the host ended it properly */
	SPLICE_NEAR_END, /* the descriptor's other end went, or splice_leave() */
	SPLICE_REFUSED,  /* it never stood: why */
	SPLICE_BROKEN,   /* it was reset, or the channel ended: why */
	SPLICE_FAILED,   /* the descriptor failed: why */
};

struct splice_end {
	enum splice_reason reason;
	struct error why;  /* set for the last three; owned by the splice */
	struct error said; /* SPLICE_FAR_END: why, where the host has said it */
	uint64_t to_host;  /* bytes */
	uint64_t from_host; /* bytes */
};

struct splice_events {
	/* The host has opened it; S has the response's headers. */
	void (*on_open)(void *context, struct h2_stream *s);
	/*
	 * What was read, to be appended to OUT as it is to be sent; NULL: as it
	 * is. END: nothing follows. May call splice_leave().
	 */
	void (*filter)(void *context, const uint8_t *data, size_t n, bool end,
		       struct buf *out);
	/* Bytes came from the host (may be NULL). */
	void (*on_bytes)(void *context);
	/*
	 * N bytes have passed (may be NULL), for a recorder: the descriptor took
	 * them, or (TO_HOST) the stream did. Calls no verb of this file.
	 */
	void (*on_passed)(void *context, bool to_host, const uint8_t *data,
			  size_t n);
	/* Once and last, from the loop; the splice is dead when it returns. */
	void (*on_done)(void *context, const struct splice_end *end);
};

struct splice_options {
	struct channel *channel;
	const char *path;                   /* copied */
	const struct splice_events *events; /* borrowed */
	void *context;
	size_t ahead;      /* bytes read ahead; 0: SPLICE_AHEAD */
	uint64_t quiet_ms; /* after the input's end it is over when nothing came
			      for so long; 0: when the host ends it */
};

/* Opens the stream. -1 where it cannot be asked for (as channel_connect()). */
int splice_new(struct splice **splice, const struct splice_options *options,
	       struct error *err);

/*
 * Joins it with IN and OUT; once, at any time before on_done. Where they are one
 * and the same (a viewer's connection), its end is the end of it all. OWNED: they
 * are closed in the end (also on failure). Bytes that came before wait for it.
 * ERROR_SYSTEM.
 */
int splice_attach(struct splice *splice, int in, int out, bool owned,
		  struct error *err);

bool splice_is_attached(const struct splice *splice);

/* What was read goes out, at most for MS; then the stream is given up. */
void splice_leave(struct splice *splice, uint64_t ms);

/* Gives up at once: descriptors are let go, no callback follows. NULL-safe. */
void splice_free(struct splice *splice);

#endif
