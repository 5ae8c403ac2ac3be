/*
 * domain.migrate and its like: each parameter reaches virt, and what contradicts
 * itself does not.
 */
#include "test_ops_fakes.h"

#include "daemon/virt/migrate.h"

/* What the last migration was asked with. */
struct seen {
	struct virt_migration how;
	uint64_t number;
};

static struct seen *seen(struct virt *v)
{
	return (struct seen *)v->done[FAKE_REQUESTS - 1].context;
}

int virt_domain_migrate(struct virt *v, const struct virt_domain_ref *ref,
			const struct virt_migration *how, struct virt_done done,
			struct error *err)
{
	seen(v)->how = *how;
	return fake_verb(v, "migrate", ref, how->flags, how->uri, done, err);
}

#define FAKE_SIMPLE(name)                                                      \
	int virt_domain_migrate_##name(struct virt *v,                         \
				       const struct virt_domain_ref *ref,      \
				       struct virt_done done,                  \
				       struct error *err)                      \
	{                                                                      \
		return fake_verb(v, #name, ref, 0, NULL, done, err);           \
	}
#define FAKE_SET(name)                                                         \
	int virt_domain_migrate_set_##name(                                    \
		struct virt *v, const struct virt_domain_ref *ref,             \
		uint64_t number, struct virt_done done, struct error *err)     \
	{                                                                      \
		seen(v)->number = number;                                      \
		return fake_verb(v, "set_" #name, ref, 0, NULL, done, err);    \
	}

FAKE_SIMPLE(speed)
FAKE_SIMPLE(downtime)
FAKE_SIMPLE(postcopy)
FAKE_SET(speed)
FAKE_SET(downtime)

static void open_with(struct test *t, enum method_id method, struct seen *room)
{
	test_open(t, method);
	t->virt->done[FAKE_REQUESTS - 1].context = room;
}

static void test_every_flag(void **state)
{
	struct seen room = {0};
	struct domain_migrate_params p = {.domain = (char *)"web-1",
					  .uri = (char *)"qemu://x/system",
					  .bandwidth = 12,
					  .parallel = 3};
	bool *const flags[] = {
		&p.live,
		&p.offline,
		&p.tunnelled,
		&p.persistent,
		&p.undefine_source,
		&p.suspend,
		&p.copy_storage_all,
		&p.copy_storage_inc,
		&p.copy_storage_synchronous_writes,
		&p.change_protection,
		&p.unsafe,
		&p.abort_on_error,
		&p.auto_converge,
		&p.postcopy,
		&p.compressed,
		&p.tls,
	};
	struct test t;

	open_with(&t, METHOD_domain_migrate, &room);
	for (unsigned i = 0; i < array_size(flags); i++) {
		unsigned expected = 1u << i;

		*flags[i] = true;
		if (p.offline)
			expected |= VIRT_MIGRATE_PERSISTENT;
		p.persistent = p.persistent || p.offline;
		op_domain_migrate(&t.call, &p);
		assert_string_equal(t.virt->verb, "migrate");
		assert_string_equal(t.virt->text, "qemu://x/system");
		assert_int_equal(t.virt->number, expected);
		assert_int_equal(room.how.bandwidth, 12);
		assert_int_equal(room.how.parallel, 3);
		fake_reply_domain(t.virt, "web-1");
		expect_json(&t, "{\"uuid\":\"" UUID "\",\"name\":\"web-1\"}");
		test_again(&t);
		*flags[i] = false;
		p.persistent = false;
	}
	test_close(&t);
}

static void test_contradictions(void **state)
{
	char *disks[] = {(char *)"vda"};
	const struct domain_migrate_params wrong[] = {
		{.offline = true},
		{.offline = true, .persistent = true, .live = true},
		{.offline = true, .persistent = true, .copy_storage_all = true},
		{.copy_storage_all = true, .copy_storage_inc = true},
		{.disks = disks, .disks_count = 1},
	};
	struct seen room = {0};
	struct test t;

	open_with(&t, METHOD_domain_migrate, &room);
	for (size_t i = 0; i < array_size(wrong); i++) {
		struct domain_migrate_params p = wrong[i];

		p.domain = (char *)"web-1";
		p.uri = (char *)"qemu://x/system";
		op_domain_migrate(&t.call, &p);
		expect_failure(&t, ERROR_INVALID_PARAMS);
		assert_null(t.virt->verb);
		test_again(&t);
	}
	test_close(&t);
}

static void test_a_failure(void **state)
{
	const struct domain_migrate_params p = {
		.domain = (char *)"web-1", .uri = (char *)"qemu://x/system"};
	struct seen room = {0};
	struct test t;

	open_with(&t, METHOD_domain_migrate, &room);
	op_domain_migrate(&t.call, &p);
	fake_reply_error(t.virt, ERROR_EXISTS);
	expect_failure(&t, ERROR_EXISTS);
	test_close(&t);
}

static void test_limits(void **state)
{
	const struct domain_migrate_set_speed_params speed = {
		.domain = (char *)"web-1", .bandwidth = 17};
	const struct domain_migrate_set_downtime_params downtime = {
		.domain = (char *)"web-1", .downtime = 18};
	struct seen room = {0};
	struct test t;

	open_with(&t, METHOD_domain_migrate_set_speed, &room);
	op_domain_migrate_set_speed(&t.call, &speed);
	assert_string_equal(t.virt->verb, "set_speed");
	assert_int_equal(room.number, 17);
	fake_reply_domain(t.virt, "web-1");
	test_again(&t);
	t.call.method = METHOD_domain_migrate_set_downtime;
	op_domain_migrate_set_downtime(&t.call, &downtime);
	assert_string_equal(t.virt->verb, "set_downtime");
	assert_int_equal(room.number, 18);
	fake_reply_domain(t.virt, "web-1");
	test_close(&t);
}

static void test_limits_are_shown(void **state)
{
	const struct domain_migrate_speed_params p = {.domain =
							      (char *)"web-1"};
	struct virt_migrate_number number = {.value = 19};
	struct virt_reply reply = fake_domain("web-1");
	struct seen room = {0};
	struct test t;

	open_with(&t, METHOD_domain_migrate_speed, &room);
	op_domain_migrate_speed(&t.call, &p);
	reply.kind = VIRT_VALUE_NOUN;
	reply.value.noun.data = &number;
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID
			"\",\"name\":\"web-1\",\"bandwidth\":19}");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_flag),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_a_failure),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
