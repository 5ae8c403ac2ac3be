/*
 * Candidates that no table of ours has (complete.h): the hosts of the configuration,
 * and the names of what there is on a host, which its open session tells. Errors are
 * nobody's concern here: where a name cannot be had, none is offered.
 */
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "client/command_private.h"
#include "client/complete_private.h"
#include "client/connect/channel.h"
#include "client/connect/config.h"
#include "client/connect/hosts.h"
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

/* Whether the list LIST, of which LEN bytes count, has WORD already. */
static bool is_listed(const char *list, size_t len, const char *word)
{
	const char *end = list + len;

	while (list < end) {
		size_t n = strcspn(list, ",");

		if (n == strlen(word) && strncmp(list, word, n) == 0)
			return true;
		list += n + 1;
	}
	return false;
}

static void offer_group(struct completing *c, const char *list, size_t len,
			const char *name, const char *note)
{
	autobuf text = {0};
	autofree char *word = NULL;

	buf_appendf(&text, "@%s", name);
	word = buf_steal_str(&text);
	if (word && !is_listed(list, len, word))
		complete_offer(c, word, note, false);
}

void complete_hosts(struct completing *c, bool groups)
{
	autoptr(config) config = NULL;
	const char *list = c->word + c->kept;
	const char *comma = groups ? strrchr(list, ',') : NULL;
	size_t len = comma ? (size_t)(comma + 1 - list) : 0;
	const char *const *names = NULL;
	size_t n = 0;

	if (config_load(&config, config_file(c), CONFIG_SYSTEM_FILE, NULL) < 0)
		return;
	c->kept += len;
	names = config_hosts(config, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_listed(list, len, names[i]))
			complete_offer(c, names[i], NULL, false);
	if (!groups)
		return;
	if (n > 1)
		offer_group(c, list, len, HOSTS_ALL, "all hosts");
	names = config_groups(config, &n);
	for (size_t i = 0; i < n; i++)
		offer_group(c, list, len, names[i], "a group of hosts");
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

/* What --host says, or the environment; NULL: neither. */
static const char *host_text(const struct completing *c)
{
	const char *host = complete_given(c, "host");

	if (!host)
		host = getenv("VIRTMUX_HOST");
	return host && host[0] ? host : NULL;
}

/* The profile of HOST, with little patience. */
static int find_profile(const struct completing *c, const char *host,
			uint64_t ms, struct profile **profile)
{
	struct profile_request request = {
		.config = config_file(c),
		.host = host,
		.address = complete_given(c, "address"),
		.ca = complete_given(c, "ca"),
		.certificate = complete_given(c, "certificate"),
		.key = complete_given(c, "key"),
	};

	if (profile_load(profile, &request, NULL) < 0)
		return -1;
	if ((*profile)->connect_timeout > (int64_t)ms)
		(*profile)->connect_timeout = (int64_t)ms;
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

/* What is known of a name: on which HOST it is (NULL: there is but one), and NOTE. */
static void offer_name(struct completing *c, const char *text, const char *host,
		       const char *note)
{
	autobuf both = {0};
	autofree char *s = NULL;

	if (host)
		buf_appendf(&both, "%s%s%s", host, note ? ": " : "",
			    note ? note : "");
	s = host ? buf_steal_str(&both) : NULL;
	complete_offer(c, text, host ? s : note, false);
}

static void offer_entries(struct completing *c, const struct source *source,
			  struct json_object *result, const char *host)
{
	struct json_object *list = NULL;

	if (!json_object_object_get_ex(result, source->list, &list) ||
	    !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		const char *text = member_text(e, source->member);

		if (text)
			offer_name(c, text, host, member_text(e, source->note));
	}
}

/* *RESULT of HOST's session, within MS. */
static int ask_session(const struct completing *c, const struct source *source,
		       const char *host, const char *params, uint64_t ms,
		       struct json_object **result)
{
	const struct key_sources nobody = {.passphrase_fd = -1, .batch = true};
	struct channel_options options = {
		.sources = &nobody,
		.route = CHANNEL_ROUTE_SESSION,
		.call_ms = ms,
	};
	autoptr(channel) channel = NULL;
	autoptr(profile) profile = NULL;
	autoerror why = {0};

	if (find_profile(c, host, ms, &profile) < 0)
		return -1;
	options.profile = profile;
	if (channel_open(&channel, &options, &why) < 0)
		return -1;
	return channel_call(channel, source->method, params, result, &why);
}

/* The hosts one after the other; who hangs takes no more than a part of the time. */
static void ask_several(struct completing *c, const struct source *source,
			const struct hosts *hosts, const char *params)
{
	uint64_t end = clock_monotonic_ns() + COMPLETE_MS * CLOCK_NS_PER_MS;

	for (size_t i = 0; i < hosts->count; i++) {
		uint64_t now = clock_monotonic_ns();
		uint64_t left = now < end ? (end - now) / CLOCK_NS_PER_MS : 0;
		uint64_t part = COMPLETE_MS / COMPLETE_PART;
		autojson result = NULL;

		if (left == 0)
			return;
		if (ask_session(c, source, hosts->names[i], params,
				left < part ? left : part, &result) == 0)
			offer_entries(c, source, result, hosts->names[i]);
	}
}

void complete_live(struct completing *c, const char *name)
{
	const struct source *source = find_source(name);
	autofree char *params = source ? make_params(c, source) : NULL;
	const char *text = host_text(c);
	autoptr(config) config = NULL;
	autojson result = NULL;
	autohosts hosts = {0};

	if (!params)
		return;
	if (!text || !hosts_are_several(text)) {
		if (ask_session(c, source, text, params, COMPLETE_MS,
				&result) == 0)
			offer_entries(c, source, result, NULL);
		return;
	}
	if (config_load(&config, config_file(c), CONFIG_SYSTEM_FILE, NULL) ==
		    0 &&
	    hosts_find(&hosts, config, text, COMPLETE_HOSTS, NULL) == 0)
		ask_several(c, source, &hosts, params);
}
