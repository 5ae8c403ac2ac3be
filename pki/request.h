/*
 * Certificate signing requests (RFC 2986): reading one that somebody sent, and
 * what it wishes. Called by sign. What always holds: a request that is returned
 * was signed by the key that it holds, and that key is strong enough; its wishes
 * bind nobody.
 */
#ifndef VIRTMUX_PKI_REQUEST_H
#define VIRTMUX_PKI_REQUEST_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "pki/certificate.h"

struct request;

/* What a request would be granted if all of it were. */
struct request_wish {
	enum certificate_kind kind;
	char name[SAN_TEXT_SIZE]; /* checked by name.h */
	struct san *sans;         /* of a host, its own name first; owned */
	size_t san_count;
};

/*
 * From PEM or DER; NAME is for errors. NULL: ERROR_KEY where it is none, where
 * its signature is wrong or its key too weak.
 */
struct request *request_from_bytes(const void *data, size_t len,
				   const char *name, struct error *err);
void request_free(struct request *request); /* NULL-safe */

DEFINE_CLEANUP(request, request_free);

/* Borrowed from the request. */
EVP_PKEY *request_key(const struct request *request);

/* Lines for people, into OUT. Check buf_ok(). */
void request_print(const struct request *request, struct buf *out);

/*
 * One user (a URI virtmux://user/NAME, or a common name that may be a user's), or
 * one host with its names; ERROR_USAGE where it is not clear which.
 */
int request_wish(const struct request *request, struct request_wish *wish,
		 struct error *err);
void request_wish_clear(struct request_wish *wish);

/* The names that it asks for beside those of GRANTED, one a line; for OUT. */
void request_print_denied(const struct request *request,
			  const struct request_wish *granted, struct buf *out);

#endif
