/*
 * Disks and interfaces in a domain's XML, as libvirt gives it: reading them, and
 * the XML of one of them with one thing changed. By libxml2 alone, in the manner
 * of xml.h. Any thread; no libvirt here.
 */
#ifndef VIRTMUX_VIRT_XML_DEVICE_H
#define VIRTMUX_VIRT_XML_DEVICE_H

#include <stdbool.h>

#include "base/error.h"
#include "daemon/virt/record.h"

/* What device.h says of virt_device_list(). */
int xml_device_list(const char *xml, struct virt_record *record,
		    struct error *err);

#endif
