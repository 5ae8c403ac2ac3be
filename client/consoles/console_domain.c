/*
 * The domain behind a console (console_domain.h). Whether it has stopped is asked
 * of the host, since the end of a stream alone does not tell; it may notice a
 * little later than the stream did, so it is asked a few times.
 */
#include "client/consoles/console_domain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/codec.h"
#include "client/connect/channel.h"
#include "client/connect/local.h"

#define ASK_TIMES    8
#define ASK_PAUSE_NS (200 * 1000 * 1000)

void console_domain_clear(struct console_domain *domain)
{
	free(domain->name);
	free(domain->uuid);
	free(domain->kind);
	*domain = (struct console_domain){0};
}

char *console_path(const char *domain, const char *kind, unsigned n, bool force)
{
	autofree char *escaped = channel_escape(domain);
	autobuf path = {0};

	if (!escaped)
		return NULL;
	buf_appendf(&path, "/domains/%s/%s/%u%s", escaped, kind, n,
		    force ? "?force=true" : "");
	return buf_steal_str(&path);
}

/* -- the answer's headers -------------------------------------------------- */

int console_domain_read(struct console_domain *domain, struct h2_stream *s,
			const char *given, struct error *err)
{
	const char *name = h2_stream_header(s, "virtmux-domain-name");
	const char *uuid = h2_stream_header(s, "virtmux-domain-uuid");
	const char *kind = h2_stream_header(s, "virtmux-console");

	console_domain_clear(domain);
	domain->name = name ? local_unescape(name) : strdup(given);
	domain->uuid = strdup(uuid ? uuid : given);
	domain->kind = strdup(kind ? kind : "");
	if (!domain->name || !domain->uuid || !domain->kind)
		return error_set_no_memory(err);
	return 0;
}

/* -- the end --------------------------------------------------------------- */

bool console_read_end(const struct h2_stream *s, struct error *why)
{
	const char *value = h2_stream_header(s, CONSOLE_END);
	autofree char *text = value ? local_unescape(value) : NULL;
	char *colon = text ? strstr(text, ": ") : NULL;

	if (!colon)
		return false;
	*colon = '\0';
	error_set(why, error_code_from_name(text), "%s", colon + 2);
	return true;
}

void console_explain_break(struct channel *channel, uint32_t code,
			   struct error *why)
{
	struct conn *conn = channel_conn(channel);
	const struct error *end = conn ? conn_why(conn) : NULL;

	if (end && error_is_set(end))
		error_set(why, end->code, "%s", error_words(end));
	else if (code == H2_REFUSED_STREAM)
		error_set(why, ERROR_BUSY,
			  "the host refused the stream: it is draining or too "
			  "much is under way; try again");
	else if (code == H2_INADEQUATE_SECURITY)
		error_set(why, ERROR_DENIED,
			  "the host's administrator has taken the right to it "
			  "away");
	else if (code == H2_SETTINGS_TIMEOUT)
		error_set(why, ERROR_TIMED_OUT,
			  "the host gave it up: what is behind it never said a "
			  "word");
	else if (channel_is_session(channel) && code == H2_CONNECT_ERROR)
		error_set(why, ERROR_DISCONNECTED,
			  "the connection to the host was lost");
	else if (code == H2_CANCEL || code == H2_NO_ERROR)
		error_set(why, ERROR_DISCONNECTED, "the host ended it");
	else
		error_set(why, ERROR_DISCONNECTED,
			  "the host broke it off (HTTP/2 code %" PRIu32 ")",
			  code);
}

enum found { FOUND_RUNNING, FOUND_STOPPED, FOUND_NOTHING };

static bool has_stopped(enum domain_state state)
{
	return state == DOMAIN_STATE_SHUTOFF || state == DOMAIN_STATE_CRASHED;
}

static enum found ask(struct channel *channel, const char *uuid)
{
	struct domain_info_params params = {.domain = (char *)uuid};
	struct domain_info info = {0};
	enum found found;
	autoerror why = {0};

	/* A transient domain that stopped is not there any more. */
	if (channel_call_typed(channel, METHOD_domain_info, &params, &info,
			       &why) < 0)
		return why.code == ERROR_NOT_FOUND ? FOUND_STOPPED
						   : FOUND_NOTHING;
	found = has_stopped(info.state) ? FOUND_STOPPED : FOUND_RUNNING;
	result_free(method_by_id(METHOD_domain_info), &info);
	return found;
}

bool console_has_stopped(struct channel *channel,
			 const struct console_domain *domain)
{
	const struct timespec pause = {.tv_nsec = ASK_PAUSE_NS};
	enum found found = ask(channel, domain->uuid);

	for (int i = 1; i < ASK_TIMES && found == FOUND_RUNNING; i++) {
		nanosleep(&pause, NULL);
		found = ask(channel, domain->uuid);
	}
	return found == FOUND_STOPPED;
}

char *console_explain_end(struct channel *channel,
			  const struct console_domain *domain, const char *what)
{
	autobuf words = {0};

	if (console_has_stopped(channel, domain))
		buf_appendf(&words, "Domain '%s' has stopped", domain->name);
	else
		buf_appendf(&words, "The host closed the %s of domain '%s'",
			    what, domain->name);
	return buf_steal_str(&words);
}

char *console_tell_end(struct channel *channel,
		       const struct console_domain *domain, const char *what,
		       const struct error *said)
{
	autobuf words = {0};

	if (!error_is_set(said))
		return console_explain_end(channel, domain, what);
	buf_appendf(&words, "The %s has ended: %s", what, error_words(said));
	return buf_steal_str(&words);
}
