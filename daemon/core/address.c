/*
 * Parsing and printing of addresses, and listening on them. Called by
 * listener.c at start and for each peer. What always holds: no name is resolved.
 */
#include "daemon/core/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

/* getaddrinfo(3) takes any number and cuts it to 16 bits. */
static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 5 && !text[digits] &&
	       atol(text) <= 65535;
}

/* Splits at the last colon; HOST loses its brackets. 0 or -1. */
static int split(const char *text, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t n;

	if (!colon || !is_port(colon + 1))
		return -1;
	*port = colon + 1;
	n = (size_t)(colon - text);
	if (n >= 2 && *text == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return -1;
	}
	if (n == 0 || n >= size)
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	return 0;
}

int address_parse(const char *text, struct address *address, struct error *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char host[ADDRESS_TEXT_SIZE];
	const char *port;

	if (split(text, host, sizeof(host), &port) < 0 ||
	    getaddrinfo(host, port, &hints, &found) != 0)
		return error_set(err, ERROR_CONFIG,
				 "\"%s\" is no address to listen on; write "
				 "192.0.2.1:16515 or [2001:db8::1]:16515",
				 text);
	memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
	address->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static bool is_mapped(const struct address *address)
{
	const struct sockaddr_in6 *in6 = (const void *)&address->storage;

	return address->storage.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
}

static struct address unmap(const struct address *address)
{
	const struct sockaddr_in6 *in6 = (const void *)&address->storage;
	struct address v4 = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = (void *)&v4.storage;

	in->sin_family = AF_INET;
	in->sin_port = in6->sin6_port;
	memcpy(&in->sin_addr, in6->sin6_addr.s6_addr + 12, 4);
	return v4;
}

void address_format(const struct address *address, char *text)
{
	struct address plain = is_mapped(address) ? unmap(address) : *address;
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	char port[8];
	bool v6 = plain.storage.ss_family == AF_INET6;

	if (getnameinfo((struct sockaddr *)&plain.storage, plain.len, host,
			sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(text, ADDRESS_TEXT_SIZE, "an unknown address");
	else
		snprintf(text, ADDRESS_TEXT_SIZE, "%s%.48s%s:%s", v6 ? "[" : "",
			 host, v6 ? "]" : "", port);
}

struct address_source address_source(const struct address *address)
{
	struct address plain = is_mapped(address) ? unmap(address) : *address;
	struct address_source source = {0};

	if (plain.storage.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&plain.storage;

		source.v6 = true;
		memcpy(source.bytes, in6->sin6_addr.s6_addr, 8);
	} else if (plain.storage.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&plain.storage;

		memcpy(source.bytes, &in->sin_addr, 4);
	}
	return source;
}

bool address_source_equal(const struct address_source *a,
			  const struct address_source *b)
{
	return a->v6 == b->v6 &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static const char *listen_cure(int errnum)
{
	switch (errnum) {
	case EADDRINUSE:
		return "; another program (another virtmuxd?) listens there: "
		       "`ss -tlnp` names it";
	case EACCES:
		return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
	case EADDRNOTAVAIL:
		return "; this host has no such address: `ip address` lists "
		       "them";
	default:
		return "";
	}
}

static int fail(const struct address *address, struct error *err)
{
	int errnum = errno;
	char text[ADDRESS_TEXT_SIZE];

	address_format(address, text);
	error_set(err,
		  errnum == EAFNOSUPPORT ? ERROR_UNSUPPORTED : ERROR_SYSTEM,
		  "cannot listen on %s: %s%s", text, strerror(errnum),
		  listen_cure(errnum));
	return -1;
}

int address_listen(const struct address *address, struct error *err)
{
	int family = address->storage.ss_family;
	int on = 1;
	autoclose int fd =
		socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(address, err);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, (const struct sockaddr *)&address->storage, address->len) <
		    0 ||
	    listen(fd, BACKLOG) < 0)
		return fail(address, err);
	return steal_fd(&fd);
}

int address_of_socket(int fd, struct address *address)
{
	address->len = sizeof(address->storage);
	return getsockname(fd, (struct sockaddr *)&address->storage,
			   &address->len);
}
