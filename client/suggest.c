/*
 * Names that are near to one that is not there (suggest.h), by the lists of
 * sources.def, which completion has its names from.
 */
#include "client/suggest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "base/ini.h"
#include "client/command_private.h"
#include "client/connect/channel.h"
#include "client/output.h"

struct source {
	const char *param;
	const char *method;
	const char *list;
	const char *member;
};

/* Those that need nothing else to be known. */
static const struct source sources[] = {
#define SOURCE(param, method, list, member, note, within)                      \
	{(within) ? NULL : (param), method, list, member},
#include "client/sources.def"
#undef SOURCE
};

static const struct source *find_source(const struct command_item *item)
{
	const char *name = item->param ? item->param : item->name;

	for (size_t i = 0; i < array_size(sources); i++)
		if (sources[i].param && strcmp(sources[i].param, name) == 0)
			return &sources[i];
	return NULL;
}

/* The argument that WORDS are about, and where its names are. */
static const char *find_argument(const struct command_call *call,
				 const char *words, const struct source **from)
{
	const struct command_item *items = call->command->items;

	for (size_t i = 0; items[i].kind != COMMAND_END; i++) {
		const char *text = call->values[i].text;

		*from = text ? find_source(&items[i]) : NULL;
		if (*from && strstr(words, text))
			return text;
	}
	return NULL;
}

static size_t read_names(struct json_object *result,
			 const struct source *source, const char **names)
{
	struct json_object *list = NULL;
	size_t n = 0;

	if (!json_object_object_get_ex(result, source->list, &list) ||
	    !json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0;
	     i < json_object_array_length(list) && n < SUGGEST_NAMES; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		struct json_object *name = NULL;

		if (json_object_object_get_ex(entry, source->member, &name) &&
		    json_object_is_type(name, json_type_string))
			names[n++] = json_object_get_string(name);
	}
	return n;
}

/* The cause, with the call's id in the host's log, stays. */
static void add_words(struct error *why, const char *near)
{
	autoerror more = {0};

	if (error_copy(&more, why) < 0 && !error_is_set(&more))
		return;
	error_set(why, ERROR_NOT_FOUND, "%s; did you mean '%s'?",
		  error_words(&more), near);
	if (more.cause)
		error_set_cause(why, "%s", more.cause);
}

void suggest_name(const struct command_call *call, struct channel *channel,
		  struct error *why)
{
	const struct source *source = NULL;
	const char *text = NULL;
	const char *near = NULL;
	autofree const char **names = NULL;
	autojson result = NULL;
	autoerror nobody = {0};

	if (why->code != ERROR_NOT_FOUND || !channel || !call->values ||
	    !output_is_text(call->output) || isatty(STDERR_FILENO) != 1)
		return;
	text = find_argument(call, error_words(why), &source);
	names = text ? calloc(SUGGEST_NAMES, sizeof(*names)) : NULL;
	if (!names ||
	    channel_call(channel, source->method, NULL, &result, &nobody) < 0)
		return;
	near = nearest_name(text, names, read_names(result, source, names));
	/* One that is there is not what is missing: "domain 'web' has no …". */
	if (near && strcmp(near, text) != 0)
		add_words(why, near);
}
