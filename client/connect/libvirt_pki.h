/*
 * Certificates and keys that libvirt's own TLS transport uses, where they lie on
 * this machine: found so that a profile without a certificate can be told of them.
 *
 * What always holds: they are offered in words and never used by themselves, since
 * who a user is to a host is for him to say. Any thread.
 */
#ifndef VIRTMUX_CLIENT_LIBVIRT_PKI_H
#define VIRTMUX_CLIENT_LIBVIRT_PKI_H

#include <stdbool.h>

#include "base/buf.h"

struct profile;

#define LIBVIRT_PKI_SYSTEM "/etc/pki"

/* Paths, each to free(). */
struct libvirt_pki {
	char *ca;
	char *certificate;
	char *key;
};

/*
 * A whole set that this user can read: certificate and key in ~/.pki/libvirt, else
 * under SYSTEM (libvirt/clientcert.pem, libvirt/private/clientkey.pem); the CA from
 * the first of both that has one (libvirt, virNetTLSContextLocateCredentials).
 */
bool libvirt_pki_find(struct libvirt_pki *pki, const char *system);
void libvirt_pki_clear(struct libvirt_pki *pki);

/* The sentence with the command that makes PROFILE use them; nothing without. */
void libvirt_pki_hint(struct buf *out, const struct profile *profile);

#endif
