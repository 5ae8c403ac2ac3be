/*
 * libxml2's trees of XML that libvirt itself has given: parsing, and the steps
 * that its readers share. This room's files xml*.c alone include it.
 */
#ifndef VIRTMUX_VIRT_XML_TREE_H
#define VIRTMUX_VIRT_XML_TREE_H

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdbool.h>

#include "base/error.h"

static inline void cleanup_xml_tree(xmlDocPtr *doc)
{
	xmlFreeDoc(*doc);
}

#define autodoc cleanup(cleanup_xml_tree) xmlDocPtr

/* NULL with ERROR_INTERNAL where it cannot be read. */
xmlDocPtr xml_tree_parse(const char *xml, struct error *err);

/* The child element NAME of NODE (NULL: none) that follows AFTER, or NULL. */
xmlNodePtr xml_tree_child(xmlNodePtr node, const char *name, xmlNodePtr after);

/* To free(); NULL where NODE is NULL, or the attribute missing or empty. */
char *xml_tree_attribute(xmlNodePtr node, const char *name);

bool xml_tree_is(xmlNodePtr node, const char *attribute, const char *value);

/* NODE as text, to free(); NULL without memory. */
char *xml_tree_print(xmlNodePtr node);

#endif
