/*
 * What a console on a serial line has got and given, counted, so that it can go on
 * over another stream and no byte is lost or doubled: the offset of the next byte of
 * the guest, and a copy of what was typed that the host may not have taken yet
 * (doc/PROTOCOL.md, "Serial lines"). No I/O. Used by serial_line.c.
 *
 * What always holds: what the host is not known to have taken is still held, up to
 * SERIAL_HELD_MAX; what nobody can know is counted, and never sent twice. One thread.
 */
#ifndef VIRTMUX_CLIENT_SERIAL_BOOK_H
#define VIRTMUX_CLIENT_SERIAL_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define SERIAL_TOKEN_BYTES 16 /* random, by which a writer is known again */
#define SERIAL_TOKEN_SIZE  (2 * SERIAL_TOKEN_BYTES + 1)

/*
 * Bytes that were sent and are still held. The host lets no more come than its window
 * (4 MiB at most, unless it is configured otherwise), a session in between as much
 * again; what was sent before these has been taken.
 */
#define SERIAL_HELD_MAX (16u * 1024 * 1024)

/* Zeroed at first; serial_book_clear() at the end. */
struct serial_book {
	char token[SERIAL_TOKEN_SIZE]; /* "": it does not write */
	char *line;    /* the run of the line; NULL before the first answer */
	uint64_t next; /* offset on it of the next byte from the guest */
	uint64_t skip; /* that many bytes come again, and are dropped */
	struct buf typed; /* those sent and held, then those not sent yet */
	size_t sent;      /* how many of them were sent */
	uint64_t taken;   /* by the host's count, in front of `typed` */
};

/* How the line is asked for. */
struct serial_ask {
	const char *domain;
	unsigned n;
	bool watch;
	bool force;
	int64_t history; /* bytes; below 0: all that is kept */
};

/* The headers of the host's answer; NULL where one is missing. */
struct serial_answer {
	const char *line;   /* virtmux-line */
	const char *offset; /* virtmux-offset */
	const char *taken;  /* virtmux-taken */
};

/* What an answer has brought to light. */
struct serial_news {
	bool again;       /* it is not the first answer */
	bool anew;        /* another run of the line */
	uint64_t missed;  /* bytes of the guest that are not kept any more */
	uint64_t unknown; /* bytes sent of which nobody knows; not sent again */
	uint64_t
		dropped; /* bytes typed, not sent, that were for the former run */
};

void serial_book_clear(struct serial_book *book);

/*
 * The path to ask for, to free(): the first time as ASK says, later to go on where it
 * was. NULL without memory.
 */
char *serial_book_path(const struct serial_book *book,
		       const struct serial_ask *ask);

/*
 * Takes the host's answer: what is held and was not taken is to be sent (again).
 * ERROR_DISCONNECTED where it makes no sense, ERROR_NO_MEMORY.
 */
int serial_book_answer(struct serial_book *book,
		       const struct serial_answer *answer,
		       struct serial_news *news, struct error *err);

/* Whether it can go on over another stream: the host has told of the line. */
bool serial_book_can_return(const struct serial_book *book);

/* -- what is typed --------------------------------------------------------- */

/* Appends; 0, or -1 without memory. */
int serial_book_type(struct serial_book *book, const uint8_t *data, size_t n);

/* What is to be sent next: that many bytes at *AT. */
size_t serial_book_unsent(const struct serial_book *book, const uint8_t **at);

/* N of them were sent. */
void serial_book_sent(struct serial_book *book, size_t n);

/* -- what the guest says --------------------------------------------------- */

/* N bytes came: how many of them, at the front, had come before. */
size_t serial_book_got(struct serial_book *book, size_t n);

#endif
