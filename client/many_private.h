/*
 * What the files of a run on many hosts share. Nobody else includes it.
 *
 * What always holds: a host is running from its fork until all three of its pipes
 * have ended; then its status is known, and it is shown.
 */
#ifndef VIRTMUX_CLIENT_MANY_PRIVATE_H
#define VIRTMUX_CLIENT_MANY_PRIVATE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "base/secret.h"
#include "client/command_private.h"
#include "client/many.h"
#include "client/output.h"

#define MANY_PIPES     3           /* results, messages, the error */
#define MANY_WORDS_MAX (64 * 1024) /* bytes of an error's report */
#define MANY_OUTPUT_MAX                                                        \
	(256 * 1024 * 1024)   /* bytes that are held of one host */
#define MANY_PATIENCE_MS 3000 /* for processes to end after a signal */

enum many_pipe { MANY_RESULT, MANY_MESSAGES, MANY_REPORT };

struct many;

struct many_stream {
	struct many_host *host;
	enum many_pipe kind;
	int ends[2]; /* of the pipe: to read, to write; -1: none */
	uv_pipe_t pipe;
	struct buf text; /* what came and was not shown */
};

/* A key of some of the hosts, in memory that all processes share. */
struct many_lock {
	char *key;
	struct key_opened *opened;
	struct secret *secret; /* its passphrase or PIN, while it is wanted */
	struct error why;      /* it could not be opened */
};

struct many_host {
	struct many *many;
	const char *name;
	const struct secret *passphrase; /* of a token; borrowed, or NULL */
	const struct key_opened *opened; /* borrowed, or NULL */
	bool refused;                    /* WHY came before it was begun */
	struct error why;
	pid_t pid;
	unsigned open; /* of its streams */
	int status;    /* of its exit, once none is open */
	struct many_stream streams[MANY_PIPES];
};

struct many {
	struct command_call *call;
	enum output_format format;
	bool live; /* text comes line by line */
	char **names;
	size_t count;
	struct many_host *hosts;
	struct many_lock *locks; /* one for each key */
	size_t locks_count;
	char *input; /* of standard input, where a file is "-"; NULL: none */
	size_t input_len;

	sigset_t mask; /* of signals, as it was before the first process */
	uv_loop_t loop;
	uv_signal_t signals[3];
	uv_timer_t patience;
	uv_timer_t tick; /* of the line that tells who is awaited */
	uint64_t begun_ns;
	bool drawn; /* that line stands on the terminal */
	unsigned running;
	bool interrupted;
	bool shown; /* a block of text was */
};

/* -- many.c ---------------------------------------------------------------- */

/* The hosts that TEXT means (hosts.h), into many->names. ERROR_USAGE, ERROR_CONFIG. */
int many_find_hosts(struct many *many, const char *text, struct error *err);

/* many->hosts by many->names. ERROR_CONFIG where there are none. */
int many_make_hosts(struct many *many, struct error *err);

/* Frees all that MANY owns. */
void many_clear(struct many *many);

/* -- many_key.c ------------------------------------------------------------ */

/*
 * Gives each host that has no session its key, or its token's PIN, asking and unlocking
 * once for each key. Where a key cannot be opened, the hosts that it is for are refused.
 * ERROR_INTERRUPTED.
 */
int many_unlock(struct many *many, struct error *err);
void many_lock_free(struct many_lock *lock); /* what it has; wipes */

/* "CODE WORDS", as a process reports it. Returns -1. */
int many_read_error(const char *text, struct error *err);

/* -- many_progress.c ------------------------------------------------------- */

/* From here on the line comes and goes by itself, while the loop runs. */
void many_progress_begin(struct many *many);
/* Before something else is printed. */
void many_progress_hide(struct many *many);

/* -- many_show.c ----------------------------------------------------------- */

/* Something more has come in that stream, or its end has. */
void many_show_part(struct many_stream *stream);
/* The host has ended. */
void many_show_host(struct many_host *host);
/* All have; what is one document is shown now. */
int many_show_all(struct many *many, struct error *err);

/* -- many_csv.c ------------------------------------------------------------ */

/* The hosts' tables as one, with the column "host" before theirs; appended. */
int many_join_csv(const struct many *many, struct buf *out);

#endif
