/*
 * How a PARAM or FIELD line becomes a struct member, for types.c and method.c;
 * and how the codec reaches a member's value. Private to the room. What holds: a
 * struct begins with something that is neither a flag nor a count, so that an
 * offset of 0 can say "none".
 */
#ifndef VIRTMUX_API_MEMBER_H
#define VIRTMUX_API_MEMBER_H

#include "api/types.h"
#include "base/buf.h"

#define MEMBER(in, name_, type_, doc_, has_, count_)                           \
	{                                                                      \
		.name = #name_,                                                \
		.key = "\"" #name_ "\":", .type = &api_type_##type_,           \
		.doc = doc_, .key_len = sizeof("\"" #name_ "\":") - 1,         \
		.offset = offsetof(struct in, name_), .has = has_,             \
		.count = count_,                                               \
	}

static inline const void *member_value(const struct member *m, const void *base)
{
	return (const char *)base + m->offset;
}

static inline void *member_slot(const struct member *m, void *base)
{
	return (char *)base + m->offset;
}

static inline size_t *member_count(const struct member *m, void *base)
{
	return (size_t *)(void *)((char *)base + m->count);
}

static inline bool member_given(const struct member *m, const void *base)
{
	return m->has == 0 || *((const char *)base + m->has) != 0;
}

static inline void member_set_given(const struct member *m, void *base)
{
	if (m->has != 0)
		*(bool *)(void *)((char *)base + m->has) = true;
}

/* The member of that name; NULL: none. */
const struct member *member_find(const struct member *members, unsigned n,
				 const char *name, size_t len);

/* The nearest name of a member, or NULL. */
const char *member_nearest(const struct member *members, unsigned n,
			   const char *name);

/* S for a message: shortened, control characters as '?'. OUT has the size. */
#define SHOWN_SIZE 72
const char *shown(char *out, const char *s, size_t len);

#endif
