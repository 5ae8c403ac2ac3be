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

#include "base/error.h"
#include "base/log.h"

struct json_object;
struct key_sources;
struct profile;

/*
 * Requests with this :authority are for the session itself, all others for the
 * host: "GET /status", "PUT /end". RFC 2606 keeps ".invalid" from being a host.
 */
#define SESSION_AUTHORITY "session.virtmux.invalid"

/* All is borrowed for the call. */
struct session_options {
	const struct profile *profile;
	const struct key_sources *sources; /* of the passphrase */
	bool foreground; /* serve in this process until the end */
	struct log *log;
};

/*
 * Opens the session of that profile in a process of its own: asks for the
 * passphrase here, connects, and returns when the socket serves. *NEW is false
 * where one served already. In the foreground it returns at the session's end.
 * Errors: those of key_load() and of connecting; ERROR_INTERRUPTED.
 */
int session_open(const struct session_options *options, bool *fresh,
		 struct error *err);

/*
 * What the session of host NAME says of itself (see session_status.c), to
 * json_object_put(). ERROR_NOT_FOUND where none serves. Runs a loop of its own.
 */
int session_status(const char *name, struct json_object **status,
		   struct error *err);

/* Ends it, and returns when its socket has gone. ERROR_NOT_FOUND. */
int session_end(const char *name, struct error *err);

/*
 * The names of hosts for which a socket file exists, sorted, NULL-terminated;
 * each and the list to free(). Whether they serve, session_status() tells.
 */
int session_names(char ***names, struct error *err);

#endif
