/*
 * Candidates that no table of ours has (complete.h): the hosts of the configuration,
 * and the names of what there is on a host, which its open session tells. Errors are
 * nobody's concern here: where a name cannot be had, none is offered.
 */
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/command_private.h"
#include "client/complete_private.h"
#include "client/connect/channel.h"
#include "client/connect/config.h"
#include "client/connect/key.h"

/* -- the configuration ----------------------------------------------------- */

/* What --config says, or the environment. */
static const char *config_file(const struct completing *c)
{
	const char *file = getenv("VIRTMUX_CONFIG");
	const char *given = complete_given(c, "config");

	if (given)
		return given;
	return file && file[0] ? file : NULL;
}

void complete_hosts(struct completing *c, bool groups)
{
	autoptr(config) config = NULL;
	const char *comma = strrchr(c->word + c->kept, ',');
	const char *const *names = NULL;
	size_t n = 0;

	if (config_load(&config, config_file(c), CONFIG_SYSTEM_FILE, NULL) < 0)
		return;
	if (groups && comma)
		c->kept = (size_t)(comma + 1 - c->word);
	names = config_hosts(config, &n);
	for (size_t i = 0; i < n; i++)
		complete_offer(c, names[i], NULL, false);
	names = config_groups(config, &n);
	for (size_t i = 0; groups && i < n; i++) {
		autobuf text = {0};
		autofree char *word = NULL;

		buf_appendf(&text, "@%s", names[i]);
		word = buf_steal_str(&text);
		if (word)
			complete_offer(c, word, "a group of hosts", false);
	}
}

/* -- the session ----------------------------------------------------------- */

struct source {
	const char *param;
	const char *method;
	const char *list;
	const char *member;
	const char *note;
	const char *within;
};

static const struct source sources[] = {
#define SOURCE(param, method, list, member, note, within)                      \
	{param, method, list, member, note, within},
#include "client/sources.def"
#undef SOURCE
};

static const struct source *find_source(const char *name)
{
	for (size_t i = 0; i < array_size(sources); i++)
		if (strcmp(sources[i].param, name) == 0)
			return &sources[i];
	return NULL;
}

/* The profile that the line names, with little patience. */
static int find_profile(const struct completing *c, struct profile **profile)
{
	const char *environment = getenv("VIRTMUX_HOST");
	const char *host = complete_given(c, "host");
	struct profile_request request = {
		.config = config_file(c),
		.host = host ? host : environment,
		.address = complete_given(c, "address"),
		.ca = complete_given(c, "ca"),
		.certificate = complete_given(c, "certificate"),
		.key = complete_given(c, "key"),
	};

	if (request.host && !request.host[0])
		request.host = NULL;
	if (profile_load(profile, &request, NULL) < 0)
		return -1;
	if ((*profile)->connect_timeout > COMPLETE_MS)
		(*profile)->connect_timeout = COMPLETE_MS;
	return (*profile)->overridden ? -1 : 0;
}

/* The list method's parameters as JSON, to free(); NULL where one is missing. */
static char *make_params(const struct completing *c,
			 const struct source *source)
{
	const struct method *m =
		method_find(source->method, strlen(source->method));
	const char *within =
		source->within ? complete_given(c, source->within) : NULL;
	const char *offer =
		c->command ? command_offer(c->command, source->param) : NULL;
	autobuf word = {0};
	autobuf params = {0};
	autofree char *text = NULL;
	const char *words[2];
	size_t n = 0;

	if (!m || (source->within && !within))
		return NULL;
	if (within) {
		buf_appendf(&word, "%s=%s", source->within, within);
		text = buf_steal_str(&word);
		if (!text)
			return NULL;
		words[n++] = text;
	}
	if (offer)
		words[n++] = offer;
	if (params_from_words(m, words, n, &params, NULL) < 0)
		return NULL;
	return buf_steal_str(&params);
}

static const char *member_text(struct json_object *entry, const char *name)
{
	struct json_object *member = NULL;

	if (!name || !json_object_object_get_ex(entry, name, &member) ||
	    !json_object_is_type(member, json_type_string))
		return NULL;
	return json_object_get_string(member);
}

static void offer_entries(struct completing *c, const struct source *source,
			  struct json_object *result)
{
	struct json_object *list = NULL;

	if (!json_object_object_get_ex(result, source->list, &list) ||
	    !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		const char *text = member_text(e, source->member);

		if (text)
			complete_offer(c, text, member_text(e, source->note),
				       false);
	}
}

static void ask_session(struct completing *c, const struct source *source,
			const struct profile *profile, const char *params)
{
	const struct key_sources nobody = {.passphrase_fd = -1, .batch = true};
	const struct channel_options options = {
		.profile = profile,
		.sources = &nobody,
		.route = CHANNEL_ROUTE_SESSION,
		.call_ms = COMPLETE_MS,
	};
	autoptr(channel) channel = NULL;
	autojson result = NULL;
	autoerror why = {0};

	if (channel_open(&channel, &options, &why) == 0 &&
	    channel_call(channel, source->method, params, &result, &why) == 0)
		offer_entries(c, source, result);
}

void complete_live(struct completing *c, const char *name)
{
	const struct source *source = find_source(name);
	autofree char *params = source ? make_params(c, source) : NULL;
	autoptr(profile) profile = NULL;

	if (params && find_profile(c, &profile) == 0)
		ask_session(c, source, profile, params);
}
