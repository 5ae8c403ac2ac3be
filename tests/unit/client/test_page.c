/*
 * client/page.c: the same words as roff and for the terminal.
 */
#include "client/page.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/cleanup.h"

static void check(struct buf *out, const char *wanted)
{
	autofree char *s = buf_steal_str(out);

	assert_non_null(s);
	assert_string_equal(s, wanted);
}

static void test_terminal(void **state)
{
	autobuf out = {0};
	const struct page page = {.out = &out};

	(void)state;
	page_heading(&page, "TITLE");
	page_words(&page, "Give `-H a` or .x");
	page_entry(&page, "0", "`done`");
	page_code(&page, "a `b`\n");
	check(&out, "TITLE\n\nGive -H a or .x\n  0     done\n\n    a `b`\n");
}

static void test_roff(void **state)
{
	autobuf out = {0};
	const struct page page = {.out = &out, .roff = true};

	(void)state;
	page_heading(&page, "TITLE");
	page_words(&page, "Give `-H 'a'` or .x's.  Then\\go");
	page_words(&page, ".TH 'x");
	page_entry(&page, "-x 'y'", "words");
	page_code(&page, ".a\n'b ~^`\n");
	check(&out, ".SH TITLE\nGive \\fB\\-H \\&\\(aqa\\(aq\\fP or \\&.x's.\n"
		    "Then\\ego\n.PP\n\\&.TH \\&'x\n"
		    ".TP\n\\fB\\-x \\(aqy\\(aq\\fP\nwords\n"
		    ".PP\n.nf\n\\&.a\n\\(aqb \\(ti\\(ha\\(ga\n.fi\n");
}

/* Lines are short, and none begins as a request would. */
static void test_long_words(void **state)
{
	autobuf text = {0};
	autobuf out = {0};
	autofree char *words = NULL;
	autofree char *roff = NULL;
	char *rest = NULL;

	(void)state;
	for (int i = 0; i < 200; i++)
		buf_append_str(&text, i % 3 ? ".word " : "'it-self' ");
	words = buf_steal_str(&text);
	page_roff_words(&out, words);
	roff = buf_steal_str(&out);
	for (char *line = strtok_r(roff, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		assert_true(strlen(line) <= PAGE_ROFF_LINE);
		assert_int_equal(line[0], '\\');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_roff),
		cmocka_unit_test(test_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
