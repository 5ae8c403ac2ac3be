/*
 * What the files of the verb `view` share: the display that is offered, its
 * connections and the viewer's process. Nobody else includes it.
 *
 * What always holds: a view is freed in the last close callback of its handles,
 * which the channel's loop runs; callbacks only note what happened and stop the
 * loop, and view.c acts on it.
 */
#ifndef VIRTMUX_CLIENT_VIEW_PRIVATE_H
#define VIRTMUX_CLIENT_VIEW_PRIVATE_H

#include <uv.h>

#include "base/list.h"
#include "client/connect/channel.h"
#include "client/command.h"
#include "client/consoles/console_domain.h"
#include "client/consoles/recorder.h"
#include "client/consoles/rfb_filter.h"
#include "client/consoles/splice.h"
#include "client/consoles/viewer.h"

#define VIEW_BACKLOG   1     /* connections that wait */
#define VIEW_AGAIN_MS  1000u /* between two looks whether the display lives */
#define VIEW_LINGER_MS 5000u /* for the host to end after the viewer */
#define VIEW_NAME_MAX  40    /* bytes of the domain's name in a file's name */
#define VIEW_KILL_MS   3000u /* for a viewer to end when it is told to */

/* Between two attempts to come back to a display, growing. */
#define VIEW_RETRY_MS      500u
#define VIEW_RETRY_MOST_MS 5000u

/* How a SPICE client begins each channel: up to the channel's type. */
#define VIEW_SPICE_HEAD 21

/* One connection of a viewer, or the spare stream that waits for one. */
struct view_link {
	struct list node;
	struct view *view;
	struct splice *splice;
	struct recorder *recorder;      /* of --record, or NULL */
	struct rfb_filter filter;       /* of VNC */
	uint8_t spice[VIEW_SPICE_HEAD]; /* of SPICE: how the channel began */
	size_t spice_len;
};

struct view_process; /* view_process.c */

struct view {
	struct command_call *call;
	struct channel *channel;
	struct viewer *viewer; /* NULL: none is to be started */
	enum viewer_way way;
	unsigned screen;
	char *path; /* of the display's stream: of its run, once that is known */
	struct console_domain domain; /* name NULL: it was never opened */
	bool spice;
	bool opened;             /* since view_open_first() was called last */
	struct rfb_filter rules; /* for the viewers: read_only, shared */
	bool reconnect;

	/* where it is offered */
	char *socket; /* its file, or NULL */
	char *file;   /* the .vv file, or NULL */
	char *folder; /* a temporary one, or NULL */
	unsigned port;
	int listener;   /* -1: closed */
	uv_poll_t poll; /* of the listener, while it is open */

	/* connections: the spare tells of the display's end while none is */
	struct list links;
	struct view_link *spare; /* or NULL */
	bool connected;          /* a viewer has been here */
	bool asked;              /* and has asked for a picture */
	bool paused;             /* the guest, by us, until then */
	uv_timer_t again;        /* opens a spare, or ends a wait */

	struct view_process *process; /* the viewer's, while it runs, or NULL */
	int status;    /* of the viewer's end: its exit status … */
	int signalled; /* … or the signal */

	struct recorder *recorder; /* for the next connection, or NULL */
	unsigned recordings;       /* files that were made */
	struct error unrecorded;   /* why one of them is not complete */

	/* what happened */
	bool ended;       /* the host ended a stream of the display */
	bool gone;        /* the viewer has ended */
	struct error why; /* the host's no, or a defect */

	unsigned handles; /* of the loop, open ones */
	bool closing;
};

/* -- view_serve.c ---------------------------------------------------------- */

/* Asks for the display and waits for the answer; runs the loop. */
int view_open_first(struct view *v, struct error *err);

/* Offers it by v->way, on SOCKET or PORT where the user has said so. */
int view_listen(struct view *v, const char *socket, unsigned port,
		struct error *err);

/* Connections wait, unanswered, and those that there are end; or go on. */
void view_suspend(struct view *v);
int view_go_on(struct view *v, struct error *err);

/* Ends listening and all connections; files are removed. */
void view_stop(struct view *v);

/* Notes an error, once, and wakes view.c. Takes WHY. */
void view_fail(struct view *v, struct error *why);

/* A handle of the loop has closed; its data is the view. */
void view_on_handle_closed(uv_handle_t *handle);
void view_let_go(struct view *v); /* the same, for one with other data */

/* -- view_process.c -------------------------------------------------------- */

/* Starts v->viewer on what is offered. v->gone tells of its end. */
int view_start_viewer(struct view *v, struct error *err);

/* Tells it to end, and waits for it a while; runs the loop. */
void view_end_viewer(struct view *v);

/* At the end of all: it is told to end where WITH_US, and not waited for. */
void view_leave_viewer(struct view *v, bool with_us);

/* -- view_await.c ---------------------------------------------------------- */

/*
 * --start and --wait: until the domain runs. Where we have started it, it is paused
 * before its first instruction (v->paused), for view_resume(). Runs the loop.
 * ERROR_STATE: neither was asked for and it does not run; ERROR_TIMED_OUT.
 */
int view_await(struct view *v, struct error *err);
int view_resume(struct view *v, struct error *err);

/*
 * --reconnect: until the display is open again, of whatever run of the domain. Runs
 * the loop. What no patience helps with is an error, and ERROR_INTERRUPTED.
 */
int view_come_back(struct view *v, struct error *err);

/* -- view_record.c --------------------------------------------------------- */

/* Makes the first file of --record, where that was given. */
int view_prepare_recording(struct view *v, struct error *err);

/* A viewer has connected; N bytes have passed; it has gone. */
int view_begin_recording(struct view_link *link, struct error *err);
void view_record(struct view_link *link, bool to_host, const uint8_t *data,
		 size_t n);
void view_end_recording(struct view_link *link);

/* The verb's result, which was RC, with regard to its recordings. */
int view_conclude_recording(struct view *v, int rc, struct error *err);

#endif
