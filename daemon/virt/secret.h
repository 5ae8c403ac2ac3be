/*
 * libvirt's secrets: verbs of the room as in virt.h, whose rules hold here too. A reply
 * is VIRT_VALUE_NOUN with a struct virt_secrets. No verb reads a value. SECRET is a
 * UUID; one that does not exist is ERROR_NOT_FOUND.
 */
#ifndef VIRTMUX_VIRT_SECRET_H
#define VIRTMUX_VIRT_SECRET_H

#include "daemon/virt/virt.h"

/* A value's base64, bytes at most (libvirt's own limit is 64 KiB of bytes). */
#define VIRT_SECRET_TEXT_MAX (96 * 1024)

/* Strings owned. */
struct virt_secret {
	char uuid[VIRT_UUID_SIZE];
	const char *usage; /* "volume"; constant */
	char *usage_id;    /* NULL: none */
	char *description;
	bool ephemeral;
	bool private;
};

/* List: all, by UUID. The other verbs: the one that it was about. */
struct virt_secrets {
	struct virt_secret *rows;
	size_t count;
};

static inline struct virt_secrets *
virt_secrets_of(const struct virt_reply *reply)
{
	return reply->value.noun.data;
}

/* virConnectListAllSecrets, virSecretGetXMLDesc. ERROR_UNSUPPORTED. */
int virt_secret_list(struct virt *v, struct virt_done done, struct error *err);

/* virSecretDefineXML. ERROR_EXISTS. */
int virt_secret_define(struct virt *v, const char *xml, bool validate,
		       struct virt_done done, struct error *err);

/* virSecretUndefine. */
int virt_secret_undefine(struct virt *v, const char *secret,
			 struct virt_done done, struct error *err);

/*
 * virSecretSetValue. BASE64 (RFC 4648 4, padded): the copies of it are wiped.
 * ERROR_INVALID_PARAMS where it is none, or empty.
 */
int virt_secret_set_value(struct virt *v, const char *secret,
			  const char *base64, struct virt_done done,
			  struct error *err);

#endif
