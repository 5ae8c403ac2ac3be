/*
 * init, host and user from command line to files, without a terminal.
 */
#include "pki/fixture.h"

static int run_user(struct fixture *f, const char *words)
{
	return fixture_run(f, "user %s --passphrase-file %s/pass", words,
			   f->dir);
}

static void test_init(void **state)
{
	struct fixture *f = *state;
	char path[96];

	snprintf(path, sizeof(path), "%s/pass", f->dir);
	fixture_write(path, "secret phrase\n", 0600);
	assert_int_equal(fixture_run(f,
				     "init --name mine "
				     "--ca-passphrase-file %s",
				     path),
			 0);
	assert_non_null(strstr(f->out, "'mine'"));
	assert_string_equal(f->messages, "");
	assert_int_equal(fixture_run(f, "host web1 --batch"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_non_null(strstr(f->err.words, "--ca-passphrase-fd"));
	assert_int_equal(
		fixture_run(f, "host web1 --ca-passphrase-file %s", path), 0);
}

static void test_init_twice(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "init --no-ca-passphrase"), -1);
	assert_int_equal(f->err.code, ERROR_EXISTS);
}

static void test_init_contradiction(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "init --no-ca-passphrase "
					"--ca-passphrase-fd 0"),
			 -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
}

static void test_warning(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "init --no-ca-passphrase"), 0);
	assert_non_null(strstr(f->messages, "warning"));
}

static void test_host(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "host WEB1 --san web1 --san IP:::1 "
					"--san DNS:web1.example.org"),
			 0);
	assert_non_null(strstr(f->out, "(DNS:web1, IP:::1, "
				       "DNS:web1.example.org)"));
	assert_true(fixture_exists("%s/hosts/web1.crt", f->pki));
	assert_true(fixture_exists("%s/hosts/web1.key", f->pki));
	assert_int_equal(fixture_run(f, "host 2001:DB8::1"), 0);
	assert_true(fixture_exists("%s/hosts/2001:db8::1.crt", f->pki));
	assert_int_equal(fixture_run(f, "host web2 --san a_b"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_false(fixture_exists("%s/hosts/web2.key", f->pki));
}

static void test_user(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run_user(f, "ann"), 0);
	assert_true(fixture_exists("%s/users/ann.crt", f->pki));
	assert_int_equal(run_user(f, "ann"), -1);
	assert_int_equal(f->err.code, ERROR_EXISTS);
	assert_int_equal(run_user(f, "ann --replace"), 0);
	assert_non_null(strstr(f->messages, "replaced"));
	assert_int_equal(run_user(f, "../ann"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_int_equal(run_user(f, "bob --days 5000"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
	assert_int_equal(fixture_run(f, "user bob --batch"), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
}

static void test_most_names(void **state)
{
	struct fixture *f = *state;
	char names[1024] = "";

	for (int i = 1; i < SAN_MAX; i++)
		snprintf(names + strlen(names), 16, " --san=n%d", i);
	assert_int_equal(fixture_run(f, "host web1%s", names), 0);
	assert_non_null(strstr(f->out, "DNS:n63)"));
	assert_int_equal(fixture_run(f, "host web2%s --san=n64", names), -1);
	assert_int_equal(f->err.code, ERROR_USAGE);
}

static void test_cut_note(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "init --no-ca-passphrase --days 20"),
			 0);
	assert_int_equal(fixture_run(f, "host web1"), 0);
	assert_non_null(strstr(f->messages, "ends with its authority"));
}

static void test_without_authority(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, "host web1"), -1);
	assert_int_equal(f->err.code, ERROR_NOT_FOUND);
	assert_false(fixture_exists("%s", f->pki));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_init),
		fixture_test_with_authority(test_init_twice),
		fixture_test(test_init_contradiction),
		fixture_test(test_warning),
		fixture_test_with_authority(test_host),
		fixture_test_with_authority(test_user),
		fixture_test_with_authority(test_most_names),
		fixture_test(test_cut_note),
		fixture_test(test_without_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
