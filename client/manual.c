/*
 * The manual pages as man(7) source, from the tables: virtmux(1) with all verbs, the
 * options of every verb, the topics and the methods (common/api), and a page for each
 * verb, virtmux-list(1).
 */
#include <string.h>

#include "api/describe.h"
#include "client/command_private.h"
#include "client/topic.h"

#define SEE_ALSO_MAX 12 /* neighbours that a verb's page names */

/* -- verbs ----------------------------------------------------------------- */

static void item(struct buf *out, const struct command *command,
		 const struct command_item *i)
{
	autobuf value = {0};
	autofree char *words = help_item_text(command, i);
	autofree char *shown = NULL;

	help_value(&value, command, i);
	shown = buf_steal_str(&value);
	buf_append_str(out, ".TP\n");
	if (i->kind == COMMAND_ARGUMENT) {
		buf_append_str(out, "\\fI");
		page_roff(out, shown ? shown : "");
		buf_append_str(out, "\\fP");
	} else {
		buf_append_str(out, "\\fB");
		if (i->letter)
			buf_appendf(out, "\\-%c, ", i->letter);
		buf_append_str(out, "\\-\\-");
		page_roff(out, i->name);
		buf_append_str(out, "\\fP");
		if (shown && shown[0]) {
			buf_append_str(out, "=\\fI");
			page_roff(out, shown);
			buf_append_str(out, "\\fP");
		}
	}
	buf_append_char(out, '\n');
	page_roff_words(out, words ? words : "");
}

static void items(struct buf *out, const struct command *command,
		  enum command_item_kind kind)
{
	for (const struct command_item *i = command->items;
	     i->kind != COMMAND_END; i++)
		if (i->kind == kind)
			item(out, command, i);
	if (kind != COMMAND_OPTION || !command_is_long(command))
		return;
	for (const struct command_item *i = command_longs;
	     i->kind != COMMAND_END; i++)
		item(out, command, i);
}

static void examples(const struct page *page, const struct command *command)
{
	const struct command_example *e;

	for (size_t i = 0; (e = command_example(command, i)) != NULL; i++)
		page_entry(page, e->line, e->doc);
}

static char *usage_of(const struct command *command)
{
	autobuf usage = {0};

	help_usage(&usage, command);
	return buf_steal_str(&usage);
}

static void alias(struct buf *out, const struct command *command)
{
	if (!command->alias)
		return;
	buf_append_str(out, "Another spelling is\n.BR \"");
	page_roff(out, command->alias);
	buf_append_str(out, "\" .\n");
}

static void verb(const struct page *page, const struct command *command)
{
	struct buf *out = page->out;
	autofree char *usage = usage_of(command);

	buf_append_str(out, ".SS ");
	page_roff(out, usage ? usage : command->verb);
	buf_append_char(out, '\n');
	page_roff_words(out, command_doc(command));
	alias(out, command);
	items(out, command, COMMAND_ARGUMENT);
	items(out, command, COMMAND_OPTION);
	if (command_example(command, 0))
		buf_append_str(out, ".PP\nExamples:\n");
	examples(page, command);
}

/* -- virtmux(1) ------------------------------------------------------------ */

/* Name and section in capitals, as .TH wants them. */
static void title(struct buf *out, const char *name)
{
	buf_append_str(out, ".TH ");
	for (; *name; name++)
		buf_append_char(out, *name >= 'a' && *name <= 'z'
					     ? (char)(*name - 'a' + 'A')
					     : *name);
	buf_append_str(out, " 1 " VIRTMUX_DATE " \"virtmux " VIRTMUX_VERSION
			    "\" \"virtmux\"\n");
}

static void begin_manual(const struct page *page)
{
	title(page->out, "virtmux");
	buf_append_str(
		page->out,
		".SH NAME\nvirtmux \\- manage virtual machine hosts over one "
		"channel\n"
		".SH SYNOPSIS\n.B virtmux\n[\\fB\\-H\\fP \\fIHOST\\fP] "
		"\\fIVERB\\fP [\\fIARGUMENT\\fP...] [\\fIOPTION\\fP...]\n");
	page_heading(page, "DESCRIPTION");
	page_words(page,
		   "Drives the agent `virtmuxd`(8) on a virtual machine host "
		   "over one mutually authenticated TLS channel, with the "
		   "user's own certificate and key.");
	page_words(
		page,
		"Each verb has a page of its own, such as `virtmux-list`(1), "
		"and `virtmux VERB --help`. The sections behind the options "
		"are shown by `virtmux help TOPIC`, too:");
	for (size_t i = 0; topic_at(i); i++)
		page_entry(page, topic_at(i)->name, topic_at(i)->summary);
}

void help_manual(struct buf *out)
{
	const struct page page = {.out = out, .roff = true};

	begin_manual(&page);
	page_heading(&page, "VERBS");
	for (const struct command *c = command_table; c->verb; c++)
		verb(&page, c);
	page_heading(&page, "OPTIONS");
	page_words(&page, "Every verb takes these, before it or behind it.");
	for (const struct command_item *i = command_globals;
	     i->kind != COMMAND_END; i++)
		item(out, NULL, i);
	for (size_t i = 0; topic_at(i); i++)
		topic_print(&page, topic_at(i));
	describe_roff(out);
	buf_append_str(out, ".SH SEE ALSO\n.BR virtmuxd (8),\n"
			    ".BR virtmux\\-pki (1)\n");
}

/* -- virtmux-VERB(1) ------------------------------------------------------- */

char *help_manual_name(const struct command *command)
{
	autobuf name = {0};

	buf_appendf(&name, "virtmux-%s", command->verb);
	for (size_t i = 0; i < name.len; i++)
		if (buf_bytes(&name)[i] == ' ')
			buf_bytes(&name)[i] = '-';
	return buf_steal_str(&name);
}

/* Those that stand in the same part of the table: of the same first word or method. */
static bool is_neighbour(const struct command *a, const struct command *b)
{
	size_t n = strcspn(a->verb, " -");
	const char *dot = a->method ? strchr(a->method, '.') : NULL;

	if (a == b)
		return false;
	if (a->verb[n] && strncmp(a->verb, b->verb, n + 1) == 0)
		return true;
	return dot && b->method &&
	       strncmp(a->method, b->method, (size_t)(dot + 1 - a->method)) ==
		       0;
}

static void see_also(struct buf *out, const struct command *command)
{
	unsigned n = 0;

	buf_append_str(out, ".SH SEE ALSO\n.BR virtmux (1)");
	for (const struct command *c = command_table;
	     c->verb && n < SEE_ALSO_MAX; c++) {
		autofree char *name = NULL;

		if (!is_neighbour(command, c))
			continue;
		name = help_manual_name(c);
		buf_append_str(out, ",\n.BR ");
		page_roff(out, name ? name : "");
		buf_append_str(out, " (1)");
		n++;
	}
	buf_append_char(out, '\n');
}

static void json_section(const struct page *page, const struct command *command)
{
	const struct command_raw *raw = NULL;
	autobuf words = {0};
	autofree char *text = NULL;

	page_heading(page, "JSON");
	if (command_no_json(command))
		buf_appendf(&words, "There is no `--json`, since %s.",
			    command_no_json(command));
	else
		buf_appendf(&words,
			    "What `--json` prints is told by `virtmux schema "
			    "%s`; an error is then one line of JSON on "
			    "standard error, as virtmux(1) says under FORMATS.",
			    command->verb);
	for (size_t i = 0; (raw = command_raw(command, i)); i++)
		buf_appendf(&words, " There is none with `--%s%s%s`, since %s.",
			    raw->option, raw->value ? " " : "",
			    raw->value ? raw->value : "", raw->reason);
	text = buf_steal_str(&words);
	if (text)
		page_words(page, text);
}

static void verb_description(const struct page *page,
			     const struct command *command)
{
	page_heading(page, "DESCRIPTION");
	page_words(page, command_doc(command));
	alias(page->out, command);
	if (command_alone(command)) {
		autobuf words = {0};
		autofree char *text = NULL;

		buf_appendf(&words, "It runs on one host at a time, since %s.",
			    command_alone(command));
		text = buf_steal_str(&words);
		if (text)
			page_words(page, text);
	}
}

void help_manual_verb(struct buf *out, const struct command *command)
{
	const struct page page = {.out = out, .roff = true};
	autofree char *name = help_manual_name(command);
	autofree char *usage = usage_of(command);

	if (!name || !usage)
		return;
	title(out, name);
	buf_append_str(out, ".SH NAME\n");
	page_roff(out, name);
	buf_append_str(out, " \\- ");
	page_roff(out, command_summary(command));
	/* no word of it is to be broken */
	buf_append_str(out, "\n.SH SYNOPSIS\n.nh\n.ad l\n");
	page_roff_words(out, usage);
	buf_append_str(out, ".ad b\n.hy\n");
	verb_description(&page, command);
	page_heading(&page, "OPTIONS");
	items(out, command, COMMAND_ARGUMENT);
	items(out, command, COMMAND_OPTION);
	page_words(&page, "Those that every verb takes are in virtmux(1): the "
			  "host by `-H`, formats, time limits.");
	if (command_example(command, 0))
		page_heading(&page, "EXAMPLES");
	examples(&page, command);
	json_section(&page, command);
	topic_print(&page, topic_find("exit-status"));
	see_also(out, command);
}
