/*
 * The configuration files: layering, relative paths, and each fault with its file
 * and line.
 */
#include "client/connect/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"

#define FOLDER "/tmp/virtmux-test-config"
#define USER   FOLDER "/user.conf"
#define SYSTEM FOLDER "/system.conf"

static void write_file(const char *path, const char *text)
{
	assert_int_equal(
		file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static int setup(void **state)
{
	return file_make_dirs(FOLDER, 0700, NULL);
}

static int teardown(void **state)
{
	unlink(USER);
	unlink(SYSTEM);
	return rmdir(FOLDER);
}

static struct profile *profile_of(const char *user, const char *system,
				  const char *name)
{
	autoptr(config) config = NULL;
	struct profile *p = NULL;
	autoerror err = {0};

	write_file(USER, user);
	write_file(SYSTEM, system);
	if (config_load(&config, USER, SYSTEM, &err) < 0)
		fail_msg("%s", error_words(&err));
	assert_int_equal(config_profile(config, name, &p, &err), 0);
	return p;
}

static void assert_fault(const char *text, const char *words)
{
	autoptr(config) config = NULL;
	autoerror err = {0};

	write_file(USER, text);
	assert_int_equal(config_load(&config, USER, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	if (!strstr(error_words(&err), words))
		fail_msg("\"%s\" lacks \"%s\"", error_words(&err), words);
}

static void test_defaults(void **state)
{
	autoptr(profile) p = profile_of("", "", "x");

	assert_false(p->known);
	assert_null(p->address);
	assert_int_equal(p->tls_min, PROFILE_TLS_1_3);
	assert_int_equal(p->timeout, 60000);
	assert_int_equal(p->persist, 600000);
	assert_true(p->session);
	assert_string_equal(p->escape, "^]");
	assert_string_equal(p->file, USER);
}

static void test_layers(void **state)
{
	static const char user[] = "[defaults]\n"
				   "persist = 1m\n"
				   "viewer = mine\n"
				   "[host a]\n"
				   "address = user:1\n";
	static const char system[] = "[host a]\n"
				     "address = system:1\n"
				     "viewer = theirs\n"
				     "[defaults]\n"
				     "persist = 2m\n"
				     "escape = ^A\n";
	autoptr(profile) a = profile_of(user, system, "a");
	autoptr(profile) b = profile_of(user, system, "b");

	/* The user's file over the system's, a host's section over defaults. */
	assert_true(a->known);
	assert_string_equal(a->address, "user:1");
	assert_string_equal(a->viewer, "theirs");
	assert_int_equal(a->persist, 60000);
	assert_string_equal(a->escape, "^A");
	assert_false(b->known);
	assert_null(b->address);
	assert_string_equal(b->viewer, "mine");
}

static void test_paths(void **state)
{
	autoptr(profile) p = NULL;

	setenv("HOME", "/home/me", 1);
	p = profile_of("[host a]\nca = ca.pem\ncertificate = ~/c.pem\n"
		       "key = sub/k.pem\n"
		       "[host b]\nkey = pkcs11:token=x;object=y\n",
		       "", "a");
	assert_string_equal(p->ca, FOLDER "/ca.pem");
	assert_string_equal(p->certificate, "/home/me/c.pem");
	assert_string_equal(p->key, FOLDER "/sub/k.pem");
	profile_free(p);
	p = profile_of("[host b]\nkey = pkcs11:token=x;object=y\nca = /a/b\n",
		       "", "b");
	assert_string_equal(p->key, "pkcs11:token=x;object=y");
	assert_string_equal(p->ca, "/a/b");
}

static void test_relative_file(void **state)
{
	autoptr(config) config = NULL;
	autoptr(profile) p = NULL;

	write_file(USER, "[host a]\nkey = k.pem\n");
	assert_int_equal(chdir(FOLDER), 0);
	assert_int_equal(config_load(&config, "user.conf", NULL, NULL), 0);
	assert_int_equal(config_profile(config, "a", &p, NULL), 0);
	assert_string_equal(p->key, FOLDER "/./k.pem");
	assert_int_equal(chdir("/"), 0);
}

static void test_faults(void **state)
{
	assert_fault("[host a]\nadress = x\n", USER ":2: ");
	assert_fault("[host a]\nadress = x\n", "\"address\"");
	assert_fault("\n\n[hots a]\naddress = x\n", USER ":3: ");
	assert_fault("[hots a]\n", "[host NAME]");
	assert_fault("[host a,b]\n", "unknown section [host a,b]");
	assert_fault("[host ]\n", "unknown section");
	assert_fault("address = x\n", "before the first section");
	assert_fault("[host a]\ntls-min = 1.1\n", "1.2 1.3");
	assert_fault("[host a]\npersist = 8d\n", "0..7d");
	assert_fault("[host a]\nhost = b\n", "\"host\"");
	assert_fault("[defaults]\nhost = a b\n", "not a host's name");
	assert_fault("[defaults]\nhost = a\nhost = b\n", USER ":3: ");
	assert_fault("[host a]\naddress = x\n[host a]\n", USER ":3: ");
}

static void test_fault_of_the_system_file(void **state)
{
	autoptr(config) config = NULL;
	autoerror err = {0};

	write_file(USER, "");
	write_file(SYSTEM, "[host a]\nkye = x\n");
	assert_int_equal(config_load(&config, USER, SYSTEM, &err), -1);
	assert_non_null(strstr(error_words(&err), SYSTEM ":2: "));
}

static void test_missing_files(void **state)
{
	autoptr(config) config = NULL;
	autoerror err = {0};

	assert_int_equal(config_load(&config, FOLDER "/none", NULL, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	setenv("XDG_CONFIG_HOME", FOLDER, 1);
	assert_int_equal(config_load(&config, NULL, FOLDER "/none", &err), 0);
	assert_string_equal(config_user_file(config), FOLDER "/virtmux/config");
	unsetenv("XDG_CONFIG_HOME");
}

static void test_hosts(void **state)
{
	autoptr(config) config = NULL;
	const char *const *hosts = NULL;
	size_t n = 0;

	write_file(USER, "[host b]\n[host a]\n");
	write_file(SYSTEM, "[host a]\n[host c]\n");
	assert_int_equal(config_load(&config, USER, SYSTEM, NULL), 0);
	hosts = config_hosts(config, &n);
	assert_int_equal(n, 3);
	assert_string_equal(hosts[0], "a");
	assert_string_equal(hosts[2], "b");
	assert_null(config_default_host(config));
	config_free(config);
	config = NULL;
	write_file(SYSTEM, "[defaults]\nhost = a\n");
	write_file(USER, "[defaults]\nhost = b\n");
	assert_int_equal(config_load(&config, USER, SYSTEM, NULL), 0);
	assert_string_equal(config_default_host(config), "b");
	config_free(config);
	config = NULL;
	write_file(SYSTEM, "");
	write_file(USER, "[host only]\n");
	assert_int_equal(config_load(&config, USER, SYSTEM, NULL), 0);
	assert_string_equal(config_default_host(config), "only");
}

static void test_groups(void **state)
{
	autoptr(config) config = NULL;
	size_t n = 0;

	write_file(SYSTEM, "[group web]\nhosts = a\n[group db]\nhosts = d\n");
	write_file(USER, "[group web]\nhosts = b, c d\n[group empty]\n");
	assert_int_equal(config_load(&config, USER, SYSTEM, NULL), 0);
	assert_string_equal(config_groups(config, &n)[0], "web");
	assert_string_equal(config_groups(config, &n)[1], "db");
	assert_string_equal(config_groups(config, &n)[2], "empty");
	assert_int_equal(n, 3);
	assert_string_equal(config_group(config, 0)[0], "b");
	assert_string_equal(config_group(config, 0)[2], "d");
	assert_null(config_group(config, 0)[3]);
	assert_string_equal(config_group(config, 1)[0], "d");
	assert_null(config_group(config, 2));
	/* The user's file over the system's. */
	assert_string_equal(config_group_place(config, 0).file, USER);
	assert_int_equal(config_group_place(config, 0).line, 1);
	assert_string_equal(config_group_place(config, 1).file, SYSTEM);
	assert_int_equal(config_group_place(config, 1).line, 3);
	config_hosts(config, &n);
	assert_int_equal(n, 0);
	assert_fault("[group web]\nhosts = a b/c\n", "b/c");
	assert_fault("[group web]\nhost = a\n", "hosts");
	assert_fault("[group a,b]\nhosts = a\n", "[group NAME]");
	assert_fault("[group web]\nhosts = a-* @b, @c*\n", ":2: hosts: '@c*'");
	assert_fault("[group web]\nhosts = a[\n", "'a['");
}

static void assert_place(const struct config *config, const char *host,
			 const char *key, const char *file, unsigned line,
			 const char *section)
{
	struct config_place place = {0};

	assert_true(config_value_place(config, host, key, &place));
	assert_string_equal(place.file, file);
	assert_int_equal(place.line, line);
	if (section)
		assert_string_equal(place.host, section);
	else
		assert_null(place.host);
}

static void test_places(void **state)
{
	static const char system[] = "[host a]\n"
				     "address = x\n"
				     "layout = fr\n"
				     "[defaults]\n"
				     "host = a\n"
				     "persist = 1m\n"
				     "viewer = v\n";
	static const char user[] = "# mine\n"
				   "[defaults]\n"
				   "layout = de\n"
				   "persist = 2m\n"
				   "\n"
				   "[host a]\n"
				   "address = y\n";
	autoptr(config) config = NULL;
	struct config_place place;

	write_file(SYSTEM, system);
	write_file(USER, user);
	assert_int_equal(config_load(&config, USER, SYSTEM, NULL), 0);
	assert_place(config, "a", "address", USER, 7, "a");
	/* A host's own value, also of the system's file, before [defaults]. */
	assert_place(config, "a", "layout", SYSTEM, 3, "a");
	assert_place(config, "b", "layout", USER, 3, NULL);
	assert_place(config, NULL, "layout", USER, 3, NULL);
	assert_place(config, "a", "persist", USER, 4, NULL);
	assert_place(config, "a", "viewer", SYSTEM, 7, NULL);
	assert_place(config, NULL, "host", SYSTEM, 5, NULL);
	assert_false(config_value_place(config, "a", "escape", &place));
	assert_false(config_value_place(config, "b", "address", &place));
	assert_true(config_host_place(config, "a", &place));
	assert_string_equal(place.file, USER);
	assert_int_equal(place.line, 6);
	assert_false(config_host_place(config, "b", &place));
}

static void test_values(void **state)
{
	autoerror err = {0};

	assert_int_equal(config_check_value("persist", "1h", &err), 0);
	assert_int_equal(config_check_value("persist", "1w", &err), -1);
	assert_int_equal(config_check_value("presist", "1h", NULL), -1);
	assert_int_equal(config_form("ca"), CONFIG_PATH);
	assert_int_equal(config_form("key"), CONFIG_KEY);
	assert_int_equal(config_form("address"), CONFIG_PLAIN);
	assert_int_equal(config_form("nothing"), CONFIG_PLAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_relative_file),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_fault_of_the_system_file),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
