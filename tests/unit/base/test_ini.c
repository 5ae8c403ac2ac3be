/*
 * The INI reader: what it hands on, and for each kind of fault the file, the
 * line and the words.
 */
#include "base/ini.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/alloc_fail.h"
#include "base/file.h"

/* Writes "LINE SECTION KEY=VALUE" or "LINE [SECTION]" a line into a buf. */
static int on_entry(void *context, const char *section, const char *key,
		    const char *value, unsigned line, struct error *err)
{
	struct buf *seen = context;

	if (!key)
		return buf_appendf(seen, "%u [%s]\n", line, section);
	if (strcmp(key, "refused") == 0)
		return error_set(err, ERROR_CONFIG, "not this: %s", value);
	return buf_appendf(seen, "%u %s %s=%s\n", line, section, key, value);
}

static void assert_read(const char *text, const char *expected)
{
	autoerror err = {0};
	autobuf seen = {0};
	autofree char *got = NULL;

	if (ini_read(text, strlen(text), "f", on_entry, &seen, &err) < 0)
		fail_msg("%s", error_words(&err));
	got = buf_steal_str(&seen);
	assert_string_equal(got, expected);
}

static void assert_fault_n(const char *text, size_t len, const char *words)
{
	autoerror err = {0};
	autobuf seen = {0};

	assert_int_equal(ini_read(text, len, "f", on_entry, &seen, &err), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	if (strncmp(error_words(&err), words, strlen(words)) != 0)
		fail_msg("\"%s\" instead of \"%s\"", error_words(&err), words);
}

static void assert_fault(const char *text, const char *words)
{
	assert_fault_n(text, strlen(text), words);
}

static void test_entries(void **state)
{
	assert_read("", "");
	assert_read("a = 1\n[s]\nb=2\n\n[t]\nc:3",
		    "1  a=1\n2 [s]\n3 s b=2\n5 [t]\n6 t c=3\n");
	assert_read("[empty]\n[last]", "1 [empty]\n2 [last]\n");
	assert_read("a =\n", "1  a=\n");
	assert_read("a = b = c: d\n", "1  a=b = c: d\n");
	assert_read("listen: [::]:16515\n", "1  listen=[::]:16515\n");
}

static void test_blanks(void **state)
{
	assert_read("  [ host home ]  \r\n\t a b \t=  c  d \r\n",
		    "1 [host home]\n2 host home a b=c  d\n");
	assert_read("\n \t\n\r\na=1", "4  a=1\n");
	assert_read("\xef\xbb\xbf[s]\na=1\n", "1 [s]\n2 s a=1\n");
}

static void test_comments_are_whole_lines(void **state)
{
	assert_read("# c\n; c = 1\n  # [c]\na = #fff\nb = x ; y # z\n",
		    "4  a=#fff\n5  b=x ; y # z\n");
}

static void test_indented_line_continues_nothing(void **state)
{
	assert_read("a = 1\n   b = 2\n", "1  a=1\n2  b=2\n");
	assert_fault("a = 1\n   more\n", "f:2: this is neither");
}

static void test_section_may_be_a_pattern(void **state)
{
	assert_read("[ops-[ab]*]\n", "1 [ops-[ab]*]\n");
}

/* inih alone would cut the section at 50 bytes and the line at 200. */
static void test_long_names_and_values(void **state)
{
	char text[INI_LINE_MAX + 64], expected[INI_LINE_MAX + 128];
	char value[INI_LINE_MAX - 3], section[101];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	snprintf(text, sizeof(text), "k = %s\n", value);
	snprintf(expected, sizeof(expected), "1  k=%s\n", value);
	assert_read(text, expected);
	snprintf(text, sizeof(text), "ok = 1\nk =  %s\n", value);
	assert_fault(text, "f:2: the line is longer than 4096 bytes");

	memset(section, 's', sizeof(section) - 1);
	section[sizeof(section) - 1] = '\0';
	snprintf(text, sizeof(text), "[%s]\na=1\n", section);
	snprintf(expected, sizeof(expected), "1 [%s]\n2 %s a=1\n", section,
		 section);
	assert_read(text, expected);
}

static void test_long_keys(void **state)
{
	char text[INI_KEY_MAX + 16], expected[INI_KEY_MAX + 16];
	char key[INI_KEY_MAX + 2];

	memset(key, 'k', sizeof(key) - 1);
	key[INI_KEY_MAX] = '\0';
	snprintf(text, sizeof(text), "%s = 1\n", key);
	snprintf(expected, sizeof(expected), "1  %s=1\n", key);
	assert_read(text, expected);

	snprintf(text, sizeof(text), "%sk = 1\n", key);
	assert_fault(text, "f:1: the key is longer than 49 bytes");
}

static void test_malformed_lines(void **state)
{
	assert_fault("\nnonsense\n", "f:2: this is neither KEY = VALUE nor");
	assert_fault("a = 1\n= 2\n", "f:2: there is no key");
	assert_fault("a ; b = 1\n", "f:1: this is neither");
	assert_fault("a ; b = 1", "f:1: this is neither");
	assert_fault("a ; b = 1\nc = 1\n", "f:1: this is neither");
	assert_fault("[s\n", "f:1: a section is [NAME]");
	assert_fault("[", "f:1: a section is [NAME]");
	assert_fault("[s] # why\n", "f:1: a section is [NAME]");
	assert_fault("[ ]\n", "f:1: the section has no name");
}

static void test_given_twice(void **state)
{
	assert_read("a=1\n[s]\na=1\n[t]\na=1\n",
		    "1  a=1\n2 [s]\n3 s a=1\n4 [t]\n5 t a=1\n");
	assert_fault("[s]\na=1\nb=2\na=3\n",
		     "f:4: \"a\" was set on line 2 already");
	assert_fault("[s]\n[t]\n[ s ]\n",
		     "f:3: the section [s] began on line 1 already");
}

static void test_too_many_names(void **state)
{
	autobuf text = {0};

	for (int i = 0; i <= INI_NAMES_MAX; i++)
		buf_appendf(&text, "k%d=1\n", i);
	assert_true(buf_ok(&text));
	assert_fault_n((char *)buf_bytes(&text), text.len,
		       "f:4097: more than 4096 sections, or keys");
}

static void test_text_must_be_utf8(void **state)
{
	assert_fault("a=1\nb=\xff\n", "f:2: not valid UTF-8");
	assert_fault_n("a=1\n\nb\0=2\n", 10, "f:3: a NUL byte");
	assert_fault_n("a=\xff\n\0", 5, "f:1: not valid UTF-8");
}

static void test_text_must_not_be_huge(void **state)
{
	autofree char *text = malloc(INI_TEXT_MAX + 1);

	assert_non_null(text);
	memset(text, '\n', INI_TEXT_MAX + 1);
	assert_fault_n(text, INI_TEXT_MAX + 1, "f: larger than 262144 bytes");
}

static void test_receiver_refuses(void **state)
{
	autoerror err = {0};
	autobuf seen = {0};
	autofree char *got = NULL;
	const char text[] = "a=1\nrefused=x\nb=2\n";

	assert_int_equal(
		ini_read(text, strlen(text), "f", on_entry, &seen, &err), -1);
	assert_string_equal(error_words(&err), "f:2: not this: x");
	got = buf_steal_str(&seen);
	assert_string_equal(got, "1  a=1\n");
}

static void test_file(void **state)
{
	char path[] = "/tmp/virtmux-test-ini.XXXXXX";
	autoclose int fd = mkstemp(path);
	autoerror err = {0};
	autobuf seen = {0};

	assert_true(fd >= 0);
	assert_int_equal(ini_read_file(path, on_entry, &seen, &err), 0);
	assert_int_equal(seen.len, 0);
	assert_int_equal(file_write_all(fd, "[s]\na=1\n", 8, &err), 0);
	assert_int_equal(ini_read_file(path, on_entry, &seen, &err), 0);
	assert_int_equal(seen.len, strlen("1 [s]\n2 s a=1\n"));
	unlink(path);
	assert_int_equal(ini_read_file(path, on_entry, &seen, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static int read_all(void *context)
{
	const char text[] = "[s]\na = 1\n[t]\nb = 2\n";
	autoerror err = {0};
	autobuf seen = {0};

	return ini_read(text, strlen(text), "f", on_entry, &seen, &err);
}

static void test_each_allocation_failing(void **state)
{
	/* The copy, the sections, the keys, and the test's own buffer. */
	assert_true(alloc_fail_each(read_all, NULL) >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_comments_are_whole_lines),
		cmocka_unit_test(test_indented_line_continues_nothing),
		cmocka_unit_test(test_section_may_be_a_pattern),
		cmocka_unit_test(test_long_names_and_values),
		cmocka_unit_test(test_long_keys),
		cmocka_unit_test(test_malformed_lines),
		cmocka_unit_test(test_given_twice),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_text_must_be_utf8),
		cmocka_unit_test(test_text_must_not_be_huge),
		cmocka_unit_test(test_receiver_refuses),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_each_allocation_failing),
	};

	return cmocka_run_group_tests_name("base/ini", tests, NULL, NULL);
}
