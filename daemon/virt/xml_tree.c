/* Trees of libvirt's own XML (xml_tree.h). */
#include "daemon/virt/xml_tree.h"

#include <stdlib.h>
#include <string.h>

/* libvirt's XML is large, but bounded. */
#define TREE_XML_MAX (16 * 1024 * 1024)

xmlDocPtr xml_tree_parse(const char *xml, struct error *err)
{
	size_t len = strnlen(xml, TREE_XML_MAX + 1);
	xmlDocPtr doc = NULL;

	if (len <= TREE_XML_MAX)
		doc = xmlReadMemory(xml, (int)len, NULL, NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR |
					    XML_PARSE_NOWARNING);
	if (!doc)
		error_set(err, ERROR_INTERNAL,
			  "libvirt's own XML cannot be read");
	return doc;
}

xmlNodePtr xml_tree_child(xmlNodePtr node, const char *name, xmlNodePtr after)
{
	xmlNodePtr child = after ? after->next : node ? node->children : NULL;

	for (; child; child = child->next)
		if (child->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)child->name, name) == 0)
			return child;
	return NULL;
}

char *xml_tree_attribute(xmlNodePtr node, const char *name)
{
	xmlChar *text =
		node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
	char *copy = text && *text ? strdup((const char *)text) : NULL;

	xmlFree(text);
	return copy;
}

bool xml_tree_is(xmlNodePtr node, const char *attribute, const char *value)
{
	autofree char *text = xml_tree_attribute(node, attribute);

	return text && strcmp(text, value) == 0;
}

char *xml_tree_print(xmlNodePtr node)
{
	xmlBufferPtr buffer = xmlBufferCreate();
	char *text = NULL;

	if (buffer && xmlNodeDump(buffer, node->doc, node, 0, 0) >= 0)
		text = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	return text;
}
