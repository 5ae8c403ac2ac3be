/* The guest agent: parameters as one verb of virt each, and what it tells. */
#include "test_ops_fakes.h"

#include "daemon/virt/agent.h"

static char web_1[] = "web-1";

/* -- virt's verbs ---------------------------------------------------------- */

#define FAKE_ASK(name)                                                         \
	int virt_agent_##name(struct virt *v,                                  \
			      const struct virt_domain_ref *ref,               \
			      struct virt_done done, struct error *err)        \
	{                                                                      \
		return fake_verb(v, #name, ref, 0, NULL, done, err);           \
	}

FAKE_ASK(ping)
FAKE_ASK(time)
FAKE_ASK(filesystems)

int virt_agent_set_time(struct virt *v, const struct virt_domain_ref *ref,
			uint64_t seconds, uint32_t nanoseconds, bool sync,
			struct virt_done done, struct error *err)
{
	v->force = sync;
	return fake_verb(v, "set_time", ref, (unsigned)seconds + nanoseconds,
			 NULL, done, err);
}

int virt_agent_info(struct virt *v, const struct virt_domain_ref *ref,
		    unsigned groups, struct virt_done done, struct error *err)
{
	return fake_verb(v, "info", ref, groups, NULL, done, err);
}

int virt_agent_hostname(struct virt *v, const struct virt_domain_ref *ref,
			enum virt_hostname_source source, struct virt_done done,
			struct error *err)
{
	return fake_verb(v, "hostname", ref, source, NULL, done, err);
}

#define FAKE_FREEZE(name)                                                      \
	int virt_agent_##name(struct virt *v,                                  \
			      const struct virt_domain_ref *ref,               \
			      char *const *mountpoints, size_t n,              \
			      struct virt_done done, struct error *err)        \
	{                                                                      \
		return fake_verb(v, #name, ref, (unsigned)n,                   \
				 n ? mountpoints[0] : NULL, done, err);        \
	}

FAKE_FREEZE(freeze)
FAKE_FREEZE(thaw)

int virt_agent_trim(struct virt *v, const struct virt_domain_ref *ref,
		    uint64_t minimum, struct virt_done done, struct error *err)
{
	return fake_verb(v, "trim", ref, (unsigned)minimum, NULL, done, err);
}

int virt_agent_set_password(struct virt *v, const struct virt_domain_ref *ref,
			    const char *user, const char *password,
			    bool encrypted, struct virt_done done,
			    struct error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %s", user, password);
	return fake_verb(v, "password", ref, encrypted, text, done, err);
}

/* -- tests ----------------------------------------------------------------- */

#define HEAD "{\"uuid\":\"" UUID "\",\"name\":\"web-1\""

static void reply_fields(struct virt *v, struct virt_field *fields, size_t n)
{
	struct virt_record record = {
		.name = web_1, .fields = fields, .count = n};
	struct virt_records records = {&record, 1};
	struct virt_reply reply = fake_domain("web-1");

	strcpy(record.uuid, UUID);
	reply.value.noun.data = &records;
	fake_reply(v, &reply);
}

#define TEXT_FIELD(name_, value)                                               \
	{                                                                      \
		.name = ops_borrow(name_), .text = ops_borrow(value)           \
	}
#define NUMBER(name_, value)                                                   \
	{                                                                      \
		.name = ops_borrow(name_), .number = (value)                   \
	}

static void tells_what_the_agent_tells(void **state)
{
	struct virt_field fields[] = {
		NUMBER("user.count", 1),
		TEXT_FIELD("user.0.name", "anna"),
		NUMBER("user.0.login-time", 5),
		TEXT_FIELD("os.pretty-name", "Debian"),
		NUMBER("timezone.offset", (uint64_t)-3600),
		TEXT_FIELD("hostname", "guest"),
		NUMBER("fs.0.total-bytes", 7),
		NUMBER("fs.0.disk.count", 1),
		TEXT_FIELD("fs.0.disk.0.alias", "vda"),
		NUMBER("disk.0.partition", 1),
		TEXT_FIELD("disk.0.dependency.0.name", "/dev/vda"),
		TEXT_FIELD("interface.0.addr.0.type", "ipv6"),
		TEXT_FIELD("interface.0.addr.1.type", "ipv7"),
		NUMBER("interface.0.addr.1.prefix", 64),
	};
	enum agent_group groups[] = {AGENT_GROUP_OS, AGENT_GROUP_INTERFACE};
	const struct agent_info_params params = {
		.domain = web_1, .groups = groups, .groups_count = 2};
	struct test t;

	test_open(&t, METHOD_agent_info);
	op_agent_info(&t.call, &params);
	assert_int_equal(t.virt->number, VIRT_AGENT_OS | VIRT_AGENT_INTERFACES);
	reply_fields(t.virt, fields, array_size(fields));
	expect_json(&t, HEAD
		    ",\"hostname\":\"guest\",\"os\":{\"pretty_name\":"
		    "\"Debian\"},\"timezone\":{\"offset\":-3600},\"user\":["
		    "{\"n\":0,\"name\":\"anna\",\"login_time\":5}],\"fs\":["
		    "{\"n\":0,\"total_bytes\":7,\"disk\":[{\"n\":0,\"alias\":"
		    "\"vda\"}]}],\"disk\":[{\"n\":0,\"partition\":true,"
		    "\"dependency\":[{\"n\":0,\"name\":\"/dev/vda\"}]}],"
		    "\"interface\":[{\"n\":0,\"addr\":[{\"n\":0,\"type\":"
		    "\"ipv6\"},{\"n\":1,\"prefix\":64}]}]}");
	test_close(&t);
}

static void shows_one_thing_each(void **state)
{
	struct virt_field latency[] = {NUMBER("latency", 9)};
	struct virt_field time[] = {NUMBER("seconds", 4),
				    NUMBER("nanoseconds", 5)};
	struct virt_field name[] = {TEXT_FIELD("hostname", "guest")};
	struct virt_field fs[] = {TEXT_FIELD("fs.0.mountpoint", "/")};
	struct test t;

	test_open(&t, METHOD_agent_ping);
	op_agent_ping(&t.call, &(struct agent_ping_params){.domain = web_1});
	reply_fields(t.virt, latency, 1);
	expect_json(&t, HEAD ",\"latency\":9}");
	test_again(&t);
	t.call.method = METHOD_agent_time;
	op_agent_time(&t.call, &(struct agent_time_params){.domain = web_1});
	reply_fields(t.virt, time, 2);
	expect_json(&t, HEAD ",\"seconds\":4,\"nanoseconds\":5}");
	test_again(&t);
	t.call.method = METHOD_agent_hostname;
	op_agent_hostname(&t.call, &(struct agent_hostname_params){
					   .domain = web_1,
					   .source = HOSTNAME_SOURCE_LEASE,
					   .has_source = true});
	assert_int_equal(t.virt->number, VIRT_HOSTNAME_LEASE);
	reply_fields(t.virt, name, 1);
	expect_json(&t, HEAD ",\"hostname\":\"guest\"}");
	test_again(&t);
	t.call.method = METHOD_agent_fs_info;
	op_agent_fs_info(&t.call,
			 &(struct agent_fs_info_params){.domain = web_1});
	reply_fields(t.virt, fs, 1);
	expect_json(&t, HEAD ",\"fs\":[{\"n\":0,\"mountpoint\":\"/\","
			     "\"disk\":[]}]}");
	test_close(&t);
}

static void freezes_thaws_and_trims(void **state)
{
	struct virt_field count[] = {NUMBER("count", 2)};
	char root[] = "/";
	char *mountpoints[] = {root};
	struct test t;

	test_open(&t, METHOD_agent_fs_freeze);
	op_agent_fs_freeze(&t.call, &(struct agent_fs_freeze_params){
					    .domain = web_1,
					    .mountpoints = mountpoints,
					    .mountpoints_count = 1});
	assert_string_equal(t.virt->verb, "freeze");
	assert_string_equal(t.virt->text, "/");
	reply_fields(t.virt, count, 1);
	expect_json(&t, HEAD ",\"count\":2}");
	test_again(&t);
	op_agent_fs_thaw(&t.call,
			 &(struct agent_fs_thaw_params){.domain = web_1});
	assert_string_equal(t.virt->verb, "thaw");
	fake_reply_error(t.virt, ERROR_TIMED_OUT);
	expect_failure(&t, ERROR_TIMED_OUT);
	test_again(&t);
	t.call.method = METHOD_agent_fs_trim;
	op_agent_fs_trim(&t.call, &(struct agent_fs_trim_params){
					  .domain = web_1, .minimum = 4096});
	assert_int_equal(t.virt->number, 4096);
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_close(&t);
}

static void sets_time_and_password(void **state)
{
	struct agent_set_time_params p = {.domain = web_1};
	struct test t;

	test_open(&t, METHOD_agent_set_time);
	op_agent_set_time(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	p.has_seconds = p.sync = true;
	op_agent_set_time(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	p.sync = false;
	p.nanoseconds = 1000000000;
	op_agent_set_time(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_again(&t);
	p.seconds = 5;
	p.nanoseconds = 2;
	op_agent_set_time(&t.call, &p);
	assert_int_equal(t.virt->number, 7);
	fake_reply_domain(t.virt, "web-1");
	test_again(&t);
	t.call.method = METHOD_agent_set_password;
	op_agent_set_password(&t.call, &(struct agent_set_password_params){
					       .domain = web_1,
					       .user = ops_borrow("root"),
					       .password = ops_borrow("p"),
					       .encrypted = true});
	assert_string_equal(t.virt->text, "root p");
	assert_int_equal(t.virt->number, 1);
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_the_agent_tells),
		cmocka_unit_test(shows_one_thing_each),
		cmocka_unit_test(freezes_thaws_and_trims),
		cmocka_unit_test(sets_time_and_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
