/*
 * The client's side of RFB (RFC 6143) without I/O: bytes from a VNC server in,
 * events out; verbs append what is to be sent to a buffer. Protocol 3.3, 3.7 and
 * 3.8 with the security type None, which is what a host's display has for us: the
 * channel has judged us already. Used by click.
 *
 * What always holds: the server is not trusted. What it sends is taken piece by
 * piece, in any cut, with bounded memory: pixels and clipboard texts are counted and
 * dropped, rectangles must lie in the screen, and an encoding that was not asked for
 * ends it. After an error nothing but rfb_free() is of use. One thread.
 */
#ifndef VIRTMUX_CLIENT_RFB_H
#define VIRTMUX_CLIENT_RFB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define RFB_NAME_MAX 4096 /* bytes of a desktop's name */
#define RFB_TEXT_MAX                                                           \
	(16 * 1024 * 1024) /* bytes of a clipboard's text, dropped */
#define RFB_WHY_MAX 4096   /* bytes of a server's refusal */

struct rfb;

enum rfb_event_type {
	RFB_NOTHING, /* all input was taken */
	RFB_READY,   /* the handshake is over: width, height */
	RFB_RESIZED, /* width, height */
	RFB_POINTER, /* absolute: whether positions reach the guest as such */
	RFB_UPDATED, /* an update that was requested has come, as a whole */
};

struct rfb_event {
	enum rfb_event_type type;
	unsigned width, height; /* pixels */
	bool absolute;
};

/* Bits of rfb_pointer()'s BUTTONS (RFC 6143 section 7.5.5). */
enum rfb_button { RFB_LEFT = 1, RFB_MIDDLE = 2, RFB_RIGHT = 4 };

/* NULL without memory. */
struct rfb *rfb_new(void);
void rfb_free(struct rfb *rfb); /* NULL-safe */

DEFINE_CLEANUP(rfb, rfb_free);

/*
 * Takes bytes from *DATA, moving *DATA and *LEN on, up to the end of the next event
 * or of the input (RFB_NOTHING). Call it until it gives RFB_NOTHING. ERROR_FAILED
 * where the server breaks the protocol or refuses, ERROR_UNSUPPORTED where it wants
 * another security type.
 */
int rfb_next(struct rfb *rfb, const uint8_t **data, size_t *len,
	     struct rfb_event *event, struct error *err);

/* What is to be sent; the caller takes it from there (buf_consume()). */
struct buf *rfb_output(struct rfb *rfb);

/*
 * After RFB_READY. The encodings that this client takes are told by the library
 * itself, before that event. What they append fails only without memory, which
 * buf_ok(rfb_output()) tells.
 */

/* The pointer is at X, Y, with these buttons pressed (enum rfb_button). */
void rfb_pointer(struct rfb *rfb, unsigned buttons, unsigned x, unsigned y);

/*
 * Asks for one pixel anew: the RFB_UPDATED that follows comes after everything that
 * the server has done because of what was sent before.
 */
void rfb_ask_pixel(struct rfb *rfb);

#endif
