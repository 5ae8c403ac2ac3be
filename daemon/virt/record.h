/*
 * Flat records: what libvirt tells of a domain as named values, in the form of
 * its typed parameters ("net.0.rx.bytes"). Verbs whose answer is long and
 * optional in each part give these; ops puts them into the typed results of the
 * method table by their names.
 *
 * What always holds: sizes are bytes and times nanoseconds unless the verb says
 * otherwise; the values of one index of a list stand together, in its order.
 */
#ifndef VIRTMUX_VIRT_RECORD_H
#define VIRTMUX_VIRT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "daemon/virt/virt.h"

struct virt_field {
	char *name;
	char *text;      /* NULL: it is a number */
	uint64_t number; /* also a bool, or the place in an enum */
};

/* One domain's. Owned. */
struct virt_record {
	char uuid[VIRT_UUID_SIZE];
	char *name; /* the domain's */
	struct virt_field *fields;
	size_t count;
};

/* The DATA of a VIRT_VALUE_NOUN: by name, bytewise. */
struct virt_records {
	struct virt_record *list;
	size_t count;
};

/* NULL-safe. */
void virt_records_free(struct virt_records *records);

DEFINE_CLEANUP(virt_records, virt_records_free);

#endif
