/*
 * What console and view both have to know about their domain: the path of its
 * stream, its name by the host's answer, and why its stream ended.
 */
#ifndef VIRTMUX_CLIENT_CONSOLE_DOMAIN_H
#define VIRTMUX_CLIENT_CONSOLE_DOMAIN_H

#include <stdbool.h>

#include "base/error.h"
#include "wire/h2.h"

struct channel;

/* As the answer to a console's request names it. */
struct console_domain {
	char *name;
	char *uuid;
	char *kind; /* "serial", "vnc", "spice"; "" where the host is silent */
};

void console_domain_clear(struct console_domain *domain);

/* "/domains/NAME/KIND/N", escaped, to free(); NULL without memory. */
char *console_path(const char *domain, const char *kind, unsigned n,
		   bool force);

/*
 * Takes over what S's response says; where it is silent, name and uuid are GIVEN,
 * by which the user called the domain. ERROR_NO_MEMORY.
 */
int console_domain_read(struct console_domain *domain, struct h2_stream *s,
			const char *given, struct error *err);

/*
 * A sentence about an end that the host has told properly, to free(): that the
 * domain stopped, where the host says so within a second or two; else that the
 * host closed it. WHAT: "console", "display". Runs the channel's loop. NULL
 * without memory.
 */
char *console_explain_end(struct channel *channel,
			  const struct console_domain *domain,
			  const char *what);

#endif
