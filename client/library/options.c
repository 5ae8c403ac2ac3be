/*
 * How a program wants to connect, and the way in which it is asked for a passphrase.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "client/connect/key_ask.h"
#include "client/library/library_private.h"

virtmux_options *virtmux_options_new(void)
{
	struct virtmux_options *o = calloc(1, sizeof(*o));

	if (o)
		o->log_fd = -1;
	return o;
}

void options_clear(struct virtmux_options *o)
{
	free(o->config);
	free(o->address);
	free(o->ca);
	free(o->certificate);
	free(o->key);
	*o = (struct virtmux_options){.log_fd = -1};
}

void virtmux_options_free(virtmux_options *o)
{
	if (!o)
		return;
	options_clear(o);
	free(o);
}

static int set_text(char **member, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -1;
	free(*member);
	*member = copy;
	return 0;
}

int options_copy(struct virtmux_options *to, const struct virtmux_options *from)
{
	to->log_fd = -1;
	if (!from)
		return 0;
	if (set_text(&to->config, from->config) < 0 ||
	    set_text(&to->address, from->address) < 0 ||
	    set_text(&to->ca, from->ca) < 0 ||
	    set_text(&to->certificate, from->certificate) < 0 ||
	    set_text(&to->key, from->key) < 0)
		return -1;
	to->route = from->route;
	to->timeout_ms = from->timeout_ms;
	to->ask = from->ask;
	to->ask_context = from->ask_context;
	to->log_fd = from->log_fd;
	to->log_debug = from->log_debug;
	return 0;
}

int virtmux_options_set_config(virtmux_options *o, const char *path)
{
	return set_text(&o->config, path);
}

int virtmux_options_set_address(virtmux_options *o, const char *address)
{
	return set_text(&o->address, address);
}

int virtmux_options_set_ca(virtmux_options *o, const char *path)
{
	return set_text(&o->ca, path);
}

int virtmux_options_set_certificate(virtmux_options *o, const char *path)
{
	return set_text(&o->certificate, path);
}

int virtmux_options_set_key(virtmux_options *o, const char *path)
{
	return set_text(&o->key, path);
}

int virtmux_options_set_route(virtmux_options *o, enum virtmux_route route)
{
	o->route = route;
	return 0;
}

int virtmux_options_set_timeout(virtmux_options *o, unsigned ms)
{
	o->timeout_ms = ms;
	return 0;
}

int virtmux_options_set_passphrase(virtmux_options *o,
				   virtmux_passphrase_fn *ask, void *context)
{
	o->ask = ask;
	o->ask_context = context;
	return 0;
}

int virtmux_options_set_log(virtmux_options *o, int fd, int debug)
{
	o->log_fd = fd;
	o->log_debug = debug;
	return 0;
}

/* -- the passphrase -------------------------------------------------------- */

int options_ask(void *context, struct secret *answer,
		const struct key_question *q, bool again, struct error *err)
{
	struct virtmux_options *o = context;

	if (!o->ask)
		return error_set(
			err, ERROR_KEY,
			"%s needs a %s, and this program asks for none: open a "
			"session "
			"(\"virtmux session open\"), or let the program call "
			"virtmux_options_set_passphrase()",
			q->name, q->what);
	answer->text[0] = '\0';
	if (o->ask(o->ask_context, q->what, q->name, again, answer->text,
		   sizeof(answer->text)) < 0)
		return error_set(err, ERROR_KEY, "no %s was given for %s",
				 q->what, q->name);
	answer->text[sizeof(answer->text) - 1] = '\0';
	answer->len = strlen(answer->text);
	return 0;
}
