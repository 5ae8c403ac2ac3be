/*
 * Recordings of displays: the bytes of a VNC or SPICE connection, both ways, with
 * their times, in a container of our own (.rfb, .spice; doc/RECORDING.md has the
 * format). Written by the client (view --record) and by the host; read by `virtmux
 * replay`.
 *
 * A file is CAPTURE_MAGIC and CAPTURE_VERSION, then records: a head of
 * CAPTURE_HEAD bytes, and so many bytes as it says. The first record is what the
 * recording tells of itself, the last one closes it with both sums; whatever lies
 * before a cut is whole. Numbers are big endian. No state but the reader's; any
 * thread.
 */
#ifndef VIRTMUX_RECORD_CAPTURE_H
#define VIRTMUX_RECORD_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "record/about.h"

#define CAPTURE_MAGIC      "virtmux-capture\n" /* 16 bytes */
#define CAPTURE_MAGIC_SIZE 16u
#define CAPTURE_VERSION    1u
#define CAPTURE_HEAD       16u            /* kind 1, zero 3, length 4, time 8 */
#define CAPTURE_DATA_MAX   (1024u * 1024) /* bytes of one record */

/* The letters of the format. */
enum capture_kind {
	CAPTURE_ABOUT = 'A',  /* JSON; the first record, and only that */
	CAPTURE_SERVER = 'S', /* bytes of the server: the guest's display */
	CAPTURE_CLIENT = 'C', /* bytes of the client: the viewer */
	CAPTURE_END = 'E',    /* sums of the bytes of S and C, 8 bytes each */
};

/* What was written so far, for the sums; all zero at first. */
struct capture_sums {
	uint64_t server;
	uint64_t client;
};

/* Each appends to OUT; 0, or -1 without memory. */
int capture_append_header(struct buf *out, const struct record_about *about);
/* US: microseconds after the begin. N bytes in as many records as they need. */
int capture_append_data(struct buf *out, struct capture_sums *sums, uint64_t us,
			enum capture_kind kind, const uint8_t *data, size_t n);
int capture_append_end(struct buf *out, const struct capture_sums *sums,
		       uint64_t us);

/* -- reading --------------------------------------------------------------- */

struct json_object;
struct capture_reader;

/* Of S or C; valid during the call. */
struct capture_record {
	enum capture_kind kind;
	uint64_t us; /* after the begin, never less than the one before */
	const uint8_t *data;
	size_t len;
};

/* Below 0: the reader stops, and returns it. */
typedef int capture_record_fn(void *context,
			      const struct capture_record *record,
			      struct error *err);

struct capture_reader *capture_reader_new(void); /* NULL without memory */
void capture_reader_free(struct capture_reader *reader); /* NULL-safe */

DEFINE_CLEANUP(capture_reader, capture_reader_free);

/*
 * Takes the file's next N bytes, split as they may be. ERROR_PARSE with the offset
 * of the record that is damaged, ERROR_NO_MEMORY, or what FN returned.
 */
int capture_reader_feed(struct capture_reader *reader, const uint8_t *data,
			size_t n, capture_record_fn *fn, void *context,
			struct error *err);

/*
 * After the last byte. *CUT: the file was not closed, and LOST bytes at its end are
 * a part of a record. ERROR_PARSE where not even the first record was whole.
 */
int capture_reader_end(struct capture_reader *reader, bool *cut, size_t *lost,
		       struct error *err);

/* What it tells of itself, once that was read, else NULL. Borrowed. */
struct json_object *capture_reader_about(const struct capture_reader *reader);

#endif
