/*
 * virt's flat records (daemon/virt/record.h) into the result objects of the
 * method table, by the names of their fields: "net.0.rx.bytes" becomes the member
 * rx_bytes of the first object of the list net. So a field is told once, in
 * types.def. Loop thread only.
 *
 * How names find their place: "." and "-" are "_", a capital is "_" and its small
 * letter. A number stands for an entry of a list of objects, whose member n it
 * becomes; where the object itself is meant (vcpu.0), of the first list in it. A
 * list whose entries are {name, value} takes every name of its group. What no
 * member stands for is left out.
 */
#ifndef VIRTMUX_OPS_FIELDS_H
#define VIRTMUX_OPS_FIELDS_H

#include "daemon/ops/room.h"
#include "daemon/virt/record.h"

/*
 * Puts RECORD's values into OBJECT (zeroed before, of TYPE), and its UUID and
 * name where OBJECT has such members. What OBJECT then owns is freed by
 * object_free(). 0, or -1 with ERROR_NO_MEMORY.
 */
int fields_put(const struct type *type, void *object,
	       const struct virt_record *record, struct error *err);

/* A virt_done_fn, context a call: the only record is the call's result. */
void fields_answer(void *context, struct virt_reply *reply);

/* The same where the result is a domain_ref: the domain, without its state. */
void fields_answer_ref(void *context, struct virt_reply *reply);

#endif
