/*
 * Disks and interfaces in XML (xml_device.h). Names are compared here: nothing
 * that a caller gives becomes part of an XPath or of XML unescaped.
 */
#include "daemon/virt/xml_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* The last <backingStore> of a chain is empty. */
static unsigned backing_depth(xmlNodePtr disk)
{
	xmlNodePtr node = xml_tree_child(disk, "backingStore", NULL);
	unsigned depth = 0;

	for (; xml_tree_child(node, "source", NULL); depth++)
		node = xml_tree_child(node, "backingStore", NULL);
	return depth;
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
	if (xml_tree_child(disk, "readonly", NULL) &&
	    record_number(r, 1, err, "disk.%u.readonly", n) < 0)
		return -1;
	if (!xml_tree_child(disk, "backingStore", NULL))
		return 0;
	return record_number(r, backing_depth(disk), err, "disk.%u.backing", n);
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

/* -- changes --------------------------------------------------------------- */

static bool is_disk(xmlNodePtr disk, const char *name)
{
	xmlNodePtr target = xml_tree_child(disk, "target", NULL);
	autofree char *source = disk_source(disk);

	return xml_tree_is(target, "dev", name) ||
	       (source && strcmp(source, name) == 0);
}

static bool is_interface(xmlNodePtr interface, const char *name)
{
	xmlNodePtr mac = xml_tree_child(interface, "mac", NULL);
	autofree char *address = xml_tree_attribute(mac, "address");

	return (address && strcasecmp(address, name) == 0) ||
	       xml_tree_is(xml_tree_child(interface, "target", NULL), "dev",
			   name) ||
	       xml_tree_is(xml_tree_child(interface, "alias", NULL), "name",
			   name);
}

static xmlNodePtr find_disk(xmlDocPtr doc, const char *name)
{
	xmlNodePtr devices = devices_of(doc);
	xmlNodePtr disk = xml_tree_child(devices, "disk", NULL);

	while (disk && !is_disk(disk, name))
		disk = xml_tree_child(devices, "disk", disk);
	return disk;
}

bool xml_device_has_disk(const char *xml, const char *name)
{
	autodoc doc = xml_tree_parse(xml, NULL);

	return doc && find_disk(doc, name);
}

static xmlNodePtr find_drive(xmlDocPtr doc, const char *domain,
			     const char *name, enum xml_drive *drive,
			     struct error *err)
{
	xmlNodePtr disk = find_disk(doc, name);

	if (!disk) {
		error_set(err, ERROR_NOT_FOUND, "domain '%s' has no disk '%s'",
			  domain, name);
		return NULL;
	}
	*drive = xml_tree_is(disk, "device", "floppy") ? XML_DRIVE_FLOPPY
						       : XML_DRIVE_CDROM;
	if (*drive == XML_DRIVE_CDROM &&
	    !xml_tree_is(disk, "device", "cdrom")) {
		error_set(err, ERROR_UNSUPPORTED,
			  "disk '%s' of domain '%s' is no CD-ROM or floppy "
			  "drive",
			  name, domain);
		return NULL;
	}
	return disk;
}

int xml_device_drive(const char *xml, const char *domain, const char *name,
		     enum xml_drive *drive, bool *loaded, struct error *err)
{
	autodoc doc = xml_tree_parse(xml, err);
	xmlNodePtr disk =
		doc ? find_drive(doc, domain, name, drive, err) : NULL;
	autofree char *source = disk ? disk_source(disk) : NULL;

	*loaded = source != NULL;
	return disk ? 0 : -1;
}

static void drop_children(xmlNodePtr node, const char *name)
{
	xmlNodePtr child;

	while ((child = xml_tree_child(node, name, NULL))) {
		xmlUnlinkNode(child);
		xmlFreeNode(child);
	}
}

static bool add_source(xmlNodePtr disk, const char *type, const char *attribute,
		       const char *path)
{
	xmlNodePtr source =
		xmlNewChild(disk, NULL, (const xmlChar *)"source", NULL);

	return source &&
	       xmlSetProp(disk, (const xmlChar *)"type",
			  (const xmlChar *)type) &&
	       xmlSetProp(source, (const xmlChar *)attribute,
			  (const xmlChar *)path);
}

static int print(xmlNodePtr node, char **out, struct error *err)
{
	*out = xml_tree_print(node);
	return *out ? 0 : error_set_no_memory(err);
}

int xml_device_media(const char *xml, const char *domain, const char *name,
		     const struct xml_medium *medium, char **out,
		     struct error *err)
{
	autodoc doc = xml_tree_parse(xml, err);
	enum xml_drive drive;
	xmlNodePtr disk =
		doc ? find_drive(doc, domain, name, &drive, err) : NULL;
	bool done = true;

	if (!disk)
		return -1;
	drop_children(disk, "source");
	drop_children(disk, "backingStore");
	if (medium->file)
		done = add_source(disk, "file", "file", medium->file);
	else if (medium->block)
		done = add_source(disk, "block", "dev", medium->block);
	return done ? print(disk, out, err) : error_set_no_memory(err);
}

int xml_device_link(const char *xml, const char *domain, const char *name,
		    bool up, char **out, struct error *err)
{
	autodoc doc = xml_tree_parse(xml, err);
	xmlNodePtr devices = doc ? devices_of(doc) : NULL;
	xmlNodePtr node = xml_tree_child(devices, "interface", NULL);
	xmlNodePtr link;

	if (!doc)
		return -1;
	while (node && !is_interface(node, name))
		node = xml_tree_child(devices, "interface", node);
	if (!node)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no interface '%s'", domain,
				 name);
	link = xml_tree_child(node, "link", NULL);
	if (!link)
		link = xmlNewChild(node, NULL, (const xmlChar *)"link", NULL);
	if (!link || !xmlSetProp(link, (const xmlChar *)"state",
				 (const xmlChar *)(up ? "up" : "down")))
		return error_set_no_memory(err);
	return print(node, out, err);
}

static bool source_is(xmlNodePtr source, const char *path, const char *pool,
		      const char *volume)
{
	return xml_tree_is(source, "file", path) ||
	       xml_tree_is(source, "dev", path) ||
	       (xml_tree_is(source, "pool", pool) &&
		xml_tree_is(source, "volume", volume));
}

/* In document order, without recursion: every <source> below DEVICES. */
bool xml_device_uses(const char *xml, const char *path, const char *pool,
		     const char *volume)
{
	autodoc doc = xml_tree_parse(xml, NULL);
	xmlNodePtr top = doc ? devices_of(doc) : NULL;
	xmlNodePtr node = top ? top->children : NULL;

	while (node) {
		if (node->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)node->name, "source") == 0 &&
		    source_is(node, path, pool, volume))
			return true;
		if (node->children && node->type == XML_ELEMENT_NODE) {
			node = node->children;
			continue;
		}
		while (node != top && !node->next)
			node = node->parent;
		node = node == top ? NULL : node->next;
	}
	return !doc; /* what cannot be read may use it */
}

int xml_device_check(const char *xml, struct error *err)
{
	autodoc doc = xml_tree_parse(xml, err);
	xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL;
	autofree char *target =
		xml_tree_attribute(xml_tree_child(root, "target", NULL), "dev");

	if (!doc)
		return -1;
	if (root && strcmp((const char *)root->name, "disk") == 0 && !target)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "the device's XML was refused: a <disk> needs "
				 "a <target dev='…'/>");
	return 0;
}
