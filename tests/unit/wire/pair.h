/*
 * Two HTTP/2 engines joined in memory, for the wire's unit tests: what one
 * pulls the other is fed, in pieces of a chosen size. Events are handled by the
 * stream's handler; requests go to `on_request`.
 */
#ifndef VIRTMUX_TESTS_WIRE_PAIR_H
#define VIRTMUX_TESTS_WIRE_PAIR_H

#include <stdlib.h>
#include <string.h>

#include "wire/h2.h"
#include "wire/limits.h"

struct pair {
	struct h2 *host;
	struct h2 *client;
	size_t piece;      /* bytes fed at once; 0: as pulled */
	uint64_t now;      /* ns, moved on by the test */
	unsigned settings; /* first SETTINGS seen, both sides */
	unsigned goaways;
	unsigned informed; /* 1xx responses that the client has had */
	struct error host_error;
	struct error client_error;
	bool failed;
	void (*on_request)(void *context, struct h2_stream *s);
	void *context;
};

static inline void pair_drain(struct pair *p, struct h2 *h2)
{
	struct h2_event event;

	while (h2_next_event(h2, &event)) {
		if (event.type == H2_EVENT_SETTINGS)
			p->settings++;
		else if (event.type == H2_EVENT_GOAWAY)
			p->goaways++;
		else if (event.type == H2_EVENT_INFORMED)
			p->informed++;
		else if (!h2_deliver(&event) &&
			 event.type == H2_EVENT_REQUEST && p->on_request)
			p->on_request(p->context, event.stream);
	}
}

/* Feeds N bytes in pieces; false where the engine gave up. */
static inline bool pair_feed(struct pair *p, struct h2 *to, const uint8_t *data,
			     size_t n, struct error *err)
{
	size_t piece = p->piece ? p->piece : n;

	for (size_t at = 0; at < n; at += piece) {
		size_t len = n - at < piece ? n - at : piece;
		/* An exact allocation lets the sanitizers see overreads. */
		uint8_t *copy = malloc(len);
		int rc;

		memcpy(copy, data + at, len);
		rc = h2_feed(to, copy, len, p->now, err);
		pair_drain(p, to);
		free(copy);
		if (rc)
			return false;
	}
	return true;
}

/* Moves what FROM has to say; the bytes moved, or -1. */
static inline ssize_t pair_move(struct pair *p, struct h2 *from, struct h2 *to,
				struct error *err)
{
	uint8_t record[WIRE_RECORD_PLAIN];
	ssize_t n = h2_pull(from, record, sizeof(record), err);

	pair_drain(p, from);
	if (n > 0 && !pair_feed(p, to, record, (size_t)n, err))
		return -1;
	return n;
}

/* Until neither side has anything to say. */
static inline void pair_run(struct pair *p)
{
	ssize_t moved;

	do {
		ssize_t a = pair_move(p, p->client, p->host, &p->host_error);
		ssize_t b = pair_move(p, p->host, p->client, &p->client_error);

		p->failed |= a < 0 || b < 0;
		moved = a + b;
	} while (!p->failed && moved > 0);
}

static inline int pair_open(struct pair *p, const struct h2_limits *limits)
{
	autoerror err = {0};

	p->now = 1000000000;
	if (h2_new(&p->host, H2_HOST, limits, NULL, NULL, &err) ||
	    h2_new(&p->client, H2_CLIENT, limits, NULL, NULL, &err))
		return -1;
	return 0;
}

static inline void pair_close(struct pair *p)
{
	h2_free(p->host);
	h2_free(p->client);
	error_clear(&p->host_error);
	error_clear(&p->client_error);
}

#endif
