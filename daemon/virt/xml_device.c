/*
 * Disks and interfaces in XML (xml_device.h). Names are compared here: nothing
 * that a caller gives becomes part of an XPath or of XML unescaped.
 */
#include "daemon/virt/xml_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/virt/record_make.h"
#include "daemon/virt/xml_tree.h"

static xmlNodePtr devices_of(xmlDocPtr doc)
{
	return xml_tree_child(xmlDocGetRootElement(doc), "devices", NULL);
}

/* Where a disk's contents are: one text, to free(); NULL: an empty drive. */
static char *disk_source(xmlNodePtr disk)
{
	static const char *const names[] = {"file", "dev", "dir", "name"};
	xmlNodePtr source = xml_tree_child(disk, "source", NULL);
	autofree char *pool = xml_tree_attribute(source, "pool");
	autofree char *volume = xml_tree_attribute(source, "volume");
	char *text = NULL;

	for (size_t i = 0; !text && i < array_size(names); i++)
		text = xml_tree_attribute(source, names[i]);
	if (text || !pool || !volume)
		return text;
	if (asprintf(&text, "%s/%s", pool, volume) < 0)
		return NULL;
	return text;
}

static char *interface_source(xmlNodePtr interface)
{
	static const char *const names[] = {"network", "bridge", "dev", "path",
					    "portgroup"};
	xmlNodePtr source = xml_tree_child(interface, "source", NULL);
	char *text = NULL;

	for (size_t i = 0; !text && i < array_size(names); i++)
		text = xml_tree_attribute(source, names[i]);
	return text;
}

/* "KIND.N.FIELD" from an attribute of NODE, where it has one. */
static int take(struct virt_record *record, const char *kind, unsigned n,
		const char *field, xmlNodePtr node, const char *attribute,
		struct error *err)
{
	autofree char *text = xml_tree_attribute(node, attribute);

	return record_text(record, text, err, "%s.%u.%s", kind, n, field);
}

static int take_disk(struct virt_record *r, xmlNodePtr disk, unsigned n,
		     struct error *err)
{
	xmlNodePtr target = xml_tree_child(disk, "target", NULL);
	xmlNodePtr driver = xml_tree_child(disk, "driver", NULL);
	xmlNodePtr alias = xml_tree_child(disk, "alias", NULL);
	autofree char *source = disk_source(disk);

	if (take(r, "disk", n, "type", disk, "type", err) < 0 ||
	    take(r, "disk", n, "device", disk, "device", err) < 0 ||
	    take(r, "disk", n, "target", target, "dev", err) < 0 ||
	    take(r, "disk", n, "bus", target, "bus", err) < 0 ||
	    record_text(r, source, err, "disk.%u.source", n) < 0 ||
	    take(r, "disk", n, "driver", driver, "type", err) < 0 ||
	    take(r, "disk", n, "alias", alias, "name", err) < 0)
		return -1;
	if (!xml_tree_child(disk, "readonly", NULL))
		return 0;
	return record_number(r, 1, err, "disk.%u.readonly", n);
}

static int take_interface(struct virt_record *r, xmlNodePtr interface,
			  unsigned n, struct error *err)
{
	xmlNodePtr target = xml_tree_child(interface, "target", NULL);
	xmlNodePtr model = xml_tree_child(interface, "model", NULL);
	xmlNodePtr mac = xml_tree_child(interface, "mac", NULL);
	xmlNodePtr alias = xml_tree_child(interface, "alias", NULL);
	xmlNodePtr link = xml_tree_child(interface, "link", NULL);
	autofree char *source = interface_source(interface);

	if (take(r, "interface", n, "type", interface, "type", err) < 0 ||
	    take(r, "interface", n, "target", target, "dev", err) < 0 ||
	    record_text(r, source, err, "interface.%u.source", n) < 0 ||
	    take(r, "interface", n, "model", model, "type", err) < 0 ||
	    take(r, "interface", n, "mac", mac, "address", err) < 0 ||
	    take(r, "interface", n, "alias", alias, "name", err) < 0)
		return -1;
	return record_number(r, !xml_tree_is(link, "state", "down"), err,
			     "interface.%u.link", n);
}

int xml_device_list(const char *xml, struct virt_record *record,
		    struct error *err)
{
	autodoc doc = xml_tree_parse(xml, err);
	xmlNodePtr devices = doc ? devices_of(doc) : NULL;
	xmlNodePtr node = NULL;
	unsigned n = 0;

	if (!doc)
		return -1;
	while ((node = xml_tree_child(devices, "disk", node)))
		if (take_disk(record, node, n++, err) < 0)
			return -1;
	n = 0;
	while ((node = xml_tree_child(devices, "interface", node)))
		if (take_interface(record, node, n++, err) < 0)
			return -1;
	return 0;
}
