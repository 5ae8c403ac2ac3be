/*
 * The verb `web`: which hosts the page has, their keys unlocked before it is served,
 * and then its server (web_private.h).
 */
#include <stdlib.h>
#include <string.h>

#include "client/connect/config.h"
#include "client/verbs.h"
#include "client/web_private.h"

/* Sessions are opened by the configuration alone, in processes of their own. */
static int check(const struct command_call *call, struct error *err)
{
	static const char *const others[] = {"address", "ca", "certificate",
					     "key", "no-session"};

	for (size_t i = 0; i < array_size(others); i++)
		if (command_global_given(call, others[i]))
			return error_set(err, ERROR_USAGE,
					 "web works through the sessions of "
					 "configured hosts: --%s cannot be "
					 "given; \"virtmux host add\" adds a "
					 "host",
					 others[i]);
	if (call_given(call, "socket") && call_given(call, "port"))
		return error_set(err, ERROR_USAGE,
				 "--socket and --port exclude each other");
	return 0;
}

/* Those of -H, or all that are configured. */
static int find_hosts(struct web *web, struct error *err)
{
	return many_find_hosts(&web->many,
			       command_global_given(web->call, "host")
				       ? command_host_text(web->call)
				       : "*",
			       err);
}

static int make_hosts(struct web *web, struct error *err)
{
	web->hosts = calloc(web->many.count, sizeof(*web->hosts));
	if (!web->hosts)
		return error_set_no_memory(err);
	for (size_t i = 0; i < web->many.count; i++) {
		struct many_host *from = &web->many.hosts[i];
		struct web_host *h = &web->hosts[i];

		h->web = web;
		h->name = from->name;
		h->passphrase = from->passphrase;
		h->opened = from->opened;
		h->locked = from->refused;
		error_move(&h->why, &from->why);
		web->count++;
		if (command_load_profile(web->call, h->name, &h->profile, err) <
		    0)
			return -1;
	}
	return 0;
}

static int serve(struct web *web, struct error *err)
{
	if (check(web->call, err) < 0 || web_load_page(web, err) < 0 ||
	    find_hosts(web, err) < 0 || many_make_hosts(&web->many, err) < 0 ||
	    many_unlock(&web->many, err) < 0 || make_hosts(web, err) < 0)
		return -1;
	call_begun(web->call);
	return web_run(web, err);
}

int verb_web(struct command_call *call, struct error *err)
{
	struct web web = {
		.call = call,
		.log = call_log(call),
		.many = {.call = call},
		.listener = -1,
		.socket = call_text(call, "socket", NULL),
		.port = (unsigned)call_number(call, "port", 0),
	};
	int rc;

	list_init(&web.waits);
	list_init(&web.consoles);
	rc = serve(&web, err);
	for (size_t i = 0; i < web.count; i++)
		web_host_clear(&web.hosts[i]);
	free(web.hosts);
	gate_free(web.gate);
	assets_free(web.assets);
	many_clear(&web.many);
	return rc;
}
