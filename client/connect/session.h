/*
 * The user's session to a host: a process that holds the one unlocked channel and
 * serves it on a socket of this machine. Opened, listed and ended by the verb
 * `session`; found by the channel, which attaches where its socket answers.
 *
 * What always holds: for each host and user at most one session serves (a lock
 * says whose turn it is); bytes of streams pass through it unchanged; only its
 * own user can connect. Blocks while it asks and connects. One thread.
 */
#ifndef VIRTMUX_CLIENT_SESSION_H
#define VIRTMUX_CLIENT_SESSION_H

#include <stdbool.h>

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

struct deadline;
struct json_object;
struct key_sources;
struct profile;

/*
 * Requests with this :authority are for the session itself, all others for the
 * host: "GET /status", "PUT /lock", "PUT /end", "PUT /withdraw" (session_status.c). RFC
 * 2606 keeps ".invalid" from being a host.
 */
#define SESSION_AUTHORITY "session.virtmux.invalid"
#define SESSION_WITHDRAW  "/withdraw"

/*
 * While a request is held since the host is away, the session answers it with status
 * 102 and this field: "AWAY_MS NEXT_MS WORDS", for how long the host has been away, in
 * how long it is tried again (0: it is being tried), and why it is not reached. Once it
 * is held no more comes a 102 without the field. A healthy session says neither.
 */
#define SESSION_HELD        "virtmux-held"
#define SESSION_HELD_STATUS 102 /* Processing, RFC 2518 10.1 */

/* All is borrowed for the call. */
struct session_options {
	const struct profile *profile;
	const struct key_sources *sources; /* of the passphrase */
	const char
		*config; /* what the profile was read from; NULL: the user's */
	const char *program;       /* virtmux; NULL: the one that runs */
	struct deadline *deadline; /* of its opening, or NULL */
	struct log *log;
};

/* -- opening --------------------------------------------------------------- */

enum session_opened {
	SESSION_OPENED, /* by us */
	SESSION_OPEN,   /* it was already, or another one was quicker */
	SESSION_FAILED, /* the key, or the host: a connection would fail, too */
	SESSION_IMPOSSIBLE, /* for a reason of this machine */
};

/*
 * Opens the session of that profile: "virtmux session open" in a process of its own
 * asks for the passphrase at our terminal, connects, and goes into the background;
 * returns when its socket serves. Where others open it at the same moment, one asks
 * and all get what comes of it. A session of another version gives way (session_lock).
 * -1 for the last two. Errors: those of key_load() and channel_open();
 * ERROR_INTERRUPTED. Nothing of a loop is run or carried into the process.
 */
int session_open(const struct session_options *options,
		 enum session_opened *how, struct error *err);

/*
 * Does it in this process, until the session ends. REPORT, unless -1, is a pipe that
 * is told what came of it (and closed), for session_open(); the process then leaves
 * its terminal, and closes what it has inherited. Errors as above; where REPORT was
 * told of one, none is left to tell.
 */
int session_run(const struct session_options *options, int report,
		struct error *err);

/* Whether one serves PROFILE as it is now, so that nobody is asked for its key. */
bool session_serves(const struct profile *profile);

/* -- those that are there -------------------------------------------------- */

/* A socket on which a session may serve. */
struct session_place {
	char *host;
	char *path;
	bool draining; /* it serves no new commands */
};

/*
 * All of them, or HOST's where that is not NULL; by host, those that drain behind the
 * one that serves. To session_places_free().
 */
int session_places(const char *host, struct session_place **places,
		   size_t *count, struct error *err);
void session_places_free(struct session_place *places, size_t count);

/*
 * What it says of itself (see session_status.c), to json_object_put().
 * ERROR_NOT_FOUND where none serves. Each of these runs a loop of its own.
 */
int session_ask_status(const struct session_place *place,
		       struct json_object **status, struct error *err);

/*
 * Makes it forget the key: what is under way goes on to its end, new commands open
 * another session. Returns when those do not find it any more. ERROR_NOT_FOUND.
 */
int session_ask_lock(const struct session_place *place, struct error *err);

/* Ends it, and returns when its socket has gone. ERROR_NOT_FOUND. */
int session_ask_end(const struct session_place *place, struct error *err);

#endif
