/*
 * What a guest's serial line says, as plain text: the last SERIAL_TEXT_MAX bytes
 * without escape sequences (ECMA-48) and control characters, and the search in
 * it line by line. Bytes in, no I/O. Used by wait_serial.c.
 *
 * What always holds: the result does not depend on how the bytes were split; a
 * line that was searched whole is not searched again. One thread.
 */
#ifndef VIRTMUX_CLIENT_SERIAL_TEXT_H
#define VIRTMUX_CLIENT_SERIAL_TEXT_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SERIAL_TEXT_MAX (64u * 1024) /* bytes; older ones are forgotten */

enum serial_escape {
	SERIAL_PLAIN,
	SERIAL_ESCAPE,     /* after ESC */
	SERIAL_CONTROL,    /* CSI: up to its final byte */
	SERIAL_STRING,     /* OSC, DCS, PM, APC, SOS: up to BEL or ESC \ */
	SERIAL_STRING_END, /* after ESC in one of those */
};

/* Zeroed at first; serial_text_clear() at the end. */
struct serial_text {
	struct buf text;
	size_t searched; /* where the first line begins that is to be searched */
	enum serial_escape escape;
};

void serial_text_clear(struct serial_text *t);

/* 0, or -1 without memory. */
int serial_text_feed(struct serial_text *t, const uint8_t *data, size_t n);

/*
 * The first line, from those not yet searched on, in which PATTERN (compiled with
 * REG_EXTENDED) is found: to free(); the last line may still be unfinished. NULL:
 * none, or no memory (then t->text.failed).
 */
char *serial_text_find(struct serial_text *t, const regex_t *pattern);

#endif
