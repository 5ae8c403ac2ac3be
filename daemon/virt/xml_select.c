/*
 * XML of nouns other than domains (xml_select.h). A caller's text goes through a
 * streaming reader that stops at the first DOCTYPE, entity or excess of depth;
 * libvirt's own is parsed as a tree and asked by XPath.
 */
#include "daemon/virt/xml_select.h"

#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <libxml/xpath.h>
#include <string.h>

#include "base/buf.h"
#include "daemon/virt/limits.h"

#define XML_OPTIONS                                                            \
	(XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |           \
	 XML_PARSE_NOCDATA)

/* Live XML comes from libvirt: large, but bounded. */
#define LIVE_XML_MAX (16 * 1024 * 1024)

static void cleanup_reader(xmlTextReaderPtr *reader)
{
	if (*reader)
		xmlFreeTextReader(*reader);
}

static void cleanup_doc(xmlDocPtr *doc)
{
	xmlFreeDoc(*doc);
}

static void cleanup_context(xmlXPathContextPtr *context)
{
	if (*context)
		xmlXPathFreeContext(*context);
}

static void cleanup_object(xmlXPathObjectPtr *object)
{
	if (*object)
		xmlXPathFreeObject(*object);
}

static int refuse(struct error *err, const char *what, const char *why)
{
	return error_set(err, ERROR_INVALID_PARAMS, "%s was refused: %s", what,
			 why);
}

static bool has_name(xmlTextReaderPtr reader, const char *name)
{
	return strcmp((const char *)xmlTextReaderConstName(reader), name) == 0;
}

static int visit(xmlTextReaderPtr reader, const char *root, const char *what,
		 struct error *err)
{
	int depth = xmlTextReaderDepth(reader);

	switch (xmlTextReaderNodeType(reader)) {
	case XML_READER_TYPE_DOCUMENT_TYPE:
	case XML_READER_TYPE_ENTITY:
	case XML_READER_TYPE_ENTITY_REFERENCE:
		return refuse(err, what, "DOCTYPE and entities are not taken");
	case XML_READER_TYPE_ELEMENT:
		if (depth > VIRT_XML_DEPTH)
			return refuse(err, what,
				      "its elements are nested too deep");
		if (depth == 0 && root && !has_name(reader, root))
			return error_set(err, ERROR_INVALID_PARAMS,
					 "%s was refused: its root is not <%s>",
					 what, root);
		return 0;
	default:
		return 0;
	}
}

int xml_admit(const char *xml, const char *root, const char *what,
	      struct error *err)
{
	size_t len = strnlen(xml, VIRT_XML_MAX + 1);
	cleanup(cleanup_reader) xmlTextReaderPtr reader = NULL;
	int more;

	if (len > VIRT_XML_MAX)
		return refuse(err, what, "it is too long");
	reader = xmlReaderForMemory(xml, (int)len, NULL, NULL, XML_OPTIONS);
	if (!reader)
		return error_set_no_memory(err);
	while ((more = xmlTextReaderRead(reader)) == 1)
		if (visit(reader, root, what, err) < 0)
			return -1;
	if (more == 0)
		return 0;
	xmlResetLastError();
	return refuse(err, what, "it is not well-formed");
}

/* 0: *TEXT is set, or nothing is there; -1 without memory. */
static int evaluate(xmlXPathContextPtr context, const char *path, char **text)
{
	cleanup(cleanup_object) xmlXPathObjectPtr found =
		xmlXPathEvalExpression((const xmlChar *)path, context);
	xmlChar *value = found ? xmlXPathCastToString(found) : NULL;

	if (!value)
		return -1;
	if (*value)
		*text = strdup((const char *)value);
	if (*value && !*text) {
		xmlFree(value);
		return -1;
	}
	xmlFree(value);
	return 0;
}

static void clear_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(steal(&texts[i]));
}

int xml_select(const char *xml, const char *const *paths, char **texts,
	       size_t n, struct error *err)
{
	size_t len = strnlen(xml, LIVE_XML_MAX + 1);
	cleanup(cleanup_doc) xmlDocPtr doc = NULL;
	cleanup(cleanup_context) xmlXPathContextPtr context = NULL;

	memset(texts, 0, n * sizeof(*texts));
	if (len <= LIVE_XML_MAX)
		doc = xmlReadMemory(xml, (int)len, NULL, NULL, XML_OPTIONS);
	if (!doc)
		return error_set(err, ERROR_INTERNAL,
				 "libvirt's own XML cannot be read");
	context = xmlXPathNewContext(doc);
	for (size_t i = 0; context && i < n; i++)
		if (evaluate(context, paths[i], &texts[i]) < 0) {
			clear_texts(texts, n);
			return error_set_no_memory(err);
		}
	return context ? 0 : error_set_no_memory(err);
}

void xml_append_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			buf_append_str(out, "&amp;");
			break;
		case '<':
			buf_append_str(out, "&lt;");
			break;
		case '>':
			buf_append_str(out, "&gt;");
			break;
		case '"':
			buf_append_str(out, "&quot;");
			break;
		case '\'':
			buf_append_str(out, "&apos;");
			break;
		default:
			buf_append_char(out, *text);
		}
	}
}

char *xml_escape(const char *text)
{
	autobuf out = {0};

	xml_append_text(&out, text);
	return buf_steal_str(&out);
}

void xml_append_element(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return;
	buf_appendf(out, "<%s>", name);
	xml_append_text(out, text);
	buf_appendf(out, "</%s>", name);
}
