/* The host: one answer out of three replies, in whatever order of failures. */
#include "test_ops_fakes.h"

static const struct host_info_params no_info = {.given = 0};
static const struct host_version_params no_version = {.given = 0};

static void reply_host(struct test *t)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_HOST};

	reply.value.host = (struct virt_host_info){
		.hostname = strdup("node"),
		.model = strdup("x86_64"),
		.memory_kib = 1024,
		.free_memory_kib = 512,
		.cpus = 8,
		.mhz = 2400,
		.nodes = 1,
		.sockets = 1,
		.cores = 4,
		.threads = 2,
	};
	fake_reply(t->virt, &reply);
	free(reply.value.host.hostname);
	free(reply.value.host.model);
}

static void reply_versions(struct test *t)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_VERSIONS};
	struct virt_versions *v = &reply.value.versions;

	*v = (struct virt_versions){.library = ops_borrow("9.0.0"),
				    .libvirt = ops_borrow("9.0.1"),
				    .hypervisor = strdup("QEMU"),
				    .hypervisor_version = ops_borrow("7.2.1"),
				    .driver = ops_borrow("qemu")};
	fake_reply(t->virt, &reply);
	free(v->hypervisor);
}

static void reply_list(struct test *t)
{
	struct virt_domain rows[] = {{.id = 1}, {.id = -1}, {.id = 2}};
	struct virt_reply reply = {.kind = VIRT_VALUE_LIST};

	reply.value.list.rows = rows;
	reply.value.list.count = array_size(rows);
	fake_reply(t->virt, &reply);
}

static void info_gathers_three_replies(void **state)
{
	struct test t;

	test_open(&t, METHOD_host_info);
	op_host_info(&t.call, &no_info);
	assert_int_equal(t.virt->waiting, 3);
	reply_host(&t);
	reply_versions(&t);
	assert_int_equal(t.call.outcome, OUTCOME_NONE);
	reply_list(&t);
	expect_json(&t, "{\"hostname\":\"node\",\"uri\":\"qemu:///embed\","
			"\"hypervisor\":\"QEMU\",\"arch\":\"x86_64\","
			"\"cpus\":8,\"cpu_mhz\":2400,\"numa_nodes\":1,"
			"\"sockets\":1,\"cores\":4,\"threads\":2,"
			"\"memory\":1048576,\"memory_free\":524288,"
			"\"domains_active\":2,\"domains_inactive\":1}");
	test_close(&t);
}

static void info_fails_once(void **state)
{
	struct test t;

	test_open(&t, METHOD_host_info);
	op_host_info(&t.call, &no_info);
	fake_reply_error(t.virt, ERROR_UNAVAILABLE);
	fake_reply_error(t.virt, ERROR_FAILED);
	assert_int_equal(t.call.outcome, OUTCOME_NONE);
	reply_list(&t);
	expect_failure(&t, ERROR_UNAVAILABLE);
	test_again(&t);
	op_host_info(&t.call, &no_info);
	reply_host(&t);
	reply_versions(&t);
	fake_reply_error(t.virt, ERROR_FAILED);
	expect_failure(&t, ERROR_FAILED);
	test_close(&t);
}

static void info_fails_where_nothing_can_be_asked(void **state)
{
	struct test t;

	test_open(&t, METHOD_host_info);
	for (unsigned taken = 0; taken < 3; taken++) {
		t.virt->refuse = ERROR_BUSY;
		t.virt->refuse_after = taken;
		op_host_info(&t.call, &no_info);
		assert_int_equal(t.virt->waiting, taken);
		if (taken > 0)
			reply_host(&t);
		if (taken > 1)
			reply_versions(&t);
		expect_failure(&t, ERROR_BUSY);
		test_again(&t);
	}
	test_close(&t);
}

static void tells_versions(void **state)
{
	struct test t;

	test_open(&t, METHOD_host_version);
	op_host_version(&t.call, &no_version);
	reply_versions(&t);
	expect_json(&t, "{\"agent\":\"" VIRTMUX_VERSION
			"\",\"libvirt\":\"9.0.1\",\"client_library\":\"9.0.0\","
			"\"hypervisor\":\"QEMU\","
			"\"hypervisor_version\":\"7.2.1\"}");
	test_again(&t);
	op_host_version(&t.call, &no_version);
	fake_reply_error(t.virt, ERROR_UNAVAILABLE);
	expect_failure(&t, ERROR_UNAVAILABLE);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_gathers_three_replies),
		cmocka_unit_test(info_fails_once),
		cmocka_unit_test(info_fails_where_nothing_can_be_asked),
		cmocka_unit_test(tells_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
