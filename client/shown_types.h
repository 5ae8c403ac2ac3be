/*
 * The types of commands/types.def: what verbs print that is no method's result, as the
 * same constant descriptors that common/api has of its own. No C struct belongs to
 * them, so that nothing can be encoded or decoded by them: they describe.
 */
#ifndef VIRTMUX_CLIENT_SHOWN_TYPES_H
#define VIRTMUX_CLIENT_SHOWN_TYPES_H

#include "api/types.h"

#define REAL(id, name, doc) extern const struct type shown_##id;
#define OBJECT(id, doc)     extern const struct type shown_##id;
#define FIELD(id, name, type, doc)
#define FIELD_OPT(id, name, type, doc)
#define FIELD_LIST(id, name, type, doc)
#define OBJECT_END(id)
#include "client/commands/types.def"

#endif
