/*
 * The walk over a command line that is not finished (complete.h): the same table that
 * command_parse.c reads tells what each word is, and so what the last one may be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command_private.h"
#include "client/complete_private.h"
#include "client/connect/config.h"
#include "client/shells.h"
#include "client/topic.h"
#include "client/verbs.h"

/* -- candidates ------------------------------------------------------------ */

void candidates_clear(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->list[i].text);
		free(c->list[i].note);
	}
	free(c->list);
	*c = (struct candidates){0};
}

/* Nothing that a terminal or a shell's list of lines would take for more. */
static bool is_plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return *text != '\0';
}

static bool make_room(struct candidates *to)
{
	size_t room = to->room ? 2 * to->room : 64;
	struct candidate *list = NULL;

	if (to->n < to->room)
		return true;
	list = realloc(to->list, room * sizeof(*list));
	if (!list)
		return false;
	to->list = list;
	to->room = room;
	return true;
}

static void add(struct candidates *to, char *text, const char *note, bool open)
{
	if (!make_room(to)) {
		free(text);
		return;
	}
	to->list[to->n++] = (struct candidate){
		.text = text,
		.note = note && is_plain(note) ? strdup(note) : NULL,
		.open = open,
	};
}

void candidates_add(struct candidates *to, const char *text, const char *note,
		    bool open)
{
	char *copy = strdup(text);

	if (copy)
		add(to, copy, note, open);
}

/* By text, the first one first. */
static int by_text(const void *a, const void *b)
{
	const struct candidate *const *x = a;
	const struct candidate *const *y = b;
	int order = strcmp((*x)->text, (*y)->text);

	return order ? order : *x < *y ? -1 : *x > *y;
}

/* Forgets all but the first of those that are the same; without memory none. */
static void drop_doubles(struct candidates *to)
{
	autofree struct candidate **sorted = calloc(to->n, sizeof(*sorted));
	const char *last = NULL;
	size_t kept = 0;

	for (size_t i = 0; sorted && i < to->n; i++)
		sorted[i] = &to->list[i];
	if (!sorted)
		return;
	qsort(sorted, to->n, sizeof(*sorted), by_text);
	for (size_t i = 0; i < to->n; i++) {
		struct candidate *c = sorted[i];

		if (last && strcmp(c->text, last) == 0) {
			free(c->text);
			free(c->note);
			*c = (struct candidate){0};
		} else {
			last = c->text;
		}
	}
	for (size_t i = 0; i < to->n; i++)
		if (to->list[i].text)
			to->list[kept++] = to->list[i];
	to->n = kept;
}

void complete_offer(struct completing *c, const char *text, const char *note,
		    bool open)
{
	const char *rest = c->word + c->kept;
	autobuf whole = {0};
	autofree char *s = NULL;

	if (strncmp(text, rest, strlen(rest)) != 0 || !is_plain(text) ||
	    c->to->n >= COMPLETE_MAX)
		return;
	buf_append(&whole, c->word, c->kept);
	buf_append_str(&whole, text);
	s = buf_steal_str(&whole);
	if (s)
		add(c->to, steal(&s), note, open);
}

const char *complete_given(const struct completing *c, const char *name)
{
	for (size_t i = c->given_count; i-- > 0;) {
		const struct command_item *item = c->given[i].item;

		if (strcmp(item->name, name) == 0 ||
		    (item->param && strcmp(item->param, name) == 0))
			return c->given[i].text;
	}
	return NULL;
}

/* -- the words before ------------------------------------------------------ */

static const struct command_item *find_long(const struct command_item *items,
					    enum command_item_kind kind,
					    const char *name, size_t len)
{
	for (; items->kind != COMMAND_END; items++)
		if (items->kind == kind && strlen(items->name) == len &&
		    strncmp(items->name, name, len) == 0)
			return items;
	return NULL;
}

static const struct command_item *find_letter(const struct command_item *items,
					      char letter)
{
	for (; items->kind != COMMAND_END; items++)
		if (items->kind == COMMAND_OPTION && items->letter == letter)
			return items;
	return NULL;
}

/*
 * "--NAME" or "--NAME=…"; the verb's own hide those of every verb, and those its
 * arguments, which may be given in that way as well.
 */
static const struct command_item *long_option(const struct completing *c,
					      const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const struct command_item *found = NULL;

	if (c->command)
		found = find_long(c->command->items, COMMAND_OPTION, name, len);
	if (!found && c->command && command_is_long(c->command))
		found = find_long(command_longs, COMMAND_OPTION, name, len);
	if (!found)
		found = find_long(command_globals, COMMAND_OPTION, name, len);
	if (!found && c->command)
		found = find_long(c->command->items, COMMAND_ARGUMENT, name,
				  len);
	return found;
}

static const struct command_item *short_option(const struct completing *c,
					       char letter)
{
	const struct command_item *found = NULL;

	if (c->command)
		found = find_letter(c->command->items, letter);
	return found ? found : find_letter(command_globals, letter);
}

static void give(struct completing *c, const struct command_item *item,
		 const char *text)
{
	if (c->given_count < COMPLETE_GIVEN_MAX)
		c->given[c->given_count++] = (struct given){item, text};
	if (item->type == COMMAND_METHOD)
		c->method = text;
}

/*
 * An option's word. The item whose value the next word is, or NULL; where the value
 * stands in WORD, *VALUE is it.
 */
static const struct command_item *read_option(const struct completing *c,
					      const char *word,
					      const struct command_item **item,
					      const char **value)
{
	*value = NULL;
	*item = NULL;
	if (word[1] == '-') {
		const char *equals = strchr(word, '=');

		*item = long_option(c, word);
		*value = equals ? equals + 1 : NULL;
		return *item && (*item)->type != COMMAND_FLAG && !equals ? *item
									 : NULL;
	}
	for (const char *p = word + 1; *p; p++) {
		*item = short_option(c, *p);
		if (!*item || (*item)->type == COMMAND_FLAG)
			continue;
		*value = p[1] ? p + 1 : NULL;
		return p[1] ? NULL : *item;
	}
	return NULL;
}

static bool is_given(const struct completing *c,
		     const struct command_item *item)
{
	for (size_t i = 0; i < c->given_count; i++)
		if (c->given[i].item == item)
			return true;
	return false;
}

/* The verb's argument that the next word is; the last one again where it takes many. */
static const struct command_item *next_argument(const struct completing *c)
{
	for (const struct command_item *item = c->command->items;
	     item->kind != COMMAND_END; item++)
		if (item->kind == COMMAND_ARGUMENT &&
		    (item->need == COMMAND_MANY || !is_given(c, item)))
			return item;
	return NULL;
}

/* Whether a word is an option, where options may still come. */
static bool is_option(const char *word, bool ended)
{
	return !ended && word[0] == '-' && word[1];
}

/* The verb, by WORDS from the first of it on; how many words it took. */
static size_t read_verb(struct completing *c, const char *const *words,
			size_t left)
{
	const char *const two[] = {words[0], left > 1 ? words[1] : NULL, NULL};
	size_t used = 1;

	c->command = command_find_words(two, &used);
	if (left == 1 && command_is_family(words[0]))
		c->family = words[0];
	return used;
}

/* -- the last word --------------------------------------------------------- */

static void offer_option(struct completing *c, const struct command *command,
			 const struct command_item *item)
{
	bool open = item->type != COMMAND_FLAG;
	autobuf text = {0};
	autofree char *s = NULL;

	buf_appendf(&text, "--%s%s", item->name, open ? "=" : "");
	s = buf_steal_str(&text);
	if (s)
		complete_offer(c, s, command_item_doc(command, item), open);
}

static void offer_options(struct completing *c,
			  const struct command_item *items)
{
	for (; items->kind != COMMAND_END; items++)
		if (items->kind == COMMAND_OPTION)
			offer_option(c, c->command, items);
}

static void offer_all_options(struct completing *c)
{
	if (c->command)
		offer_options(c, c->command->items);
	if (c->command && command_is_long(c->command))
		offer_options(c, command_longs);
	offer_options(c, command_globals);
}

/* Words between blanks. */
static void offer_words(struct completing *c, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");
		autofree char *word = strndup(words, len);

		if (word)
			complete_offer(c, word, NULL, false);
		words += len + strspn(words + len, " ");
	}
}

static void offer_choices(struct completing *c, const struct command_item *item)
{
	autobuf text = {0};
	autofree char *words = NULL;

	command_item_choices(c->command, item, &text);
	words = buf_steal_str(&text);
	if (words)
		offer_words(c, words);
}

/* Verbs of one word, and the first words of the others, once. */
static void offer_verbs(struct completing *c)
{
	for (const struct command *v = command_table; v->verb; v++) {
		size_t len = strcspn(v->verb, " ");
		autofree char *word = strndup(v->verb, len);

		if (word)
			complete_offer(c, word,
				       v->verb[len] ? NULL : command_summary(v),
				       false);
		if (v->alias && !strchr(v->alias, ' '))
			complete_offer(c, v->alias, command_summary(v), false);
	}
}

/* The second words of the verbs that FAMILY begins. */
static void offer_family(struct completing *c, const char *family)
{
	for (const struct command *v = command_table; v->verb; v++)
		if (command_in_family(v, family))
			complete_offer(c, v->verb + strlen(family) + 1,
				       command_summary(v), false);
}

static void offer_methods(struct completing *c)
{
	for (unsigned id = 0; id < METHODS; id++) {
		const struct method *m = method_by_id((enum method_id)id);

		if (m->kind == METHOD_QUERY || m->kind == METHOD_CALL)
			complete_offer(c, m->name, m->summary, false);
	}
}

static void offer_value_of(struct completing *c, const struct member *param)
{
	const struct type *type = param->type;

	if (type->kind == TYPE_BOOL)
		offer_words(c, "true false");
	for (unsigned i = 0; type->kind == TYPE_ENUM && i < type->values_count;
	     i++)
		complete_offer(c, type->values[i].text, type->values[i].doc,
			       false);
	if (type->kind == TYPE_TEXT)
		complete_live(c, param->name);
}

static void offer_files(struct completing *c)
{
	c->to->files = true;
	c->to->files_at = c->kept;
}

/* "key=", and behind it what the parameter of the method takes. */
static void offer_param(struct completing *c)
{
	const struct method *m =
		c->method ? method_find(c->method, strlen(c->method)) : NULL;
	size_t len = strcspn(c->word, "=");

	for (unsigned i = 0; m && i < m->params_count; i++) {
		const struct member *p = &m->params[i];

		if (!c->word[len]) {
			autobuf key = {0};
			autofree char *s = NULL;

			buf_appendf(&key, "%s=", p->name);
			s = buf_steal_str(&key);
			if (s)
				complete_offer(c, s, p->doc, true);
		} else if (strlen(p->name) == len &&
			   strncmp(p->name, c->word, len) == 0) {
			c->kept = len + 1;
			offer_value_of(c, p);
		}
	}
}

/* What can be explained: behind the word FIRST, the rest of a verb of two words. */
static void offer_help(struct completing *c, const char *first)
{
	if (first) {
		offer_family(c, first);
		return;
	}
	offer_verbs(c);
	for (size_t i = 0; topic_at(i); i++)
		complete_offer(c, topic_at(i)->name, topic_at(i)->summary,
			       false);
}

/* Keys of the configuration. */
static void offer_settings(struct completing *c)
{
	for (size_t i = 0; i < profile_options_count; i++) {
		const char *doc = profile_options[i].doc;
		const char *end = strstr(doc, ". "); /* of a sentence */
		autofree char *note =
			strndup(doc, end ? (size_t)(end - doc) : strlen(doc));

		complete_offer(c, profile_options[i].name, note, false);
	}
	complete_offer(c, CONFIG_HOST_KEY, "which host is meant otherwise",
		       false);
}

/* What may be written for the key that stands before it. */
static void offer_setting_value(struct completing *c)
{
	const char *key = complete_given(c, "key");
	const struct option_spec *o = profile_options;
	const struct option_spec *end = o + profile_options_count;

	while (key && o < end && strcmp(o->name, key) != 0)
		o++;
	if (key && strcmp(key, CONFIG_HOST_KEY) == 0)
		complete_hosts(c, false);
	else if (!key || o == end)
		return;
	else if (o->type == OPTION_BOOL)
		offer_words(c, "yes no");
	else if (o->type == OPTION_CHOICE)
		offer_words(c, o->range);
	else if (config_form(key) != CONFIG_PLAIN)
		offer_files(c);
	else if (o->fallback)
		complete_offer(c, o->fallback, "the preset", false);
}

/* What a value of ITEM may be, behind the first KEPT bytes of the word. */
static void offer_value(struct completing *c, const struct command_item *item)
{
	switch (item->type) {
	case COMMAND_CHOICE:
		offer_choices(c, item);
		break;
	case COMMAND_FILE:
		offer_files(c);
		break;
	case COMMAND_SETTING_OR_HOST:
		offer_settings(c);
		complete_hosts(c, false);
		break;
	case COMMAND_SETTING:
		offer_settings(c);
		break;
	case COMMAND_SETTING_VALUE:
		offer_setting_value(c);
		break;
	case COMMAND_HOST:
		complete_hosts(c, item->kind == COMMAND_OPTION);
		break;
	case COMMAND_METHOD:
		offer_methods(c);
		break;
	case COMMAND_VERB:
		offer_help(c, complete_given(c, item->name));
		break;
	case COMMAND_PARAM:
		offer_param(c);
		break;
	case COMMAND_SHELL:
		for (size_t i = 0; shells_name(i); i++)
			complete_offer(c, shells_name(i), NULL, false);
		break;
	case COMMAND_DOMAIN:
	case COMMAND_TEXT:
		complete_live(c, item->param ? item->param : item->name);
		break;
	case COMMAND_FLAG:
	case COMMAND_NUMBER:
	case COMMAND_DURATION:
		break;
	}
}

static void offer_argument(struct completing *c)
{
	const struct command_item *item = NULL;

	if (c->family)
		offer_family(c, c->family);
	if (c->command)
		item = next_argument(c);
	if (item)
		offer_value(c, item);
	else if (c->command && !c->word[0])
		offer_options(c, c->command->items);
	else if (!c->command && !c->family)
		offer_verbs(c);
}

static void offer_last(struct completing *c, const struct command_item *wanted,
		       bool ended)
{
	const struct command_item *item = NULL;
	const char *value = NULL;

	if (wanted) {
		offer_value(c, wanted);
		return;
	}
	if (ended || c->word[0] != '-') {
		offer_argument(c);
		return;
	}
	if (c->word[1])
		read_option(c, c->word, &item, &value);
	if (item && value) {
		c->kept = (size_t)(value - c->word);
		offer_value(c, item);
		return;
	}
	offer_all_options(c);
}

void complete_words(struct candidates *to, const char *const *words, size_t n)
{
	struct completing c = {.to = to, .word = n ? words[n - 1] : ""};
	const struct command_item *wanted =
		NULL; /* the next word is its value */
	const struct command_item *item = NULL;
	const char *value = NULL;
	bool ended = false; /* "--" was there */

	for (size_t i = 0; i + 1 < n; i++) {
		if (wanted) {
			give(&c, wanted, words[i]);
			wanted = NULL;
		} else if (strcmp(words[i], "--") == 0 && !ended) {
			ended = true;
		} else if (is_option(words[i], ended)) {
			wanted = read_option(&c, words[i], &item, &value);
			if (item && value)
				give(&c, item, value);
		} else if (!c.command) {
			i += read_verb(&c, words + i, n - 1 - i) - 1;
			if (!c.command && !c.family)
				return;
		} else {
			item = next_argument(&c);
			if (item)
				give(&c, item, words[i]);
		}
	}
	offer_last(&c, wanted, ended);
	if (to->n > 1)
		drop_doubles(to);
}
