/* One domain shown: its facts and its XML. */
#include "test_ops_fakes.h"

static char web_1[] = "web-1";

static void shows_a_running_domain(void **state)
{
	struct virt_display displays[] = {
		{.type = ops_borrow("vnc"),
		 .listen = ops_borrow("address"),
		 .address = ops_borrow("::1"),
		 .port = 5900},
		{.type = ops_borrow("spice"),
		 .listen = ops_borrow("socket"),
		 .socket = ops_borrow("/s"),
		 .tls_port = 7},
	};
	struct virt_line lines[] = {
		{.console = true,
		 .type = ops_borrow("pty"),
		 .target = ops_borrow("virtio"),
		 .alias = ops_borrow("console0")},
	};
	const struct domain_info_params params = {.domain = web_1};
	struct virt_reply reply = fake_domain("web-1");
	struct virt_domain_info *info = &reply.value.info;
	struct test t;

	*info = (struct virt_domain_info){
		.domain = {.uuid = UUID,
			   .name = web_1,
			   .title = ops_borrow("a title"),
			   .id = 3,
			   .state = VIRT_STATE_RUNNING,
			   .reason = "booted",
			   .vcpus = 2,
			   .memory_kib = 4,
			   .max_memory_kib = 8,
			   .persistent = true},
		.cpu_time_ns = 123456789,
		.os_type = ops_borrow("hvm"),
		.security_model = ops_borrow("apparmor"),
		.security_label = ops_borrow("libvirt-x"),
		.consoles = {displays, 2, lines, 1},
	};
	test_open(&t, METHOD_domain_info);
	op_domain_info(&t.call, &params);
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID "\",\"name\":\"web-1\",\"id\":3,"
			"\"state\":\"running\",\"reason\":\"booted\","
			"\"os_type\":\"hvm\",\"title\":\"a title\",\"vcpus\":2,"
			"\"cpu_time\":123456789,\"memory\":4096,"
			"\"memory_max\":8192,\"persistent\":true,"
			"\"autostart\":false,\"managed_save\":false,"
			"\"security_model\":\"apparmor\","
			"\"security_label\":\"libvirt-x\",\"graphics\":["
			"{\"n\":0,\"type\":\"vnc\",\"listen\":\"address\","
			"\"address\":\"::1\",\"port\":5900},{\"n\":1,"
			"\"type\":\"spice\",\"listen\":\"socket\","
			"\"tls_port\":7,\"socket\":\"/s\"}],\"serial\":["
			"{\"n\":0,\"device\":\"console\",\"type\":\"pty\","
			"\"target\":\"virtio\",\"alias\":\"console0\"}]}");
	assert_string_equal(t.call.uuid, UUID);
	test_close(&t);
}

static void leaves_out_what_is_not_known(void **state)
{
	const struct domain_info_params params = {.domain = web_1};
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	reply.value.info = (struct virt_domain_info){
		.domain = {.uuid = UUID,
			   .name = web_1,
			   .id = -1,
			   .state = VIRT_STATE_SHUT_OFF,
			   .reason = "unknown"},
		.os_type = ops_borrow("hvm"),
		.managed_save = true,
	};
	test_open(&t, METHOD_domain_info);
	op_domain_info(&t.call, &params);
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID "\",\"name\":\"web-1\","
			"\"state\":\"shut-off\",\"reason\":\"unknown\","
			"\"os_type\":\"hvm\",\"vcpus\":0,\"cpu_time\":0,"
			"\"memory\":0,\"memory_max\":0,\"persistent\":false,"
			"\"autostart\":false,\"managed_save\":true,"
			"\"graphics\":[],\"serial\":[]}");
	test_close(&t);
}

static void info_fails_as_virt_does(void **state)
{
	const struct domain_info_params params = {.domain = web_1};
	struct test t;

	test_open(&t, METHOD_domain_info);
	op_domain_info(&t.call, &params);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	assert_string_equal(t.call.uuid, "");
	test_close(&t);
}

static void shows_xml(void **state)
{
	const struct domain_xml_params plain = {.domain = web_1};
	const struct domain_xml_params all = {.domain = web_1,
					      .inactive = true,
					      .migratable = true,
					      .update_cpu = true,
					      .secure = true};
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	reply.value.xml = ops_borrow("<domain type=\"qemu\"/>");
	test_open(&t, METHOD_domain_xml);
	op_domain_xml(&t.call, &plain);
	assert_int_equal(t.virt->number, 0);
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID "\",\"name\":\"web-1\","
			"\"xml\":\"<domain type=\\\"qemu\\\"/>\"}");
	test_again(&t);
	op_domain_xml(&t.call, &all);
	assert_int_equal(t.virt->number, VIRT_XML_SECURE | VIRT_XML_INACTIVE |
						 VIRT_XML_UPDATE_CPU |
						 VIRT_XML_MIGRATABLE);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_running_domain),
		cmocka_unit_test(leaves_out_what_is_not_known),
		cmocka_unit_test(info_fails_as_virt_does),
		cmocka_unit_test(shows_xml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
