/*
 * Snapshots: what reaches virt, what is refused before, and rows as results.
 */
#include "test_ops_fakes.h"

#include "daemon/virt/snapshot.h"

/* -- virt's verbs ---------------------------------------------------------- */

int virt_snapshot_list(struct virt *v, const struct virt_domain_ref *ref,
		       struct virt_done done, struct error *err)
{
	return fake_verb(v, "list", ref, 0, NULL, done, err);
}

int virt_snapshot_info(struct virt *v, const struct virt_domain_ref *ref,
		       const char *name, struct virt_done done,
		       struct error *err)
{
	return fake_verb(v, "info", ref, 0, name, done, err);
}

int virt_snapshot_xml(struct virt *v, const struct virt_domain_ref *ref,
		      const char *name, bool secure, struct virt_done done,
		      struct error *err)
{
	return fake_verb(v, "xml", ref, secure, name, done, err);
}

int virt_snapshot_create(struct virt *v, const struct virt_domain_ref *ref,
			 const struct virt_snapshot_new *snapshot,
			 struct virt_done done, struct error *err)
{
	return fake_verb(v, "create", ref, snapshot->flags,
			 snapshot->xml ? snapshot->xml : snapshot->name, done,
			 err);
}

int virt_snapshot_revert(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err)
{
	return fake_verb(v, "revert", ref, flags, name, done, err);
}

int virt_snapshot_delete(struct virt *v, const struct virt_domain_ref *ref,
			 const char *name, unsigned flags,
			 struct virt_done done, struct error *err)
{
	return fake_verb(v, "delete", ref, flags, name, done, err);
}

/* -- replies --------------------------------------------------------------- */

static char web[] = "web-1";
static char s1[] = "s1";
static char s2[] = "s2";
static char running[] = "running";
static char words[] = "why";

#define DOMAIN_REF "{\"uuid\":\"" UUID "\",\"name\":\"web-1\""

static void reply_rows(struct test *t, struct virt_snapshot *rows, size_t n,
		       char *xml)
{
	struct virt_snapshots value = {.rows = rows, .count = n, .xml = xml};
	struct virt_reply reply = fake_domain("web-1");

	reply.kind = VIRT_VALUE_NOUN;
	reply.value.noun.data = &value;
	fake_reply(t->virt, &reply);
}

static void reply_s1(struct test *t, char *xml)
{
	struct virt_snapshot row = {.name = s1, .state = running};

	reply_rows(t, &row, 1, xml);
}

/* -- tests ----------------------------------------------------------------- */

#define asks(id, verb_, bits, text_, ...)                                      \
	do {                                                                   \
		const char *given_ = text_;                                    \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &(const struct id##_params){.domain = web,    \
							     __VA_ARGS__});    \
		assert_string_equal(t.virt->verb, verb_);                      \
		assert_int_equal(t.virt->number, bits);                        \
		assert_ptr_equal(t.virt->scope, scope);                        \
		if (given_)                                                    \
			assert_string_equal(t.virt->text, given_);             \
		else                                                           \
			assert_null(t.virt->text);                             \
		reply_s1(&t, NULL);                                            \
		expect_json(&t, DOMAIN_REF ",\"snapshot\":\"s1\"}");           \
		assert_string_equal(t.call.uuid, UUID);                        \
		test_again(&t);                                                \
	} while (0)

static void actions_reach_their_verb(void **state)
{
	char xml[] = "<domainsnapshot/>";
	char *scope[] = {web, NULL};
	struct test t;

	test_open(&t, METHOD_snapshot_create);
	t.call.caller.scope = scope;
	asks(snapshot_create, "create", 0, NULL, .has_name = false);
	asks(snapshot_create, "create",
	     VIRT_SNAPSHOT_DISK_ONLY | VIRT_SNAPSHOT_QUIESCE |
		     VIRT_SNAPSHOT_ATOMIC | VIRT_SNAPSHOT_NO_METADATA,
	     "s1", .name = s1, .has_name = true, .disk_only = true,
	     .quiesce = true, .atomic = true, .no_metadata = true);
	asks(snapshot_create, "create",
	     VIRT_SNAPSHOT_REDEFINE | VIRT_SNAPSHOT_CURRENT |
		     VIRT_SNAPSHOT_VALIDATE,
	     xml, .xml = xml, .has_xml = true, .redefine = true,
	     .current = true, .validate = true);
	asks(snapshot_create, "create",
	     VIRT_SNAPSHOT_HALT | VIRT_SNAPSHOT_LIVE | VIRT_SNAPSHOT_REUSE,
	     NULL, .halt = true, .live = true, .reuse_external = true);
	asks(snapshot_revert, "revert", VIRT_REVERT_PAUSED | VIRT_REVERT_FORCE,
	     "s1", .snapshot = s1, .has_snapshot = true, .paused = true,
	     .force = true);
	asks(snapshot_revert, "revert", VIRT_REVERT_RUNNING, NULL,
	     .current = true, .running = true);
	asks(snapshot_delete, "delete", VIRT_SNAPSHOT_DELETE_CHILDREN, "s1",
	     .snapshot = s1, .has_snapshot = true, .children = true);
	asks(snapshot_delete, "delete",
	     VIRT_SNAPSHOT_DELETE_CHILDREN_ONLY | VIRT_SNAPSHOT_DELETE_METADATA,
	     NULL, .current = true, .children_only = true, .metadata = true);
	test_close(&t);
}

#define refuses(id, ...)                                                       \
	do {                                                                   \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &(const struct id##_params){.domain = web,    \
							     __VA_ARGS__});    \
		expect_failure(&t, ERROR_INVALID_PARAMS);                      \
		assert_int_equal(t.virt->waiting, 0);                          \
		test_again(&t);                                                \
	} while (0)

static void what_excludes_each_other(void **state)
{
	struct test t;

	test_open(&t, METHOD_snapshot_create);
	refuses(snapshot_create, .xml = words, .has_xml = true, .name = s1,
		.has_name = true);
	refuses(snapshot_create, .xml = words, .has_xml = true,
		.description = s1, .has_description = true);
	refuses(snapshot_create, .redefine = true);
	refuses(snapshot_create, .current = true);
	refuses(snapshot_create, .quiesce = true);
	refuses(snapshot_create, .live = true, .disk_only = true);
	refuses(snapshot_revert, .running = false);
	refuses(snapshot_revert, .current = true, .running = true,
		.paused = true);
	refuses(snapshot_delete, .current = true, .children = true,
		.children_only = true);
	refuses(snapshot_info, .current = true, .snapshot = s1,
		.has_snapshot = true);
	refuses(snapshot_xml, .secure = true);
	test_close(&t);
}

static void rows_are_told(void **state)
{
	struct virt_snapshot rows[] = {
		{.name = s1,
		 .state = running,
		 .created = 1767225600,
		 .description = words,
		 .children = 1,
		 .descendants = 1,
		 .metadata = true},
		{.name = s2,
		 .state = running,
		 .parent = s1,
		 .current = true,
		 .external = true},
	};
	const struct snapshot_list_params list = {.domain = web};
	const struct snapshot_info_params info = {
		.domain = web, .snapshot = s2, .has_snapshot = true};
	const struct snapshot_xml_params shown = {
		.domain = web, .current = true, .secure = true};
	char xml[] = "<domainsnapshot/>";
	struct test t;

	test_open(&t, METHOD_snapshot_list);
	op_snapshot_list(&t.call, &list);
	reply_rows(&t, rows, 2, NULL);
	expect_json(&t, DOMAIN_REF
		    ",\"snapshots\":[{\"snapshot\":\"s1\","
		    "\"created\":\"2026-01-01T00:00:00.000Z\","
		    "\"state\":\"running\",\"children\":1,\"descendants\":1,"
		    "\"current\":false,\"external\":false,\"metadata\":true,"
		    "\"description\":\"why\"},{\"snapshot\":\"s2\","
		    "\"state\":\"running\",\"parent\":\"s1\",\"children\":0,"
		    "\"descendants\":0,\"current\":true,\"external\":true,"
		    "\"metadata\":false}]}");
	test_again(&t);
	t.call.method = METHOD_snapshot_info;
	op_snapshot_info(&t.call, &info);
	assert_string_equal(t.virt->text, "s2");
	reply_rows(&t, rows + 1, 1, NULL);
	expect_json(&t, DOMAIN_REF
		    ",\"info\":{\"snapshot\":\"s2\",\"state\":\"running\","
		    "\"parent\":\"s1\",\"children\":0,\"descendants\":0,"
		    "\"current\":true,\"external\":true,"
		    "\"metadata\":false}}");
	test_again(&t);
	t.call.method = METHOD_snapshot_xml;
	op_snapshot_xml(&t.call, &shown);
	assert_int_equal(t.virt->number, 1);
	reply_s1(&t, xml);
	expect_json(&t, DOMAIN_REF ",\"snapshot\":\"s1\","
				   "\"xml\":\"<domainsnapshot/>\"}");
	test_again(&t);
	op_snapshot_xml(&t.call, &shown);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_reach_their_verb),
		cmocka_unit_test(what_excludes_each_other),
		cmocka_unit_test(rows_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
