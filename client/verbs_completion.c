/*
 * The verb `completion`, which prints a shell's file, and what those files call:
 * `virtmux __complete`, which no table has, since nobody types it. Its output is a
 * line "files" or "words", then one candidate a line:
 *     bash   as it goes into the line, quoted as what stands there is, behind the
 *            last of bash's word breaks; a blank at its end where the word is whole
 *     others "WORD<tab>NOTE", or "WORD<tab><tab>NOTE" where the word goes on
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/complete.h"
#include "client/line.h"
#include "client/output.h"
#include "client/shells.h"
#include "client/verbs.h"

int verb_completion(struct command_call *call, struct error *err)
{
	const char *name = call_argument(call, 0);
	const char *file = shells_file(name);

	if (!file)
		return error_set(err, ERROR_USAGE,
				 "there is no completion for '%s', but for "
				 "bash, zsh and fish",
				 name);
	fputs(file, output_file(call_output(call)));
	return 0;
}

/* -- for the shells -------------------------------------------------------- */

static void print_candidates(const struct candidates *c)
{
	puts(c->files ? "files" : "words");
	for (size_t i = 0; i < c->n; i++)
		printf("%s\t%s%s\n", c->list[i].text,
		       c->list[i].open ? "\t" : "",
		       c->list[i].note ? c->list[i].note : "");
}

/* In bash's line, where the word that it replaces begins behind the first AT bytes. */
static void print_bash(const struct candidate *c, char quote, size_t at)
{
	autobuf text = {0};
	autofree char *s = NULL;

	if (strlen(c->text) < at)
		return;
	line_quote(&text, c->text + at, quote);
	/* the editor closes a quote itself */
	if (!c->open && (!quote || quote == '\\'))
		buf_append_char(&text, ' ');
	s = buf_steal_str(&text);
	if (s)
		puts(s);
}

static bool is_assignment(const char *word)
{
	size_t name = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789_");

	return name > 0 && word[name] == '=';
}

/* The words of LINE behind the command's name, the last of which may be empty. */
static size_t find_words(const struct line *line, const char **words)
{
	size_t first = 0;
	size_t n = 0;

	while (first < line->n && is_assignment(line->words[first]))
		first++;
	for (size_t i = first + 1; i < line->n; i++)
		words[n++] = line->words[i];
	if (line->between)
		words[n++] = "";
	return n;
}

static int complete_bash(const char *text, const char *breaks)
{
	autoline line = {0};
	autocandidates found = {0};
	autofree const char **words = NULL;
	size_t at = 0;

	if (line_split(&line, text, breaks, NULL) < 0)
		return 1;
	words = calloc(line.n + 2, sizeof(*words));
	if (!words)
		return 1;
	complete_words(&found, words, find_words(&line, words));
	if (!line.between)
		at = line.quote && line.quote != '\\' ? line.quoted_at
						      : line.broken_at;
	puts(found.files ? "files" : "words");
	for (size_t i = 0; i < found.n; i++)
		print_bash(&found.list[i], line.quote, at);
	return 0;
}

int complete_main(const char *const *words, size_t n)
{
	autocandidates found = {0};

	if (n == 3 && strcmp(words[0], "bash") == 0)
		return complete_bash(words[1], words[2]);
	if (n < 2)
		return 2;
	complete_words(&found, words + 1, n - 1);
	print_candidates(&found);
	return 0;
}
