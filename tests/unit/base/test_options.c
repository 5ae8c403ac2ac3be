/*
 * Options by a table: each type's notation and range, what unknown names are
 * answered, and targets that stay whole whatever fails.
 */
#include "base/ini.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/alloc_fail.h"

struct target {
	char *listen;
	char *ca;
	bool audit;
	int64_t backlog;
	int64_t window;
	int64_t grace;
	char **methods;
	int64_t identity;
	int64_t tls;
	char *motto;
};

#define ROW(section, name, type, fallback, range, member)                      \
	{                                                                      \
		section, name, OPTION_##type, fallback, range, OPTION_RELOAD,  \
			"doc", offsetof(struct target, member)                 \
	}

static const struct option_spec specs[] = {
	ROW("daemon", "listen", STRING, "[::]:16515", "", listen),
	ROW("daemon", "ca", PATH, NULL, "", ca),
	ROW("daemon", "audit", BOOL, "yes", "", audit),
	ROW("daemon", "backlog", NUMBER, "128", "-1..4096", backlog),
	ROW("limits", "window", BYTES, "64K", "1K..4M", window),
	ROW("limits", "grace", DURATION, "10s", "0..1h", grace),
	ROW("limits", "methods", LIST, "a, b c", "", methods),
	ROW("limits", "identity", CHOICE, "uri", "uri email cn", identity),
	ROW("limits", "tls", CHOICE, NULL, "1.2 1.3", tls),
	ROW("limits", "motto", STRING, NULL, "", motto),
};

#define N array_size(specs)

static int setup(void **state)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t || options_set_defaults(specs, N, t, NULL) < 0)
		return -1;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct target *t = *state;

	options_free(specs, N, t);
	assert_null(t->listen);
	assert_null(t->methods);
	options_free(specs, N, t);
	free(t);
	return 0;
}

static const struct option_spec *spec_of(const char *name)
{
	for (size_t i = 0; i < N; i++)
		if (strcmp(specs[i].name, name) == 0)
			return &specs[i];
	fail_msg("no option %s", name);
	return NULL;
}

static void set(struct target *t, const char *name, const char *value)
{
	autoerror err = {0};

	if (options_set(specs, N, t, spec_of(name)->section, name, value,
			&err) < 0)
		fail_msg("%s", error_words(&err));
}

static void assert_printed(const struct target *t, const char *name,
			   const char *expected)
{
	autobuf out = {0};
	autofree char *text = NULL;

	assert_int_equal(option_print(spec_of(name), t, &out), 0);
	text = buf_steal_str(&out);
	assert_string_equal(text, expected);
}

static void assert_refused(struct target *t, const char *name,
			   const char *value, const char *words)
{
	autoerror err = {0};

	if (options_set(specs, N, t, spec_of(name)->section, name, value,
			&err) == 0)
		fail_msg("%s = %s was taken", name, value);
	assert_int_equal(err.code, ERROR_CONFIG);
	assert_string_equal(error_words(&err), words);
}

static void test_defaults(void **state)
{
	struct target *t = *state;

	assert_string_equal(t->listen, "[::]:16515");
	assert_null(t->ca);
	assert_true(t->audit);
	assert_int_equal(t->backlog, 128);
	assert_int_equal(t->window, 65536);
	assert_int_equal(t->grace, 10000);
	assert_string_equal(t->methods[0], "a");
	assert_string_equal(t->methods[1], "b");
	assert_string_equal(t->methods[2], "c");
	assert_null(t->methods[3]);
	assert_int_equal(t->identity, 0);
	assert_int_equal(t->tls, -1);

	set(t, "motto", "x");
	assert_int_equal(options_set_defaults(specs, N, t, NULL), 0);
	assert_null(t->motto);
}

static void test_strings_and_paths(void **state)
{
	struct target *t = *state;

	set(t, "motto", "");
	assert_string_equal(t->motto, "");
	set(t, "ca", "/etc/ca #1.pem");
	assert_string_equal(t->ca, "/etc/ca #1.pem");
	setenv("HOME", "/home/u", 1);
	set(t, "ca", "~/ca.pem");
	assert_string_equal(t->ca, "/home/u/ca.pem");
	assert_refused(t, "ca", "ca.pem",
		       "\"ca\" must be an absolute path, or begin with \"~/\" "
		       "(and HOME set), not \"ca.pem\"");
	unsetenv("HOME");
	assert_int_equal(options_set(specs, N, t, "daemon", "ca", "~/x", NULL),
			 -1);
	assert_string_equal(t->ca, "/home/u/ca.pem");
}

static void test_bools(void **state)
{
	static const char *const pairs[][2] = {
		{"yes", "no"},
		{"true", "false"},
		{"on", "off"},
		{"1", "0"},
	};
	struct target *t = *state;

	for (size_t i = 0; i < array_size(pairs); i++) {
		set(t, "audit", pairs[i][0]);
		assert_true(t->audit);
		set(t, "audit", pairs[i][1]);
		assert_false(t->audit);
	}
	assert_refused(t, "audit", "maybe",
		       "\"audit\" must be yes or no, not \"maybe\"");
}

static void test_numbers(void **state)
{
	static const char *const malformed[] = {
		"", "x", "12x", " 1", "+1", "-", "--1", "1.5", "0x10", "1K",
	};
	struct target *t = *state;

	set(t, "backlog", "4096");
	assert_int_equal(t->backlog, 4096);
	set(t, "backlog", "-1");
	assert_int_equal(t->backlog, -1);
	assert_refused(t, "backlog", "4097",
		       "\"backlog\" must be within -1..4096, not \"4097\"");
	assert_refused(t, "backlog", "-2",
		       "\"backlog\" must be within -1..4096, not \"-2\"");
	assert_refused(t, "backlog", "99999999999999999999",
		       "\"backlog\" must be a whole number, not "
		       "\"99999999999999999999\"");
	for (size_t i = 0; i < array_size(malformed); i++)
		assert_int_equal(options_set(specs, N, t, "daemon", "backlog",
					     malformed[i], NULL),
				 -1);
	assert_int_equal(t->backlog, -1);
}

static void test_bytes(void **state)
{
	struct target *t = *state;

	set(t, "window", "1024");
	assert_int_equal(t->window, 1024);
	set(t, "window", "3M");
	assert_int_equal(t->window, 3 << 20);
	assert_refused(t, "window", "1G",
		       "\"window\" must be within 1K..4M, not \"1G\"");
	assert_refused(t, "window", "1023",
		       "\"window\" must be within 1K..4M, not \"1023\"");
	assert_refused(t, "window", "-1K",
		       "\"window\" must be a size such as 512, 64K, 16M or 1G, "
		       "not \"-1K\"");
	assert_refused(t, "window", "9223372036854775807T",
		       "\"window\" must be a size such as 512, 64K, 16M or 1G, "
		       "not \"9223372036854775807T\"");
}

static void test_durations(void **state)
{
	struct target *t = *state;

	set(t, "grace", "500ms");
	assert_int_equal(t->grace, 500);
	set(t, "grace", "5m");
	assert_int_equal(t->grace, 300000);
	set(t, "grace", "0");
	assert_int_equal(t->grace, 0);
	assert_refused(t, "grace", "2h",
		       "\"grace\" must be within 0..1h, not \"2h\"");
	assert_refused(t, "grace", "10",
		       "\"grace\" must be a time such as 500ms, 10s, 5m, 2h or "
		       "1d, not \"10\"");
}

static void test_lists(void **state)
{
	struct target *t = *state;

	set(t, "methods", " domain.list,domain.start ,, x ");
	assert_string_equal(t->methods[0], "domain.list");
	assert_string_equal(t->methods[1], "domain.start");
	assert_string_equal(t->methods[2], "x");
	assert_null(t->methods[3]);
	set(t, "methods", "");
	assert_non_null(t->methods);
	assert_null(t->methods[0]);
}

static void test_choices(void **state)
{
	struct target *t = *state;

	set(t, "identity", "cn");
	assert_int_equal(t->identity, 2);
	set(t, "tls", "1.3");
	assert_int_equal(t->tls, 1);
	assert_refused(t, "tls", "1.1",
		       "\"tls\" must be one of: 1.2 1.3, not \"1.1\"");
	assert_refused(t, "tls", "1.",
		       "\"tls\" must be one of: 1.2 1.3, not \"1.\"");
	assert_refused(t, "tls", "",
		       "\"tls\" must be one of: 1.2 1.3, not \"\"");
}

static void test_prints_what_it_reads(void **state)
{
	struct target *t = *state;

	assert_printed(t, "listen", "[::]:16515");
	assert_printed(t, "ca", "");
	assert_printed(t, "audit", "yes");
	assert_printed(t, "backlog", "128");
	assert_printed(t, "window", "64K");
	assert_printed(t, "grace", "10s");
	assert_printed(t, "methods", "a, b, c");
	assert_printed(t, "identity", "uri");
	assert_printed(t, "tls", "");
	set(t, "window", "1025");
	assert_printed(t, "window", "1025");
	set(t, "grace", "90s");
	assert_printed(t, "grace", "90s");
	set(t, "grace", "60m");
	assert_printed(t, "grace", "1h");
	set(t, "grace", "0");
	assert_printed(t, "grace", "0");
	set(t, "tls", "1.3");
	assert_printed(t, "tls", "1.3");
	set(t, "methods", "");
	assert_printed(t, "methods", "");
}

static void assert_unknown(const char *section, const char *key,
			   const char *words)
{
	struct target t = {0};
	autoerror err = {0};

	assert_int_equal(options_set(specs, N, &t, section, key, "1", &err),
			 -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	assert_string_equal(error_words(&err), words);
}

static void test_unknown_names(void **state)
{
	assert_unknown("daemon", "listne",
		       "unknown key \"listne\" in [daemon]; did you mean "
		       "\"listen\"?");
	assert_unknown("daemon", "grace",
		       "unknown key \"grace\" in [daemon]; there are: listen, "
		       "ca, audit, backlog");
	assert_unknown("deamon", "listen",
		       "unknown section [deamon]; did you mean [daemon]?");
	assert_unknown("network", "listen", "unknown section [network]");
	assert_unknown("", "listen",
		       "a key before the first section; put it below [daemon]");
	assert_true(options_has_section(specs, N, "limits"));
	assert_false(options_has_section(specs, N, "limit"));
}

static void assert_nearest(const char *word, const char *expected)
{
	static const char *const names[] = {"list",     "start", "shutdown",
					    "shutdowm", "top",   "domblklist"};
	const char *nearest = nearest_name(word, names, array_size(names));

	if (!expected)
		assert_null(nearest);
	else
		assert_string_equal(nearest, expected);
}

static void test_nearest(void **state)
{
	char word[66];

	assert_nearest("lsit", "list");  /* swapped */
	assert_nearest("lst", "list");   /* left out */
	assert_nearest("listt", "list"); /* too many */
	assert_nearest("lost", "list");  /* replaced */
	assert_nearest("stat", "start");
	assert_nearest("shutdwon", "shutdown");
	assert_nearest("shutdown", "shutdown");
	assert_nearest("shutdow", "shutdown"); /* the first of equals */
	assert_nearest("shutdowm", "shutdowm");
	assert_nearest("domlist", NULL); /* 3 letters short, 2 allowed */
	assert_nearest("reboot", NULL);
	assert_nearest("tp", NULL);
	assert_nearest("", NULL);
	memset(word, 'l', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_nearest(word, NULL);
	assert_null(nearest_name("list", NULL, 0));
}

static int use_all(void *context)
{
	struct target t = {0};
	autoerror err = {0};
	autobuf out = {0};
	int r = options_set_defaults(specs, N, &t, &err);

	if (r == 0)
		r = options_set(specs, N, &t, "daemon", "ca", "/x", &err);
	if (r == 0)
		r = options_set(specs, N, &t, "limits", "methods", "x y", &err);
	if (r == 0)
		r = option_print(spec_of("methods"), &t, &out);
	if (error_is_set(&err))
		assert_int_equal(err.code, ERROR_NO_MEMORY);
	options_free(specs, N, &t);
	return r;
}

static void test_each_allocation_failing(void **state)
{
	assert_int_equal(alloc_fail_each(use_all, NULL), 5);
}

static void test_failure_keeps_the_older_value(void **state)
{
	struct target *t = *state;

	alloc_fail_at(1);
	assert_int_equal(
		options_set(specs, N, t, "daemon", "listen", "x", NULL), -1);
	assert_true(alloc_fail_end());
	assert_string_equal(t->listen, "[::]:16515");
}

#define target_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		target_test(test_defaults),
		target_test(test_strings_and_paths),
		target_test(test_bools),
		target_test(test_numbers),
		target_test(test_bytes),
		target_test(test_durations),
		target_test(test_lists),
		target_test(test_choices),
		target_test(test_prints_what_it_reads),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_each_allocation_failing),
		target_test(test_failure_keeps_the_older_value),
	};

	return cmocka_run_group_tests_name("base/options", tests, NULL, NULL);
}
