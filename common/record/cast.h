/*
 * Recordings of serial lines: asciicast v2, which asciinema and its players read
 * too. Written by the client (console --record) and by the host (recordings that
 * access.conf demands); read by `virtmux replay`. doc/RECORDING.md has the format.
 *
 * What always holds: a line carries bytes, the format carries Unicode, and no byte
 * is lost in between. Valid UTF-8 stands as it is; a byte that is none, NUL, and the
 * bytes of U+EF00 to U+EFFF themselves stand as U+EF00 + byte, a private character.
 * The header's "virtmux" object says so ("escape"); the reader undoes it there alone.
 * No state but the reader's; any thread.
 */
#ifndef VIRTMUX_RECORD_CAST_H
#define VIRTMUX_RECORD_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "record/about.h"

#define CAST_WIDTH    80u /* of a serial line, which has no size */
#define CAST_HEIGHT   24u
#define CAST_LINE_MAX (1024u * 1024) /* bytes of a line that is read */
#define CAST_DATA_MAX (64u * 1024)   /* bytes of one event that is written */
#define CAST_TAIL_MAX 3u /* bytes of a character that is not whole */
#define CAST_TIME_MAX (400u * 86400) /* seconds that a recording may last */

struct cast_header {
	unsigned width;   /* columns */
	unsigned height;  /* rows */
	const char *term; /* of the environment, or NULL; borrowed */
	struct record_about about;
};

/* The first line, appended to OUT. 0, or -1 without memory. */
int cast_append_header(struct buf *out, const struct cast_header *header);

/* The letters of the format. */
enum cast_kind { CAST_OUTPUT = 'o', CAST_INPUT = 'i' };

/*
 * One event of N bytes (at most CAST_DATA_MAX) at NS nanoseconds after the begin,
 * appended to OUT; *USED of them are in it. Up to CAST_TAIL_MAX bytes at the end are
 * left where they may be the begin of a character, unless it is the LAST that comes
 * for now: give them again, before what follows. *USED may be 0: then no line is
 * written. 0, or -1 without memory.
 */
int cast_append_event(struct buf *out, uint64_t ns, enum cast_kind kind,
		      const uint8_t *data, size_t n, bool last, size_t *used);

/* -- reading --------------------------------------------------------------- */

struct json_object;
struct cast_reader;

/* Valid during the call; DATA is bytes again, or text of a foreign recording. */
struct cast_event {
	uint64_t ns; /* after the begin, never less than the one before */
	char kind;   /* 'o', 'i', or another one of the format: 'm', 'r' … */
	const uint8_t *data;
	size_t len;
};

/* Below 0: the reader stops, and returns it. */
typedef int cast_event_fn(void *context, const struct cast_event *event,
			  struct error *err);

struct cast_reader *cast_reader_new(void);         /* NULL without memory */
void cast_reader_free(struct cast_reader *reader); /* NULL-safe */

DEFINE_CLEANUP(cast_reader, cast_reader_free);

/*
 * Takes the file's next N bytes, split as they may be. ERROR_PARSE with the line's
 * number, ERROR_TOO_LARGE, ERROR_NO_MEMORY, or what FN returned.
 */
int cast_reader_feed(struct cast_reader *reader, const uint8_t *data, size_t n,
		     cast_event_fn *fn, void *context, struct error *err);

/*
 * After the last byte. *CUT: the file ends within a line, whose event was not
 * given. ERROR_PARSE where not even the header was whole.
 */
int cast_reader_end(struct cast_reader *reader, bool *cut, struct error *err);

/* The header, once its line was read, else NULL. Borrowed. */
struct json_object *cast_reader_header(const struct cast_reader *reader);

#endif
