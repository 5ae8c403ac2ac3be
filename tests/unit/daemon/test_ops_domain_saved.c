/* Saved states and libvirt's jobs: what is asked of virt, and the answers. */
#include "test_ops_fakes.h"

#include "daemon/virt/saved.h"

static char web_1[] = "web-1";
static char path[] = "/saved";
static char xml[] = "<domain/>";

int virt_domain_managed_save(struct virt *v, const struct virt_domain_ref *ref,
			     unsigned flags, struct virt_done done,
			     struct error *err)
{
	return fake_verb(v, "managed_save", ref, flags, NULL, done, err);
}

int virt_domain_managed_save_remove(struct virt *v,
				    const struct virt_domain_ref *ref,
				    struct virt_done done, struct error *err)
{
	return fake_verb(v, "managed_save_remove", ref, 0, NULL, done, err);
}

int virt_domain_save(struct virt *v, const struct virt_domain_ref *ref,
		     const char *to, const char *with, unsigned flags,
		     struct virt_done done, struct error *err)
{
	return fake_verb(v, with ? "save_as" : "save", ref, flags, to, done,
			 err);
}

int virt_domain_restore(struct virt *v, const char *from, const char *with,
			char *const *scope, unsigned flags,
			struct virt_done done, struct error *err)
{
	struct virt_domain_ref ref = {.scope = scope};

	return fake_verb(v, with ? "restore_as" : "restore", &ref, flags, from,
			 done, err);
}

int virt_domain_dump(struct virt *v, const struct virt_domain_ref *ref,
		     const char *to, enum virt_dump_format format,
		     unsigned flags, struct virt_done done, struct error *err)
{
	return fake_verb(v, format == VIRT_DUMP_KDUMP_LZO ? "dump_lzo" : "dump",
			 ref, flags, to, done, err);
}

int virt_domain_job_stats(struct virt *v, const struct virt_domain_ref *ref,
			  bool completed, struct virt_done done,
			  struct error *err)
{
	return fake_verb(v, "job_stats", ref, completed, NULL, done, err);
}

int virt_domain_job_abort(struct virt *v, const struct virt_domain_ref *ref,
			  bool postcopy, struct virt_done done,
			  struct error *err)
{
	return fake_verb(v, "job_abort", ref, postcopy, NULL, done, err);
}

int virt_domain_control(struct virt *v, const struct virt_domain_ref *ref,
			struct virt_done done, struct error *err)
{
	return fake_verb(v, "control", ref, 0, NULL, done, err);
}

static void expect_asked(struct test *t, const char *verb, unsigned number,
			 const char *with)
{
	assert_string_equal(t->virt->verb, verb);
	assert_int_equal(t->virt->number, number);
	if (with)
		assert_string_equal(t->virt->text, with);
	fake_reply_domain(t->virt, "web-1");
	fake_reply_error(t->virt, ERROR_NOT_FOUND); /* its state */
	expect_json(t, "{\"uuid\":\"" UUID "\",\"name\":\"web-1\"}");
	test_again(t);
}

/* PARAMS are designated initialisers of struct ID_params. */
#define asks(id, verb, number, with, ...)                                      \
	do {                                                                   \
		const struct id##_params p_ = {__VA_ARGS__};                   \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &p_);                                         \
		expect_asked(&t, verb, number, with);                          \
	} while (0)

#define refuses(id, ...)                                                       \
	do {                                                                   \
		const struct id##_params p_ = {__VA_ARGS__};                   \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &p_);                                         \
		expect_failure(&t, ERROR_INVALID_PARAMS);                      \
		assert_int_equal(t.virt->waiting, 0);                          \
		test_again(&t);                                                \
	} while (0)

static void changes_reach_their_verb(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_save);
	asks(domain_managed_save, "managed_save",
	     VIRT_SAVE_PAUSED | VIRT_SAVE_BYPASS_CACHE, NULL, .domain = web_1,
	     .paused = true, .bypass_cache = true);
	asks(domain_managed_save_remove, "managed_save_remove", 0, NULL,
	     .domain = web_1);
	asks(domain_save, "save", VIRT_SAVE_RUNNING, "/saved", .domain = web_1,
	     .path = path, .running = true);
	asks(domain_save, "save_as", 0, "/saved", .domain = web_1, .path = path,
	     .xml = xml);
	asks(domain_restore, "restore", VIRT_SAVE_RESET_NVRAM, "/saved",
	     .path = path, .reset_nvram = true);
	asks(domain_restore, "restore_as", 0, "/saved", .path = path,
	     .xml = xml);
	asks(domain_dump, "dump", VIRT_DUMP_LIVE | VIRT_DUMP_MEMORY_ONLY,
	     "/saved", .domain = web_1, .path = path, .live = true,
	     .memory_only = true);
	asks(domain_dump, "dump_lzo",
	     VIRT_DUMP_CRASH | VIRT_DUMP_BYPASS_CACHE | VIRT_DUMP_MEMORY_ONLY,
	     NULL, .domain = web_1, .path = path, .crash = true,
	     .bypass_cache = true, .memory_only = true, .has_format = true,
	     .format = DUMP_FORMAT_KDUMP_LZO);
	asks(domain_job_abort, "job_abort", 1, NULL, .domain = web_1,
	     .postcopy = true);
	test_close(&t);
}

static void contradictions_are_refused(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_save);
	refuses(domain_managed_save, .domain = web_1, .running = true,
		.paused = true);
	refuses(domain_save, .domain = web_1, .path = path, .running = true,
		.paused = true);
	refuses(domain_restore, .path = path, .running = true, .paused = true);
	refuses(domain_dump, .domain = web_1, .path = path, .live = true,
		.reset = true);
	refuses(domain_dump, .domain = web_1, .path = path, .has_format = true);
	test_close(&t);
}

static void a_restore_stays_in_scope(void **state)
{
	const struct domain_restore_params params = {.path = path};
	char *scope[] = {web_1, NULL};
	struct test t;

	test_open(&t, METHOD_domain_restore);
	t.call.caller.scope = scope;
	op_domain_restore(&t.call, &params);
	assert_ptr_equal(t.virt->scope, scope);
	fake_reply_error(t.virt, ERROR_DENIED);
	expect_failure(&t, ERROR_DENIED);
	test_close(&t);
}

static void jobs_are_shown(void **state)
{
	const struct domain_job_info_params params = {.domain = web_1,
						      .completed = true};
	struct virt_job_stats stats = {
		.type = 3,
		.operation = 2,
		.known = 1u << VIRT_JOB_ELAPSED | 1u << VIRT_JOB_DATA_TOTAL,
		.figures = {[VIRT_JOB_ELAPSED] = 5,
			    [VIRT_JOB_DATA_TOTAL] = UINT64_MAX},
	};
	struct virt_reply reply = fake_domain("web-1");
	struct virt_reply newer = fake_domain("web-1");
	struct test t;

	test_open(&t, METHOD_domain_job_info);
	op_domain_job_info(&t.call, &params);
	assert_int_equal(t.virt->number, 1);
	reply.value.noun.data = &stats;
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID
			"\",\"name\":\"web-1\",\"type\":\"completed\","
			"\"operation\":\"save\",\"elapsed\":5,"
			"\"data_total\":9223372036854775807}");
	test_again(&t);
	/* of a libvirt that has more of them */
	op_domain_job_info(&t.call, &params);
	stats = (struct virt_job_stats){.type = 99, .operation = 99};
	newer.value.noun.data = &stats;
	fake_reply(t.virt, &newer);
	expect_json(&t, "{\"uuid\":\"" UUID
			"\",\"name\":\"web-1\",\"type\":\"unbounded\","
			"\"operation\":\"unknown\"}");
	test_close(&t);
}

static void control_is_shown(void **state)
{
	const struct domain_control_info_params params = {.domain = web_1};
	struct virt_control control = {.state = 2, .since_ns = 7};
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	test_open(&t, METHOD_domain_control_info);
	op_domain_control_info(&t.call, &params);
	reply.value.noun.data = &control;
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID
			"\",\"name\":\"web-1\",\"state\":\"occupied\","
			"\"since\":7}");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_reach_their_verb),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(a_restore_stays_in_scope),
		cmocka_unit_test(jobs_are_shown),
		cmocka_unit_test(control_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
