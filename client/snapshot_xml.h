/*
 * A snapshot's and a checkpoint's XML from virsh's words: NAME, DESCRIPTION, and
 * specifications such as "vda,snapshot=external,file=/x" (",," is a comma). No
 * state; any thread.
 */
#ifndef VIRTMUX_CLIENT_SNAPSHOT_XML_H
#define VIRTMUX_CLIENT_SNAPSHOT_XML_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* All may be NULL; DISKS has N of them. Appended to OUT; ERROR_USAGE. */
struct snapshot_words {
	const char *name;
	const char *description;
	const char *memory; /* "[file=]PATH[,snapshot=TYPE]" */
	const char *const *disks;
	size_t n;
};

int snapshot_xml(struct buf *out, const struct snapshot_words *words,
		 struct error *err);

/* <domaincheckpoint>: disks are "DISK[,checkpoint=TYPE][,bitmap=NAME]". */
int checkpoint_xml(struct buf *out, const struct snapshot_words *words,
		   struct error *err);

#endif
