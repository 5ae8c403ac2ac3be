/*
 * What the files of a serving session share: its state, the commands that are
 * attached (clients), and the streams that it forwards. Nobody else includes it.
 *
 * What always holds: "near" is the side of this machine, "far" the host's; no
 * stream's source calls h2: what it took is noted and given back in the session's
 * turn, which the loop reaches before it sleeps.
 */
#ifndef VIRTMUX_CLIENT_SESSION_PRIVATE_H
#define VIRTMUX_CLIENT_SESSION_PRIVATE_H

#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "client/connect/session.h"
#include "client/connect/session_pace.h"
#include "client/connect/session_pieces.h"
#include "wire/conn.h"

#define SESSION_SUFFIX       ".sock"
#define SESSION_ASIDE_SUFFIX ".drain"

#define SESSION_BACKLOG     64   /* connections that wait to be accepted */
#define SESSION_CLIENTS_MAX 256  /* commands that are attached at once */
#define SESSION_DRAIN_MS    1000 /* for last bytes to reach the commands */
#define SESSION_SIGNALS     3

/* Requests that wait for a host that is away; each holds a window of body. */
#define SESSION_HELD_MAX 256

/*
 * Milliseconds. For how long it tries often after somebody has waited; one attempt's
 * TCP meanwhile; between two looks whether the machine has slept.
 */
#define SESSION_HURRY_MS (10 * 60000ull)
#define SESSION_RACE_MS  2000
#define SESSION_WATCH_MS 1000

/* A connection that ends sooner counts as an attempt that has failed. Milliseconds. */
#define SESSION_STOOD_MS 5000

/*
 * After a change of the network or a sleep a PING is sent. When no answer has come
 * after DOUBT_MS another connection is tried beside it; after LOST_MS it is given up.
 */
#define SESSION_DOUBT_MS 300
#define SESSION_LOST_MS  2000

/*
 * A command that was stopped by Ctrl-Z answers no PING and is no dead peer: on a
 * Unix socket the kernel tells of an end. Milliseconds.
 */
#define SESSION_SILENCE_MS (365ull * 24 * 3600 * 1000)

enum session_state {
	SESSION_CONNECTING,
	SESSION_SERVING,
	SESSION_AWAY,     /* the host is not reached: requests are held */
	SESSION_DRAINING, /* no new commands; what runs goes on */
	SESSION_ENDING,   /* clients get their last bytes */
	SESSION_ENDED,    /* handles of the loop close */
	SESSION_STATES
};

struct session {
	const struct session_options *options;
	enum session_state state;
	char *path;
	uv_loop_t uv;
	struct conn_loop *far_loop, *near_loop;
	struct tls_context *tls; /* with the key */
	int64_t opened_us;       /* wall clock */

	/* the host: session_far.c */
	char *host, *port;
	struct link *dialling; /* the connection that is being made, or NULL */
	struct conn *far;      /* that takes new streams, or NULL */
	char *peer;            /* the address that was reached last, or NULL */
	struct error why;      /* it is away, or the session ends */
	uint64_t dialled_at;   /* when the last attempt began */
	uint64_t opened_at;    /* when the one that stands, or stood, did */
	uint64_t away_since;   /* these are clock_monotonic_ns() */
	uint64_t hurry_until;
	uint64_t doubt_since; /* a PING was sent; 0: there is no doubt */
	unsigned failures;    /* in a row */
	struct pace_clocks clocks;
	uv_timer_t retry, doubt, watch;
	int routes_fd; /* -1: nobody tells of changes */
	uv_poll_t routes;

	int listener; /* -1: closed */
	uv_poll_t poll;
	ino_t inode; /* of the socket's file */
	struct list clients;
	unsigned clients_count;
	unsigned users_count; /* clients that have asked the host */
	uint64_t idle_since;  /* clock_monotonic_ns(); 0: it is used */

	struct list forwards;
	struct list due;  /* forwards that have something to do */
	struct list held; /* forwards that wait for the host, oldest first */
	unsigned held_count;
	struct piece_pool pieces; /* of bytes on their way */
	uv_timer_t held_timer;    /* to the end of the oldest one's wait */
	uv_check_t turn;          /* does it, after the loop's input */
	uv_idle_t awake;          /* so that the loop does not sleep before */
	uv_timer_t timer;         /* persist */
	uv_signal_t signals[SESSION_SIGNALS];
	int interrupted; /* number of the signal, or 0 */
};

/* A command that is attached. */
struct client {
	struct list node;
	struct session *session;
	struct conn *conn;
	bool uses; /* it has asked the host for something */
	bool late; /* it came when no more are served: to look, or to end us */
};

/* -- session_find.c -------------------------------------------------------- */

#define SESSION_WORDS_MAX (64 * 1024) /* bytes of an error's words */

enum session_found {
	SESSION_NONE,    /* nobody listens */
	SESSION_SERVES,  /* a session of this version */
	SESSION_OTHER,   /* one of another version, or of none that is known */
	SESSION_CHANGED, /* the configuration of its host is another one now */
};

/*
 * What tells PROFILE's host, and as whom and by which CA it is reached, from another: a
 * session that was opened for one serves no other. A hash, in MARK.
 */
#define SESSION_MARK_SIZE 17
void session_mark(const struct profile *profile, char mark[SESSION_MARK_SIZE]);

/*
 * Connects to the session on PATH: *FD, unless SESSION_NONE. PROFILE NULL: of any host.
 * -1: it cannot be used, or who listens is no session; the words tell the cure.
 * TIMEOUT_MS: for its queue.
 */
int session_find(int *fd, const char *path, const struct profile *profile,
		 uint64_t timeout_ms, struct error *err);

/*
 * Where the session of SOCKET listens when it serves no new commands any more; to
 * free(), NULL without memory. "/run/…/NAME.sock" and 17: "/run/…/NAME.17.drain".
 */
char *session_aside_path(const char *socket, pid_t pid);

/*
 * The file beside SOCKET, which is locked (flock) by who opens the session; it tells
 * who serves, or why the last one who tried does not.
 */
int session_turn_open(int *fd, const char *socket, struct error *err);
/* This process, for PROFILE's host. */
int session_turn_tell_owner(int fd, const struct profile *profile,
			    struct error *err);
long session_turn_owner(int fd); /* 0: it does not tell */

/*
 * NOW by clock_monotonic_ns(), which all processes share; ASKED: a person was to give
 * the passphrase.
 */
int session_turn_tell_failure(int fd, uint64_t now, bool asked,
			      const struct error *why);

/*
 * Whether one who tried after THEN has failed for a reason that holds for us as well;
 * fills ERR.
 */
bool session_turn_failed_since(int fd, uint64_t then, bool asks,
			       struct error *err);

/* -- session_serve.c ------------------------------------------------------- */

/*
 * Connects, listens on PATH, tells on_serving, and serves until the end; blocks.
 * -1 where it never served: on_serving was not called, or has failed.
 */
int session_serve(const struct session_options *options, const char *path,
		  int (*on_serving)(void *context, struct error *err),
		  void *context, struct error *err);

/* Only what the table of transitions allows. */
void session_set_state(struct session *s, enum session_state to);

/* Begins to end, whatever is under way. */
void session_stop(struct session *s);

/*
 * Forgets the key and serves no new command; what is under way goes on to its end,
 * and the session ends with it.
 */
void session_lock(struct session *s);

/* CLIENT has asked for something of the host: the session is in use. */
void session_used_by(struct client *client);

/* Milliseconds for which nobody has used it; -1: it is used. */
int64_t session_idle_ms(const struct session *s);

/* Ends it, and tells everybody s->why: nobody who tries again gets further. */
void session_refuse(struct session *s);

/* -- session_far.c --------------------------------------------------------- */

/* Unlocks the key and begins the first connection: s->far, or the end. */
int far_begin(struct session *s, struct error *err);

/* Looks after it from now on. */
void far_watch(struct session *s);

void far_end(struct session *s);

/* Somebody waits for the host: it is tried at once, and often. */
void far_want(struct session *s);

/* A stream was cut; who had it will be back. */
void far_note_cut(struct session *s);

/* The network may be another one: is the host still there? Or is it back? */
void far_check(struct session *s);

/* For how long it has been away, and until it is tried again (0: it is being tried). */
uint64_t far_away_ms(const struct session *s);
uint64_t far_next_ms(const struct session *s);

/* Why it is away, to a command. */
const char *far_words(const struct session *s);

/* -- session_forward.c ----------------------------------------------------- */

/* Passes a request of CLIENT on to the host. */
void forward_begin(struct client *client, struct h2_stream *near);

/* The session's turn: all forwards that are due. */
void forward_turn(struct session *s);

/* Ends all of them, since the host is not reached any more. */
void forward_end_all(struct session *s);

/* The host is back: what was held is passed on. */
void forward_release(struct session *s);

/* Answers what is held with WHY. */
void forward_refuse_held(struct session *s, const struct error *why);

/* The host is away still: those whose requests are held are told. */
void forward_tell_held(struct session *s);

/*
 * CLIENT does not wait any longer: what is held of its requests is answered, and was
 * never passed on; what was passed on stays as it is.
 */
void forward_withdraw(const struct client *client);

unsigned forward_count(const struct session *s);

/* -- session_status.c ------------------------------------------------------ */

/* Whether it is for the session itself; then it is answered. */
bool status_request(struct client *client, struct h2_stream *near);

#endif
