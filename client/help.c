/*
 * Help for the terminal, from the table of verbs: one usage line, one verb, all
 * verbs. Words are wrapped here, so that the tables hold plain sentences.
 */
#include <string.h>

#include "api/describe.h"
#include "base/utf8.h"
#include "client/command_private.h"
#include "client/topic.h"

#define WIDTH          79 /* columns of a line */
#define VERB_COLUMN    17 /* where summaries begin */
#define NAME_COLUMN    28 /* where the words about an option begin */
#define EXAMPLE_COLUMN 6  /* where the words about an example begin */
#define CHOICES_WIDTH  40 /* of choices in a usage line */

void help_wrap(struct buf *out, const char *text, size_t at, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " ");
		char word[256];
		size_t w = 0;

		snprintf(word, sizeof(word), "%.*s", (int)n, text);
		w = utf8_columns(word);
		if (!first && at + 1 + w > WIDTH) {
			buf_appendf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_append_char(out, ' ');
			at++;
		}
		buf_append(out, text, n);
		at += w;
		first = false;
		text += n;
		text += strspn(text, " ");
	}
	buf_append_char(out, '\n');
}

void help_entry(struct buf *out, const char *name, size_t column,
		const char *text)
{
	size_t at = 2 + utf8_columns(name);

	buf_appendf(out, "  %s", name);
	if (at + 2 > column) {
		buf_append_char(out, '\n');
		at = 0;
	}
	buf_appendf(out, "%*s", (int)(column - at), "");
	help_wrap(out, text, column, column);
}

/* -- values ---------------------------------------------------------------- */

/* Many choices stand behind the option's words instead: see help_item_text(). */
static bool has_many_choices(const struct command *command,
			     const struct command_item *item)
{
	autobuf words = {0};

	if (item->type == COMMAND_CHOICE)
		command_item_choices(command, item, &words);
	return words.len > CHOICES_WIDTH;
}

static void append_choices(struct buf *out, const struct command *command,
			   const struct command_item *item)
{
	autobuf words = {0};

	if (has_many_choices(command, item)) {
		buf_append_str(out, "WORD");
		return;
	}
	command_item_choices(command, item, &words);
	for (size_t i = 0; i < words.len; i++) {
		char c = (char)buf_bytes(&words)[i];

		buf_append_char(out, c == ' ' ? '|' : c);
	}
}

void help_value(struct buf *out, const struct command *command,
		const struct command_item *item)
{
	switch (item->type) {
	case COMMAND_FLAG:
		break;
	case COMMAND_CHOICE:
		append_choices(out, command, item);
		break;
	case COMMAND_NUMBER:
		buf_append_str(out, "NUMBER");
		break;
	case COMMAND_DURATION:
		buf_append_str(out, "TIME");
		break;
	case COMMAND_DOMAIN:
		buf_append_str(out, "DOMAIN");
		break;
	case COMMAND_METHOD:
		buf_append_str(out, "METHOD");
		break;
	case COMMAND_FILE:
		buf_append_str(out, "FILE");
		break;
	case COMMAND_HOST:
		buf_append_str(out, "NAME");
		break;
	case COMMAND_SHELL:
		buf_append_str(out, "SHELL");
		break;
	case COMMAND_VERB:
	case COMMAND_PARAM:
	case COMMAND_SETTING:
	case COMMAND_SETTING_OR_HOST:
	case COMMAND_SETTING_VALUE:
	case COMMAND_TEXT:
		buf_append_str(out, item->kind == COMMAND_OPTION && item->range
					    ? item->range
					    : item->name);
		break;
	}
}

static void append_argument(struct buf *out, const struct command *command,
			    const struct command_item *item)
{
	buf_append_str(out, item->need == COMMAND_REQUIRED ? " " : " [");
	help_value(out, command, item);
	if (item->need == COMMAND_MANY)
		buf_append_str(out, "...");
	if (item->need != COMMAND_REQUIRED)
		buf_append_char(out, ']');
}

static void append_option(struct buf *out, const struct command *command,
			  const struct command_item *item)
{
	buf_appendf(out, "--%s", item->name);
	if (item->type == COMMAND_FLAG)
		return;
	buf_append_char(out, '=');
	help_value(out, command, item);
}

void help_usage(struct buf *out, const struct command *command)
{
	buf_appendf(out, "virtmux %s", command->verb);
	for (const struct command_item *i = command->items;
	     i->kind != COMMAND_END; i++) {
		if (i->kind == COMMAND_ARGUMENT) {
			append_argument(out, command, i);
			continue;
		}
		buf_append_str(out, " [");
		append_option(out, command, i);
		buf_append_char(out, ']');
	}
	for (const struct command_item *i = command_longs;
	     command_is_long(command) && i->kind != COMMAND_END; i++)
		buf_appendf(out, " [--%s]", i->name);
}

/* -- a verb ---------------------------------------------------------------- */

char *help_item_text(const struct command *command,
		     const struct command_item *item)
{
	autobuf text = {0};

	buf_append_str(&text, command_item_doc(command, item));
	if (has_many_choices(command, item)) {
		buf_append_str(&text, ": ");
		command_item_choices(command, item, &text);
	}
	return buf_steal_str(&text);
}

static void option_entry(struct buf *out, const struct command *command,
			 const struct command_item *item)
{
	autofree char *doc = help_item_text(command, item);
	autobuf name = {0};
	autofree char *text = NULL;

	if (item->letter)
		buf_appendf(&name, "-%c, ", item->letter);
	append_option(&name, command, item);
	text = buf_steal_str(&name);
	if (text && doc)
		help_entry(out, text, NAME_COLUMN, doc);
}

static void argument_entry(struct buf *out, const struct command *command,
			   const struct command_item *item)
{
	autofree char *doc = help_item_text(command, item);
	autobuf name = {0};
	autofree char *text = NULL;

	help_value(&name, command, item);
	text = buf_steal_str(&name);
	if (text && doc)
		help_entry(out, text, NAME_COLUMN, doc);
}

static bool has_items(const struct command *command,
		      enum command_item_kind kind)
{
	for (const struct command_item *i = command->items;
	     i->kind != COMMAND_END; i++)
		if (i->kind == kind)
			return true;
	return false;
}

static void append_examples(struct buf *out, const struct command *command)
{
	const struct command_example *e;

	if (command_example(command, 0))
		buf_append_str(out, "\nExamples:\n");
	for (size_t i = 0; (e = command_example(command, i)) != NULL; i++)
		help_entry(out, e->line, EXAMPLE_COLUMN, e->doc);
}

void help_command(struct buf *out, const struct command *command)
{
	autobuf usage = {0};
	autofree char *line = NULL;

	help_usage(&usage, command);
	line = buf_steal_str(&usage);
	if (!line)
		return;
	buf_append_str(out, "Usage: ");
	help_wrap(out, line, strlen("Usage: "), 2 * strlen("Usage: "));
	buf_append_char(out, '\n');
	help_wrap(out, command_doc(command), 0, 0);
	if (command->alias)
		buf_appendf(out, "Also: virtmux %s\n", command->alias);
	if (command->method)
		buf_appendf(out, "Method: %s\n", command->method);
	if (has_items(command, COMMAND_ARGUMENT))
		buf_append_str(out, "\nArguments:\n");
	for (const struct command_item *i = command->items;
	     i->kind != COMMAND_END; i++)
		if (i->kind == COMMAND_ARGUMENT)
			argument_entry(out, command, i);
	if (has_items(command, COMMAND_OPTION))
		buf_append_str(out, "\nOptions:\n");
	for (const struct command_item *i = command->items;
	     i->kind != COMMAND_END; i++)
		if (i->kind == COMMAND_OPTION)
			option_entry(out, command, i);
	for (const struct command_item *i = command_longs;
	     command_is_long(command) && i->kind != COMMAND_END; i++)
		option_entry(out, command, i);
	append_examples(out, command);
	buf_append_str(out, "\n\"virtmux --help\" tells the options of every "
			    "verb.\n");
}

void help_family(struct buf *out, const char *word)
{
	buf_appendf(out,
		    "Usage: virtmux %s VERB [ARGUMENT...] [OPTION...]\n\n"
		    "Verbs:\n",
		    word);
	for (const struct command *c = command_table; c->verb; c++)
		if (command_in_family(c, word))
			help_entry(out, c->verb, VERB_COLUMN,
				   command_summary(c));
	buf_appendf(out, "\n\"virtmux %s VERB --help\" explains a verb.\n",
		    word);
}

/* -- all verbs ------------------------------------------------------------- */

void help_overview(struct buf *out)
{
	buf_append_str(out,
		       "Usage: virtmux [-H HOST] VERB [ARGUMENT...] [OPTION...]"
		       "\n\nManages virtual machine hosts over one mutually "
		       "authenticated channel.\n\nVerbs:\n");
	for (const struct command *c = command_table; c->verb; c++)
		help_entry(out, c->verb, VERB_COLUMN, command_summary(c));
	buf_append_str(out, "\nOptions of every verb:\n");
	for (const struct command_item *i = command_globals;
	     i->kind != COMMAND_END; i++)
		option_entry(out, NULL, i);
	buf_append_str(out, "\nTopics:\n");
	for (size_t i = 0; topic_at(i); i++)
		help_entry(out, topic_at(i)->name, VERB_COLUMN,
			   topic_at(i)->summary);
	buf_append_str(out, "\n\"virtmux VERB --help\" explains a verb, "
			    "\"virtmux help TOPIC\" a topic.\n");
}
