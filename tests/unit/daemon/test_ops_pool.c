/*
 * Storage pools: which verb of virt each method becomes, with which flags, and how
 * pools become results.
 */
#include "test_ops_fakes.h"

#include "daemon/virt/storage.h"

/* -- virt's verbs ---------------------------------------------------------- */

int virt_pool_list(struct virt *v, unsigned filter, struct virt_done done,
		   struct error *err)
{
	return fake_verb(v, "list", NULL, filter, NULL, done, err);
}

int virt_pool_info(struct virt *v, const char *pool, struct virt_done done,
		   struct error *err)
{
	return fake_verb(v, "info", NULL, 0, pool, done, err);
}

int virt_pool_xml(struct virt *v, const char *pool, bool inactive,
		  struct virt_done done, struct error *err)
{
	return fake_verb(v, "xml", NULL, inactive, pool, done, err);
}

int virt_pool_define(struct virt *v, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err)
{
	return fake_verb(v, "define", NULL, flags, xml, done, err);
}

int virt_pool_create(struct virt *v, const char *xml, unsigned flags,
		     struct virt_done done, struct error *err)
{
	return fake_verb(v, "create", NULL, flags, xml, done, err);
}

int virt_pool_act(struct virt *v, enum virt_pool_action action,
		  const char *pool, unsigned flags, struct virt_done done,
		  struct error *err)
{
	static const char *const verbs[] = {
		[VIRT_POOL_DO_AUTOSTART] = "autostart",
		[VIRT_POOL_DO_BUILD] = "build",
		[VIRT_POOL_DO_DELETE] = "delete",
		[VIRT_POOL_DO_DESTROY] = "destroy",
		[VIRT_POOL_DO_REFRESH] = "refresh",
		[VIRT_POOL_DO_START] = "start",
		[VIRT_POOL_DO_UNDEFINE] = "undefine",
	};

	return fake_verb(v, verbs[action], NULL, flags, pool, done, err);
}

/* -- replies --------------------------------------------------------------- */

static char disks[] = "disks";
static char old[] = "old";
static char xml[] = "<pool/>";

#define DISKS "{\"uuid\":\"" UUID "\",\"name\":\"disks\""

static void reply_noun(struct test *t, void *data)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_NOUN,
				   .value.noun.data = data};

	fake_reply(t->virt, &reply);
}

static void reply_disks(struct test *t)
{
	struct virt_pool pool = {.uuid = UUID, .name = disks};

	reply_noun(t, &pool);
}

/* -- changes --------------------------------------------------------------- */

#define asks(id, verb_, bits, text_, ...)                                      \
	do {                                                                   \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &(const struct id##_params){__VA_ARGS__});    \
		assert_string_equal(t.virt->verb, verb_);                      \
		assert_int_equal(t.virt->number, bits);                        \
		assert_string_equal(t.virt->text, text_);                      \
		reply_disks(&t);                                               \
		expect_json(&t, DISKS "}");                                    \
		assert_string_equal(t.call.uuid, UUID);                        \
		assert_string_equal(t.call.name, "disks");                     \
		test_again(&t);                                                \
	} while (0)

static void changes_reach_their_verb(void **state)
{
	struct test t;

	test_open(&t, METHOD_pool_start);
	asks(pool_autostart, "autostart", 0, "disks", .pool = disks);
	asks(pool_autostart, "autostart", VIRT_POOL_DISABLE, "disks",
	     .pool = disks, .disable = true);
	asks(pool_build, "build", 0, "disks", .pool = disks);
	asks(pool_build, "build", VIRT_POOL_OVERWRITE, "disks", .pool = disks,
	     .overwrite = true);
	asks(pool_build, "build", VIRT_POOL_NO_OVERWRITE, "disks",
	     .pool = disks, .no_overwrite = true);
	asks(pool_delete, "delete", 0, "disks", .pool = disks);
	asks(pool_destroy, "destroy", 0, "disks", .pool = disks);
	asks(pool_refresh, "refresh", 0, "disks", .pool = disks);
	asks(pool_start, "start", 0, "disks", .pool = disks);
	asks(pool_start, "start", VIRT_POOL_BUILD | VIRT_POOL_OVERWRITE,
	     "disks", .pool = disks, .build = true, .overwrite = true);
	asks(pool_undefine, "undefine", 0, "disks", .pool = disks);
	asks(pool_define, "define", 0, "<pool/>", .xml = xml);
	asks(pool_define, "define", VIRT_POOL_VALIDATE, "<pool/>", .xml = xml,
	     .validate = true);
	asks(pool_create, "create", VIRT_POOL_BUILD | VIRT_POOL_NO_OVERWRITE,
	     "<pool/>", .xml = xml, .build = true, .no_overwrite = true);
	test_close(&t);
}

#define refuses(id, ...)                                                       \
	do {                                                                   \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call,                                               \
			&(const struct id##_params){.overwrite = true,         \
						    .no_overwrite = true,      \
						    __VA_ARGS__});             \
		expect_failure(&t, ERROR_INVALID_PARAMS);                      \
		assert_int_equal(t.virt->waiting, 0);                          \
		test_again(&t);                                                \
	} while (0)

static void what_excludes_each_other(void **state)
{
	struct test t;

	test_open(&t, METHOD_pool_build);
	refuses(pool_build, .pool = disks);
	refuses(pool_start, .pool = disks, .build = true);
	refuses(pool_create, .xml = xml, .build = true);
	test_close(&t);
}

static void failures_are_told(void **state)
{
	const struct pool_start_params start = {.pool = disks};
	const struct pool_list_params list = {.has_active = false};
	struct test t;

	test_open(&t, METHOD_pool_start);
	op_pool_start(&t.call, &start);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_again(&t);
	t.virt->refuse = ERROR_BUSY; /* at once, by the queue */
	op_pool_start(&t.call, &start);
	expect_failure(&t, ERROR_BUSY);
	test_again(&t);
	t.call.method = METHOD_pool_list;
	op_pool_list(&t.call, &list);
	expect_failure(&t, ERROR_BUSY);
	test_close(&t);
}

/* -- what pools are -------------------------------------------------------- */

static void filters_are_bits(void **state)
{
	enum pool_type types[] = {POOL_TYPE_DIR, POOL_TYPE_ISCSI_DIRECT};
	const struct {
		struct pool_list_params params;
		unsigned filter;
	} cases[] = {
		{{.has_active = false}, 0},
		{{.has_active = true, .active = true}, VIRT_POOLS_ACTIVE},
		{{.has_active = true}, VIRT_POOLS_INACTIVE},
		{{.has_persistent = true, .persistent = true},
		 VIRT_POOLS_PERSISTENT},
		{{.has_persistent = true}, VIRT_POOLS_TRANSIENT},
		{{.has_autostart = true, .autostart = true},
		 VIRT_POOLS_AUTOSTART},
		{{.has_autostart = true}, VIRT_POOLS_NO_AUTOSTART},
		{{.type = types, .type_count = 2, .has_type = true},
		 VIRT_POOLS_TYPE | VIRT_POOLS_TYPE << (VIRT_POOL_TYPES - 1)},
	};
	struct virt_pool_list none = {.count = 0};
	struct test t;

	test_open(&t, METHOD_pool_list);
	for (size_t i = 0; i < array_size(cases); i++) {
		op_pool_list(&t.call, &cases[i].params);
		assert_int_equal(t.virt->number, cases[i].filter);
		reply_noun(&t, &none);
		expect_json(&t, "{\"pools\":[]}");
		test_again(&t);
	}
	test_close(&t);
}

static void pools_are_told(void **state)
{
	struct virt_pool rows[] = {
		{.uuid = UUID,
		 .name = disks,
		 .state = VIRT_POOL_RUNNING,
		 .capacity = 1000,
		 .allocation = 600,
		 .available = 400,
		 .persistent = true,
		 .autostart = true},
		{.uuid = UUID, .name = old, .state = VIRT_POOL_INACCESSIBLE},
		/* One that a later libvirt may have. */
		{.uuid = UUID,
		 .name = old,
		 .state = (enum virt_pool_state)(VIRT_POOL_INACCESSIBLE + 1)},
	};
	struct virt_pool_list value = {.rows = rows, .count = array_size(rows)};
	const struct pool_info_params info = {.pool = disks};
	const struct pool_list_params list = {.has_active = false};
#define OLD                                                                    \
	"{\"uuid\":\"" UUID "\",\"name\":\"old\",\"state\":\"inaccessible\","  \
	"\"capacity\":0,\"allocation\":0,\"available\":0,"                     \
	"\"persistent\":false,\"autostart\":false}"
	struct test t;

	test_open(&t, METHOD_pool_list);
	op_pool_list(&t.call, &list);
	reply_noun(&t, &value);
	expect_json(&t, "{\"pools\":[" DISKS
			",\"state\":\"running\",\"capacity\":1000,"
			"\"allocation\":600,\"available\":400,"
			"\"persistent\":true,\"autostart\":true}," OLD "," OLD
			"]}");
	test_again(&t);
	t.call.method = METHOD_pool_info;
	op_pool_info(&t.call, &info);
	assert_string_equal(t.virt->text, "disks");
	reply_noun(&t, &rows[1]);
	expect_json(&t, OLD);
	test_close(&t);
}

static void xml_is_told(void **state)
{
	struct virt_storage_xml value = {
		.uuid = UUID, .pool = disks, .xml = xml};
	const struct pool_xml_params p = {.pool = disks, .inactive = true};
	struct test t;

	test_open(&t, METHOD_pool_xml);
	op_pool_xml(&t.call, &p);
	assert_int_equal(t.virt->number, 1);
	reply_noun(&t, &value);
	expect_json(&t, DISKS ",\"xml\":\"<pool/>\"}");
	test_again(&t);
	op_pool_xml(&t.call, &p);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_reach_their_verb),
		cmocka_unit_test(what_excludes_each_other),
		cmocka_unit_test(failures_are_told),
		cmocka_unit_test(filters_are_bits),
		cmocka_unit_test(pools_are_told),
		cmocka_unit_test(xml_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
