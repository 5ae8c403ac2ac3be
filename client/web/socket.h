/*
 * A WebSocket (RFC 6455) of the page: messages in, messages out, with what is
 * needed for back-pressure on both ways. Its framing is wslay's, and nobody else
 * knows that library.
 *
 * What always holds: while reading is paused nothing is taken from the kernel; what
 * was sent is told by on_sent when the kernel has it; on_end comes once and last,
 * never from inside a verb. Loop thread only.
 */
#ifndef VIRTMUX_CLIENT_WEB_SOCKET_H
#define VIRTMUX_CLIENT_WEB_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct http_socket;
struct socket;

enum socket_kind { SOCKET_TEXT, SOCKET_BINARY };

struct socket_events {
	/* A message, at most WEB_MESSAGE_BYTES; valid for the call. */
	void (*on_message)(void *context, enum socket_kind kind,
			   const uint8_t *data, size_t len);
	/* All that was sent has left. */
	void (*on_sent)(void *context);
	/* The page has left, or the connection has; the socket is dead. */
	void (*on_end)(void *context);
};

/*
 * FD and EXTRA as http_upgraded_fn gave them; HTTP is ended with the socket, also on
 * failure. ERROR_NO_MEMORY, ERROR_SYSTEM.
 */
int socket_new(struct socket **socket, uv_loop_t *uv, struct http_socket *http,
	       int fd, const void *extra, size_t n,
	       const struct socket_events *events, void *context,
	       struct error *err);

/* LEN at most WEB_MESSAGE_BYTES; copied. -1 without memory. */
int socket_send(struct socket *socket, enum socket_kind kind, const void *data,
		size_t len);

/* Whether something that was sent has not left yet. */
bool socket_is_sending(const struct socket *socket);

void socket_pause(struct socket *socket, bool paused);

/*
 * Says goodbye with CODE (RFC 6455 7.4) behind what was sent, and waits a little for
 * the page's; on_end follows. Further calls do nothing.
 */
void socket_finish(struct socket *socket, uint16_t code);

/* Ends it at once; no event follows. NULL-safe. */
void socket_free(struct socket *socket);

#endif
