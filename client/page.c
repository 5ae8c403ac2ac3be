/*
 * The two forms of a text (page.h). What roff reads as its own is escaped here and
 * nowhere else in the client.
 */
#include "client/page.h"

#include <string.h>

#include "client/command_private.h"

#define ENTRY_COLUMN 8 /* where the words under a tag begin */

/* -- roff ------------------------------------------------------------------ */

/* COPIED: somebody may type it, so that each mark must be the keyboard's. */
static void roff_char(struct buf *out, char c, bool copied)
{
	if (c == '\\')
		buf_append_str(out, "\\e");
	else if (c == '-')
		buf_append_str(out, "\\-");
	else if (copied && c == '\'')
		buf_append_str(out, "\\(aq");
	else if (copied && c == '~')
		buf_append_str(out, "\\(ti");
	else if (copied && c == '^')
		buf_append_str(out, "\\(ha");
	else if (copied && c == '`')
		buf_append_str(out, "\\(ga");
	else
		buf_append_char(out, c);
}

void page_roff(struct buf *out, const char *text)
{
	bool begin = true;

	for (; *text; text++) {
		if (begin && *text == '.')
			buf_append_str(out, "\\&");
		begin = *text == '\n';
		roff_char(out, *text, true);
	}
}

/* The first LEN bytes of a word; *BOLD: whether a mark is open. */
static void roff_word(struct buf *out, const char *word, size_t len, bool *bold)
{
	if (word[0] == '.' || word[0] == '\'')
		buf_append_str(out, "\\&");
	for (size_t i = 0; i < len; i++) {
		if (word[i] != '`') {
			roff_char(out, word[i], *bold);
			continue;
		}
		*bold = !*bold;
		buf_append_str(out, *bold ? "\\fB" : "\\fP");
	}
}

/* Whether a sentence ends with it: the next begins a line, as roff wants it. */
static bool ends_sentence(const char *word, size_t len)
{
	while (len > 0 && strchr(")\"`", word[len - 1]))
		len--;
	return len > 0 && strchr(".?!:", word[len - 1]);
}

void page_roff_words(struct buf *out, const char *words)
{
	size_t begun = out->len; /* of the line */
	bool bold = false;

	for (words += strspn(words, " \n"); *words;) {
		size_t len = strcspn(words, " \n");
		bool fresh = out->len == begun;
		autobuf word = {0};

		roff_word(&word, words, len, &bold);
		if (!fresh &&
		    out->len - begun + 1 + word.len > PAGE_ROFF_LINE) {
			buf_append_char(out, '\n');
			begun = out->len;
			fresh = true;
		}
		if (!fresh)
			buf_append_char(out, ' ');
		buf_append(out, buf_bytes(&word), word.len);
		if (ends_sentence(words, len) && words[len]) {
			buf_append_char(out, '\n');
			begun = out->len;
		}
		words += len + strspn(words + len, " \n");
	}
	if (out->len > begun)
		buf_append_char(out, '\n');
}

/* -- the terminal ---------------------------------------------------------- */

/* WORDS without marks, to free(). */
static char *bare(const char *words)
{
	autobuf out = {0};

	for (; *words; words++)
		if (*words != '`')
			buf_append_char(&out, *words);
	return buf_steal_str(&out);
}

/* A blank line between two paragraphs. */
static void gap(struct buf *out)
{
	if (out->len > 0)
		buf_append_char(out, '\n');
}

/* -- both ------------------------------------------------------------------ */

void page_heading(const struct page *page, const char *title)
{
	if (!page->roff)
		gap(page->out);
	buf_appendf(page->out, page->roff ? ".SH %s\n" : "%s\n", title);
}

static bool follows_heading(const struct buf *out)
{
	const char *text = (const char *)buf_bytes(out);
	size_t at = out->len;

	while (at > 1 && text[at - 2] != '\n')
		at--;
	return at > 0 && out->len - at > 4 &&
	       strncmp(text + at - 1, ".SH ", 4) == 0;
}

void page_words(const struct page *page, const char *words)
{
	autofree char *text = page->roff ? NULL : bare(words);

	if (page->roff) {
		if (!follows_heading(page->out))
			buf_append_str(page->out, ".PP\n");
		page_roff_words(page->out, words);
	} else if (text) {
		gap(page->out);
		help_wrap(page->out, text, 0, 0);
	}
}

void page_entry(const struct page *page, const char *tag, const char *words)
{
	autofree char *text = page->roff ? NULL : bare(words);

	if (page->roff) {
		buf_append_str(page->out, ".TP\n\\fB");
		page_roff(page->out, tag);
		buf_append_str(page->out, "\\fP\n");
		page_roff_words(page->out, words);
	} else if (text) {
		help_entry(page->out, tag, ENTRY_COLUMN, text);
	}
}

void page_code(const struct page *page, const char *lines)
{
	if (page->roff) {
		buf_append_str(page->out, ".PP\n.nf\n");
		page_roff(page->out, lines);
		buf_append_str(page->out, ".fi\n");
		return;
	}
	gap(page->out);
	for (size_t len; *lines; lines += len) {
		len = strcspn(lines, "\n");
		buf_appendf(page->out, "    %.*s\n", (int)len, lines);
		len += lines[len] == '\n';
	}
}
