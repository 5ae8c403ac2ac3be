/*
 * The command line by the table: popt finds the options, here their values are
 * checked for type and range and positional arguments for number. Options of
 * every verb may stand before it or behind it.
 */
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "client/command_private.h"

#define NAMES_MAX                                                              \
	512 /* verbs, or options of one verb, to choose a near one of */

/*
 * popt's values: item I of the verb is VALUE_FIRST + I, of all long verbs LONG_FIRST
 * + I, of all verbs GLOBAL_FIRST + I.
 */
#define VALUE_FIRST  1
#define LONG_FIRST   900
#define GLOBAL_FIRST 1000

size_t command_items_count(const struct command_item *items)
{
	size_t n = 0;

	while (items[n].kind != COMMAND_END)
		n++;
	return n;
}

/* -- usage errors ---------------------------------------------------------- */

/* "host needs one more word: add, list or remove" */
static int incomplete(const char *family, struct error *err)
{
	autobuf text = {0};
	autofree char *verbs = NULL;

	for (const struct command *c = command_table; c->verb; c++)
		if (command_in_family(c, family))
			buf_appendf(&text, "%s%s", text.len ? ", " : "",
				    c->verb);
	verbs = buf_steal_str(&text);
	return error_set(err, ERROR_USAGE,
			 "'%s' is not a whole verb; there are: %s", family,
			 verbs ? verbs : "");
}

int command_unknown(const char *const *words, struct error *err)
{
	const char *names[NAMES_MAX];
	const char *near = NULL;
	size_t n = 0;
	bool family = command_is_family(words[0]);
	autobuf text = {0};
	autofree char *word = NULL;

	if (family && (!words[1] || words[1][0] == '-'))
		return incomplete(words[0], err);
	buf_appendf(&text, family ? "%s %s" : "%s", words[0],
		    family ? words[1] : "");
	word = buf_steal_str(&text);
	if (!word)
		return error_set_no_memory(err);
	for (const struct command *c = command_table; c->verb; c++) {
		if (n < NAMES_MAX)
			names[n++] = c->verb;
		if (c->alias && n < NAMES_MAX)
			names[n++] = c->alias;
	}
	near = nearest_name(word, names, n);
	if (near)
		return error_set(err, ERROR_USAGE,
				 "there is no verb '%s'; did you mean '%s'?",
				 word, near);
	return error_set(err, ERROR_USAGE,
			 "there is no verb '%s'; \"virtmux help%s%s\" lists "
			 "them",
			 word, family ? " " : "", family ? words[0] : "");
}

static size_t add_names(const char **names, size_t n,
			const struct command_item *items)
{
	for (; items->kind != COMMAND_END; items++)
		if (items->kind == COMMAND_OPTION && n < NAMES_MAX)
			names[n++] = items->name;
	return n;
}

static int unknown_option(const struct command *command, const char *word,
			  struct error *err)
{
	const char *names[NAMES_MAX];
	const char *near = NULL;
	const char *bare = word + strspn(word, "-");
	const char *verb = command ? command->verb : "virtmux";
	size_t n = add_names(names, 0, command_globals);

	if (command)
		n = add_names(names, n, command->items);
	if (command && command_is_long(command))
		n = add_names(names, n, command_longs);
	near = nearest_name(bare, names, n);
	if (near)
		return error_set(err, ERROR_USAGE,
				 "%s has no option '%s'; did you mean '--%s'?",
				 verb, word, near);
	return error_set(err, ERROR_USAGE, "%s has no option '%s'", verb, word);
}

static int bad_option(const struct command *command, poptContext context,
		      int code, struct error *err)
{
	const char *word = poptBadOption(context, POPT_BADOPTION_NOALIAS);

	if (code == POPT_ERROR_BADOPT)
		return unknown_option(command, word, err);
	if (code == POPT_ERROR_NOARG)
		return error_set(err, ERROR_USAGE, "%s needs a value", word);
	if (code == POPT_ERROR_UNWANTEDARG)
		return error_set(err, ERROR_USAGE, "%s takes no value", word);
	return error_set(err, ERROR_USAGE, "%s: %s", word, poptStrerror(code));
}

/* -- values ---------------------------------------------------------------- */

static int parse_choice(const struct command *command,
			const struct command_item *item, const char *text,
			int64_t *number, struct error *err)
{
	autobuf words = {0};
	autofree char *choices = NULL;
	struct option_spec spec = {
		.section = "", .name = item->name, .type = OPTION_CHOICE};

	if (command_item_choices(command, item, &words) < 0)
		return error_set_no_memory(err);
	choices = buf_steal_str(&words);
	if (!choices)
		return error_set_no_memory(err);
	spec.range = choices;
	return options_set(&spec, 1, number, "", item->name, text, err);
}

static int parse_value(const struct command *command,
		       const struct command_item *item, const char *text,
		       int64_t *number, struct error *err)
{
	struct option_spec spec = {
		.section = "",
		.name = item->name,
		.type = item->type == COMMAND_DURATION ? OPTION_DURATION
						       : OPTION_NUMBER,
		.range = item->range ? item->range : "",
	};
	int rc = 0;

	if (item->type == COMMAND_CHOICE)
		rc = parse_choice(command, item, text, number, err);
	else if (item->type == COMMAND_NUMBER || item->type == COMMAND_DURATION)
		rc = options_set(&spec, 1, number, "", item->name, text, err);
	else if (text[0] == '\0')
		return error_set(err, ERROR_USAGE, "%s is empty", item->name);
	if (rc < 0 && err && err->code == ERROR_CONFIG)
		err->code = ERROR_USAGE;
	return rc;
}

/* TEXT (may be NULL for a flag) is taken over. */
static int set_value(const struct command *command,
		     const struct command_item *item, struct value *value,
		     char *text, struct error *err)
{
	char **texts = realloc(value->texts,
			       ((size_t)value->count + 1) * sizeof(*texts));

	if (!texts) {
		free(text);
		return error_set_no_memory(err);
	}
	texts[value->count++] = text;
	value->texts = texts;
	value->text = text;
	if (item->type == COMMAND_FLAG)
		return 0;
	return parse_value(command, item, text, &value->number, err);
}

/* -- options --------------------------------------------------------------- */

static size_t add_options(struct poptOption *to,
			  const struct command_item *items, int first)
{
	size_t n = 0;

	for (int i = 0; items[i].kind != COMMAND_END; i++) {
		const struct command_item *item = &items[i];

		if (item->kind != COMMAND_OPTION)
			continue;
		to[n++] = (struct poptOption){
			.longName = item->name,
			.shortName = item->letter,
			.argInfo = item->type == COMMAND_FLAG ? POPT_ARG_NONE
							      : POPT_ARG_STRING,
			.val = first + i,
		};
	}
	return n;
}

/* virsh has --config of its own, for changes: behind such a verb it is meant. */
static bool has_option(const struct command *command, const char *name)
{
	for (const struct command_item *i = command->items; i->kind; i++)
		if (i->kind == COMMAND_OPTION && strcmp(i->name, name) == 0)
			return true;
	return false;
}

static void hide_globals(struct poptOption *table, size_t n,
			 const struct command *command)
{
	for (size_t i = 0; i < n; i++)
		if (has_option(command, table[i].longName))
			table[i].longName = "\1"; /* nobody types it */
}

/* virsh takes "--domain web" for DOMAIN as well, and so do scripts made for it. */
static bool is_option_too(const struct command *command,
			  const struct command_item *item)
{
	if (item->kind != COMMAND_ARGUMENT || has_option(command, item->name))
		return false;
	for (const struct command_item *i = command_globals; i->kind; i++)
		if (strcmp(i->name, item->name) == 0)
			return false;
	return strspn(item->name, "abcdefghijklmnopqrstuvwxyz-") ==
	       strlen(item->name);
}

static void add_arguments(struct poptOption *to, const struct command *command)
{
	for (int i = 0; command->items[i].kind != COMMAND_END; i++)
		if (is_option_too(command, &command->items[i]))
			*to++ = (struct poptOption){
				.longName = command->items[i].name,
				.argInfo = POPT_ARG_STRING,
				.val = VALUE_FIRST + i,
			};
}

/* popt's table of the globals and COMMAND's (may be NULL) options, to free(). */
static struct poptOption *make_table(const struct command *command)
{
	size_t room = command_items_count(command_globals) + 1;
	struct poptOption *table = NULL;
	size_t n = 0;

	if (command)
		room += command_items_count(command->items) +
			command_items_count(command_longs);
	table = calloc(room, sizeof(*table));
	if (!table)
		return NULL;
	n = add_options(table, command_globals, GLOBAL_FIRST);
	if (command) {
		hide_globals(table, n, command);
		n += add_options(table + n, command->items, VALUE_FIRST);
	}
	if (command && command_is_long(command))
		n += add_options(table + n, command_longs, LONG_FIRST);
	if (command)
		add_arguments(table + n, command);
	return table;
}

static int take_option(struct command_call *call, int which, char *text,
		       struct error *err)
{
	int i = which - VALUE_FIRST;

	if (which >= GLOBAL_FIRST) {
		i = which - GLOBAL_FIRST;
		return set_value(NULL, &command_globals[i], &call->globals[i],
				 text, err);
	}
	if (which >= LONG_FIRST) {
		i = which - LONG_FIRST;
		return set_value(NULL, &command_longs[i], &call->longs[i], text,
				 err);
	}
	return set_value(call->command, &call->command->items[i],
			 &call->values[i], text, err);
}

static int take_options(struct command_call *call, poptContext context,
			struct error *err)
{
	int which = 0;

	while ((which = poptGetNextOpt(context)) > 0)
		if (take_option(call, which, poptGetOptArg(context), err) < 0)
			return -1;
	if (which < -1)
		return bad_option(call->command, context, which, err);
	return 0;
}

/* -- arguments ------------------------------------------------------------- */

static size_t count_words(const char **words)
{
	size_t n = 0;

	while (words && words[n])
		n++;
	return n;
}

static int copy_arguments(struct command_call *call, const char **words,
			  struct error *err)
{
	size_t n = count_words(words);

	call->arguments = calloc(n + 1, sizeof(*call->arguments));
	if (!call->arguments)
		return error_set_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		call->arguments[i] = strdup(words[i]);
		if (!call->arguments[i])
			return error_set_no_memory(err);
		call->arguments_count++;
	}
	return 0;
}

static int missing_argument(const struct command *command,
			    const struct command_item *item, struct error *err)
{
	autobuf text = {0};
	autofree char *usage = NULL;

	help_usage(&text, command);
	usage = buf_steal_str(&text);
	return error_set(err, ERROR_USAGE, "%s needs a %s: %s", command->verb,
			 item->name, usage ? usage : "");
}

/* What is left, or what was given as options, to the last place. */
static int place_rest(struct command_call *call, const struct value *value,
		      char **words, size_t at, struct error *err)
{
	for (int i = 0; i < value->count; i++) {
		call->arguments[at] = strdup(value->texts[i]);
		if (!call->arguments[at++])
			return error_set_no_memory(err);
	}
	for (; *words; words++)
		call->arguments[at++] = steal(words);
	return 0;
}

/* One place: by its option, else the next word of WORDS, which is used up. */
static int place_one(struct command_call *call, size_t item, char ***words,
		     size_t at, struct error *err)
{
	const struct command *c = call->command;
	struct value *value = &call->values[item];
	char *text = value->text;

	if (!text && !**words && c->items[item].need == COMMAND_REQUIRED &&
	    !call_flag(call, "help"))
		return missing_argument(c, &c->items[item], err);
	if (!text && !**words)
		return 0;
	if (text) {
		call->arguments[at] = strdup(text);
		return call->arguments[at] ? 0 : error_set_no_memory(err);
	}
	call->arguments[at] = steal(*words);
	++*words;
	text = strdup(call->arguments[at]);
	if (!text)
		return error_set_no_memory(err);
	return set_value(c, &c->items[item], value, text, err);
}

static int place_words(struct command_call *call, char **words,
		       struct error *err)
{
	const struct command *c = call->command;
	size_t at = 0;

	for (size_t i = 0; c->items[i].kind != COMMAND_END; i++) {
		if (c->items[i].kind != COMMAND_ARGUMENT)
			continue;
		if (c->items[i].need == COMMAND_MANY)
			return place_rest(call, &call->values[i], words, at,
					  err);
		if (place_one(call, i, &words, at++, err) < 0)
			return -1;
	}
	if (*words)
		return error_set(err, ERROR_USAGE, "%s: '%s' is too much",
				 c->verb, *words);
	return 0;
}

static size_t count_places(const struct command_call *call)
{
	const struct command *c = call->command;
	size_t n = call->arguments_count;

	for (size_t i = 0; c->items[i].kind != COMMAND_END; i++)
		n += 1 + (size_t)call->values[i].count;
	return n;
}

/*
 * Gives each positional item its word, and refuses what is left. From then on
 * arguments has a place for each item, NULL where nothing was given.
 */
static int check_arguments(struct command_call *call, struct error *err)
{
	size_t places = count_places(call);
	size_t n = call->arguments_count;
	char **words = call->arguments;
	int rc;

	call->arguments = calloc(places + 1, sizeof(*words));
	if (!call->arguments) {
		call->arguments = words;
		return error_set_no_memory(err);
	}
	call->arguments_count = places;
	rc = place_words(call, words, err);
	while (n > 0)
		free(words[--n]);
	free(words);
	while (rc == 0 && call->arguments_count > 0 &&
	       !call->arguments[call->arguments_count - 1])
		call->arguments_count--;
	return rc;
}

/* -- both passes ----------------------------------------------------------- */

static bool wants_help(const struct command_call *call, const char *word)
{
	return call_flag(call, "help") ||
	       (word &&
		(strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0));
}

/*
 * Options before the verb; *REST (borrowed from popt) begins with the verb's last
 * word.
 */
static int parse_globals(struct command_call *call, poptContext context,
			 const char ***rest, struct error *err)
{
	const char **words = NULL;
	size_t used = 0;

	if (take_options(call, context, err) < 0)
		return -1;
	words = poptGetArgs(context);
	if (!words || !words[0])
		return 0;
	call->command = command_find_words(words, &used);
	if (!call->command && command_is_family(words[0]) &&
	    wants_help(call, words[1])) {
		call->family = strdup(words[0]);
		return call->family ? 0 : error_set_no_memory(err);
	}
	if (!call->command)
		return command_unknown(words, err);
	*rest = words + used - 1;
	call->values = calloc(command_items_count(call->command->items) + 1,
			      sizeof(*call->values));
	return call->values ? 0 : error_set_no_memory(err);
}

static int parse_verb(struct command_call *call, const char **words,
		      struct error *err)
{
	autofree struct poptOption *table = make_table(call->command);
	poptContext context = NULL;
	int rc = 0;

	if (!table)
		return error_set_no_memory(err);
	context = poptGetContext("virtmux", (int)count_words(words), words,
				 table, 0);
	if (!context)
		return error_set_no_memory(err);
	rc = take_options(call, context, err);
	if (rc == 0)
		rc = copy_arguments(call, poptGetArgs(context), err);
	poptFreeContext(context);
	return rc < 0 ? -1 : check_arguments(call, err);
}

int command_parse(struct command_call *call, int argc, const char **argv,
		  struct error *err)
{
	autofree struct poptOption *table = make_table(NULL);
	poptContext context = NULL;
	const char **rest = NULL;
	int rc = 0;

	call->globals = calloc(command_items_count(command_globals) + 1,
			       sizeof(*call->globals));
	call->longs = calloc(command_items_count(command_longs) + 1,
			     sizeof(*call->longs));
	if (!table || !call->globals || !call->longs)
		return error_set_no_memory(err);
	context = poptGetContext("virtmux", argc, argv, table,
				 POPT_CONTEXT_POSIXMEHARDER);
	if (!context)
		return error_set_no_memory(err);
	rc = parse_globals(call, context, &rest, err);
	if (rc == 0 && call->command)
		rc = parse_verb(call, rest, err);
	poptFreeContext(context);
	return rc;
}
