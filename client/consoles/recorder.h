/*
 * What a user records of his own console or display: a file of his own, written as
 * the bytes pass. Used by console and view.
 *
 * What always holds: the file is readable by its owner alone, and none that was there
 * is written over unless the user said so. A disk that takes no more ends the
 * recording, not the console: what stands in the file then is whole, and
 * recorder_close() says that it is not all. One thread.
 */
#ifndef VIRTMUX_CLIENT_RECORDER_H
#define VIRTMUX_CLIENT_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/about.h"

struct recorder;

enum recorder_format {
	RECORDER_CAST,    /* a serial line (record/cast.h) */
	RECORDER_CAPTURE, /* a display (record/capture.h) */
};

/*
 * Makes PATH; FORCE: in the place of what is there. ERROR_EXISTS, with the cure;
 * ERROR_SYSTEM.
 */
int recorder_new(struct recorder **recorder, const char *path, bool force,
		 enum recorder_format format, struct error *err);

/*
 * Begins, now that it is known what is recorded (record_about, whose time and author
 * are filled in). Once; what passed before is not in it.
 */
void recorder_begin(struct recorder *recorder,
		    const struct record_about *about);
bool recorder_has_begun(const struct recorder *recorder);

/* N bytes have passed. */
void recorder_add(struct recorder *recorder, bool to_host, const uint8_t *data,
		  size_t n);

/* Why it has ended before its time; NULL where it has not. */
const struct error *recorder_why(const struct recorder *recorder);

/*
 * Closes the file, which goes where nothing was begun, and frees. -1 where the
 * recording is not complete: ERROR_SYSTEM. NULL-safe.
 */
int recorder_close(struct recorder *recorder, struct error *err);

#endif
