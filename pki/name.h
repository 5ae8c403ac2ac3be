/*
 * Names that certificates may carry: users, hosts, authorities, and subject
 * alternative names of hosts. Called by the commands. What always holds: a name
 * that passed is safe as part of a file name, and is in its one canonical form.
 *
 * Errors: ERROR_USAGE, in words that tell what is allowed. Any thread.
 */
#ifndef VIRTMUX_PKI_NAME_H
#define VIRTMUX_PKI_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "pki/limits.h"

enum san_type { SAN_DNS, SAN_IP };

/* A subject alternative name of a host (RFC 5280 4.2.1.6). */
struct san {
	enum san_type type;
	size_t address_len;        /* 4 or 16; 0 for SAN_DNS */
	unsigned char address[16]; /* network byte order */
	char text[SAN_TEXT_SIZE];  /* lower-case name, or inet_ntop(3)'s form */
};

/* 1 to 64 bytes of UTF-8 without control characters. */
int name_check_authority(const char *name, struct error *err);

/*
 * A host's own name: an IP address where it parses as one, else a DNS name of
 * letters, digits and hyphens (RFC 1123 2.1); no wildcard.
 */
int name_parse_host(const char *name, struct san *san, struct error *err);

/* "DNS:name", "IP:address", or either without its prefix. */
int name_parse_san(const char *text, struct san *san, struct error *err);

/* A name constraint (RFC 5280 4.2.1.10): a domain and all below it, or a net. */
struct permit {
	enum san_type type;
	size_t net_len;           /* 8 or 32; 0 for SAN_DNS */
	unsigned char net[32];    /* address, then mask */
	char text[SAN_TEXT_SIZE]; /* the domain */
};

/* "DNS:DOMAIN", "IP:ADDRESS[/PREFIX]", or either without its prefix. */
int name_parse_permit(const char *text, struct permit *permit,
		      struct error *err);

bool name_same_san(const struct san *a, const struct san *b);

#endif
