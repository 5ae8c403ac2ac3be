/*
 * Help and manual name every command and option of the tables, and nothing in
 * them runs over the edge.
 */
#include "pki/help.h"

#include "pki/fixture.h"

static void assert_fits(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		assert_in_range(len, 0, 78);
		assert_false(len > 0 && text[len - 1] == ' ');
		text += len + (text[len] == '\n');
	}
}

static void assert_has(const char *text, const char *before, const char *name)
{
	char wanted[80];

	snprintf(wanted, sizeof(wanted), "%s%s", before, name);
	assert_non_null(strstr(text, wanted));
}

static void test_program(void **state)
{
	autobuf out = {0};
	autofree char *text = NULL;

	help_program(&out);
	text = buf_steal_str(&out);
	for (unsigned i = 0; i < COMMANDS; i++)
		assert_has(text, "\n  ",
			   command_spec((enum command_id)i)->name);
	for (unsigned i = 0; i < ARGUMENTS; i++)
		assert_has(text, "--",
			   argument_spec((enum argument_id)i)->name);
	assert_fits(text);
}

static void test_command(void **state)
{
	autobuf out = {0};
	autofree char *text = NULL;

	help_command(COMMAND_USER, &out);
	text = buf_steal_str(&out);
	assert_has(text, "", "user NAME\n");
	assert_has(text, "", "--passphrase-fd");
	assert_null(strstr(text, "--san"));
	assert_fits(text);
}

static void test_manual(void **state)
{
	autobuf out = {0};
	autofree char *text = NULL;

	help_manual(&out);
	text = buf_steal_str(&out);
	assert_has(text, "", ".TH VIRTMUX\\-PKI 1");
	for (unsigned i = 0; i < COMMANDS; i++)
		assert_has(text, "\n\\fB",
			   command_spec((enum command_id)i)->name);
	assert_has(text, "", "\\-\\-san=NAME");
	assert_has(text, "", "PKCS#8");
}

static void test_help_command(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "help"), 0);
	assert_has(f->out, "", "Commands:");
	assert_int_equal(fixture_run(f, "help host"), 0);
	assert_has(f->out, "", "host NAME");
	assert_int_equal(fixture_run(f, "help hots"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_has(f->err.words, "", "hots");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_manual),
		fixture_test(test_help_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
