/*
 * The rows of topics.def, and what in them a table of another room tells (topic.h).
 */
#include "client/topic.h"

#include <string.h>

#include "client/command_private.h"
#include "client/connect/config.h"
#include "client/connect/profile.h"

/* -- what tables tell ------------------------------------------------------ */

static void configuration_keys(const struct page *page)
{
	for (size_t i = 0; i < profile_options_count; i++) {
		const struct option_spec *o = &profile_options[i];
		autobuf words = {0};
		autofree char *text = NULL;

		buf_append_str(&words, o->doc);
		if (o->range[0])
			buf_appendf(&words, " Range: %s.", o->range);
		if (o->fallback)
			buf_appendf(&words, " Default: %s.", o->fallback);
		text = buf_steal_str(&words);
		if (text)
			page_entry(page, o->name, text);
	}
}

static void hosts_alone(const struct page *page)
{
	for (const struct command *c = command_table; c->verb; c++)
		if (command_alone(c))
			page_entry(page, c->verb, command_alone(c));
}

/* doc/examples/login.sh, which tests/integration/test_script.py runs. */
static void script_lines(const struct page *page)
{
	static const char script[] =
#include "client/manual_script.h"
		;

	page_code(page, script);
}

/* -- the rows -------------------------------------------------------------- */

enum place {
#define TOPIC(id, name, title, summary) PLACE_##id,
#define WORDS(id, words)
#define ENTRY(id, tag, words)
#define CODE(id, lines)
#define MADE(id, function)
#include "client/topics.def"
	TOPICS
};

static const struct topic topics[] = {
#define TOPIC(id, name, title, summary) {name, title, summary},
#define WORDS(id, words)
#define ENTRY(id, tag, words)
#define CODE(id, lines)
#define MADE(id, function)
#include "client/topics.def"
};

/* One of the four is set; an entry has words as well. */
struct part {
	enum place place;
	const char *tag;
	const char *words;
	const char *code;
	void (*made)(const struct page *page);
};

static const struct part parts[] = {
#define TOPIC(id, name, title, summary)
#define WORDS(id, text)       {PLACE_##id, .words = text},
#define ENTRY(id, name, text) {PLACE_##id, .tag = name, .words = text},
#define CODE(id, lines)       {PLACE_##id, .code = lines},
#define MADE(id, function)    {PLACE_##id, .made = function},
#include "client/topics.def"
};

const struct topic *topic_at(size_t i)
{
	return i < TOPICS ? &topics[i] : NULL;
}

const struct topic *topic_find(const char *name)
{
	for (size_t i = 0; i < TOPICS; i++)
		if (strcmp(topics[i].name, name) == 0)
			return &topics[i];
	return NULL;
}

void topic_print(const struct page *page, const struct topic *topic)
{
	page_heading(page, topic->title);
	for (size_t i = 0; i < array_size(parts); i++) {
		const struct part *p = &parts[i];

		if (&topics[p->place] != topic)
			continue;
		if (p->made)
			p->made(page);
		else if (p->code)
			page_code(page, p->code);
		else if (p->tag)
			page_entry(page, p->tag, p->words);
		else
			page_words(page, p->words);
	}
}
