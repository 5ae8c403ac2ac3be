/*
 * The folder from option and environment, and options that contradict.
 */
#include "pki/settings.h"

#include "pki/fixture.h"

static struct arguments *parse(const char *option, const char *value)
{
	const char *argv[] = {"virtmux-pki", "list", option, value, NULL};

	return arguments_parse(option ? 4 : 2, argv, NULL);
}

static void assert_folder(const char *option, const char *value,
			  const char *expected)
{
	autoptr(arguments) arguments = parse(option, value);
	autoptr(store) store = settings_open_store(arguments, NULL);

	assert_non_null(store);
	assert_string_equal(store_dir(store), expected);
}

static void test_folder(void **state)
{
	struct fixture *f = *state;

	setenv("HOME", "/nonexistent/home", 1);
	setenv("XDG_DATA_HOME", "/nonexistent/data", 1);
	assert_folder("--dir", "/nonexistent/x", "/nonexistent/x");
	assert_folder(NULL, NULL, f->pki);
	setenv("VIRTMUX_PKI", "", 1);
	assert_folder(NULL, NULL, "/nonexistent/data/virtmux-pki");
	setenv("XDG_DATA_HOME", "relative", 1);
	assert_folder(NULL, NULL, "/nonexistent/home/.local/share/virtmux-pki");
	unsetenv("XDG_DATA_HOME");
	unsetenv("HOME");
	autoptr(arguments) arguments = parse(NULL, NULL);
	autoerror err = {0};

	assert_null(settings_open_store(arguments, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

static void test_passphrases(void **state)
{
	const char *argv[] = {"virtmux-pki",
			      "user",
			      "--passphrase-fd",
			      "3",
			      "--ca-passphrase-file",
			      "f",
			      "--batch",
			      "--passphrase-file",
			      "g"};
	autoptr(arguments) good = arguments_parse(7, argv, NULL);
	autoptr(arguments) both = arguments_parse(9, argv, NULL);
	struct passphrase_source source;
	autoerror err = {0};

	assert_int_equal(settings_user_passphrase(good, &source, NULL), 0);
	assert_int_equal(source.fd, 3);
	assert_null(source.file);
	assert_true(source.batch);
	assert_int_equal(settings_ca_passphrase(good, &source, NULL), 0);
	assert_int_equal(source.fd, -1);
	assert_string_equal(source.file, "f");
	assert_int_equal(settings_user_passphrase(both, &source, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
}

static void test_key_type_and_days(void **state)
{
	autoptr(arguments) type = parse("--key-type", "rsa4096");
	autoptr(arguments) days = parse("--days", "36501");
	enum key_type found;
	long number;

	assert_int_equal(settings_key_type(type, &found, NULL), 0);
	assert_int_equal(found, KEY_RSA4096);
	assert_int_equal(settings_key_type(days, &found, NULL), 0);
	assert_int_equal(found, KEY_P256);
	assert_int_equal(settings_days(type, &number, NULL), 0);
	assert_int_equal(number, 0);
	assert_int_equal(settings_days(days, &number, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_folder),
		cmocka_unit_test(test_passphrases),
		cmocka_unit_test(test_key_type_and_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
