/*
 * The little that nouns other than domains need of XML: whether a caller's text
 * may be given to libvirt, and single texts out of libvirt's own. As safe as
 * xml.h: no network, no DTD, no entities, limits on size and depth. Any thread; no
 * libvirt here.
 */
#ifndef VIRTMUX_VIRT_XML_SELECT_H
#define VIRTMUX_VIRT_XML_SELECT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Whether XML of a caller is one well-formed <ROOT> (NULL: any element), without
 * DOCTYPE and entities, at most VIRT_XML_MAX bytes and VIRT_XML_DEPTH deep. WHAT:
 * "the network's XML", for words. ERROR_INVALID_PARAMS.
 */
int xml_admit(const char *xml, const char *root, const char *what,
	      struct error *err);

/*
 * The string values of N constant XPath expressions in libvirt's own XML, each to
 * free(); NULL where one selects nothing, or an empty text.
 */
int xml_select(const char *xml, const char *const *paths, char **texts,
	       size_t n, struct error *err);

/* TEXT as the content of an element or of a quoted attribute, to free(). */
char *xml_escape(const char *text);

/* The same, behind what OUT has. */
void xml_append_text(struct buf *out, const char *text);

/* <NAME>TEXT</NAME>; nothing where TEXT is NULL. */
void xml_append_element(struct buf *out, const char *name, const char *text);

#endif
