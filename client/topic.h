/*
 * Topics of `virtmux help TOPIC`, from topics.def: what is about no single verb, told
 * once, for the terminal and for the manual page. Constant; any thread.
 */
#ifndef VIRTMUX_CLIENT_TOPIC_H
#define VIRTMUX_CLIENT_TOPIC_H

#include <stddef.h>

#include "client/page.h"

struct topic {
	const char *name;    /* "exit-status" */
	const char *title;   /* "EXIT STATUS" */
	const char *summary; /* one line, without full stop */
};

/* The I-th one, counted from 0; NULL past the last. */
const struct topic *topic_at(size_t i);
const struct topic *topic_find(const char *name);

/* Its heading and all of its text. */
void topic_print(const struct page *page, const struct topic *topic);

#endif
