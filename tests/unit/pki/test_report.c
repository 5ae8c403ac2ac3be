/*
 * list and show: what they find, by name, serial and file.
 */
#include "pki/fixture.h"

static void test_list(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_int_equal(fixture_run(f, "list"), 0);
	assert_int_equal(strncmp(f->out, "KIND  NAME", 10), 0);
	assert_non_null(strstr(f->out, "\nca    virtmux CA  "));
	assert_non_null(strstr(f->out, "\nhost  web1        "));
	assert_int_equal(fixture_run(f, "list --json"), 0);
	assert_non_null(strstr(f->out, "\"name\": \"web1\""));
	assert_non_null(strstr(f->out, "\"state\": \"valid\""));
}

static void test_show_by_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "host both"), 0);
	assert_int_equal(fixture_run(f, "user both --passphrase-file %s/pass",
				     f->dir),
			 0);
	assert_int_equal(fixture_run(f, "show both"), 0);
	assert_non_null(strstr(f->out, "serverAuth"));
	assert_non_null(strstr(f->out, "clientAuth"));
	assert_int_equal(fixture_run(f, "show both --json"), 0);
	assert_int_equal(strncmp(f->out, "[{\"subject\": \"CN=both\"", 22), 0);
	assert_string_equal(f->out + strlen(f->out) - 3, "}]\n");
	assert_int_equal(fixture_run(f, "show nobody"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
}

static void test_revoked(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_int_equal(fixture_run(f, "revoke web1 --reason superseded"), 0);
	assert_int_equal(fixture_run(f, "show web1"), 0);
	assert_non_null(strstr(f->out, "state        revoked"));
	assert_int_equal(fixture_run(f, "list --json"), 0);
	assert_non_null(
		strstr(f->out, "\"state\": \"revoked\", \"since\": \"2"));
	assert_non_null(strstr(f->out, "\"reason\": \"superseded\"}"));
}

static void test_show_authority(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "show"), 0);
	assert_non_null(strstr(f->out, "CN=virtmux CA"));
	assert_non_null(strstr(f->out, "path-length  0"));
}

static void test_show_by_serial(void **state)
{
	struct fixture *f = *state;
	autoptr(store) store = store_open(f->pki, NULL);
	char serial[SERIAL_TEXT_SIZE];

	strcpy(serial, authority_entry(store)->serial);
	assert_int_equal(fixture_run(f, "show %s", serial), 0);
	assert_non_null(strstr(f->out, serial));
	for (size_t i = 0; serial[i]; i++)
		if (serial[i] >= 'A')
			serial[i] = (char)(serial[i] - 'A' + 'a');
	assert_int_equal(fixture_run(f, "show %s", serial), 0);
}

static void test_show_file(void **state)
{
	struct fixture *f = *state;
	char path[128];

	assert_int_equal(fixture_run(f, "show %s/ca.crt", f->pki), 0);
	assert_non_null(strstr(f->out, "state        valid"));
	/* Without its index, the file has no state. */
	assert_int_equal(
		fixture_run(f, "show --dir /nonexistent %s/ca.crt", f->pki), 0);
	assert_null(strstr(f->out, "state  "));
	snprintf(path, sizeof(path), "%s/empty", f->dir);
	fixture_write(path, "", 0600);
	assert_int_equal(fixture_run(f, "show %s/empty", f->dir), -1);
	assert_int_equal(f->err.code, ERROR_KEY);
}

static void test_without_authority(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "list"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_int_equal(fixture_run(f, "show"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test_with_authority(test_list),
		fixture_test_with_authority(test_show_by_name),
		fixture_test_with_authority(test_revoked),
		fixture_test_with_authority(test_show_authority),
		fixture_test_with_authority(test_show_by_serial),
		fixture_test_with_authority(test_show_file),
		fixture_test(test_without_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
