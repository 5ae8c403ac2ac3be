/*
 * The little that this room reads from domain XML, by libxml2 in its safest
 * manner: no network, no DTD, no entities, limits on size and depth. Any thread;
 * no libvirt here.
 */
#ifndef VIRTMUX_VIRT_XML_H
#define VIRTMUX_VIRT_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "daemon/virt/virt.h"

/* Once in a process, before any other thread parses. */
void xml_init(void);

/* What a caller's XML says it is. */
struct xml_identity {
	char *name;
	char uuid[VIRT_UUID_SIZE]; /* in lower case; "": the XML has none */
};

void xml_identity_clear(struct xml_identity *identity);

/*
 * Reads the <name> and <uuid> of a <domain>. ERROR_INVALID_PARAMS where it is
 * not well-formed, has a DOCTYPE, is nested deeper than VIRT_XML_DEPTH, is
 * longer than VIRT_XML_MAX, or is ambiguous (two names).
 */
int xml_identify(const char *xml, struct xml_identity *identity,
		 struct error *err);

/*
 * Whether XML is one well-formed element without DOCTYPE and entities, not nested
 * deeper than VIRT_XML_DEPTH. ERROR_INVALID_PARAMS.
 */
int xml_check_element(const char *xml, struct error *err);

struct xml_graphics {
	enum virt_graphics_type type;
	bool known;    /* type is one that we serve */
	char *socket;  /* a Unix socket's path, or NULL */
	char *address; /* where it listens, or NULL */
	int port;      /* 0: none */
};

void xml_graphics_clear(struct xml_graphics *graphics);

/* The <graphics> number INDEX of live XML; *COUNT: how many there are. */
int xml_find_graphics(const char *xml, unsigned index,
		      struct xml_graphics *graphics, unsigned *count,
		      struct error *err);

struct xml_serial {
	bool found;
	char *alias; /* or NULL */
	char *path;  /* of its pseudo-terminal, or NULL */
};

void xml_serial_clear(struct xml_serial *serial);

/*
 * ALIAS NULL: <serial> number INDEX, or <console> number INDEX where there is no
 * <serial>; *COUNT: how many there are. Else the one of that alias.
 */
int xml_find_serial(const char *xml, const char *alias, unsigned index,
		    struct xml_serial *serial, unsigned *count,
		    struct error *err);

/* All displays and serial lines of live XML into CONSOLES (zeroed before). */
int xml_list_consoles(const char *xml, struct virt_consoles *consoles,
		      struct error *err);

void xml_consoles_clear(struct virt_consoles *consoles);

#endif
