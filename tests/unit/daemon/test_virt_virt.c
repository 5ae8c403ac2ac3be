/*
 * daemon/virt against libvirt's test driver: lists, info, XML, actions and their
 * errors, scope, define and create. The driver lives in this process, so that
 * each test begins with the one running domain "test".
 */
#include "daemon/test_virt_support.h"

#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

static const struct virt_domain_ref test = {"test", NULL};

static int setup(void **state)
{
	*state = open_virt("test:///default", NULL);
	return 0;
}

static int teardown(void **state)
{
	virt_free(*state);
	return 0;
}

static const char web_xml[] =
	"<domain type='test'><name>web-1</name>"
	"<uuid>00000000-0000-0000-0000-000000000001</uuid>"
	"<title>The Web</title><memory unit='KiB'>65536</memory>"
	"<currentMemory unit='KiB'>32768</currentMemory><vcpu>2</vcpu>"
	"<os><type>hvm</type></os></domain>";

static void define(struct virt *v, const char *xml)
{
	struct answer a = {0};

	ask(v, &a, virt_domain_define(v, xml, NULL, 0, done, &err));
	assert_done(&a);
	reply_clear(&a.reply);
}

static void test_host(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	ask(v, &a, virt_host_info(v, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.kind, VIRT_VALUE_HOST);
	assert_true(a.reply.value.host.cpus > 0);
	assert_true(a.reply.value.host.memory_kib > 0);
	assert_true(*a.reply.value.host.hostname);
	assert_true(virt_connected(v));
	ask(v, &a, virt_host_versions(v, done, &err));
	assert_done(&a);
	assert_string_equal(a.reply.value.versions.driver, "test");
	assert_string_equal(a.reply.value.versions.hypervisor, "TEST");
	assert_non_null(strchr(a.reply.value.versions.library, '.'));
	reply_clear(&a.reply);
}

static void test_list(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};
	struct virt_domain *row;

	define(v, web_xml);
	ask(v, &a, virt_domain_list(v, NULL, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.kind, VIRT_VALUE_LIST);
	assert_int_equal(a.reply.value.list.count, 2);
	row = &a.reply.value.list.rows[0];
	assert_string_equal(row->name, "test");
	assert_string_equal(row->uuid, TEST_UUID);
	assert_int_equal(row->id, 1);
	assert_int_equal(row->state, VIRT_STATE_RUNNING);
	assert_string_equal(virt_state_name(row->state), "running");
	assert_true(row->persistent);
	assert_null(row->title);
	row = &a.reply.value.list.rows[1];
	assert_string_equal(row->name, "web-1");
	assert_int_equal(row->id, -1);
	assert_int_equal(row->state, VIRT_STATE_SHUT_OFF);
	assert_int_equal(row->vcpus, 2);
	assert_int_equal(row->max_memory_kib, 65536);
	assert_string_equal(row->title, "The Web");
	assert_false(row->autostart);
	reply_clear(&a.reply);
}

static void test_info_and_xml(void **state)
{
	struct virt *v = *state;
	struct virt_domain_ref by_uuid = {TEST_UUID, NULL};
	struct answer a = {0};

	ask(v, &a, virt_domain_info(v, &by_uuid, done, &err));
	assert_done(&a);
	assert_string_equal(a.reply.domain.name, "test");
	assert_string_equal(a.reply.domain.uuid, TEST_UUID);
	assert_string_equal(a.reply.value.info.os_type, "linux");
	assert_string_equal(a.reply.value.info.domain.name, "test");
	assert_false(a.reply.value.info.managed_save);
	ask(v, &a, virt_domain_xml(v, &test, VIRT_XML_INACTIVE, done, &err));
	assert_done(&a);
	assert_non_null(strstr(a.reply.value.xml, "<name>test</name>"));
	ask(v, &a, virt_domain_xml(v, &test, 1u << 30, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	reply_clear(&a.reply);
}

static void test_actions(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	ask(v, &a, virt_domain_start(v, &test, 0, done, &err));
	assert_failed(&a, STATE);
	assert_words(&a, "domain 'test' is running already");
	assert_string_equal(a.reply.domain.name, "test");
	ask(v, &a, virt_domain_resume(v, &test, done, &err));
	assert_failed(&a, STATE);
	ask(v, &a, virt_domain_suspend(v, &test, done, &err));
	assert_done(&a);
	assert_string_equal(a.reply.domain.uuid, TEST_UUID);
	ask(v, &a, virt_domain_start(v, &test, 0, done, &err));
	assert_words(&a, "domain 'test' is paused: resume it");
	ask(v, &a, virt_domain_resume(v, &test, done, &err));
	assert_done(&a);
	ask(v, &a, virt_domain_reboot(v, &test, 0, done, &err));
	assert_done(&a);
	ask(v, &a, virt_domain_shutdown(v, &test, 0, done, &err));
	assert_done(&a);
	ask(v, &a, virt_domain_shutdown(v, &test, 0, done, &err));
	assert_failed(&a, STATE);
	assert_words(&a, "domain 'test' is not running");
	ask(v, &a, virt_domain_screenshot(v, &test, 0, done, &err));
	assert_words(&a, "domain 'test' is not running: start it first");
	/* The test driver knows no such flag. */
	ask(v, &a, virt_domain_start(v, &test, VIRT_START_PAUSED, done, &err));
	assert_failed(&a, UNSUPPORTED);
	ask(v, &a, virt_domain_start(v, &test, 0, done, &err));
	assert_done(&a);
	ask(v, &a, virt_domain_destroy(v, &test, 0, done, &err));
	assert_done(&a);
	ask(v, &a, virt_domain_destroy(v, &test, 0, done, &err));
	assert_failed(&a, STATE);
	ask(v, &a, virt_domain_undefine(v, &test, 0, done, &err));
	assert_done(&a);
	ask(v, &a, virt_domain_info(v, &test, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
}

static void test_consoles_unsupported(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};
	struct virt_serial_ask line = {.device = "0"};

	ask(v, &a, virt_domain_open_graphics(v, &test, 0, NULL, done, &err));
	assert_failed(&a, NOT_FOUND);
	ask(v, &a, virt_domain_open_serial(v, &test, &line, done, &err));
	assert_failed(&a, NOT_FOUND);
	line.device = NULL;
	ask(v, &a, virt_domain_open_serial(v, &test, &line, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
}

static void test_not_found(void **state)
{
	struct virt *v = *state;
	struct virt_domain_ref none = {"nobody", NULL};
	struct virt_domain_ref no_uuid = {
		"11111111-2222-3333-4444-555555555555", NULL};
	struct answer a = {0};

	ask(v, &a, virt_domain_start(v, &none, 0, done, &err));
	assert_failed(&a, NOT_FOUND);
	assert_words(&a, "there is no domain 'nobody' on this host");
	assert_null(a.reply.domain.name);
	assert_int_equal(a.reply.kind, VIRT_VALUE_NONE);
	ask(v, &a, virt_domain_info(v, &no_uuid, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
}

/* Outside of the scope and not existing must look the same. */
static void test_scope(void **state)
{
	struct virt *v = *state;
	char *scope[] = {"web-*", "db-?", NULL};
	char *nothing[] = {NULL};
	struct virt_domain_ref outside = {"test", scope};
	struct virt_domain_ref by_uuid = {TEST_UUID, scope};
	struct virt_domain_ref inside = {"web-1", scope};
	struct answer a = {0};

	define(v, web_xml);
	ask(v, &a, virt_domain_list(v, scope, done, &err));
	assert_int_equal(a.reply.value.list.count, 1);
	assert_string_equal(a.reply.value.list.rows[0].name, "web-1");
	ask(v, &a, virt_domain_list(v, nothing, done, &err));
	assert_int_equal(a.reply.value.list.count, 0);
	ask(v, &a, virt_domain_destroy(v, &outside, 0, done, &err));
	assert_failed(&a, NOT_FOUND);
	assert_words(&a, "there is no domain 'test' on this host");
	assert_null(a.reply.domain.name);
	assert_null(a.reply.error.cause);
	ask(v, &a, virt_domain_xml(v, &by_uuid, 0, done, &err));
	assert_words(&a, "there is no domain '" TEST_UUID "' on this host");
	ask(v, &a, virt_domain_start(v, &inside, 0, done, &err));
	assert_done(&a);
	reply_clear(&a.reply);
}

static void test_define(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};
	struct virt_domain_ref web = {"web-1", NULL};

	ask(v, &a, virt_domain_define(v, web_xml, NULL, 0, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.kind, VIRT_VALUE_DEFINED);
	assert_false(a.reply.value.defined.replaced);
	assert_string_equal(a.reply.domain.name, "web-1");
	ask(v, &a, virt_domain_define(v, web_xml, NULL, 0, done, &err));
	assert_done(&a);
	assert_true(a.reply.value.defined.replaced);
	ask(v, &a,
	    virt_domain_define(v,
			       "<domain type='test'><name>web-1</name>"
			       "<memory>1</memory><os><type>hvm</type></os>"
			       "</domain>",
			       NULL, 0, done, &err));
	assert_failed(&a, EXISTS);
	ask(v, &a,
	    virt_domain_define(v,
			       "<domain type='test'><name>x</name><memory>1"
			       "</memory><os><type>bogus</type></os></domain>",
			       NULL, 0, done, &err));
	assert_true(error_is_set(&a.reply.error));
	ask(v, &a, virt_domain_define(v, "<domain>", NULL, 0, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	ask(v, &a, virt_domain_undefine(v, &web, 0, done, &err));
	assert_done(&a);
	reply_clear(&a.reply);
}

static void test_define_scope(void **state)
{
	struct virt *v = *state;
	char *scope[] = {"web-*", NULL};
	struct answer a = {0};

	ask(v, &a, virt_domain_define(v, web_xml, scope, 0, done, &err));
	assert_done(&a);
	ask(v, &a,
	    virt_domain_define(v,
			       "<domain type='test'><name>db</name></domain>",
			       scope, 0, done, &err));
	assert_failed(&a, DENIED);
	assert_null(a.reply.domain.name);
	/* Taking over the UUID of a domain out of scope, in any spelling. */
	ask(v, &a,
	    virt_domain_define(v,
			       "<domain type='test'><name>web-2</name><uuid> "
			       "6695EB01f6a4-8304-79aa-97f2502e193f</uuid>"
			       "</domain>",
			       scope, 0, done, &err));
	assert_failed(&a, DENIED);
	ask(v, &a,
	    virt_domain_create(v,
			       "<domain type='test'><name>test</name></domain>",
			       scope, 0, done, &err));
	assert_failed(&a, DENIED);
	reply_clear(&a.reply);
}

static void test_create(void **state)
{
	struct virt *v = *state;
	struct virt_domain_ref web = {"web-1", NULL};
	struct answer a = {0};

	ask(v, &a, virt_domain_create(v, web_xml, NULL, 0, done, &err));
	assert_done(&a);
	assert_string_equal(a.reply.domain.name, "web-1");
	ask(v, &a, virt_domain_create(v, web_xml, NULL, 0, done, &err));
	assert_failed(&a, EXISTS);
	ask(v, &a, virt_domain_destroy(v, &web, 0, done, &err));
	assert_done(&a);
	ask(v, &a, virt_domain_info(v, &web, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
}

static void test_refused_arguments(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};
	struct error err = {0};
	struct virt_domain_ref empty = {"", NULL};
	char name[VIRT_NAME_MAX + 2];
	struct virt_domain_ref too_long = {name, NULL};

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(virt_domain_info(v, &empty, into(&a), &err), -1);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	assert_int_equal(virt_domain_info(v, &too_long, into(&a), &err), -1);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	assert_int_equal(virt_pending(v), 0);
	error_clear(&err);
}

static void test_config(void **state)
{
	struct virt_config config = {.uri = ""};
	struct error err = {0};
	struct virt *v = NULL;

	assert_int_equal(virt_new(&v, &config, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
	assert_null(v);
	error_clear(&err);
}

static void test_unreachable(void **state)
{
	struct virt *v = open_virt("qemu:///system?socket=/nowhere/sock", NULL);
	struct answer a = {0};

	ask(v, &a, virt_domain_list(v, NULL, done, &err));
	assert_failed(&a, UNAVAILABLE);
	assert_words(&a, "libvirt at qemu:///system cannot be reached: it is "
			 "not running; virtmuxd tries again by itself");
	assert_false(virt_connected(v));
	reply_clear(&a.reply);
	virt_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info_and_xml, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_actions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_consoles_unsupported,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_found, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_scope, setup, teardown),
		cmocka_unit_test_setup_teardown(test_define, setup, teardown),
		cmocka_unit_test_setup_teardown(test_define_scope, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_arguments, setup,
						teardown),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
