/*
 * What may stand where a line ends, by the tables alone: verbs, options, choices,
 * settings, hosts and topics; odd and long words; each candidate once.
 */
#include "client/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"

#define WORDS_MAX  128
#define LONG_BYTES 100000

static const char config_text[] =
	"[host one]\naddress = 192.0.2.1\n[host two]\naddress = 192.0.2.2\n"
	"[group both]\nhosts = one, two\n";

struct files {
	char folder[64];
	char config[80];
};

static int setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));
	FILE *file;

	snprintf(f->folder, sizeof(f->folder), "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->config, sizeof(f->config), "%s/config", f->folder);
	file = fopen(f->config, "w");
	assert_non_null(file);
	fputs(config_text, file);
	fclose(file);
	setenv("VIRTMUX_CONFIG", f->config, 1);
	setenv("XDG_RUNTIME_DIR", f->folder, 1);
	unsetenv("VIRTMUX_HOST");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;

	unlink(f->config);
	rmdir(f->folder);
	free(f);
	return 0;
}

/* For the N words of a list that ends with NULL. */
static void complete(struct candidates *found, const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	complete_words(found, words, n);
}

/* The candidates of WORDS are these, with blanks between; "…" is any more of them. */
static void check(const char *const *words, const char *expected)
{
	autocandidates found = {0};
	autobuf text = {0};
	autofree char *s = NULL;
	size_t len = strlen(expected);
	bool more = len >= 3 && strcmp(expected + len - 3, "…") == 0;

	complete(&found, words);
	for (size_t i = 0; i < found.n; i++)
		buf_appendf(&text, "%s%s", i ? " " : "", found.list[i].text);
	s = buf_steal_str(&text);
	if (more ? strncmp(s, expected, len - 3) != 0
		 : strcmp(s, expected) != 0)
		fail_msg("got: %s\nnot: %s", s, expected);
}

#define CHECK(expected, ...)                                                   \
	check((const char *const[]){__VA_ARGS__, NULL}, expected)

static void test_verbs(void **state)
{
	autocandidates none = {0};

	CHECK("dumpxml", "dumpx");
	CHECK("", "no-such-ver");
	CHECK("", "no-such-verb", "");
	CHECK("set unset address server-name…", "config", "");
	CHECK("add", "host", "ad");
	complete_words(&none, NULL, 0); /* no word at all is an empty one */
	assert_true(none.n > 100);
}

static void test_once(void **state)
{
	autocandidates found = {0};

	complete(&found, (const char *const[]){"", NULL});
	for (size_t i = 0; i < found.n; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(found.list[i].text,
						found.list[k].text);
}

static void test_options(void **state)
{
	autocandidates found = {0};

	CHECK("--force-boot", "start", "--force-b");
	CHECK("--format=table --format=json --format=jsonl --format=csv",
	      "--format=");
	CHECK("-fcsv", "list", "-fc");
	CHECK("json jsonl", "-f", "j");
	CHECK("", "list", "--no-such=");
	CHECK("", "start", "--", "--force");
	CHECK("--host= --address=…", "-");
	complete(&found, (const char *const[]){"list", "--tim", NULL});
	assert_int_equal(found.n, 1);
	assert_true(found.list[0].open);
	assert_string_equal(found.list[0].text, "--timeout=");
	assert_non_null(found.list[0].note);
}

static void test_settings(void **state)
{
	CHECK("persist", "config", "set", "pers");
	CHECK("yes no", "config", "set", "session", "");
	CHECK("1.2 1.3", "config", "set", "tls-min", "");
	CHECK("one two", "config", "set", "host", "");
	CHECK("", "config", "set", "bogus", "");
	CHECK("layout", "config", "unset", "lay");
	/* --key is another matter than the key that is set */
	CHECK("yes no", "--key", "x", "config", "set", "session", "");
}

static void test_hosts(void **state)
{
	CHECK("one two @all @both", "-H", "");
	CHECK("@all @both", "-H", "@");
	CHECK("one,two one,@all one,@both", "-H", "one,");
	CHECK("@both,one @both,two @both,@all", "--host", "@both,");
	CHECK("--host=two,one", "--host=two,o");
	CHECK("", "-H", "one,two,t");
	CHECK("on,one on,two on,@all on,@both", "-H", "on,");
	CHECK(",,one ,,two ,,@all ,,@both", "-H", ",,");
	CHECK("one two", "doctor", "");
	setenv("VIRTMUX_CONFIG", "/no/such/file", 1);
	CHECK("", "-H", "");
	setenv("VIRTMUX_CONFIG", ((struct files *)*state)->config, 1);
}

static void test_files(void **state)
{
	autocandidates one = {0};
	autocandidates two = {0};

	complete(&one, (const char *const[]){"define", "", NULL});
	assert_true(one.files);
	assert_int_equal(one.files_at, 0);
	complete(&two, (const char *const[]){"--ca=/et", NULL});
	assert_true(two.files);
	assert_int_equal(two.files_at, strlen("--ca="));
}

static void test_help(void **state)
{
	CHECK("exit-status", "help", "exit-");
	CHECK("add", "help", "host", "ad");
	CHECK("bash zsh fish", "completion", "");
	CHECK("domain.info", "call", "domain.inf");
	CHECK("active=true active=false", "call", "domain.list", "active=");
	CHECK("", "call", "no.such", "a");
}

/* Words as a shell may give them; nothing is found, and nothing else happens. */
static void test_odd_words(void **state)
{
	autofree char *text = malloc(LONG_BYTES);
	const char *many[WORDS_MAX];

	assert_non_null(text);
	memset(text, 'a', LONG_BYTES - 1);
	text[LONG_BYTES - 1] = '\0';
	CHECK("", text);
	CHECK("", "list", text);
	CHECK("", text, text);
	memcpy(text, "--", 2);
	CHECK("", text);
	CHECK("", "stärt", "");
	CHECK("", "\"list");
	CHECK("", "\xff\xc3");
	CHECK("", "=");
	CHECK("", "--=");
	CHECK("", "-\x01");
	CHECK("", "call", "=", "=");
	for (size_t i = 0; i + 1 < WORDS_MAX; i++)
		many[i] = "-q";
	many[WORDS_MAX - 2] = "dumpx";
	many[WORDS_MAX - 1] = NULL;
	check(many, "dumpxml");
	for (size_t i = 0; i + 2 < WORDS_MAX; i++)
		many[i] = i ? "-f" : "list";
	many[WORDS_MAX - 2] = "js";
	check(many, "json jsonl");
}

static void test_candidates(void **state)
{
	autocandidates c = {0};

	candidates_add(&c, "a\tb", "fine", true);
	candidates_add(&c, "", "not \x1b fine", false);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.list[0].note, "fine");
	assert_true(c.list[0].open);
	assert_null(c.list[1].note);
	candidates_clear(&c);
	assert_int_equal(c.n, 0);
	assert_null(c.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_odd_words),
		cmocka_unit_test(test_candidates),
	};

	return cmocka_run_group_tests_name("client/complete", tests, setup,
					   teardown);
}
