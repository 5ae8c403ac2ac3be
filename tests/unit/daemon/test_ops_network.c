/*
 * Networks: what reaches virt, and how rows and leases become results.
 */
#include "test_ops_fakes.h"

#include "daemon/virt/network.h"

/* -- virt's verbs ---------------------------------------------------------- */

int virt_network_list(struct virt *v, struct virt_done done, struct error *err)
{
	return fake_verb(v, "list", NULL, 0, NULL, done, err);
}

int virt_network_xml(struct virt *v, const char *network, bool inactive,
		     struct virt_done done, struct error *err)
{
	return fake_verb(v, "xml", NULL, inactive, network, done, err);
}

int virt_network_leases(struct virt *v, const char *network, const char *mac,
			struct virt_done done, struct error *err)
{
	return fake_verb(v, "leases", NULL, 0, mac, done, err);
}

int virt_network_define(struct virt *v, const char *xml, bool validate,
			struct virt_done done, struct error *err)
{
	return fake_verb(v, "define", NULL, validate, xml, done, err);
}

int virt_network_create(struct virt *v, const char *xml, bool validate,
			struct virt_done done, struct error *err)
{
	return fake_verb(v, "create", NULL, validate, xml, done, err);
}

int virt_network_autostart(struct virt *v, const char *network, bool on,
			   struct virt_done done, struct error *err)
{
	return fake_verb(v, "autostart", NULL, on, network, done, err);
}

#define NAMED(name)                                                            \
	int virt_network_##name(struct virt *v, const char *network,           \
				struct virt_done done, struct error *err)      \
	{                                                                      \
		return fake_verb(v, #name, NULL, 0, network, done, err);       \
	}

NAMED(info)
NAMED(undefine)
NAMED(start)
NAMED(destroy)

int virt_network_update(struct virt *v, const char *network,
			const struct virt_network_update *update,
			struct virt_done done, struct error *err)
{
	assert_string_equal(network, "lan");
	v->force = update->config;
	return fake_verb(v, update->live ? "update live" : "update", NULL,
			 update->command * 10000 + update->section * 100 +
				 (unsigned)(update->parent + 1),
			 update->xml, done, err);
}

/* -- replies --------------------------------------------------------------- */

static char lan[] = "lan";
static char wan[] = "wan";
static char bridge[] = "virbr0";

#define NETWORK "{\"uuid\":\"" UUID "\",\"name\":\"lan\""

static void reply_with(struct test *t, struct virt_networks *value)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_NOUN,
				   .value.noun.data = value};

	for (size_t i = 0; i < value->count; i++)
		strcpy(value->rows[i].uuid, UUID);
	fake_reply(t->virt, &reply);
}

static void reply_lan(struct test *t, char *xml)
{
	struct virt_network row = {.name = lan};
	struct virt_networks value = {.rows = &row, .count = 1, .xml = xml};

	reply_with(t, &value);
}

/* -- tests ----------------------------------------------------------------- */

#define asks(id, verb_, bits, ...)                                             \
	do {                                                                   \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &(const struct id##_params){__VA_ARGS__});    \
		assert_string_equal(t.virt->verb, verb_);                      \
		assert_int_equal(t.virt->number, bits);                        \
		reply_lan(&t, NULL);                                           \
		expect_json(&t, NETWORK "}");                                  \
		assert_string_equal(t.call.name, "lan");                       \
		test_again(&t);                                                \
	} while (0)

static void actions_reach_their_verb(void **state)
{
	char xml[] = "<network/>";
	struct test t;

	test_open(&t, METHOD_network_start);
	asks(network_start, "start", 0, .network = lan);
	asks(network_destroy, "destroy", 0, .network = lan);
	asks(network_undefine, "undefine", 0, .network = lan);
	asks(network_autostart, "autostart", 1, .network = lan);
	asks(network_autostart, "autostart", 0, .network = lan,
	     .disable = true);
	asks(network_define, "define", 0, .xml = xml);
	asks(network_define, "define", 1, .xml = xml, .validate = true);
	asks(network_create, "create", 1, .xml = xml, .validate = true);
	assert_string_equal(t.virt->text, xml);
	test_close(&t);
}

static void update_says_what_and_where(void **state)
{
	char xml[] = "<host/>";
	struct test t;

	test_open(&t, METHOD_network_update);
	asks(network_update, "update", 30400, .network = lan,
	     .command = NETWORK_COMMAND_ADD_LAST,
	     .section = NETWORK_SECTION_IP_DHCP_HOST, .xml = xml);
	assert_false(t.virt->force);
	asks(network_update, "update live", 21201, .network = lan,
	     .command = NETWORK_COMMAND_DELETE,
	     .section = NETWORK_SECTION_DNS_SRV, .xml = xml,
	     .has_parent_index = true, .live = true, .config = true);
	assert_true(t.virt->force);
	test_close(&t);
}

static void rows_become_a_list(void **state)
{
	struct virt_network rows[] = {
		{.name = lan, .bridge = bridge, .active = true},
		{.name = wan, .persistent = true, .autostart = true},
	};
	struct virt_networks value = {.rows = rows, .count = 2};
	const struct network_list_params all = {0};
	const struct network_list_params active = {.has_active = true,
						   .active = true};
	const struct network_list_params automatic = {.has_autostart = true,
						      .autostart = true};
	struct test t;

	test_open(&t, METHOD_network_list);
	op_network_list(&t.call, &all);
	reply_with(&t, &value);
	expect_json(&t, "{\"networks\":[" NETWORK ",\"active\":true,"
			"\"persistent\":false,\"autostart\":false,"
			"\"bridge\":\"virbr0\"},"
			"{\"uuid\":\"" UUID "\",\"name\":\"wan\","
			"\"active\":false,\"persistent\":true,"
			"\"autostart\":true}]}");
	test_again(&t);
	op_network_list(&t.call, &active);
	reply_with(&t, &value);
	expect_json(&t, "{\"networks\":[" NETWORK ",\"active\":true,"
			"\"persistent\":false,\"autostart\":false,"
			"\"bridge\":\"virbr0\"}]}");
	test_again(&t);
	op_network_list(&t.call, &automatic);
	reply_with(&t, &value);
	expect_json(&t, "{\"networks\":[{\"uuid\":\"" UUID
			"\",\"name\":\"wan\",\"active\":false,"
			"\"persistent\":true,\"autostart\":true}]}");
	test_again(&t);
	op_network_list(&t.call, &all);
	fake_reply_error(t.virt, ERROR_UNAVAILABLE);
	expect_failure(&t, ERROR_UNAVAILABLE);
	test_again(&t);
	t.virt->refuse = ERROR_BUSY;
	op_network_list(&t.call, &all);
	expect_failure(&t, ERROR_BUSY);
	test_close(&t);
}

static void leases_are_told(void **state)
{
	char mac[] = "52:54:00:00:00:01";
	char address[] = "192.0.2.5";
	char address6[] = "2001:db8::5";
	char host[] = "web-1";
	char id[] = "01:52";
	struct virt_lease leases[] = {
		{.interface = bridge,
		 .mac = mac,
		 .address = address,
		 .hostname = host,
		 .expires = 1767225600,
		 .prefix = 24},
		{.interface = bridge,
		 .address = address6,
		 .client_id = id,
		 .iaid = id,
		 .ipv6 = true,
		 .prefix = 64},
	};
	struct virt_network row = {.name = lan};
	struct virt_networks value = {
		.rows = &row, .count = 1, .leases = leases, .leases_count = 2};
	const struct network_leases_params params = {.network = lan,
						     .mac = mac};
	struct test t;

	test_open(&t, METHOD_network_leases);
	op_network_leases(&t.call, &params);
	assert_string_equal(t.virt->text, mac);
	reply_with(&t, &value);
	expect_json(&t,
		    NETWORK ",\"leases\":[{\"interface\":\"virbr0\","
			    "\"expires\":\"2026-01-01T00:00:00.000Z\","
			    "\"type\":\"ipv4\",\"mac\":\"52:54:00:00:00:01\","
			    "\"address\":\"192.0.2.5\",\"prefix\":24,"
			    "\"hostname\":\"web-1\"},"
			    "{\"interface\":\"virbr0\",\"type\":\"ipv6\","
			    "\"address\":\"2001:db8::5\",\"prefix\":64,"
			    "\"client_id\":\"01:52\",\"iaid\":\"01:52\"}]}");
	test_again(&t);
	op_network_leases(&t.call, &params);
	fake_reply_error(t.virt, ERROR_UNSUPPORTED);
	expect_failure(&t, ERROR_UNSUPPORTED);
	test_close(&t);
}

static void one_is_shown(void **state)
{
	const struct network_info_params info = {.network = lan};
	const struct network_xml_params shown = {.network = lan,
						 .inactive = true};
	char xml[] = "<network/>";
	struct test t;

	test_open(&t, METHOD_network_info);
	op_network_info(&t.call, &info);
	reply_lan(&t, NULL);
	expect_json(&t, NETWORK ",\"active\":false,\"persistent\":false,"
				"\"autostart\":false}");
	test_again(&t);
	t.call.method = METHOD_network_xml;
	op_network_xml(&t.call, &shown);
	assert_int_equal(t.virt->number, 1);
	reply_lan(&t, xml);
	expect_json(&t, NETWORK ",\"xml\":\"<network/>\"}");
	test_again(&t);
	op_network_xml(&t.call, &shown);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_reach_their_verb),
		cmocka_unit_test(update_says_what_and_where),
		cmocka_unit_test(rows_become_a_list),
		cmocka_unit_test(leases_are_told),
		cmocka_unit_test(one_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
