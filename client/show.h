/*
 * Results of the further nouns for people: a list of objects as a table with
 * virsh's columns, one object as virsh's fields, XML as it is. JSON and JSON lines
 * show what the host sent; CSV the table's rows with unrounded values. One thread.
 */
#ifndef VIRTMUX_CLIENT_SHOW_H
#define VIRTMUX_CLIENT_SHOW_H

#include "client/command.h"

struct json_object;

enum show_kind {
	SHOW_TEXT,   /* a string or number, as it is */
	SHOW_YES,    /* a bool: yes, no */
	SHOW_ACTIVE, /* a bool: active, inactive */
	SHOW_ENABLE, /* a bool: enable, disable */
	SHOW_TIME, /* RFC 3339, shown as "2026-11-21 08:45:12 UTC"; to a person
		      * as "3 min ago" */
	SHOW_SIZE, /* bytes, shown as "1.5 GiB" */
};

/* A member KEY of an object, under a title. */
struct show_item {
	const char *title;
	const char *key;
	enum show_kind kind;
};

/* The entries of RESULT's member LIST. */
int show_table(struct command_call *call, struct json_object *result,
	       const char *list, const struct show_item *items, size_t n,
	       struct error *err);

/* RESULT's members that are there; values begin in that column. */
int show_fields(struct command_call *call, struct json_object *result,
		const struct show_item *items, size_t n, unsigned columns,
		struct error *err);

/*
 * In a format that is not for people: RESULT as JSON, the entries of LIST as JSON lines
 * or CSV.
 */
int show_entries(struct command_call *call, struct json_object *result,
		 const char *list, struct error *err);

/*
 * The member KEY of each entry of LIST, one a line, or each ended by a NUL where the
 * verb's option --null is given, which it must have; in other formats the result.
 */
int show_names(struct command_call *call, struct json_object *result,
	       const char *list, const char *key, struct error *err);

/*
 * The same, drawn as a tree by the entries' member "parent"; an entry whose parent is
 * not in the list is a root.
 */
int show_tree(struct command_call *call, struct json_object *result,
	      const char *list, const char *key, struct error *err);

/* The member KEY of RESULT as it is, with a newline at its end. */
int show_text(struct command_call *call, struct json_object *result,
	      const char *key, struct error *err);

#endif
