/*
 * The user's viewer of displays: which program, and with which arguments. Called
 * by view.c; starts nothing itself.
 *
 * What always holds: no shell is involved; a display's name or path is one
 * argument, whatever stands in it. One thread.
 */
#ifndef VIRTMUX_CLIENT_VIEWER_H
#define VIRTMUX_CLIENT_VIEWER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

/* How the viewer reaches the display. */
enum viewer_way {
	VIEWER_SOCKET, /* a Unix socket's path */
	VIEWER_PORT,   /* a port of 127.0.0.1 */
	VIEWER_FILE, /* a .vv file, which names such a port (VNC) or path (SPICE) */
};

struct viewer; /* a program and its words, with placeholders */

/* What is looked at to choose one; of the environment, or of a test. */
struct viewer_world {
	const char *path; /* folders of programs: $PATH */
	bool has_display; /* there is a screen to show it on */
};

/* Of this process: PATH, DISPLAY, WAYLAND_DISPLAY. */
struct viewer_world viewer_world_here(void);

/*
 * COMMAND is what the user asks for: words with {socket}, {port} or {file}, in
 * quotes where they have blanks; or a known viewer without such. NULL: the first
 * known one that is installed and shows SPICE or VNC, where there is a screen.
 * *VIEWER is NULL where there is none. ERROR_USAGE: COMMAND does not say where the
 * display goes.
 */
int viewer_choose(struct viewer **viewer, const char *command, bool spice,
		  const struct viewer_world *world, struct error *err);
void viewer_free(struct viewer *viewer); /* NULL-safe */

DEFINE_CLEANUP(viewer, viewer_free);

enum viewer_way viewer_way(const struct viewer *viewer);
const char *viewer_program(const struct viewer *viewer);

/* Whether it shows such a display, as far as is known. */
bool viewer_shows(const struct viewer *viewer, bool spice);

/* The display that is offered; borrowed. What does not apply is NULL or 0. */
struct viewer_display {
	const char *domain;
	const char *socket;
	unsigned port;
	const char *file;
	bool spice; /* else VNC */
};

/* The arguments, NULL-terminated, to viewer_free_arguments(). */
int viewer_arguments(const struct viewer *viewer,
		     const struct viewer_display *display, char ***arguments,
		     struct error *err);
void viewer_free_arguments(char **arguments); /* NULL-safe */

/* A .vv file's text for that display (its socket, else its port), appended. */
int viewer_file_text(const struct viewer_display *display, struct buf *out);

#endif
