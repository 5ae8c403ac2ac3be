/* Statistics and devices: records of virt as typed results. */
#include "test_ops_fakes.h"

#include "daemon/virt/device.h"
#include "daemon/virt/stats.h"

static char web_1[] = "web-1";

/* -- virt's verbs ---------------------------------------------------------- */

int virt_domain_stats(struct virt *v, const struct virt_domain_ref *ref,
		      unsigned groups, unsigned options, struct virt_done done,
		      struct error *err)
{
	v->force = options != 0;
	return fake_verb(v, "stats", ref, groups << 16 | options, NULL, done,
			 err);
}

int virt_device_list(struct virt *v, const struct virt_domain_ref *ref,
		     bool inactive, struct virt_done done, struct error *err)
{
	return fake_verb(v, "devices", ref, inactive, NULL, done, err);
}

int virt_device_addresses(struct virt *v, const struct virt_domain_ref *ref,
			  enum virt_address_source source,
			  struct virt_done done, struct error *err)
{
	return fake_verb(v, "addresses", ref, source, NULL, done, err);
}

#define FAKE_CHANGE(name)                                                      \
	int virt_device_##name(struct virt *v,                                 \
			       const struct virt_domain_ref *ref,              \
			       const char *what, unsigned flags,               \
			       struct virt_done done, struct error *err)       \
	{                                                                      \
		return fake_verb(v, #name, ref, flags, what, done, err);       \
	}

FAKE_CHANGE(attach)
FAKE_CHANGE(detach)
FAKE_CHANGE(detach_alias)
FAKE_CHANGE(update)

int virt_device_change_media(struct virt *v, const struct virt_domain_ref *ref,
			     const struct virt_media *media, unsigned flags,
			     struct virt_done done, struct error *err)
{
	char text[128];

	snprintf(text, sizeof(text), "%d %s %s/%s %s", (int)media->action,
		 media->drive, media->pool ? media->pool : "-",
		 media->volume ? media->volume : "-",
		 media->source ? media->source : "-");
	return fake_verb(v, "media", ref, flags, text, done, err);
}

int virt_device_set_link(struct virt *v, const struct virt_domain_ref *ref,
			 const char *interface, bool up, unsigned flags,
			 struct virt_done done, struct error *err)
{
	v->force = up;
	return fake_verb(v, "link", ref, flags, interface, done, err);
}

/* -- records --------------------------------------------------------------- */

#define NUMBER(name_, value)                                                   \
	{                                                                      \
		.name = ops_borrow(name_), .number = (value)                   \
	}
#define TEXT_FIELD(name_, value)                                               \
	{                                                                      \
		.name = ops_borrow(name_), .text = ops_borrow(value)           \
	}

static struct virt_record record_of(struct virt_field *fields, size_t n)
{
	struct virt_record record = {
		.name = web_1, .fields = fields, .count = n};

	strcpy(record.uuid, UUID);
	return record;
}

/* Answers with N records that the test owns. */
static void reply_records(struct virt *v, struct virt_record *list, size_t n,
			  bool one)
{
	struct virt_records records = {list, n};
	struct virt_reply reply = {.kind = VIRT_VALUE_NOUN};

	if (one)
		reply = fake_domain("web-1");
	reply.value.noun.data = &records;
	fake_reply(v, &reply);
}

#define HEAD "{\"uuid\":\"" UUID "\",\"name\":\"web-1\""

static void puts_each_field_in_its_place(void **state)
{
	struct virt_field fields[] = {
		NUMBER("state.state", 1),
		TEXT_FIELD("state.reason", "booted"),
		NUMBER("cpu.time", 7),
		NUMBER("cpu.haltpoll.fail.time", 8),
		NUMBER("balloon.last-update", 9),
		NUMBER("vcpu.current", 2),
		NUMBER("vcpu.0.state", 1),
		NUMBER("vcpu.0.halted", 1),
		NUMBER("vcpu.2.time", 11),
		NUMBER("net.count", 2),
		TEXT_FIELD("net.0.name", "vnet0"),
		NUMBER("net.0.rx.bytes", UINT64_MAX),
		NUMBER("net.1.tx.drop", 3),
		NUMBER("block.count", 1),
		NUMBER("block.0.backingIndex", 4),
		NUMBER("perf.cpu_cycles", 5),
		NUMBER("vm.remote_tlb_flush.sum", 6),
	};
	const struct domain_stats_params params = {.given = 0};
	struct virt_record record = record_of(fields, array_size(fields));
	struct test t;

	test_open(&t, METHOD_domain_stats);
	op_domain_stats(&t.call, &params);
	assert_string_equal(t.virt->verb, "stats");
	assert_null(t.virt->domain);
	assert_int_equal(t.virt->number, 0);
	reply_records(t.virt, &record, 1, false);
	expect_json(
		&t,
		"{\"domains\":[" HEAD
		",\"state\":{\"state\":\"running\",\"reason\":\"booted\"},"
		"\"cpu\":{\"time\":7,\"haltpoll_fail_time\":8},"
		"\"balloon\":{\"last_update\":9},"
		"\"vcpu\":{\"current\":2,\"vcpus\":["
		"{\"n\":0,\"state\":\"running\",\"halted\":true},"
		"{\"n\":2,\"time\":11}]},"
		"\"net\":[{\"n\":0,\"name\":\"vnet0\","
		"\"rx_bytes\":9223372036854775807},{\"n\":1,\"tx_drop\":3}],"
		"\"block\":[{\"n\":0,\"backing_index\":4}],"
		"\"perf\":[{\"name\":\"cpu_cycles\",\"value\":5}],"
		"\"iothread\":[],"
		"\"vm\":[{\"name\":\"remote_tlb_flush.sum\",\"value\":6}]}]}");
	test_close(&t);
}

/* A later libvirt may tell more, or otherwise. */
static void leaves_out_what_it_does_not_know(void **state)
{
	struct virt_field fields[] = {
		NUMBER("state.state", 99),
		TEXT_FIELD("cpu.time", "a text"),
		NUMBER("balloon", 1),
		NUMBER("balloon.", 1),
		NUMBER("vcpu.0", 1),
		NUMBER("net.x.rx.bytes", 1),
		NUMBER("net.0.9.rx.bytes", 1),
		NUMBER("new.group", 1),
		NUMBER("7.7", 1),
		NUMBER("", 1),
		NUMBER("perf", 1),
	};
	const struct domain_stats_params params = {.given = 0};
	struct virt_record record = record_of(fields, array_size(fields));
	struct test t;

	test_open(&t, METHOD_domain_stats);
	op_domain_stats(&t.call, &params);
	reply_records(t.virt, &record, 1, false);
	expect_json(&t, "{\"domains\":[" HEAD
			",\"state\":{\"state\":\"no-state\"},\"cpu\":{},"
			"\"balloon\":{},\"vcpu\":{\"vcpus\":[]},"
			"\"net\":[{\"n\":0}],\"block\":[],\"perf\":[],"
			"\"iothread\":[],\"vm\":[]}]}");
	test_close(&t);
}

static void asks_for_groups_and_options(void **state)
{
	enum stats_group groups[] = {STATS_GROUP_CPU, STATS_GROUP_BLOCK};
	const struct domain_stats_params params = {.groups = groups,
						   .groups_count = 2,
						   .nowait = true,
						   .backing = true,
						   .has_active = true,
						   .has_persistent = true,
						   .persistent = true};
	const struct domain_stats_params one = {.domain = web_1};
	const struct domain_stats_params both = {.domain = web_1,
						 .has_active = true};
	struct test t;

	test_open(&t, METHOD_domain_stats);
	op_domain_stats(&t.call, &params);
	assert_int_equal(t.virt->number,
			 (VIRT_STATS_CPU | VIRT_STATS_BLOCK) << 16 |
				 VIRT_STATS_NOWAIT | VIRT_STATS_BACKING |
				 VIRT_STATS_INACTIVE | VIRT_STATS_PERSISTENT);
	reply_records(t.virt, NULL, 0, false);
	expect_json(&t, "{\"domains\":[]}");
	test_again(&t);
	op_domain_stats(&t.call, &one);
	assert_string_equal(t.virt->domain, "web-1");
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_again(&t);
	op_domain_stats(&t.call, &both);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_close(&t);
}

static void lists_devices(void **state)
{
	struct virt_field fields[] = {
		TEXT_FIELD("disk.0.target", "sda"),
		NUMBER("disk.0.readonly", 1),
		TEXT_FIELD("disk.1.source", "/d"),
		TEXT_FIELD("interface.0.mac", "aa:bb:cc:dd:ee:ff"),
		NUMBER("interface.0.link", 0),
	};
	const struct device_list_params params = {.domain = web_1,
						  .inactive = true};
	struct virt_record record = record_of(fields, array_size(fields));
	struct test t;

	test_open(&t, METHOD_device_list);
	op_device_list(&t.call, &params);
	assert_int_equal(t.virt->number, 1);
	reply_records(t.virt, &record, 1, true);
	expect_json(&t, HEAD ",\"disk\":[{\"n\":0,\"target\":\"sda\","
			     "\"readonly\":true},"
			     "{\"n\":1,\"source\":\"/d\"}],"
			     "\"interface\":[{\"n\":0,"
			     "\"mac\":\"aa:bb:cc:dd:ee:ff\","
			     "\"link\":\"down\"}]}");
	assert_string_equal(t.call.uuid, UUID);
	test_close(&t);
}

static void shows_addresses(void **state)
{
	struct virt_field fields[] = {
		TEXT_FIELD("interface.0.name", "lo"),
		NUMBER("interface.0.addrs.0.type", 0),
		TEXT_FIELD("interface.0.addrs.0.addr", "127.0.0.1"),
		NUMBER("interface.0.addrs.1.type", 1),
		NUMBER("interface.0.addrs.1.prefix", 128),
		TEXT_FIELD("interface.1.name", "eth0"),
	};
	const struct domain_interfaces_params params = {
		.domain = web_1,
		.source = INTERFACE_SOURCE_AGENT,
		.has_source = true};
	struct virt_record record = record_of(fields, array_size(fields));
	struct test t;

	test_open(&t, METHOD_domain_interfaces);
	op_domain_interfaces(&t.call, &params);
	assert_int_equal(t.virt->number, VIRT_ADDRESS_AGENT);
	reply_records(t.virt, &record, 1, true);
	expect_json(&t, HEAD ",\"interface\":[{\"n\":0,\"name\":\"lo\","
			     "\"addrs\":[{\"n\":0,\"type\":\"ipv4\","
			     "\"addr\":\"127.0.0.1\"},"
			     "{\"n\":1,\"type\":\"ipv6\",\"prefix\":128}]},"
			     "{\"n\":1,\"name\":\"eth0\",\"addrs\":[]}]}");
	test_close(&t);
}

/* -- changes --------------------------------------------------------------- */

static char xml[] = "<disk/>";

static void attaches_and_updates(void **state)
{
	const struct device_attach_params attach = {
		.domain = web_1, .xml = xml, .live = true, .config = true};
	const struct device_update_params update = {
		.domain = web_1, .xml = xml, .persistent = true, .force = true};
	struct test t;

	test_open(&t, METHOD_device_attach);
	op_device_attach(&t.call, &attach);
	assert_string_equal(t.virt->verb, "attach");
	assert_string_equal(t.virt->text, "<disk/>");
	assert_int_equal(t.virt->number, VIRT_AFFECT_LIVE | VIRT_AFFECT_CONFIG);
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_again(&t);
	op_device_update(&t.call, &update);
	assert_string_equal(t.virt->verb, "update");
	assert_int_equal(t.virt->number,
			 VIRT_AFFECT_PERSISTENT | VIRT_AFFECT_FORCE);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_close(&t);
}

static void detaches_by_one_of_two(void **state)
{
	const struct device_detach_params none = {.domain = web_1};
	const struct device_detach_params both = {
		.domain = web_1, .has_xml = true, .has_alias = true};
	const struct device_detach_params by_xml = {
		.domain = web_1, .xml = xml, .has_xml = true};
	const struct device_detach_params by_alias = {
		.domain = web_1, .alias = web_1, .has_alias = true};
	struct test t;

	test_open(&t, METHOD_device_detach);
	op_device_detach(&t.call, &none);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	op_device_detach(&t.call, &both);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_again(&t);
	op_device_detach(&t.call, &by_xml);
	assert_string_equal(t.virt->verb, "detach");
	fake_reply_domain(t.virt, "web-1");
	test_again(&t);
	op_device_detach(&t.call, &by_alias);
	assert_string_equal(t.virt->verb, "detach_alias");
	assert_string_equal(t.virt->text, "web-1");
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_close(&t);
}

static void changes_media(void **state)
{
	static char pool[] = "p", volume[] = "v.iso", path[] = "hda";
	struct device_change_media_params p = {.domain = web_1,
					       .path = path,
					       .pool = pool,
					       .has_pool = true,
					       .volume = volume,
					       .has_volume = true};
	struct test t;

	test_open(&t, METHOD_device_change_media);
	t.call.caller.role = ROLE_OPERATOR;
	op_device_change_media(&t.call, &p);
	assert_string_equal(t.virt->text, "2 hda p/v.iso -");
	assert_int_equal(t.virt->number, VIRT_AFFECT_SAFE);
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_again(&t);
	t.call.caller.role = ROLE_ADMIN;
	p.action = MEDIA_ACTION_INSERT;
	p.has_action = true;
	p.live = true;
	op_device_change_media(&t.call, &p);
	assert_string_equal(t.virt->text, "0 hda p/v.iso -");
	assert_int_equal(t.virt->number, VIRT_AFFECT_LIVE);
	fake_reply_domain(t.virt, "web-1");
	test_again(&t);
	p.has_volume = false;
	op_device_change_media(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	p.has_volume = true;
	p.has_source = true;
	op_device_change_media(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	p.has_source = false;
	p.action = MEDIA_ACTION_EJECT;
	op_device_change_media(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_close(&t);
}

static void sets_a_link(void **state)
{
	static char mac[] = "52:54:00:00:00:01";
	const struct device_set_link_params params = {.domain = web_1,
						      .interface = mac,
						      .state = LINK_STATE_UP,
						      .config = true};
	struct test t;

	test_open(&t, METHOD_device_set_link);
	op_device_set_link(&t.call, &params);
	assert_string_equal(t.virt->text, mac);
	assert_true(t.virt->force);
	assert_int_equal(t.virt->number, VIRT_AFFECT_CONFIG);
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_each_field_in_its_place),
		cmocka_unit_test(leaves_out_what_it_does_not_know),
		cmocka_unit_test(asks_for_groups_and_options),
		cmocka_unit_test(lists_devices),
		cmocka_unit_test(shows_addresses),
		cmocka_unit_test(attaches_and_updates),
		cmocka_unit_test(detaches_by_one_of_two),
		cmocka_unit_test(changes_media),
		cmocka_unit_test(sets_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
