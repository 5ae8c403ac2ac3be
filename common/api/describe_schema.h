/*
 * Types as JSON schemas, for the descriptions of methods (OpenRPC) and of what the
 * client prints. Private to the room but for describe_definitions() (describe.h).
 * What holds: a type's schema names other types by reference alone.
 */
#ifndef VIRTMUX_API_DESCRIBE_SCHEMA_H
#define VIRTMUX_API_DESCRIBE_SCHEMA_H

#include "api/types.h"
#include "base/buf.h"

/* "name": and "name":"value", appended. */
void schema_key(struct buf *out, const char *name);
void schema_text(struct buf *out, const char *name, const char *value);

/*
 * {"$ref":"WHERE" and the type's name}; of a member, which may be a list. WHERE is
 * the place of the definitions, such as "#/components/schemas/".
 */
void schema_reference(struct buf *out, const struct type *type,
		      const char *where);
void schema_member(struct buf *out, const struct member *m, const char *where);

/* "name":{schema} of one type. */
void schema_definition(struct buf *out, const struct type *type,
		       const char *where);

#endif
