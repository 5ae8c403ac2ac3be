/*
 * A domain's definition made into that of another domain. Any thread; no libvirt
 * here.
 */
#ifndef VIRTMUX_VIRT_XML_CLONE_H
#define VIRTMUX_VIRT_XML_CLONE_H

#include "base/error.h"
#include "daemon/virt/definition.h"

/*
 * XML is libvirt's own, inactive; *OUT, to free(), is what CLONE asks for: another
 * name; without UUID, MAC addresses, names of host devices, NVRAM path, generation
 * id and fixed display ports, which libvirt then makes anew; each writable disk at
 * the path that is told for it, or left out. ERROR_INVALID_PARAMS: a disk is not
 * told of, a target is unknown or told twice, a path is used twice.
 */
int xml_clone(const char *xml, const struct virt_clone *clone, char **out,
	      struct error *err);

#endif
