/*
 * Clones of definitions (xml_clone.h). What holds: what two domains must not share
 * is taken out or refused, never kept in silence; disks that are shareable or
 * read-only, and drives without a medium, are kept as they are.
 */
#include "daemon/virt/xml_clone.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/xml_tree.h"

static void drop(xmlNodePtr node)
{
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

static void drop_children(xmlNodePtr node, const char *name)
{
	xmlNodePtr child;

	while ((child = xml_tree_child(node, name, NULL)))
		drop(child);
}

static void set_attribute(xmlNodePtr node, const char *name, const char *value)
{
	xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

static void drop_attribute(xmlNodePtr node, const char *name)
{
	xmlUnsetProp(node, (const xmlChar *)name);
}

/* -- disks ------------------------------------------------------------------ */

static const struct virt_clone_disk *find_disk(const struct virt_clone *clone,
					       const char *target)
{
	for (size_t i = 0; target && i < clone->disks_count; i++)
		if (strcmp(clone->disks[i].target, target) == 0)
			return &clone->disks[i];
	return NULL;
}

static char *target_of(xmlNodePtr disk)
{
	return xml_tree_attribute(xml_tree_child(disk, "target", NULL), "dev");
}

/* Two domains may both have it. */
static bool may_be_shared(xmlNodePtr disk)
{
	return xml_tree_child(disk, "readonly", NULL) ||
	       xml_tree_child(disk, "shareable", NULL) ||
	       !xml_tree_child(disk, "source", NULL);
}

/* A file, or below /dev a block device, in place of what was there. */
static int set_source(xmlNodePtr disk, const char *path, struct error *err)
{
	bool block = strncmp(path, "/dev/", 5) == 0;
	xmlNodePtr old = xml_tree_child(disk, "source", NULL);
	xmlNodePtr source = xmlNewNode(NULL, (const xmlChar *)"source");

	if (!source)
		return error_set_no_memory(err);
	set_attribute(source, block ? "dev" : "file", path);
	if (old)
		xmlReplaceNode(old, source);
	else
		xmlAddChild(disk, source);
	xmlFreeNode(old);
	set_attribute(disk, "type", block ? "block" : "file");
	drop_children(disk, "backingStore");
	drop_children(disk, "mirror");
	drop_children(disk, "wwn");
	return 0;
}

static bool has_path(xmlNodePtr disk, const char *path)
{
	xmlNodePtr source = xml_tree_child(disk, "source", NULL);

	return xml_tree_is(source, "file", path) ||
	       xml_tree_is(source, "dev", path);
}

/* The path of a clone's disk is none of the original's. */
static int check_paths(xmlNodePtr devices, const struct virt_clone *clone,
		       struct error *err)
{
	for (size_t i = 0; i < clone->disks_count; i++) {
		const char *path = clone->disks[i].path;
		xmlNodePtr disk = NULL;

		if (path[0] != '/')
			return error_set(err, ERROR_INVALID_PARAMS,
					 "the path '%s' of disk '%s' is not "
					 "absolute",
					 path, clone->disks[i].target);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(path, clone->disks[k].path) ||
			    !strcmp(clone->disks[i].target,
				    clone->disks[k].target))
				return error_set(err, ERROR_INVALID_PARAMS,
						 "the disk '%s' or its path is "
						 "named twice",
						 clone->disks[i].target);
		while ((disk = xml_tree_child(devices, "disk", disk)))
			if (has_path(disk, path))
				return error_set(err, ERROR_INVALID_PARAMS,
						 "'%s' is a disk of the domain "
						 "itself: its clone needs a "
						 "copy",
						 path);
	}
	return 0;
}

static int check_targets(xmlNodePtr devices, const struct virt_clone *clone,
			 struct error *err)
{
	for (size_t i = 0; i < clone->disks_count; i++) {
		xmlNodePtr disk = NULL;
		bool found = false;

		while (!found && (disk = xml_tree_child(devices, "disk", disk)))
			found = xml_tree_is(xml_tree_child(disk, "target",
							   NULL),
					    "dev", clone->disks[i].target);
		if (!found)
			return error_set(err, ERROR_INVALID_PARAMS,
					 "it has no disk '%s'",
					 clone->disks[i].target);
	}
	return 0;
}

static int clone_disks(xmlNodePtr devices, const struct virt_clone *clone,
		       struct error *err)
{
	xmlNodePtr disk = xml_tree_child(devices, "disk", NULL), next;

	if (check_targets(devices, clone, err) < 0 ||
	    check_paths(devices, clone, err) < 0)
		return -1;
	for (; disk; disk = next) {
		autofree char *target = target_of(disk);
		const struct virt_clone_disk *told = find_disk(clone, target);

		next = xml_tree_child(devices, "disk", disk);
		if (told && set_source(disk, told->path, err) < 0)
			return -1;
		if (told || may_be_shared(disk))
			continue;
		if (!clone->without_disks)
			return error_set(
				err, ERROR_INVALID_PARAMS,
				"its disk '%s' cannot belong to two domains: "
				"name the path of a copy for it, or ask for a "
				"clone without disks",
				target ? target : "?");
		drop(disk);
	}
	return 0;
}

/* -- what libvirt makes anew ------------------------------------------------- */

static void renew_interfaces(xmlNodePtr devices)
{
	xmlNodePtr node = NULL;

	while ((node = xml_tree_child(devices, "interface", node))) {
		drop_children(node, "mac");
		drop_children(node, "target");
	}
}

static void renew_graphics(xmlNodePtr devices)
{
	xmlNodePtr node = NULL;

	while ((node = xml_tree_child(devices, "graphics", node))) {
		autofree char *port = xml_tree_attribute(node, "port");

		drop_attribute(node, "socket");
		drop_attribute(node, "tlsPort");
		drop_attribute(node, "websocket");
		if (!port)
			continue;
		set_attribute(node, "port", "-1");
		set_attribute(node, "autoport", "yes");
	}
}

/* libvirt makes the paths of sockets that it binds for channels. */
static void renew_channels(xmlNodePtr devices)
{
	xmlNodePtr node = NULL;

	while ((node = xml_tree_child(devices, "channel", node))) {
		xmlNodePtr source = xml_tree_child(node, "source", NULL);

		if (xml_tree_is(node, "type", "unix") &&
		    xml_tree_is(source, "mode", "bind"))
			drop(source);
	}
}

static void renew_vsock(xmlNodePtr devices)
{
	xmlNodePtr cid = xml_tree_child(xml_tree_child(devices, "vsock", NULL),
					"cid", NULL);

	if (!cid)
		return;
	drop_attribute(cid, "address");
	set_attribute(cid, "auto", "yes");
}

/* The SMBIOS UUID must be the domain's own. */
static void renew_sysinfo(xmlNodePtr root)
{
	xmlNodePtr system = xml_tree_child(
		xml_tree_child(root, "sysinfo", NULL), "system", NULL);
	xmlNodePtr entry = xml_tree_child(system, "entry", NULL), next;

	for (; entry; entry = next) {
		next = xml_tree_child(system, "entry", entry);
		if (xml_tree_is(entry, "name", "uuid"))
			drop(entry);
	}
}

static int renew_nvram(xmlNodePtr root, struct error *err)
{
	xmlNodePtr nvram =
		xml_tree_child(xml_tree_child(root, "os", NULL), "nvram", NULL);

	if (!nvram)
		return 0;
	if (xml_tree_child(nvram, "source", NULL) &&
	    !xml_tree_is(nvram, "type", "file"))
		return error_set(err, ERROR_UNSUPPORTED,
				 "its NVRAM is no file: define the clone from "
				 "XML");
	xmlNodeSetContent(nvram, NULL);
	drop_attribute(nvram, "type");
	return 0;
}

static void renew(xmlNodePtr root, xmlNodePtr devices)
{
	xmlNodePtr genid = xml_tree_child(root, "genid", NULL);

	drop_children(root, "uuid");
	if (genid)
		xmlNodeSetContent(genid, NULL);
	renew_sysinfo(root);
	renew_interfaces(devices);
	renew_graphics(devices);
	renew_channels(devices);
	renew_vsock(devices);
}

int xml_clone(const char *xml, const struct virt_clone *clone, char **out,
	      struct error *err)
{
	autodoc doc = xml_tree_parse(xml, err);
	xmlNodePtr root, devices, name;
	xmlChar *text;

	if (!doc)
		return -1;
	root = xmlDocGetRootElement(doc);
	devices = xml_tree_child(root, "devices", NULL);
	name = xml_tree_child(root, "name", NULL);
	if (!name)
		return error_set(err, ERROR_INTERNAL,
				 "libvirt's own XML has no name");
	text = xmlEncodeSpecialChars(doc, (const xmlChar *)clone->name);
	if (!text)
		return error_set_no_memory(err);
	xmlNodeSetContent(name, text);
	xmlFree(text);
	renew(root, devices);
	if (renew_nvram(root, err) < 0 || clone_disks(devices, clone, err) < 0)
		return -1;
	*out = xml_tree_print(root);
	return *out ? 0 : error_set_no_memory(err);
}
