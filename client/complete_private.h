/*
 * What the files of completion share. Nobody else includes it.
 */
#ifndef VIRTMUX_CLIENT_COMPLETE_PRIVATE_H
#define VIRTMUX_CLIENT_COMPLETE_PRIVATE_H

#include "client/complete.h"
#include "client/connect/profile.h"

#define COMPLETE_GIVEN_MAX                                                     \
	64 /* words that were given, of which one is remembered */

/* A word that stands for an item of the verb, before the last one. */
struct given {
	const struct command_item *item;
	const char *text;
};

struct completing {
	struct candidates *to;
	const struct command *command; /* NULL: not known yet */
	const char *family; /* the first of a verb's two words, or NULL */
	const char *method; /* of `call`, or NULL */
	struct given given[COMPLETE_GIVEN_MAX];
	size_t given_count;
	const char *word; /* the last one; candidates begin with it */
	size_t kept;      /* bytes of it that stay: "--host=", "a," */
};

/* TEXT, where WORD's rest begins it, behind the part of WORD that is kept. */
void complete_offer(struct completing *c, const char *text, const char *note,
		    bool open);

/* What was given for the item of the name, or for the parameter; or NULL. */
const char *complete_given(const struct completing *c, const char *name);

/* Names for the parameter (or item) NAME, where sources.def has it. */
void complete_live(struct completing *c, const char *name);

/* Hosts, and with GROUPS also @GROUP, of the configuration. */
void complete_hosts(struct completing *c, bool groups);

#endif
