/*
 * access.conf: which section counts, what a role, allow and deny come to, what a
 * reload takes away, and what is refused with which words.
 */
#include "daemon/rpc/access.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static struct access *parse(const char *text)
{
	struct access *access = NULL;
	autoerror err = {0};

	if (access_parse(&access, text, strlen(text), "f", &err) < 0)
		fail_msg("%s", error_words(&err));
	return access;
}

static void assert_refused(const char *text, const char *words)
{
	struct access *access = NULL;
	autoerror err = {0};

	assert_int_equal(access_parse(&access, text, strlen(text), "f", &err),
			 -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	if (!strstr(err.words, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.words);
}

static const char team[] = "[team-*]\nrole=viewer\ndomains=*\n"
			   "[team-a]\nrole=operator\ndomains=a-*\n"
			   "[team-?]\nrole=admin\ndomains=*\n"
			   "[none]\nrole=viewer\ndomains=\n";

static void test_one_section_counts(void **state)
{
	autoptr(access) access = parse(team);

	assert_int_equal(access_find(access, "team-a")->role, ROLE_OPERATOR);
	assert_int_equal(access_find(access, "team-b")->role, ROLE_VIEWER);
	assert_int_equal(access_find(access, "team-long")->role, ROLE_VIEWER);
	assert_null(access_find(access, "team"));
	assert_null(access_find(access, "Team-a"));
	assert_null(access_find(access, ""));
}

static void test_domains(void **state)
{
	autoptr(access) access = parse(team);

	assert_null(access_find(access, "team-b")->domains);
	assert_string_equal(access_find(access, "team-a")->domains[0], "a-*");
	assert_non_null(access_find(access, "none")->domains);
	assert_null(access_find(access, "none")->domains[0]);
}

static void test_an_empty_file_lets_nobody_in(void **state)
{
	autoptr(access) access = parse("# nobody\n");

	assert_null(access_find(access, "root"));
}

static bool may(const struct access_rule *rule, const char *name)
{
	const struct method *m = method_find(name, strlen(name));
	autoerror err = {0};
	bool permitted;

	assert_non_null(m);
	permitted = access_check(rule, "anna", m, &err) == 0;
	assert_int_equal(rule->may[m->id], permitted);
	assert_int_equal(error_is_set(&err), !permitted);
	return permitted;
}

static void test_roles_by_the_table(void **state)
{
	static const char *const names[] = {"viewer", "operator", "admin"};

	for (int role = 0; role < 3; role++) {
		char text[64];

		snprintf(text, sizeof(text), "[anna]\nrole=%s\ndomains=*\n",
			 names[role]);
		autoptr(access) access = parse(text);

		for (int id = 0; id < METHODS; id++) {
			const struct method *m =
				method_by_id((enum method_id)id);

			assert_int_equal(may(access_find(access, "anna"),
					     m->name),
					 (int)m->role <= ROLE_VIEWER + role);
		}
	}
}

static void test_allow_and_deny(void **state)
{
	autoptr(access) access = parse("[anna]\nrole=viewer\ndomains=*\n"
				       "allow=domain.s* domain.define\n"
				       "deny=domain.shutdown,host.*\n");
	const struct access_rule *rule = access_find(access, "anna");

	assert_true(may(rule, "domain.start"));
	assert_true(may(rule, "domain.define"));
	assert_true(may(rule, "domain.list"));
	assert_false(may(rule, "domain.shutdown"));
	assert_false(may(rule, "domain.destroy"));
	assert_false(may(rule, "host.info"));
}

static void test_words_of_a_denial(void **state)
{
	autoptr(access) access = parse("[anna]\nrole=viewer\ndomains=*\n"
				       "deny=host.info\n");
	const struct access_rule *rule = access_find(access, "anna");
	autoerror err = {0};

	access_check(rule, "anna", method_by_id(METHOD_domain_define), &err);
	assert_int_equal(err.code, ERROR_DENIED);
	assert_non_null(
		strstr(err.words, "domain.define needs the role admin"));
	assert_non_null(strstr(err.words, "\"anna\" has the role viewer"));
	access_check(rule, "anna", method_by_id(METHOD_host_info), &err);
	assert_non_null(strstr(err.words, "host.info is denied to \"anna\""));
	access_check(NULL, "bert", method_by_id(METHOD_host_info), &err);
	assert_non_null(strstr(err.words, "\"bert\" has no rights"));
}

static void test_parameters_that_need_more(void **state)
{
	autoptr(access) access = parse("[anna]\nrole=viewer\ndomains=*\n"
				       "[root]\nrole=admin\ndomains=*\n"
				       "[bert]\nrole=viewer\ndomains=*\n"
				       "allow=domain.xml domain.define\n");
	const struct method *m = method_by_id(METHOD_domain_xml);
	struct domain_xml_params params = {0};
	struct domain_define_params define = {0};
	autoerror err = {0};

	for (const char *const *name = (const char *[]){"anna", "bert", NULL};
	     *name; name++) {
		const struct access_rule *rule = access_find(access, *name);

		params.has_secure = true;
		params.secure = false;
		assert_int_equal(
			access_check_params(rule, *name, m, &params, &err), 0);
		params.secure = true;
		assert_int_equal(
			access_check_params(rule, *name, m, &params, &err), -1);
		assert_int_equal(err.code, ERROR_DENIED);
	}
	assert_int_equal(access_check_params(access_find(access, "root"),
					     "root", m, &params, &err),
			 0);
	assert_int_equal(access_check_params(access_find(access, "bert"),
					     "bert",
					     method_by_id(METHOD_domain_define),
					     &define, &err),
			 0);
}

static bool covers(const char *new_text, const char *old_text)
{
	autoptr(access) new_access = parse(new_text);
	autoptr(access) old_access = parse(old_text);

	return access_covers(access_find(new_access, "anna"),
			     access_find(old_access, "anna"));
}

static void test_what_a_reload_takes_away(void **state)
{
	static const char plain[] = "[anna]\nrole=operator\ndomains=a b\n";

	assert_true(covers(plain, plain));
	assert_true(covers("[a*]\nrole=operator\ndomains=a b\n", plain));
	assert_true(covers("[anna]\nrole=admin\ndomains=*\n", plain));
	assert_true(covers(plain, "[x]\nrole=viewer\ndomains=*\n"));
	assert_false(covers("[x]\nrole=viewer\ndomains=*\n", plain));
	assert_false(covers("[anna]\nrole=viewer\ndomains=a b\n", plain));
	assert_false(covers("[anna]\nrole=operator\ndomains=a\n", plain));
	assert_false(covers("[anna]\nrole=operator\ndomains=a c\n", plain));
	assert_false(covers(plain, "[anna]\nrole=operator\ndomains=*\n"));
	assert_false(covers("[anna]\nrole=operator\ndomains=a b\n"
			    "deny=domain.start\n",
			    plain));
	assert_false(covers("[anna]\nrole=operator\ndomains=a b\n",
			    "[anna]\nrole=operator\ndomains=a b\n"
			    "allow=domain.define\n"));
}

static bool records(const char *text, enum method_id method)
{
	autoptr(access) access = NULL;

	assert_int_equal(access_parse(&access, text, strlen(text), "f", NULL),
			 0);
	return access_find(access, "anna")->records[method];
}

static void test_which_consoles_are_recorded(void **state)
{
	static const struct {
		const char *text;
		bool serial, graphics;
	} cases[] = {
		{"[anna]\nrole=viewer\ndomains=*\n", false, false},
		{"[anna]\nrole=viewer\ndomains=*\nrecord=no\n", false, false},
		{"[anna]\nrole=viewer\ndomains=*\nrecord=yes\n", true, true},
		{"[a*]\nrole=admin\ndomains=*\nrecord=serial\n", true, false},
		{"[*]\nrecord=graphics\nrole=admin\ndomains=*\n", false, true},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		assert_int_equal(records(cases[i].text, METHOD_domain_serial),
				 cases[i].serial);
		assert_int_equal(records(cases[i].text, METHOD_domain_graphics),
				 cases[i].graphics);
		assert_false(records(cases[i].text, METHOD_domain_list));
	}
}

static void test_faults(void **state)
{
	assert_refused("role=viewer\n", "f:1: ");
	assert_refused("[a]\nrole=viewer\n",
		       "f:1: [a]: \"domains\" is missing");
	assert_refused("[a]\ndomains=*\n", "\"role\" is missing");
	assert_refused("[b]\nrole=viewer\ndomains=*\n\n[a]\ndomains=*\n",
		       "f:5: [a]");
	assert_refused("[a]\nrole=root\ndomains=*\n", "f:2: ");
	assert_refused("[a]\nrolle=viewer\ndomains=*\n",
		       "did you mean \"role\"");
	assert_refused("[a]\nrole=viewer\ndomains=[\n", "domains");
	assert_refused("[a[]\nrole=viewer\ndomains=*\n", "f:1: ");
	assert_refused("[a]\nrole=viewer\ndomains=*\nallow=domain.lits\n",
		       "did you mean \"domain.list\"");
	assert_refused("[a]\nrole=viewer\ndomains=*\ndeny=disk.*\n",
		       "no method is called \"disk.*\"");
	assert_refused("[a]\nrole=viewer\ndomains=*\n[a]\nrole=admin\n"
		       "domains=*\n",
		       "f:4: ");
}

static void test_a_missing_file(void **state)
{
	struct access *access = NULL;
	autoerror err = {0};

	assert_int_equal(access_load(&access, "/nonexistent/access.conf", &err),
			 -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_non_null(strstr(err.words, "/nonexistent/access.conf"));
}

static void test_the_sample_is_valid(void **state)
{
	autoptr(access) access = NULL;
	autoerror err = {0};

	if (access_load(&access, "../../etc/access.conf", &err) < 0)
		fail_msg("%s", error_words(&err));
	assert_null(access_find(access, "anna"));
}

static void test_the_manual_names_each_key(void **state)
{
	autobuf text = {0};
	autofree char *roff = NULL;

	assert_int_equal(access_describe_roff(&text), 0);
	roff = buf_steal_str(&text);
	assert_non_null(strstr(roff, ".B role\n"));
	assert_non_null(strstr(roff, "viewer operator admin"));
	assert_non_null(strstr(roff, ".B deny\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_section_counts),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_an_empty_file_lets_nobody_in),
		cmocka_unit_test(test_roles_by_the_table),
		cmocka_unit_test(test_allow_and_deny),
		cmocka_unit_test(test_words_of_a_denial),
		cmocka_unit_test(test_parameters_that_need_more),
		cmocka_unit_test(test_what_a_reload_takes_away),
		cmocka_unit_test(test_which_consoles_are_recorded),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_a_missing_file),
		cmocka_unit_test(test_the_sample_is_valid),
		cmocka_unit_test(test_the_manual_names_each_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
