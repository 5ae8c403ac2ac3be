/*
 * Verbs that are a method's call and nothing else: the run function of most rows,
 * `call` for any method by its name, and the list of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/describe.h"
#include "api/json.h"
#include "base/ini.h"
#include "client/connect/channel.h"
#include "client/command_private.h"
#include "client/output.h"
#include "client/topic.h"
#include "client/verbs.h"

#define HELP_TOPICS_MAX                                                        \
	64 /* among which the one that was meant is looked for */

/* -- what was done --------------------------------------------------------- */

/* The text for "{NAME}": a member of RESULT, else the argument. */
static const char *placeholder(const struct command_call *call,
			       struct json_object *result, const char *name)
{
	struct json_object *member = NULL;
	size_t i = 0;

	if (json_object_object_get_ex(result, name, &member))
		return json_object_get_string(member);
	for (const struct command_item *item = call_command(call)->items;
	     item->kind != COMMAND_END; item++) {
		if (item->kind != COMMAND_ARGUMENT)
			continue;
		if (strcmp(item->name, name) == 0)
			return call_argument(call, i);
		i++;
	}
	return NULL;
}

static void fill_words(struct buf *out, const struct command_call *call,
		       const char *done, struct json_object *result)
{
	while (*done) {
		const char *end = *done == '{' ? strchr(done, '}') : NULL;
		autofree char *name = NULL;
		const char *text = NULL;

		if (!end) {
			buf_append_char(out, *done++);
			continue;
		}
		name = strndup(done + 1, (size_t)(end - done - 1));
		text = name ? placeholder(call, result, name) : NULL;
		buf_append_str(out, text ? text : "?");
		done = end + 1;
	}
}

int call_done(struct command_call *call, const char *done,
	      struct json_object *result, struct error *err)
{
	struct output *output = call_output(call);
	autobuf text = {0};
	autofree char *words = NULL;

	if (!done || !output_is_text(output))
		return output_value(output, result, err);
	fill_words(&text, call, done, result);
	words = buf_steal_str(&text);
	if (!words)
		return error_set_no_memory(err);
	output_say(output, "%s", words);
	return 0;
}

int verb_method(struct command_call *call, struct error *err)
{
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return call_done(call, call_command(call)->done, result, err);
}

/* -- call ------------------------------------------------------------------ */

static int find_method(const struct method **m, const char *name,
		       struct error *err)
{
	const char *near = NULL;

	*m = method_find(name, strlen(name));
	if (*m)
		return 0;
	near = method_nearest(name);
	if (near)
		return error_set(err, ERROR_USAGE,
				 "there is no method '%s'; did you mean '%s'?",
				 name, near);
	return error_set(err, ERROR_USAGE,
			 "there is no method '%s'; \"virtmux methods\" lists "
			 "them",
			 name);
}

static const char *const *method_words(const struct command_call *call,
				       size_t *n)
{
	*n = call_argument_count(call) - 1;
	return (const char *const *)call->arguments + 1;
}

static int as_usage(struct error *err)
{
	if (err && err->code == ERROR_INVALID_PARAMS)
		err->code = ERROR_USAGE;
	return -1;
}

static int write_sink(void *context, const uint8_t *data, size_t len,
		      struct error *err)
{
	FILE *f = context;

	if (fwrite(data, 1, len, f) == len)
		return 0;
	return error_set(err, ERROR_SYSTEM, "cannot write the result");
}

static int get_resource(struct command_call *call, const struct method *m,
			struct error *err)
{
	struct output *output = call_output(call);
	size_t n = 0;
	const char *const *words = method_words(call, &n);
	struct channel *channel = NULL;
	autofree void *params = calloc(1, m->params_size);
	autobuf text = {0};
	autofree char *path = NULL;

	if (!params)
		return error_set_no_memory(err);
	if (output_is_terminal(output) && m->content &&
	    strcmp(m->content, "application/json") != 0)
		return error_set(err, ERROR_USAGE,
				 "%s gives %s, which is not for a terminal: "
				 "redirect it",
				 m->name, m->content);
	if (params_decode_words(m, words, n, params, err) < 0)
		return as_usage(err);
	params_encode_path(m, params, &text);
	params_free(m, params);
	path = buf_steal_str(&text);
	if (!path)
		return error_set_no_memory(err);
	if (call_channel(call, &channel, err) < 0)
		return -1;
	return channel_get(channel, path, write_sink, output_file(output), NULL,
			   err);
}

static int call_rpc(struct command_call *call, const struct method *m,
		    struct error *err)
{
	size_t n = 0;
	const char *const *words = method_words(call, &n);
	autobuf text = {0};
	autofree char *params = NULL;
	autojson result = NULL;

	if (params_from_words(m, words, n, &text, err) < 0)
		return as_usage(err);
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	if (call_method(call, m->name, params, &result, err) < 0)
		return -1;
	return output_value(call_output(call), result, err);
}

int verb_call(struct command_call *call, struct error *err)
{
	const struct method *m = NULL;

	if (find_method(&m, call_argument(call, 0), err) < 0)
		return -1;
	switch (m->kind) {
	case METHOD_QUERY:
	case METHOD_CALL:
		return call_rpc(call, m, err);
	case METHOD_GET:
		return get_resource(call, m, err);
	case METHOD_PUT:
	case METHOD_STREAM:
		break;
	}
	return error_set(err, ERROR_USAGE,
			 "%s is a stream of bytes (%s %s): a verb of its own "
			 "does it",
			 m->name, method_kind_name(m->kind), m->path);
}

/* -- methods --------------------------------------------------------------- */

static int add_method(struct json_object *list, const struct method *m,
		      struct error *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return error_set_no_memory(err);
	json_add_text(o, "name", m->name);
	json_add_text(o, "role", role_name(m->role));
	json_add_text(o, "kind", method_kind_name(m->kind));
	json_add_text(o, "summary", m->summary);
	json_object_array_add(list, o);
	return 0;
}

static const char methods_head[] =
	"# Methods\n\n"
	"Made from the table of methods by `virtmux methods --markdown "
	">doc/METHODS.md`. A test\nfails where it is out of date; nobody "
	"writes here.\n\n"
	"The role is the least that may call it; a parameter with a role of "
	"its own needs that\none. *All domains*: an identity that is limited "
	"to some domains needs an `allow` of it.\n*query* and *call* are `POST "
	"/rpc`; a *call* changes something and takes an\n`idempotency-key`; a "
	"*job* may run for hours.\n\n";

static int print_document(struct output *output, struct error *err)
{
	autobuf text = {0};
	autofree char *s = NULL;

	buf_append_str(&text, methods_head);
	describe_markdown(&text);
	s = buf_steal_str(&text);
	if (!s)
		return error_set_no_memory(err);
	fputs(s, output_file(output));
	return 0;
}

static int print_list(struct output *output, struct error *err)
{
	autojson result = json_object_new_object();
	struct json_object *list = json_add_list(result, "methods");
	int rc = list ? 0 : error_set_no_memory(err);

	for (unsigned id = 0; rc == 0 && id < METHODS; id++)
		rc = add_method(list, method_by_id(id), err);
	return rc < 0 ? -1 : output_value(output, result, err);
}

int verb_methods(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);

	return call_flag(call, "markdown") ? print_document(output, err)
					   : print_list(output, err);
}

/* -- help ------------------------------------------------------------------ */

/* The nearest topic, or else the nearest verb. Returns -1. */
static int unknown_help(const char *const *words, struct error *err)
{
	const char *names[HELP_TOPICS_MAX];
	const char *near = NULL;
	size_t n = 0;

	for (; n < HELP_TOPICS_MAX && topic_at(n); n++)
		names[n] = topic_at(n)->name;
	near = words[1] ? NULL : nearest_name(words[0], names, n);
	if (near)
		return error_set(err, ERROR_USAGE,
				 "there is no verb or topic '%s'; did you mean "
				 "'%s'?",
				 words[0], near);
	return command_unknown(words, err);
}

int verb_help(struct command_call *call, struct error *err)
{
	const char *const words[] = {call_argument(call, 0),
				     call_argument(call, 1), NULL};
	const char *verb = words[0];
	size_t used = 0;
	const struct command *command =
		verb ? command_find_words(words, &used) : NULL;
	const struct topic *topic = verb && !words[1] ? topic_find(verb) : NULL;
	const struct method *m = NULL;
	autobuf text = {0};
	const struct page page = {.out = &text};
	autofree char *s = NULL;

	if (!verb)
		help_overview(&text);
	else if (command)
		help_command(&text, command);
	else if (!words[1] && command_is_family(verb))
		help_family(&text, verb);
	else if (topic)
		topic_print(&page, topic);
	else if (strchr(verb, '.') && find_method(&m, verb, err) < 0)
		return -1;
	else if (m)
		describe_method_help(&text, m);
	else
		return unknown_help(words, err);
	if (command && topic) /* of the same name: "session" */
		topic_print(&page, topic);
	s = buf_steal_str(&text);
	if (!s)
		return error_set_no_memory(err);
	fputs(s, output_file(call_output(call)));
	return 0;
}
