/*
 * Edits of a configuration file: each against the whole text that must come of
 * it, so that nothing else changes; what is refused; and the file itself.
 */
#include "client/config_edit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"

#define FOLDER "/tmp/virtmux-test-config-edit"
#define FILE_  FOLDER "/new/config"
#define LINK   FOLDER "/link"

static const char sample[] = "# of anna\n"
			     "[defaults]\n"
			     "host = a   \n"
			     "\n"
			     "# the old one\n"
			     "[ host   a ]\n"
			     "; where\n"
			     "address:1.2.3.4\n"
			     "\n"
			     "# b's own words\n"
			     "# in two lines\n"
			     "[host b]\n"
			     "address = b";

static void write_file(const char *text)
{
	assert_int_equal(file_make_dirs(FOLDER "/new", 0700, NULL), 0);
	assert_int_equal(
		file_write_atomic(FILE_, text, strlen(text), 0644, NULL), 0);
}

static struct config_edit *open_edit(const char *text)
{
	struct config_edit *edit = NULL;
	autoerror err = {0};

	write_file(text);
	if (config_edit_open(&edit, FILE_, &err) < 0)
		fail_msg("%s", error_words(&err));
	return edit;
}

/* Saves, and compares with the sample in which FROM is replaced by TO. */
static void assert_saved(struct config_edit *edit, const char *from,
			 const char *to)
{
	const char *at = strstr(sample, from);
	autobuf text = {0};
	autobuf wanted = {0};

	assert_non_null(at);
	buf_append(&wanted, sample, (size_t)(at - sample));
	buf_append_str(&wanted, to);
	buf_append_str(&wanted, at + strlen(from));
	buf_append_char(&wanted, '\0');
	assert_int_equal(config_edit_save(edit, NULL), 0);
	config_edit_free(edit);
	assert_int_equal(file_read(FILE_, 65536, &text, NULL), 0);
	buf_append_char(&text, '\0');
	assert_string_equal((char *)buf_bytes(&text),
			    (char *)buf_bytes(&wanted));
}

static void set(struct config_edit *edit, const char *section, const char *key,
		const char *value)
{
	assert_int_equal(config_edit_set(edit, section, key, value, NULL), 0);
}

static void test_set(void **state)
{
	struct config_edit *edit = open_edit(sample);

	set(edit, "host a", "address", "::1");
	assert_saved(edit, "address:1.2.3.4", "address = ::1");
	edit = open_edit(sample);
	set(edit, "host a", "tls-min", "1.2");
	assert_saved(edit, "1.2.3.4\n", "1.2.3.4\ntls-min = 1.2\n");
	edit = open_edit(sample);
	set(edit, "defaults", "ca", "x");
	set(edit, "defaults", "ca", "ca.crt");
	assert_saved(edit, "host = a   \n", "host = a   \nca = ca.crt\n");
	edit = open_edit(sample);
	set(edit, "host b", "ca", "x");
	assert_saved(edit, "address = b", "address = b\nca = x\n");
	edit = open_edit(sample);
	set(edit, "host c", "address", "c");
	assert_saved(edit, "= b", "= b\n\n[host c]\naddress = c\n");
}

static void test_take_away(void **state)
{
	struct config_edit *edit = open_edit(sample);

	config_edit_remove(edit, "host a");
	assert_false(config_edit_has(edit, "host a"));
	assert_saved(edit, "[ host   a ]\n; where\naddress:1.2.3.4\n\n", "");
	edit = open_edit(sample);
	config_edit_remove(edit, "host b");
	assert_saved(edit, "[host b]\naddress = b", "");
	edit = open_edit(sample);
	config_edit_unset(edit, "defaults", "host");
	config_edit_unset(edit, "defaults", "ca");
	config_edit_remove(edit, "host c");
	assert_saved(edit, "host = a   \n", "");
}

static void test_rename(void **state)
{
	struct config_edit *edit = open_edit(sample);

	assert_int_equal(config_edit_rename(edit, "host a", "host c", NULL), 0);
	assert_true(config_edit_has(edit, "host c"));
	assert_saved(edit, "[ host   a ]", "[host c]");
	edit = open_edit(sample);
	assert_int_equal(config_edit_rename(edit, "host c", "host d", NULL), 0);
	assert_saved(edit, "[host b]", "[host b]");
}

static void test_get(void **state)
{
	autoptr(config_edit) edit = open_edit(sample);
	autofree char *host = config_edit_get(edit, "defaults", "host");
	autofree char *a = config_edit_get(edit, "host a", "address");
	autofree char *b = config_edit_get(edit, "host b", "address");

	assert_string_equal(host, "a");
	assert_string_equal(a, "1.2.3.4");
	assert_string_equal(b, "b");
	assert_null(config_edit_get(edit, "host b", "ca"));
	assert_null(config_edit_get(edit, "host bb", "ca"));
	assert_true(config_edit_has(edit, "host a"));
	assert_false(config_edit_has(edit, "host"));
	assert_false(config_edit_has(edit, "host aa"));
}

static void test_refused(void **state)
{
	struct config_edit *edit = open_edit(sample);
	autoerror err = {0};

	assert_int_equal(
		config_edit_set(edit, "host a", "ca", "x\nkey = y", &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	set(edit, "host a", "tls-min", "1.1");
	assert_int_equal(config_edit_save(edit, &err), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	config_edit_free(edit);
	/* What was refused has changed nothing; what is faulty is not edited. */
	edit = open_edit(sample);
	assert_saved(edit, "[host b]", "[host b]");
	write_file("[defaults]\nhots = a\n");
	assert_int_equal(config_edit_open(&edit, FILE_, &err), -1);
	assert_non_null(strstr(error_words(&err), FILE_ ":2"));
}

static void test_file(void **state)
{
	struct config_edit *edit = NULL;
	struct stat st;
	int folder = -1;

	unlink(FILE_);
	rmdir(FOLDER "/new");
	assert_int_equal(config_edit_open(&edit, FILE_, NULL), 0);
	folder = open(FOLDER "/new", O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), -1);
	set(edit, "host a", "address", "a");
	assert_int_equal(config_edit_save(edit, NULL), 0);
	config_edit_free(edit);
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), 0);
	close(folder);
	assert_int_equal(stat(FILE_, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(FOLDER "/new", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* A link stays one, and the mode that the user gave stays. */
	assert_int_equal(chmod(FILE_, 0640), 0);
	assert_int_equal(symlink(FILE_, LINK), 0);
	assert_int_equal(config_edit_open(&edit, LINK, NULL), 0);
	set(edit, "host a", "address", "b");
	assert_int_equal(config_edit_save(edit, NULL), 0);
	config_edit_free(edit);
	assert_int_equal(lstat(LINK, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(FILE_, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static int setup(void **state)
{
	return file_make_dirs(FOLDER, 0700, NULL);
}

static int teardown(void **state)
{
	unlink(LINK);
	unlink(FILE_);
	rmdir(FOLDER "/new");
	return rmdir(FOLDER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_take_away),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
