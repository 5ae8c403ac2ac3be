/*
 * The page's folder in memory: which files are in it, and that a path of a request
 * is only ever looked up.
 */
#include "client/web/assets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"

static int make_page(void **state)
{
	char *folder = strdup("/tmp/virtmux-assets-XXXXXX");

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("lib", 0700), 0);
	assert_int_equal(file_write_new("index.html", "<p>", 3, 0600, NULL), 0);
	assert_int_equal(file_write_new("lib/a.mjs", "", 0, 0600, NULL), 0);
	assert_int_equal(file_write_new(".secret", "x", 1, 0600, NULL), 0);
	assert_int_equal(symlink("/etc/passwd", "passwd"), 0);
	*state = folder;
	return 0;
}

static int remove_page(void **state)
{
	static const char *const files[] = {"lib/a.mjs", "index.html",
					    ".secret", "passwd"};

	for (size_t i = 0; i < array_size(files); i++)
		unlink(files[i]);
	rmdir("lib");
	rmdir(*state);
	free(*state);
	return 0;
}

static void test_what_is_in_it(void **state)
{
	autoptr(assets) a = NULL;

	assert_int_equal(assets_load(&a, *state, NULL), 0);
	assert_string_equal(assets_find(a, "/")->path, "/index.html");
	assert_string_equal(assets_find(a, "/index.html")->type,
			    "text/html; charset=utf-8");
	assert_int_equal(assets_find(a, "/index.html")->len, 3);
	assert_int_equal(assets_find(a, "/lib/a.mjs")->len, 0);
	assert_string_equal(assets_find(a, "/lib/a.mjs")->type,
			    "text/javascript; charset=utf-8");
}

static void test_what_is_not(void **state)
{
	static const char *const paths[] = {
		"",
		"index.html",
		"//index.html",
		"/lib",
		"/lib/",
		"/lib/../index.html",
		"/.secret",
		"/passwd",
		"/INDEX.html",
		"/index.html/",
	};
	autoptr(assets) a = NULL;

	assert_int_equal(assets_load(&a, *state, NULL), 0);
	for (size_t i = 0; i < array_size(paths); i++)
		assert_null(assets_find(a, paths[i]));
}

static void test_no_folder(void **state)
{
	autoptr(assets) a = NULL;
	autoerror why = {0};

	assert_int_equal(assets_load(&a, "/none/at/all", &why), -1);
	assert_int_equal(why.code, ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_in_it, make_page,
						remove_page),
		cmocka_unit_test_setup_teardown(test_what_is_not, make_page,
						remove_page),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
