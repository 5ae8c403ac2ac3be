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
 * What S's trailer says of its end, as an error: "NAME: WORDS" of errors.def. False
 * where the host was silent. From on_end on.
 */
bool console_read_end(const struct h2_stream *s, struct error *why);

/* Why a stream of CHANNEL ended with CODE that neither side had ended properly. */
void console_explain_break(struct channel *channel, uint32_t code,
			   struct error *why);

/*
 * Whether the domain has stopped: asked of the host for a second or two, after a
 * stream of its has ended. False where the host cannot tell. Runs the loop.
 */
bool console_has_stopped(struct channel *channel,
			 const struct console_domain *domain);

/*
 * The same as a sentence, to free(): that the domain has stopped, or else that
 * the host closed WHAT ("console", "display"). NULL without memory.
 */
char *console_explain_end(struct channel *channel,
			  const struct console_domain *domain,
			  const char *what);

/* The same, but the host is not asked where it has SAID why. */
char *console_tell_end(struct channel *channel,
		       const struct console_domain *domain, const char *what,
		       const struct error *said);

#endif
