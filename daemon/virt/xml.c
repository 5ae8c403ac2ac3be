/*
 * Reading domain XML (xml.h). A caller's XML goes through a streaming reader
 * that stops at the first DOCTYPE, entity or excess of depth, before a tree is
 * built. libvirt parses the same text again: what is ambiguous is refused, so
 * that both read the same name.
 */
#include "daemon/virt/xml.h"

#include <ctype.h>
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <libxml/xpath.h>
#include <string.h>

#define XML_OPTIONS                                                            \
	(XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |           \
	 XML_PARSE_NOCDATA)

/* Live XML comes from libvirt: large, but bounded. */
#define LIVE_XML_MAX (16 * 1024 * 1024)

void xml_init(void)
{
	xmlInitParser();
}

void xml_identity_clear(struct xml_identity *identity)
{
	free(identity->name);
	memset(identity, 0, sizeof(*identity));
}

void xml_graphics_clear(struct xml_graphics *graphics)
{
	free(graphics->socket);
	free(graphics->address);
	memset(graphics, 0, sizeof(*graphics));
}

static void cleanup_reader(xmlTextReaderPtr *reader)
{
	if (*reader)
		xmlFreeTextReader(*reader);
}

static void cleanup_xml_char(xmlChar **text)
{
	xmlFree(*text);
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

#define autoxmlchar cleanup(cleanup_xml_char) xmlChar *

static int refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_INVALID_PARAMS,
			 "the domain's XML was refused: %s", why);
}

/*
 * As libvirt reads a UUID: 32 hexadecimal digits, with hyphens and blanks
 * anywhere between them. False: libvirt will refuse it.
 */
static bool normalize_uuid(const char *text, char *uuid)
{
	size_t digits = 0, at = 0;

	for (; *text; text++) {
		if (*text == '-' || isspace((unsigned char)*text))
			continue;
		if (!isxdigit((unsigned char)*text) || digits == 32)
			return false;
		if (digits == 8 || digits == 12 || digits == 16 || digits == 20)
			uuid[at++] = '-';
		uuid[at++] = (char)tolower((unsigned char)*text);
		digits++;
	}
	uuid[at] = '\0';
	return digits == 32;
}

/* A child of <domain> whose text counts: plain text only, and only once. */
static int take_text(xmlTextReaderPtr reader, char **out, struct error *err)
{
	autoxmlchar text = NULL;
	xmlNodePtr node = xmlTextReaderExpand(reader);

	if (!node)
		return refuse(err, "it is not well-formed");
	for (xmlNodePtr child = node->children; child; child = child->next)
		if (child->type != XML_TEXT_NODE &&
		    child->type != XML_CDATA_SECTION_NODE)
			return refuse(err, "<name> and <uuid> hold plain text");
	if (*out)
		return refuse(err, "<name> or <uuid> stands there twice");
	text = xmlNodeGetContent(node);
	*out = strdup(text ? (const char *)text : "");
	return *out ? 0 : error_set_no_memory(err);
}

static bool is_element(xmlTextReaderPtr reader, const char *name)
{
	return strcmp((const char *)xmlTextReaderConstName(reader), name) == 0;
}

static int visit(xmlTextReaderPtr reader, char **name, char **uuid,
		 struct error *err)
{
	int depth = xmlTextReaderDepth(reader);

	switch (xmlTextReaderNodeType(reader)) {
	case XML_READER_TYPE_DOCUMENT_TYPE:
	case XML_READER_TYPE_ENTITY:
	case XML_READER_TYPE_ENTITY_REFERENCE:
		return refuse(err, "DOCTYPE and entities are not taken");
	case XML_READER_TYPE_ELEMENT:
		if (depth > VIRT_XML_DEPTH)
			return refuse(err, "its elements are nested too deep");
		if (depth == 0 && !is_element(reader, "domain"))
			return refuse(err, "its root is not <domain>");
		if (depth == 1 && is_element(reader, "name"))
			return take_text(reader, name, err);
		if (depth == 1 && is_element(reader, "uuid"))
			return take_text(reader, uuid, err);
		return 0;
	default:
		return 0;
	}
}

static int not_well_formed(struct error *err)
{
	const xmlError *fault = xmlGetLastError();
	int line = fault ? fault->line : 0;

	xmlResetLastError();
	return error_set(err, ERROR_INVALID_PARAMS,
			 "the domain's XML was refused: it is not well-formed "
			 "(line %d)",
			 line);
}

int xml_identify(const char *xml, struct xml_identity *identity,
		 struct error *err)
{
	size_t len = strnlen(xml, VIRT_XML_MAX + 1);
	cleanup(cleanup_reader) xmlTextReaderPtr reader = NULL;
	autofree char *name = NULL;
	autofree char *uuid = NULL;
	int more;

	if (len > VIRT_XML_MAX)
		return refuse(err, "it is too long");
	reader = xmlReaderForMemory(xml, (int)len, NULL, NULL, XML_OPTIONS);
	if (!reader)
		return error_set_no_memory(err);
	while ((more = xmlTextReaderRead(reader)) == 1)
		if (visit(reader, &name, &uuid, err) < 0)
			return -1;
	if (more < 0)
		return not_well_formed(err);
	if (!name || !*name)
		return refuse(err, "it has no <name>");
	if (strlen(name) > VIRT_NAME_MAX)
		return refuse(err, "its <name> is too long");
	if (uuid && !normalize_uuid(uuid, identity->uuid))
		return refuse(err, "its <uuid> is not a UUID");
	identity->name = steal(&name);
	return 0;
}

char *virt_xml_name(const char *xml)
{
	struct xml_identity identity = {0};

	return xml_identify(xml, &identity, NULL) < 0 ? NULL : identity.name;
}

int xml_check_element(const char *xml, struct error *err)
{
	size_t len = strnlen(xml, VIRT_XML_MAX + 1);
	cleanup(cleanup_reader) xmlTextReaderPtr reader = NULL;
	int more, type;

	if (len > VIRT_XML_MAX)
		return refuse(err, "it is too long");
	reader = xmlReaderForMemory(xml, (int)len, NULL, NULL, XML_OPTIONS);
	if (!reader)
		return error_set_no_memory(err);
	while ((more = xmlTextReaderRead(reader)) == 1) {
		type = xmlTextReaderNodeType(reader);
		if (type == XML_READER_TYPE_DOCUMENT_TYPE ||
		    type == XML_READER_TYPE_ENTITY ||
		    type == XML_READER_TYPE_ENTITY_REFERENCE)
			return refuse(err,
				      "DOCTYPE and entities are not taken");
		if (xmlTextReaderDepth(reader) > VIRT_XML_DEPTH)
			return refuse(err, "its elements are nested too deep");
	}
	return more < 0 ? not_well_formed(err) : 0;
}

/* The nodes that PATH selects in live XML; COUNT of them, number INDEX. */
static xmlNodePtr select_node(xmlXPathContextPtr context, const char *path,
			      unsigned index, unsigned *count)
{
	cleanup(cleanup_object) xmlXPathObjectPtr found =
		xmlXPathEvalExpression((const xmlChar *)path, context);
	int n = found && found->nodesetval ? found->nodesetval->nodeNr : 0;

	*count = (unsigned)n;
	return index < (unsigned)n ? found->nodesetval->nodeTab[index] : NULL;
}

static xmlDocPtr parse_live(const char *xml, struct error *err)
{
	size_t len = strnlen(xml, LIVE_XML_MAX + 1);
	xmlDocPtr doc = NULL;

	if (len <= LIVE_XML_MAX)
		doc = xmlReadMemory(xml, (int)len, NULL, NULL, XML_OPTIONS);
	if (!doc)
		error_set(err, ERROR_INTERNAL,
			  "libvirt's own XML cannot be read");
	return doc;
}

/* To free(); NULL where the attribute is missing or empty. */
static char *attribute(xmlNodePtr node, const char *name)
{
	autoxmlchar text = xmlGetNoNsProp(node, (const xmlChar *)name);

	return text && *text ? strdup((const char *)text) : NULL;
}

static xmlNodePtr find_child(xmlNodePtr node, const char *name)
{
	for (xmlNodePtr child = node->children; child; child = child->next)
		if (child->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)child->name, name) == 0)
			return child;
	return NULL;
}

static void take_graphics(xmlNodePtr node, struct xml_graphics *graphics)
{
	xmlNodePtr listen = find_child(node, "listen");
	autofree char *type = attribute(node, "type");
	autofree char *port = attribute(node, "port");

	graphics->known = true;
	if (type && strcmp(type, "vnc") == 0)
		graphics->type = VIRT_GRAPHICS_VNC;
	else if (type && strcmp(type, "spice") == 0)
		graphics->type = VIRT_GRAPHICS_SPICE;
	else
		graphics->known = false;
	graphics->port = port ? atoi(port) : 0;
	if (graphics->port < 0 || graphics->port > 65535)
		graphics->port = 0;
	graphics->socket = attribute(node, "socket");
	graphics->address = attribute(node, "listen");
	if (listen && !graphics->socket)
		graphics->socket = attribute(listen, "socket");
	if (listen && !graphics->address)
		graphics->address = attribute(listen, "address");
}

int xml_find_graphics(const char *xml, unsigned index,
		      struct xml_graphics *graphics, unsigned *count,
		      struct error *err)
{
	cleanup(cleanup_doc) xmlDocPtr doc = parse_live(xml, err);
	cleanup(cleanup_context) xmlXPathContextPtr context = NULL;
	xmlNodePtr node;

	if (!doc)
		return -1;
	context = xmlXPathNewContext(doc);
	if (!context)
		return error_set_no_memory(err);
	node = select_node(context, "/domain/devices/graphics", index, count);
	if (node)
		take_graphics(node, graphics);
	return 0;
}

void xml_serial_clear(struct xml_serial *serial)
{
	free(serial->alias);
	free(serial->path);
	memset(serial, 0, sizeof(*serial));
}

static void take_serial(xmlNodePtr node, struct xml_serial *serial)
{
	xmlNodePtr alias = find_child(node, "alias");
	xmlNodePtr source = find_child(node, "source");
	autofree char *type = attribute(node, "type");

	serial->found = true;
	if (alias)
		serial->alias = attribute(alias, "name");
	if (source && type && strcmp(type, "pty") == 0)
		serial->path = attribute(source, "path");
}

/* The alias is compared here: it never becomes part of an XPath. */
static bool take_by_alias(xmlXPathContextPtr context, const char *alias,
			  struct xml_serial *serial)
{
	static const char path[] = "/domain/devices/serial|"
				   "/domain/devices/console";
	unsigned count = 1;

	for (unsigned i = 0; i < count; i++) {
		xmlNodePtr node = select_node(context, path, i, &count);

		if (!node)
			break;
		take_serial(node, serial);
		if (serial->alias && strcmp(serial->alias, alias) == 0)
			return true;
		xml_serial_clear(serial);
	}
	return false;
}

int xml_find_serial(const char *xml, const char *alias, unsigned index,
		    struct xml_serial *serial, unsigned *count,
		    struct error *err)
{
	cleanup(cleanup_doc) xmlDocPtr doc = parse_live(xml, err);
	cleanup(cleanup_context) xmlXPathContextPtr context = NULL;
	xmlNodePtr node;

	if (!doc)
		return -1;
	context = xmlXPathNewContext(doc);
	if (!context)
		return error_set_no_memory(err);
	if (alias) {
		*count = take_by_alias(context, alias, serial);
		return 0;
	}
	node = select_node(context, "/domain/devices/serial", index, count);
	if (*count == 0)
		node = select_node(context, "/domain/devices/console", index,
				   count);
	if (node)
		take_serial(node, serial);
	return 0;
}

/* -- all of them ----------------------------------------------------------- */

void xml_consoles_clear(struct virt_consoles *consoles)
{
	for (size_t i = 0; i < consoles->displays_count; i++) {
		struct virt_display *d = &consoles->displays[i];

		free(d->type);
		free(d->listen);
		free(d->address);
		free(d->socket);
	}
	for (size_t i = 0; i < consoles->lines_count; i++) {
		struct virt_line *l = &consoles->lines[i];

		free(l->type);
		free(l->target);
		free(l->alias);
	}
	free(consoles->displays);
	free(consoles->lines);
	memset(consoles, 0, sizeof(*consoles));
}

/* Displays that are reached from elsewhere than this machine's screen. */
static bool has_port(const char *type)
{
	return strcmp(type, "vnc") == 0 || strcmp(type, "spice") == 0 ||
	       strcmp(type, "rdp") == 0;
}

/* libvirt writes a <listen>; without one it means an address. */
static char *listen_type(xmlNodePtr node, const char *type, const char *socket)
{
	xmlNodePtr listen = find_child(node, "listen");
	autofree char *told = listen ? attribute(listen, "type") : NULL;

	if (!has_port(type))
		return strdup("none");
	if (told)
		return steal(&told);
	return strdup(socket ? "socket" : "address");
}

static unsigned port_of(xmlNodePtr node, const char *name)
{
	autofree char *text = attribute(node, name);
	int port = text ? atoi(text) : 0;

	return port > 0 && port <= 65535 ? (unsigned)port : 0;
}

static bool take_display(xmlNodePtr node, void *to)
{
	cleanup(xml_graphics_clear) struct xml_graphics graphics = {0};
	struct virt_display *d = to;

	take_graphics(node, &graphics);
	d->type = attribute(node, "type");
	if (!d->type)
		d->type = strdup("unknown");
	if (!d->type)
		return false;
	d->socket = steal(&graphics.socket);
	d->listen = listen_type(node, d->type, d->socket);
	d->address = steal(&graphics.address);
	d->port = port_of(node, "port");
	d->tls_port = port_of(node, "tlsPort");
	return d->listen != NULL;
}

static bool take_line(xmlNodePtr node, void *to)
{
	cleanup(xml_serial_clear) struct xml_serial serial = {0};
	xmlNodePtr target = find_child(node, "target");
	struct virt_line *l = to;

	take_serial(node, &serial);
	l->console = strcmp((const char *)node->name, "console") == 0;
	l->alias = steal(&serial.alias);
	l->target = target ? attribute(target, "type") : NULL;
	l->type = attribute(node, "type");
	if (!l->type)
		l->type = strdup("unknown");
	return l->type != NULL;
}

/* What TAKE makes of each node of PATH, in a list of entries of SIZE bytes. */
static int take_all(xmlXPathContextPtr context, const char *path, size_t size,
		    bool (*take)(xmlNodePtr node, void *to), void *list,
		    size_t *taken, struct error *err)
{
	cleanup(cleanup_object) xmlXPathObjectPtr found =
		xmlXPathEvalExpression((const xmlChar *)path, context);
	int n = found && found->nodesetval ? found->nodesetval->nodeNr : 0;
	char *entries = n ? calloc((size_t)n, size) : NULL;

	if (!found || (n && !entries))
		return error_set_no_memory(err);
	*(void **)list = entries;
	for (int i = 0; i < n; i++) {
		(*taken)++;
		if (!take(found->nodesetval->nodeTab[i],
			  entries + (size_t)i * size))
			return error_set_no_memory(err);
	}
	return 0;
}

int xml_list_consoles(const char *xml, struct virt_consoles *consoles,
		      struct error *err)
{
	cleanup(cleanup_doc) xmlDocPtr doc = parse_live(xml, err);
	cleanup(cleanup_context) xmlXPathContextPtr context = NULL;
	struct virt_consoles *c = consoles;

	if (!doc)
		return -1;
	context = xmlXPathNewContext(doc);
	if (!context)
		return error_set_no_memory(err);
	if (take_all(context, "/domain/devices/graphics", sizeof(*c->displays),
		     take_display, &c->displays, &c->displays_count, err) < 0 ||
	    take_all(context, "/domain/devices/serial", sizeof(*c->lines),
		     take_line, &c->lines, &c->lines_count, err) < 0)
		return -1;
	if (c->lines_count)
		return 0;
	return take_all(context, "/domain/devices/console", sizeof(*c->lines),
			take_line, &c->lines, &c->lines_count, err);
}
