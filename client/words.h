/*
 * The parameters of a method as a verb makes them, where its options are not
 * simply the method's (those are call_params()): words "name=value", each added
 * where there is something to add, then the call. One thread.
 */
#ifndef VIRTMUX_CLIENT_WORDS_H
#define VIRTMUX_CLIENT_WORDS_H

#include "client/command.h"

#define WORDS_MAX 64

struct words {
	char *list[WORDS_MAX];
	size_t n;
	bool failed; /* memory ran out, or there are too many */
};

#define autowords cleanup(words_clear) struct words

void words_clear(struct words *words);

/* "NAME=VALUE"; nothing where VALUE is NULL. */
void words_add(struct words *words, const char *name, const char *value);

/* "NAME=true" or "NAME=false", where GIVEN. */
void words_add_bool(struct words *words, const char *name, bool given,
		    bool value);

/* "NAME=CONTENT" of the file PATH, or standard input for "-". ERROR_USAGE … */
int words_add_file(struct words *words, const char *name, const char *path,
		   struct error *err);

/*
 * Calls the method of that id with them: its result. ERROR_USAGE where a word
 * does not fit, and those of call_method().
 */
int words_call(const struct words *words, struct command_call *call,
	       enum method_id id, struct json_object **result,
	       struct error *err);

#endif
