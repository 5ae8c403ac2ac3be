/*
 * What the files of the verb `replay` share: replay.c (the verb, and what a recording
 * tells of itself), replay_cast.c (a serial line, on the terminal), replay_scan.c (what
 * a viewer has to know of a display's recording) and replay_serve.c (the recording as
 * a VNC server). Nobody else includes it.
 */
#ifndef VIRTMUX_CLIENT_REPLAY_PRIVATE_H
#define VIRTMUX_CLIENT_REPLAY_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "client/command.h"
#include "client/consoles/pace.h"

#define REPLAY_CHUNK (64u * 1024) /* bytes of the file that are read at once */

struct json_object;

/* -- time ------------------------------------------------------------------ */

/* When what stands at a time of the recording is shown. */
struct replay_clock {
	double speed;           /* times as fast */
	uint64_t idle_limit_ns; /* no pause is longer; 0: as it was */
	uint64_t last_ns;       /* of the recording */
	uint64_t due_ns;        /* of this machine, for that; 0: not begun */
};

/* The moment for AT_NS of the recording; called in its order. */
uint64_t replay_due(struct replay_clock *clock, uint64_t at_ns);

/* -- files ----------------------------------------------------------------- */

typedef int replay_feed_fn(void *context, const uint8_t *data, size_t n,
			   struct error *err);

/* The whole FILE, from its begin, to FN. ERROR_SYSTEM, or what FN returned. */
int replay_read(FILE *file, const char *path, replay_feed_fn *fn, void *context,
		struct error *err);

/* -- replay_cast.c --------------------------------------------------------- */

int replay_cast(struct command_call *call, FILE *file, const char *path,
		struct replay_clock *clock, struct error *err);

/* -- replay_scan.c --------------------------------------------------------- */

#define RFB_FORMAT_SIZE 16u
#define RFB_ENCODINGS   256u /* that a viewer may name */

/* A set of encodings, without those that only wish for a quality. */
struct rfb_encodings {
	int32_t list[RFB_ENCODINGS];
	size_t count;
};

/* The first of WANTED that HAS has not; false: it has all. */
bool rfb_encodings_lack(const struct rfb_encodings *wanted,
			const struct rfb_encodings *has, int32_t *first);
void rfb_encodings_add(struct rfb_encodings *set, const uint8_t *list,
		       size_t count);

/* What a viewer says, message by message, behind the handshake. */
struct rfb_messages {
	struct buf held;
	uint64_t skip; /* bytes of a message that are nobody's business */
	bool lost;     /* it said what is not known here */
	bool asked;    /* for a picture */
	bool changed;  /* the form of pixels, after that */
	bool has_format;
	uint8_t format[RFB_FORMAT_SIZE]; /* the last one set before it asked */
	struct rfb_encodings encodings;  /* all it ever named */
};

/* -1 without memory. */
int rfb_messages_feed(struct rfb_messages *m, const uint8_t *data, size_t n);
void rfb_messages_clear(struct rfb_messages *m);

/* What stands at the begin of a recording, and what its viewer could take. */
struct replay_scan {
	uint64_t begin; /* bytes of the server's handshake */
	uint16_t width, height;
	char *name;
	uint8_t format[RFB_FORMAT_SIZE]; /* of the pixels */
	struct rfb_encodings encodings;
	uint64_t until_us; /* another format follows; else UINT64_MAX */
	/* all of the recording */
	uint64_t last_us, from_server, from_client;
	bool handshake; /* it got so far */
	bool cut;
	size_t lost; /* bytes of a part at the end */
	struct json_object *about;
};

/* Reads all of FILE. ERROR_PARSE: it is damaged. What is no VNC has no handshake. */
int replay_scan(struct replay_scan *scan, FILE *file, const char *path,
		struct error *err);
void replay_scan_clear(struct replay_scan *scan);

/* -- replay_serve.c -------------------------------------------------------- */

int replay_display(struct command_call *call, FILE *file, const char *path,
		   struct replay_clock *clock, struct error *err);

#endif
