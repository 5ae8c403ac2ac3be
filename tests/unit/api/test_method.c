/*
 * The table itself: what must hold for every bracket, and the look-ups by name
 * and by path.
 */
#include "api/method.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* The look-up by name halves the table, so it must be sorted. */
static void test_order_of_names(void **state)
{
	for (size_t i = 1; i < METHODS; i++) {
		const char *before =
			method_by_id((enum method_id)(i - 1))->name;
		const char *name = method_by_id((enum method_id)i)->name;

		if (strcmp(before, name) >= 0)
			fail_msg("%s stands behind %s in the table", name,
				 before);
	}
}

/* "domain.start" is domain_start. */
static void check_name(const struct method *m)
{
	const char *dot = strchr(m->name, '.');
	char id[64];
	size_t n = 0;

	assert_non_null(dot);
	assert_null(strchr(dot + 1, '.'));
	assert_int_equal(m->name_len, strlen(m->name));
	for (const char *c = m->name; *c != '\0'; c++)
		id[n++] = *c == '.' || *c == '-' ? '_' : *c;
	id[n] = '\0';
	assert_string_equal(m->c_id, id);
}

static void check_words(const char *name, const char *summary, const char *doc)
{
	if (strlen(summary) < 5 || summary[strlen(summary) - 1] == '.')
		fail_msg("%s: its summary is no summary", name);
	if (strlen(doc) < 10 || doc[strlen(doc) - 1] != '.')
		fail_msg("%s: its doc is no sentence", name);
}

static void check_params(const struct method *m)
{
	assert_true(m->params_count <= MEMBERS_MAX);
	for (unsigned i = 0; i < m->params_count; i++) {
		const struct member *p = &m->params[i];

		assert_true(p->offset < m->params_size);
		assert_true(p->offset > 0);
		assert_true(strlen(p->doc) > 0);
		assert_int_equal(p->key_len, strlen(p->name) + 3);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(p->name, m->params[k].name);
		if (m->path)
			assert_int_not_equal(p->type->kind, TYPE_OBJECT);
	}
}

static void check_path(const struct method *m)
{
	const char *at = m->path;

	assert_int_equal(*at, '/');
	while ((at = strchr(at, '{'))) {
		size_t len = strcspn(++at, "}");
		bool known = false;

		for (unsigned i = 0; i < m->params_count; i++) {
			const struct member *p = &m->params[i];

			if (strlen(p->name) == len &&
			    memcmp(p->name, at, len) == 0)
				known = p->has == 0 && p->count == 0;
		}
		if (!known)
			fail_msg("%s: its path names no required parameter",
				 m->name);
	}
}

static void test_every_method(void **state)
{
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);
		bool rpc = m->kind == METHOD_QUERY || m->kind == METHOD_CALL;

		assert_int_equal(m->id, i);
		assert_true(m->role >= ROLE_VIEWER && m->role <= ROLE_ADMIN);
		check_name(m);
		check_words(m->name, m->summary, m->doc);
		check_params(m);
		if (rpc != (m->path == NULL))
			fail_msg("%s: its kind and its path do not fit",
				 m->name);
		if (rpc && !m->result)
			fail_msg("%s: it has no result", m->name);
		if (m->path)
			check_path(m);
		if (m->kind == METHOD_CALL && m->role == ROLE_VIEWER)
			fail_msg("%s: a viewer changes nothing", m->name);
		for (unsigned k = 0; k < m->needs_count; k++)
			assert_true(m->needs[k].param < m->params_count);
		for (unsigned k = 0; k < m->audit_count; k++)
			assert_true(m->audit[k] < m->params_count);
	}
}

/* Whoever takes a domain is audited by it. */
static void test_domains_are_audited(void **state)
{
	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);

		for (unsigned k = 0; k < m->params_count; k++) {
			if (m->params[k].type != &api_type_DOMAIN)
				continue;
			assert_true(m->audit_count > 0);
			assert_int_equal(m->audit[0], k);
		}
	}
}

static void test_every_type(void **state)
{
	const struct type *type;
	size_t n = 0;

	for (; (type = type_at(n)); n++) {
		assert_true(strlen(type->doc) > 0);
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(type->name, type_at(i)->name);
		assert_true(type->fields_count <= MEMBERS_MAX);
		assert_int_equal(type->kind == TYPE_OBJECT,
				 type->fields_count > 0);
		assert_int_equal(type->kind == TYPE_ENUM,
				 type->values_count > 0);
		/* an offset of 0 says that there is no flag and no count */
		for (unsigned i = 0; i < type->fields_count; i++)
			assert_true(type->fields[i].has != 0 ||
				    type->fields[i].count != 0 ||
				    type->fields[i].offset < type->size);
	}
	assert_true(n > 20);
}

static void test_enums(void **state)
{
	assert_string_equal(enum_text(&api_type_domain_state,
				      DOMAIN_STATE_PAUSED),
			    "paused");
	assert_string_equal(enum_text(&api_type_domain_state,
				      domain_state_count),
			    "unknown");
	assert_int_equal(enum_value(&api_type_domain_state, "shut-off"),
			 DOMAIN_STATE_SHUTOFF);
	assert_int_equal(enum_value(&api_type_domain_state, "Shut-off"), -1);
	assert_int_equal(role_from_name("operator"), ROLE_OPERATOR);
	assert_int_equal(role_from_name("root"), ROLE_NONE);
	assert_string_equal(role_name(ROLE_ADMIN), "admin");
	assert_string_equal(method_kind_name(METHOD_STREAM), "stream");
}

static void test_find(void **state)
{
	static const char *const unknown[] = {
		"",
		".",
		"domain",
		"domain.",
		"domain.start ",
		"Domain.start",
		"domain.starts",
		"a",
		"zzz",
		"session.whoami2",
		"domain\0start",
	};

	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = method_by_id((enum method_id)i);

		assert_ptr_equal(method_find(m->name, m->name_len), m);
		assert_null(method_find(m->name, m->name_len - 1));
	}
	for (size_t i = 0; i < array_size(unknown); i++)
		assert_null(method_find(unknown[i], strlen(unknown[i])));
	assert_null(method_find("domain.start\0", 13));
	assert_string_equal(method_nearest("domain.strat"), "domain.start");
	assert_null(method_nearest("quite.different"));
}

static const struct method *find_path(enum method_kind kind, const char *path)
{
	return method_find_path(kind, path, strlen(path));
}

static void assert_path(enum method_kind kind, const char *path,
			enum method_id id)
{
	assert_ptr_equal(find_path(kind, path), method_by_id(id));
	assert_true(method_path_known(path, strlen(path)));
}

static void test_find_path(void **state)
{
	static const char *const unknown[] = {
		"",
		"/",
		"*",
		"/domains",
		"/domains/",
		"/domains//screenshot",
		"/domains/a/screenshot/",
		"/domains/a/b/screenshot",
		"domains/a/screenshot",
		"/domains/a/screenshots",
		"//speed",
		"/speed/",
		"/speed%3Fbytes=1",
		"/openrpc.jso",
		"?",
		"/?/speed",
		"/domains/a/graphics/",
		"/domains/a/graphics",
	};

	assert_path(METHOD_GET, "/domains/web%2F1/screenshot",
		    METHOD_domain_screenshot);
	assert_path(METHOD_GET, "/domains/a/screenshot?screen=1/2?",
		    METHOD_domain_screenshot);
	assert_path(METHOD_STREAM, "/domains/a/graphics/0",
		    METHOD_domain_graphics);
	assert_path(METHOD_STREAM, "/domains/a/serial/x", METHOD_domain_serial);
	assert_path(METHOD_GET, "/speed?bytes=1", METHOD_host_speed_download);
	assert_path(METHOD_PUT, "/speed", METHOD_host_speed_upload);
	assert_path(METHOD_GET, "/openrpc.json", METHOD_rpc_discover);
	for (size_t i = 0; i < array_size(unknown); i++) {
		assert_null(find_path(METHOD_GET, unknown[i]));
		assert_null(find_path(METHOD_STREAM, unknown[i]));
		assert_false(method_path_known(unknown[i], strlen(unknown[i])));
	}
	/* another kind: known, but not so */
	assert_null(find_path(METHOD_GET, "/domains/a/graphics/0"));
	assert_true(method_path_known("/domains/a/graphics/0", 21));
}

static void test_role_for(void **state)
{
	const struct method *m = method_by_id(METHOD_domain_xml);
	struct domain_xml_params params = {0};

	assert_int_equal(method_role_for(m, &params), ROLE_VIEWER);
	params.has_secure = true;
	assert_int_equal(method_role_for(m, &params), ROLE_VIEWER);
	params.secure = true;
	assert_int_equal(method_role_for(m, &params), ROLE_ADMIN);
}

static void test_mutates(void **state)
{
	assert_true(method_mutates(method_by_id(METHOD_domain_start)));
	assert_true(method_mutates(method_by_id(METHOD_domain_serial)));
	assert_false(method_mutates(method_by_id(METHOD_domain_list)));
	assert_false(method_mutates(method_by_id(METHOD_domain_screenshot)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_names),
		cmocka_unit_test(test_every_method),
		cmocka_unit_test(test_domains_are_audited),
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_enums),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_path),
		cmocka_unit_test(test_role_for),
		cmocka_unit_test(test_mutates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
