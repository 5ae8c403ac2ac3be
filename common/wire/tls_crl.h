/*
 * Revocation lists as files: whether a list that somebody sends may replace the one
 * that is in use, and the file that comes of it. The lists' use in handshakes is
 * OpenSSL's. No state; any thread. Source: RFC 5280 section 5.
 */
#ifndef VIRTMUX_WIRE_TLS_CRL_H
#define VIRTMUX_WIRE_TLS_CRL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "wire/tls.h"

struct crl_info {
	char issuer[TLS_IDENTITY_MAX]; /* the CA's common name */
	char number[64];               /* decimal */
	int64_t this_update;           /* seconds since 1970 */
	int64_t next_update;
	size_t revoked; /* certificates in it */
};

/*
 * Puts the one list in PEM in place of that of the same CA in OLD, which may hold
 * lists of several CAs or nothing, and appends the new file to OUT. The list must be
 * signed by a CA of CA_FILE, be current, have a number, and one that is not lower
 * than that of the list it replaces; the very same list is taken again. INFO tells of
 * it. ERROR_INVALID_PARAMS: no such list; ERROR_STATE: an older one; ERROR_FAILED:
 * not our CA's, or not current.
 */
int crl_merge(const char *ca_file, const struct buf *old, const char *pem,
	      size_t len, struct buf *out, struct crl_info *info,
	      struct error *err);

#endif
