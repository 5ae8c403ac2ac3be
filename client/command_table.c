/*
 * The rows of commands.def and globals.def as constants, and looking verbs up in
 * them. Nothing else knows how the table is stored.
 */
#include <stdlib.h>
#include <string.h>

#include "client/shown_types.h"
#include "client/verbs.h"

#define COMMAND(id, verb, alias, method, function, done, summary, doc)         \
	static const struct command_item items_##id[] = {
#define ARGUMENT(id, type, need, name, param, range, doc)                      \
	{COMMAND_ARGUMENT,                                                     \
	 COMMAND_##type,                                                       \
	 COMMAND_##need,                                                       \
	 0,                                                                    \
	 name,                                                                 \
	 param,                                                                \
	 range,                                                                \
	 doc},
#define OPTION(id, letter, type, name, param, range, doc)                      \
	{COMMAND_OPTION,                                                       \
	 COMMAND_##type,                                                       \
	 COMMAND_OPTIONAL,                                                     \
	 letter,                                                               \
	 name,                                                                 \
	 param,                                                                \
	 range,                                                                \
	 doc},
#define END(id)                                                                \
	{                                                                      \
		.kind = COMMAND_END                                            \
	}                                                                      \
	}                                                                      \
	;
#include "client/commands.def"

const struct command command_table[] = {
#define COMMAND(id, verb, alias, method, function, done, summary, doc)         \
	{verb, alias, method, function, done, summary, doc, items_##id},
#include "client/commands.def"
	{.verb = NULL},
};

enum command_place {
#define COMMAND(id, verb, alias, method, function, done, summary, doc)         \
	COMMAND_PLACE_##id,
#include "client/commands.def"
	COMMANDS
};

static const char *const alone[COMMANDS] = {
#define ALONE(id, reason) [COMMAND_PLACE_##id] = reason,
#include "client/commands.def"
};

static const bool gathers[COMMANDS] = {
	[0] = false,
#define GATHERS(id) [COMMAND_PLACE_##id] = true,
#include "client/commands.def"
};

static const bool live[COMMANDS] = {
	[0] = false,
#define LIVE(id) [COMMAND_PLACE_##id] = true,
#include "client/commands.def"
};

static const struct {
	enum command_place place;
	struct command_example example;
} examples[] = {
#define EXAMPLE(id, line, doc) {COMMAND_PLACE_##id, {line, doc}},
#include "client/commands.def"
};

static const struct {
	enum command_place place;
	const char *name;
	const char *words;
} offers[] = {
#define OFFER(id, name, words) {COMMAND_PLACE_##id, name, words},
#include "client/commands.def"
};

static const struct {
	enum command_place place;
	struct command_print print;
} prints[] = {
#define API(id)                 &api_type_##id
#define OWN(id)                 &shown_##id
#define PRINTS(id, shape, type) {COMMAND_PLACE_##id, {COMMAND_##shape, type}},
#include "client/commands.def"
#undef API
#undef OWN
};

static const char *const lists[COMMANDS] = {
#define LISTS(id, member) [COMMAND_PLACE_##id] = member,
#include "client/commands.def"
};

static const char *const silent[COMMANDS] = {
#define SILENT(id, when) [COMMAND_PLACE_##id] = when,
#include "client/commands.def"
};

static const char *const no_json[COMMANDS] = {
#define NO_JSON(id, reason) [COMMAND_PLACE_##id] = reason,
#include "client/commands.def"
};

static const struct {
	enum command_place place;
	struct command_raw raw;
} raws[] = {
#define RAW(id, option, value, reason)                                         \
	{COMMAND_PLACE_##id, {option, value, reason}},
#include "client/commands.def"
};

const struct command_item command_globals[] = {
#define GLOBAL(letter, type, name, range, doc)                                 \
	{COMMAND_OPTION,                                                       \
	 COMMAND_##type,                                                       \
	 COMMAND_OPTIONAL,                                                     \
	 letter,                                                               \
	 name,                                                                 \
	 NULL,                                                                 \
	 range,                                                                \
	 doc},
#include "client/globals.def"
#undef GLOBAL
	{.kind = COMMAND_END},
};

const struct command_item command_longs[] = {
	{COMMAND_OPTION, COMMAND_FLAG, COMMAND_OPTIONAL, 0, "detach", NULL,
	 NULL, "print the job's id and do not wait for its end"},
	{.kind = COMMAND_END},
};

bool command_is_long(const struct command *command)
{
	const struct method *m = command_method(command);

	return command->run == verb_call || (m && m->is_long);
}

const char *command_alone(const struct command *command)
{
	return alone[command - command_table];
}

bool command_gathers(const struct command *command)
{
	return gathers[command - command_table];
}

bool command_is_live(const struct command *command)
{
	return live[command - command_table];
}

const char *command_offer(const struct command *command, const char *name)
{
	for (size_t i = 0; i < array_size(offers); i++)
		if (&command_table[offers[i].place] == command &&
		    strcmp(offers[i].name, name) == 0)
			return offers[i].words;
	return NULL;
}

const struct command_example *command_example(const struct command *command,
					      size_t i)
{
	for (size_t at = 0; at < array_size(examples); at++)
		if (&command_table[examples[at].place] == command && i-- == 0)
			return &examples[at].example;
	return NULL;
}

const struct command_print *command_prints(const struct command *command,
					   size_t i)
{
	for (size_t at = 0; at < array_size(prints); at++)
		if (&command_table[prints[at].place] == command && i-- == 0)
			return &prints[at].print;
	return NULL;
}

const char *command_lists(const struct command *command)
{
	return lists[command - command_table];
}

const char *command_silent(const struct command *command)
{
	return silent[command - command_table];
}

const char *command_no_json(const struct command *command)
{
	return no_json[command - command_table];
}

const struct command_raw *command_raw(const struct command *command, size_t i)
{
	for (size_t at = 0; at < array_size(raws); at++)
		if (&command_table[raws[at].place] == command && i-- == 0)
			return &raws[at].raw;
	return NULL;
}

const struct command *command_find(const char *verb)
{
	for (const struct command *c = command_table; c->verb; c++)
		if (strcmp(c->verb, verb) == 0 ||
		    (c->alias && strcmp(c->alias, verb) == 0))
			return c;
	return NULL;
}

const struct command *command_find_words(const char *const *words, size_t *used)
{
	const struct command *found = NULL;
	autobuf text = {0};
	autofree char *two = NULL;

	if (words[1]) {
		buf_appendf(&text, "%s %s", words[0], words[1]);
		two = buf_steal_str(&text);
		found = two ? command_find(two) : NULL;
	}
	*used = found ? 2 : 1;
	return found ? found : command_find(words[0]);
}

bool command_in_family(const struct command *command, const char *word)
{
	size_t n = strlen(word);

	return n > 0 && strncmp(command->verb, word, n) == 0 &&
	       command->verb[n] == ' ';
}

bool command_is_family(const char *word)
{
	for (const struct command *c = command_table; c->verb; c++)
		if (command_in_family(c, word))
			return true;
	return false;
}

const struct method *command_method(const struct command *command)
{
	return command->method
		       ? method_find(command->method, strlen(command->method))
		       : NULL;
}

const struct member *command_item_param(const struct command *command,
					const struct command_item *item)
{
	const struct method *m = item->param ? command_method(command) : NULL;

	for (unsigned i = 0; m && i < m->params_count; i++)
		if (strcmp(m->params[i].name, item->param) == 0)
			return &m->params[i];
	return NULL;
}

const char *command_summary(const struct command *command)
{
	const struct method *m = command_method(command);

	if (command->summary)
		return command->summary;
	return m ? m->summary : "";
}

const char *command_doc(const struct command *command)
{
	const struct method *m = command_method(command);

	if (command->doc)
		return command->doc;
	return m ? m->doc : "";
}

const char *command_item_doc(const struct command *command,
			     const struct command_item *item)
{
	const struct member *param = command_item_param(command, item);

	if (item->doc)
		return item->doc;
	return param ? param->doc : "";
}

int command_item_choices(const struct command *command,
			 const struct command_item *item, struct buf *out)
{
	const struct member *param = command_item_param(command, item);

	if (item->range)
		return buf_append_str(out, item->range);
	if (!param || param->type->kind != TYPE_ENUM)
		return 0;
	for (unsigned i = 0; i < param->type->values_count; i++)
		buf_appendf(out, "%s%s", i ? " " : "",
			    param->type->values[i].text);
	return buf_ok(out) ? 0 : -1;
}
