/*
 * GET /metrics: fields of libvirt become samples of the right families with their
 * labels, escaped; libvirt is waited for no longer than some time; and what the agent
 * has counted is there either way.
 */
#include "test_ops_fakes.h"

#include "daemon/ops/metrics.h"
#include "daemon/rpc/counts.h"
#include "daemon/virt/stats.h"

struct rig {
	struct test t;
	struct rpc_counts counts;
};

static struct rpc_counts *counts_of(const struct call *call)
{
	return &container_of(container_of(call, struct test, call), struct rig,
			     t)
			->counts;
}

const struct rpc_counts *call_counts(const struct call *call)
{
	return counts_of(call);
}

size_t call_open_calls(const struct call *call)
{
	return 3;
}

int virt_domain_stats(struct virt *v, const struct virt_domain_ref *ref,
		      unsigned groups, unsigned options, struct virt_done done,
		      struct error *err)
{
	assert_int_equal(options, VIRT_STATS_NOWAIT);
	return fake_verb(v, "stats", ref, groups, NULL, done, err);
}

static void tell_trust(void *context, struct ops_trust *trust)
{
	trust->certificate = 1700000000;
}

static void tell_connections(void *context, struct ops_connections *now)
{
	now->members = 4;
	now->strangers = 5;
}

static void rig_open(struct rig *r)
{
	memset(&r->counts, 0, sizeof(r->counts));
	test_open(&r->t, METHOD_metrics_read);
	r->t.ops->core.trust = tell_trust;
	r->t.ops->core.connections = tell_connections;
}

static void scrape(struct rig *r)
{
	const struct metrics_read_params params = {0};

	op_metrics_read(&r->t.call, &params);
}

static const char *body(struct rig *r)
{
	assert_int_equal(r->t.call.outcome, RESPONDED);
	buf_append_char(&r->t.call.answer, '\0');
	return (const char *)buf_bytes(&r->t.call.answer);
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("\"%s\" is not in %s", line, text);
}

static struct virt_field fields[] = {
	{.name = (char *)"state.state", .number = 1},
	{.name = (char *)"state.reason", .text = (char *)"booted"},
	{.name = (char *)"cpu.time", .number = 12345678901},
	{.name = (char *)"balloon.current", .number = 1024},
	{.name = (char *)"vcpu.current", .number = 2},
	{.name = (char *)"vcpu.0.time", .number = 5},
	{.name = (char *)"vcpu.1.time", .number = 1000000006},
	{.name = (char *)"net.count", .number = 1},
	{.name = (char *)"net.0.name", .text = (char *)"vnet\n0"},
	{.name = (char *)"net.0.rx.bytes", .number = 7},
	{.name = (char *)"block.count", .number = 2},
	{.name = (char *)"block.0.name", .text = (char *)"vda"},
	{.name = (char *)"block.0.path", .text = (char *)"/a\"b\\c"},
	{.name = (char *)"block.0.rd.bytes", .number = 8},
	{.name = (char *)"block.0.rd.times", .number = 9},
	{.name = (char *)"block.1.name", .text = (char *)"v\xff"},
	{.name = (char *)"block.1.rd.bytes", .number = 18446744073709551615u},
	{.name = (char *)"block.1.nobody.knows", .number = 1},
};

static void test_domains(void **state)
{
	struct virt_record record = {.uuid = UUID,
				     .name = (char *)"web",
				     .fields = fields,
				     .count = array_size(fields)};
	struct virt_records records = {.list = &record, .count = 1};
	struct metrics m = {0};
	autobuf out = {0};
	const char *text;

	metrics_add_domains(&m, &records);
	assert_int_equal(metrics_write(&m, &out), 0);
	buf_append_char(&out, '\0');
	text = (const char *)buf_bytes(&out);
	assert_has(text, "libvirt_domain_info_meta{domain=\"web\",uuid=\"" UUID
			 "\"} 1\n");
	assert_has(text, "# TYPE libvirt_domain_info_vstate gauge\n"
			 "libvirt_domain_info_vstate{domain=\"web\"} 1\n#");
	assert_has(text, "libvirt_domain_info_cpu_time_seconds_total{domain="
			 "\"web\"} 12.345678901\n");
	assert_has(text, "libvirt_domain_info_memory_usage_bytes{domain="
			 "\"web\"} 1024\n");
	assert_has(text, "libvirt_domain_memory_stats_actual_balloon_bytes{"
			 "domain=\"web\"} 1024\n");
	assert_has(text, "{domain=\"web\",vcpu=\"0\"} 0.000000005\n"
			 "libvirt_domain_vcpu_time_seconds_total{domain="
			 "\"web\",vcpu=\"1\"} 1.000000006\n");
	assert_has(text, "libvirt_domain_interface_stats_receive_bytes_total{"
			 "domain=\"web\",target_device=\"vnet\\n0\"} 7\n");
	assert_has(text, "libvirt_domain_block_meta{domain=\"web\","
			 "target_device=\"vda\",source_file=\"/a\\\"b\\\\c\"} "
			 "1\n");
	assert_has(text, "read_bytes_total{domain=\"web\",target_device="
			 "\"vda\"} 8\n");
	assert_has(text, "target_device=\"v\xef\xbf\xbd\"} "
			 "18446744073709551615\n");
	assert_has(text, "read_time_seconds_total{domain=\"web\",target_device="
			 "\"vda\"} 0.000000009\n");
	assert_null(strstr(text, "nobody"));
	assert_null(strstr(text, "booted"));
	assert_null(strstr(text, "virtmux_"));
	metrics_clear(&m);
}

static void test_own(void **state)
{
	struct virt_records none = {0};
	struct virt_reply reply = {.kind = VIRT_VALUE_NOUN};
	struct rig r;
	const char *text;

	rig_open(&r);
	counts_add(&r.counts, method_by_id(METHOD_domain_start), ERROR_NONE,
		   600000);
	counts_add(&r.counts, method_by_id(METHOD_domain_start), ERROR_STATE,
		   3600ull * 1000000000);
	counts_add(&r.counts, NULL, ERROR_UNKNOWN_METHOD, 1);
	r.counts.bytes_in = 11;
	scrape(&r);
	assert_string_equal(r.t.virt->verb, "stats");
	reply.value.noun.data = &none;
	fake_reply(r.t.virt, &reply);
	text = body(&r);
	assert_has(text, "# TYPE libvirt_up gauge\nlibvirt_up 1\n");
	assert_has(text, "virtmux_calls_total{method=\"domain.start\",outcome="
			 "\"ok\"} 1\n");
	assert_has(text, "virtmux_calls_total{method=\"domain.start\",outcome="
			 "\"state\"} 1\n");
	assert_has(text, "{method=\"domain.start\",le=\"0.0005\"} 0\n");
	assert_has(text, "{method=\"domain.start\",le=\"0.001\"} 1\n");
	assert_has(text, "{method=\"domain.start\",le=\"600\"} 1\n");
	assert_has(text, "{method=\"domain.start\",le=\"+Inf\"} 2\n");
	assert_has(text, "_sum{method=\"domain.start\"} 3600.000600000\n");
	assert_has(text, "_count{method=\"domain.start\"} 2\n");
	assert_has(text, "virtmux_calls_without_method_total 1\n");
	assert_has(text, "virtmux_calls_open 3\n");
	assert_has(text, "virtmux_connections{state=\"member\"} 4\n");
	assert_has(text, "{direction=\"in\"} 11\n");
	assert_has(text, "expiry_timestamp_seconds 1700000000\n");
	assert_null(strstr(text, "crl"));
	assert_null(strstr(text, "domain.list"));
	test_close(&r.t);
}

static void test_without_libvirt(void **state)
{
	struct rig r;

	rig_open(&r);
	scrape(&r);
	fake_reply_error(r.t.virt, ERROR_UNAVAILABLE);
	assert_has(body(&r), "libvirt_up 0\n");
	buf_free(&r.t.call.answer);
	test_again(&r.t);
	r.t.virt->refuse = ERROR_BUSY;
	scrape(&r);
	assert_has(body(&r), "libvirt_up 0\n");
	test_close(&r.t);
}

/* It answers after its time, and what libvirt says then is dropped. */
static void test_libvirt_that_takes_too_long(void **state)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_NOUN};
	struct virt_records none = {0};
	struct rig r;

	rig_open(&r);
	scrape(&r);
	while (r.t.call.outcome == OUTCOME_NONE)
		uv_run(&r.t.pair.uv, UV_RUN_ONCE);
	assert_has(body(&r), "libvirt_up 0\n");
	reply.value.noun.data = &none;
	fake_reply(r.t.virt, &reply);
	test_close(&r.t);
}

static void test_the_end_comes_first(void **state)
{
	struct rig r;

	rig_open(&r);
	scrape(&r);
	test_close(&r.t);
	assert_int_equal(r.t.call.outcome, RESPONDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_without_libvirt),
		cmocka_unit_test(test_libvirt_that_takes_too_long),
		cmocka_unit_test(test_the_end_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
