/*
 * Which hosts a text means: names, groups, groups in groups, patterns, "@all"; their
 * order; and every way to be wrong, with its words.
 */
#include "client/connect/hosts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "client/connect/config.h"

#define FOLDER "/tmp/virtmux-test-hosts"
#define USER   FOLDER "/user.conf"
#define SYSTEM FOLDER "/system.conf"
#define MOST   8

static const char system_text[] = "[host web-1]\n"
				  "[host old]\n"
				  "[group old]\n"
				  "hosts = old\n";

static const char user_text[] = "[host web-2]\n"
				"[host db]\n"
				"[host web-1]\n"
				"[group web]\n"
				"hosts = web-*, 192.0.2.1:99\n"
				"[group most]\n"
				"hosts = db @web @old db\n"
				"[group none]\n"
				"[group empty]\n"
				"hosts =\n"
				"[group self]\n"
				"hosts = db, @ring\n"
				"[group ring]\n"
				"hosts = @bell\n"
				"[group bell]\n"
				"hosts = web-1 @ring\n"
				"[group lost]\n"
				"hosts = @wbe\n"
				"[group outer]\n"
				"hosts = @lost\n"
				"[group nowhere]\n"
				"hosts = mail-*\n"
				"[group twice]\n"
				"hosts = @web @most @web\n";

static void write_file(const char *path, const char *text)
{
	assert_int_equal(
		file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static struct config *load(const char *user, const char *system)
{
	struct config *config = NULL;
	autoerror err = {0};

	write_file(USER, user);
	write_file(SYSTEM, system);
	if (config_load(&config, USER, SYSTEM, &err) < 0)
		fail_msg("%s", error_words(&err));
	return config;
}

static int setup(void **state)
{
	if (file_make_dirs(FOLDER, 0700, NULL) < 0)
		return -1;
	*state = load(user_text, system_text);
	return 0;
}

static int teardown(void **state)
{
	config_free(*state);
	unlink(USER);
	unlink(SYSTEM);
	return rmdir(FOLDER);
}

/* That TEXT means the hosts WANTED, "a b c". */
static void assert_found(const struct config *config, const char *text,
			 const char *wanted)
{
	autohosts hosts = {0};
	autobuf all = {0};
	autoerror err = {0};
	autofree char *found = NULL;

	if (hosts_find(&hosts, config, text, MOST, &err) < 0)
		fail_msg("%s: %s", text, error_words(&err));
	for (size_t i = 0; i < hosts.count; i++)
		buf_appendf(&all, "%s%s", i ? " " : "", hosts.names[i]);
	found = buf_steal_str(&all);
	assert_string_equal(found, wanted);
}

static void assert_wrong(const struct config *config, const char *text,
			 enum error_code code, const char *words)
{
	autohosts hosts = {0};
	autoerror err = {0};

	assert_int_equal(hosts_find(&hosts, config, text, MOST, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(error_words(&err), words))
		fail_msg("%s: \"%s\" lacks \"%s\"", text, error_words(&err),
			 words);
}

static void test_names(void **state)
{
	assert_found(*state, "db", "db");
	assert_found(*state, " db , x.example:1 ,db", "db x.example:1");
	assert_found(*state, "[::1]:99,db", "[::1]:99 db");
}

static void test_patterns(void **state)
{
	/* In the files' order, whichever file it is. */
	assert_found(*state, "*", "web-1 old web-2 db");
	assert_found(*state, "web-?", "web-1 web-2");
	assert_found(*state, "web-[2-9],w*", "web-2 web-1");
	assert_found(*state, "?[bl]?", "old");
}

static void test_groups(void **state)
{
	assert_found(*state, "@web", "web-1 web-2 192.0.2.1:99");
	assert_found(*state, "@most", "db web-1 web-2 192.0.2.1:99 old");
	assert_found(*state, "@twice", "web-1 web-2 192.0.2.1:99 db old");
	assert_found(*state, "old,@most", "old db web-1 web-2 192.0.2.1:99");
	assert_found(*state, "@all", "web-1 old web-2 db");
}

static void test_a_group_called_all(void **state)
{
	autoptr(config) config =
		load("[host a]\n[host b]\n[group all]\nhosts = b\n", "");

	assert_found(config, "@all", "b");
	assert_found(config, "*", "a b");
}

static void test_faults(void **state)
{
	assert_wrong(*state, "", ERROR_USAGE, "an empty name");
	assert_wrong(*state, "db,,db", ERROR_USAGE, "an empty name");
	assert_wrong(*state, "mail-*", ERROR_USAGE,
		     "'mail-*' matches none of the 4 configured hosts");
	assert_wrong(*state, "web-[", ERROR_CONFIG, "'web-[': ");
	assert_wrong(*state, "@wbe", ERROR_CONFIG, "did you mean '@web'?");
	assert_wrong(*state, "@alll", ERROR_CONFIG, "did you mean '@all'?");
	assert_wrong(*state, "@", ERROR_CONFIG, "no group ''");
	assert_wrong(*state, "@something", ERROR_CONFIG,
		     "add a section [group something] with hosts = NAME, NAME "
		     "to " USER);
	assert_wrong(*state, "a,b,c,d,e,f,g,h,i", ERROR_USAGE,
		     "more than 8 hosts at once");
}

static void test_faults_of_groups(void **state)
{
	assert_wrong(*state, "@none", ERROR_CONFIG,
		     USER ":8: [group none]: there are no hosts in it");
	assert_wrong(*state, "@empty", ERROR_CONFIG,
		     USER ":9: [group empty]: there are no hosts in it");
	/* The ring without the way that leads to it. */
	assert_wrong(*state, "@self", ERROR_CONFIG,
		     USER ":13: [group ring] holds itself: @ring has @bell has "
			  "@ring.");
	assert_wrong(*state, "@ring", ERROR_CONFIG,
		     "[group ring] holds itself");
	assert_wrong(*state, "@outer", ERROR_CONFIG,
		     USER ":17: [group lost]: no group 'wbe' is configured; "
			  "did you mean '@web'?");
	assert_wrong(*state, "@nowhere", ERROR_USAGE,
		     USER ":21: [group nowhere]: 'mail-*' matches none");
}

static void test_no_host_at_all(void **state)
{
	autoptr(config) config = load("[group all]\nhosts = a\n", "");

	assert_wrong(config, "*", ERROR_CONFIG, "\"virtmux host add\"");
	assert_found(config, "@all", "a");
}

/* Each group has the one before twice: 2^64 ways, each group gone once. */
static void test_many_ways_cost_nothing(void **state)
{
	autoptr(config) config = NULL;
	autobuf text = {0};
	autofree char *file = NULL;

	buf_append_str(&text, "[host a]\n[group g0]\nhosts = a\n");
	for (int i = 1; i <= 64; i++)
		buf_appendf(&text, "[group g%d]\nhosts = @g%d @g%d\n", i, i - 1,
			    i - 1);
	file = buf_steal_str(&text);
	config = load(file, "");
	assert_found(config, "@g64", "a");
}

static void test_several(void **state)
{
	static const char *const several[] = {
		"a,b", "@web", "*", "web-?", "w[ab]", "[ab]", "[::1],a"};
	static const char *const one[] = {"a",           "web-1",       "[::1]",
					  "[::1]:16515", "x.example:1", ""};

	for (size_t i = 0; i < array_size(several); i++)
		assert_true(hosts_are_several(several[i]));
	for (size_t i = 0; i < array_size(one); i++)
		assert_false(hosts_are_several(one[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_a_group_called_all),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_faults_of_groups),
		cmocka_unit_test(test_no_host_at_all),
		cmocka_unit_test(test_many_ways_cost_nothing),
		cmocka_unit_test(test_several),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
