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

/* A medium: neither: none. */
struct xml_medium {
	const char *file;
	const char *block; /* a block device's path */
};

enum xml_drive {
	XML_DRIVE_CDROM,
	XML_DRIVE_FLOPPY,
};

/*
 * The drive that NAME (its target, or its source) means in a domain's XML: what
 * it is, and whether it has a medium. ERROR_NOT_FOUND: there is no such disk;
 * ERROR_UNSUPPORTED: it takes no media. DOMAIN: its name, for words.
 */
int xml_device_drive(const char *xml, const char *domain, const char *name,
		     enum xml_drive *drive, bool *loaded, struct error *err);

/* The XML of that drive with MEDIUM in it, to free(). Errors as above. */
int xml_device_media(const char *xml, const char *domain, const char *name,
		     const struct xml_medium *medium, char **out,
		     struct error *err);

/*
 * The XML of the interface that NAME (its MAC address, target or alias) means,
 * with that link state, to free(). ERROR_NOT_FOUND.
 */
int xml_device_link(const char *xml, const char *domain, const char *name,
		    bool up, char **out, struct error *err);

/* Whether a domain's XML has a disk of that target or source. */
bool xml_device_has_disk(const char *xml, const char *name);

/* Whether any disk of a domain's XML, or its backing chain, is that volume. */
bool xml_device_uses(const char *xml, const char *path, const char *pool,
		     const char *volume);

/*
 * Whether a caller's XML of a device (admitted by xml_admit()) is one that libvirt
 * looks at with care: libvirt 9.0 dies of a <disk> without target in a detach.
 * ERROR_INVALID_PARAMS.
 */
int xml_device_check(const char *xml, struct error *err);

#endif
