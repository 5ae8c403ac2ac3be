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
#include "client/channel.h"
#include "client/command.h"
#include "client/console_domain.h"
#include "client/splice.h"
#include "client/viewer.h"

#define VIEW_BACKLOG   1     /* connections that wait */
#define VIEW_AGAIN_MS  1000u /* between two looks whether the display lives */
#define VIEW_LINGER_MS 5000u /* for the host to end after the viewer */
#define VIEW_NAME_MAX  40    /* bytes of the domain's name in a file's name */

/* One connection of a viewer, or the spare stream that waits for one. */
struct view_link {
	struct list node;
	struct view *view;
	struct splice *splice;
};

struct view {
	struct command_call *call;
	struct channel *channel;
	struct viewer *viewer; /* NULL: none is to be started */
	enum viewer_way way;
	char *path; /* of the display's stream */
	struct console_domain domain;

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
	uv_timer_t again;        /* opens a spare */

	uv_process_t process;
	bool running;
	int status;    /* of the viewer's end: its exit status … */
	int signalled; /* … or the signal */

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

/* Ends listening and all connections; files are removed. */
void view_stop(struct view *v);

/* Notes an error, once, and wakes view.c. Takes WHY. */
void view_fail(struct view *v, struct error *why);

/* A handle of the loop has closed. */
void view_on_handle_closed(uv_handle_t *handle);

#endif
