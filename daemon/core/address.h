/*
 * Addresses as a person writes and reads them: "192.0.2.1:16515",
 * "[2001:db8::1]:16515"; and listening sockets on them. Used by the listener.
 * No state; any thread.
 */
#ifndef VIRTMUX_DAEMON_CORE_ADDRESS_H
#define VIRTMUX_DAEMON_CORE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

#define ADDRESS_TEXT_SIZE 64 /* bytes, with NUL */

/*
 * From "ADDRESS:PORT" or "[ADDRESS]:PORT"; numeric only, since a name may mean
 * another machine tomorrow. ERROR_CONFIG.
 */
int address_parse(const char *text, struct address *address, struct error *err);

/* An IPv4 address within IPv6 is shown as IPv4. */
void address_format(const struct address *address, char *text);

/* Where a peer comes from, to be counted together. */
struct address_source {
	uint8_t bytes[8]; /* IPv4 address and zeros, or an IPv6 /64 */
	bool v6;
};

struct address_source address_source(const struct address *address);
bool address_source_equal(const struct address_source *a,
			  const struct address_source *b);

/*
 * A listening, non-blocking, close-on-exec TCP socket; IPv6 ones take no IPv4.
 * -1 with ERROR_SYSTEM and words that name the cure (port in use, low port, no
 * such address), or ERROR_UNSUPPORTED where the system has no such family.
 */
int address_listen(const struct address *address, struct error *err);

/* The address that a socket is bound to. 0 or -1. */
int address_of_socket(int fd, struct address *address);

#endif
