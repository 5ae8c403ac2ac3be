/*
 * job.*: what rpc keeps of a job becomes the answer, with libvirt's progress where
 * only libvirt knows it, and its abort where the handler has none of its own.
 */
#include "test_ops_fakes.h"

#include "daemon/rpc/job.h"
#include "daemon/virt/progress.h"

#define START "\"started\":\"1970-01-01T00:00:01.000Z\""

/* One job, as the test wants it; NULL id: it is not there. */
struct rpc_job {
	struct rpc_job_facts facts;
	int cancel; /* what rpc_job_cancel() gives */
	bool taken_back;
	uint64_t waited_ms;
};

static struct rpc_job *the_job(const struct call *call)
{
	return (struct rpc_job *)call->caller.identity;
}

void rpc_job_look(const struct rpc_job *job, struct rpc_job_facts *facts)
{
	*facts = job->facts;
}

struct rpc_job *rpc_job_find(const struct call *call, const char *id,
			     struct error *err)
{
	struct rpc_job *job = the_job(call);

	if (job->facts.id && strcmp(job->facts.id, id) == 0)
		return job;
	error_set(err, ERROR_NOT_FOUND, "there is none");
	return NULL;
}

struct rpc_job *rpc_job_next(const struct call *call, const struct rpc_job *job)
{
	return job ? NULL : the_job(call);
}

int rpc_job_cancel(const struct call *call, struct rpc_job *job,
		   struct error *err)
{
	job->facts.cancelling = true;
	if (job->cancel < 0)
		error_set(err, ERROR_DENIED, "another's");
	return job->cancel;
}

void rpc_job_not_cancelled(struct rpc_job *job)
{
	job->taken_back = true;
}

void rpc_job_wait(struct call *call, struct rpc_job *job, uint64_t ms,
		  rpc_job_waited_fn *fn)
{
	job->waited_ms = ms;
	fn(call, job);
}

int virt_domain_progress(struct virt *v, const struct virt_domain_ref *ref,
			 struct virt_done done, struct error *err)
{
	return fake_verb(v, "progress", ref, 0, NULL, done, err);
}

int virt_domain_abort(struct virt *v, const struct virt_domain_ref *ref,
		      struct virt_done done, struct error *err)
{
	return fake_verb(v, "abort", ref, 0, NULL, done, err);
}

static struct rpc_job running(void)
{
	return (struct rpc_job){
		.facts = {
			.id = "a-1",
			.method = method_by_id(METHOD_domain_migrate),
			.identity = "anna",
			.domain = "web-1",
			.name = "web-1",
			.begun_us = 1000000,
			.elapsed_ns = 2000000000,
		}};
}

static void open_for(struct test *t, enum method_id method, struct rpc_job *job)
{
	test_open(t, method);
	t->call.caller.identity = (const char *)job;
}

static void ask_info(struct test *t)
{
	const struct job_info_params params = {.job = (char *)"a-1"};

	op_job_info(&t->call, &params);
}

#define HEAD                                                                   \
	"{\"id\":\"a-1\",\"method\":\"domain.migrate\",\"state\":\"running\"," \
	"\"identity\":\"anna\",\"domain\":\"web-1\"," START                    \
	",\"elapsed\":2000000000,\"cancelling\":"

static void test_libvirt_is_asked(void **state)
{
	struct rpc_job job = running();
	struct virt_reply reply;
	struct virt_progress p = {.active = true,
				  .done = 10,
				  .total = 40,
				  .speed = 5,
				  .remaining_ns = 6};
	struct test t;

	open_for(&t, METHOD_job_info, &job);
	ask_info(&t);
	assert_string_equal(t.virt->verb, "progress");
	assert_string_equal(t.virt->domain, "web-1");
	reply = fake_domain("web-1");
	reply.kind = VIRT_VALUE_NOUN;
	reply.value.noun.data = &p;
	fake_reply(t.virt, &reply);
	expect_json(&t, HEAD "false,\"progress\":{\"done\":10,\"total\":40,"
			     "\"speed\":5,\"remaining\":6}}");
	test_close(&t);
}

static void test_without_libvirt_there_is_an_answer_too(void **state)
{
	struct rpc_job job = running();
	struct test t;

	open_for(&t, METHOD_job_info, &job);
	ask_info(&t);
	fake_reply_error(t.virt, ERROR_UNAVAILABLE);
	expect_json(&t, HEAD "false}");
	test_again(&t);
	t.virt->refuse = ERROR_BUSY;
	ask_info(&t);
	expect_json(&t, HEAD "false}");
	test_close(&t);
}

static void test_it_goes_while_libvirt_is_asked(void **state)
{
	struct rpc_job job = running();
	struct test t;

	open_for(&t, METHOD_job_info, &job);
	ask_info(&t);
	job.facts.id = NULL;
	fake_reply_error(t.virt, ERROR_UNAVAILABLE);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_again(&t);
	ask_info(&t);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_close(&t);
}

static void test_the_handlers_own_progress(void **state)
{
	struct rpc_job job = running();
	struct test t;

	job.facts.done = 10;
	job.facts.total = 40;
	open_for(&t, METHOD_job_info, &job);
	ask_info(&t);
	assert_int_equal(t.virt->waiting, 0);
	expect_json(&t, HEAD "false,\"progress\":{\"done\":10,\"total\":40,"
			     "\"speed\":5,\"remaining\":6000000000}}");
	test_close(&t);
}

static void test_wait_gives_the_end(void **state)
{
	struct job_wait_params params = {.job = (char *)"a-1"};
	struct error why = {.code = ERROR_STATE, .words = (char *)"no"};
	struct rpc_job job = running();
	struct test t;

	job.facts.state = JOB_STATE_DONE;
	job.facts.result = "{\"x\":[1]}";
	open_for(&t, METHOD_job_wait, &job);
	op_job_wait(&t.call, &params);
	assert_int_equal(job.waited_ms, 30000);
	assert_non_null(strstr((char *)buf_bytes(&t.call.answer),
			       ",\"result\":{\"x\":[1]}}"));
	test_again(&t);
	job.facts.state = JOB_STATE_FAILED;
	job.facts.result = NULL;
	job.facts.error = &why;
	params.timeout = 7;
	params.has_timeout = true;
	op_job_wait(&t.call, &params);
	assert_int_equal(job.waited_ms, 7);
	assert_non_null(strstr((char *)buf_bytes(&t.call.answer),
			       "\"error\":{\"code\":-32004,\"name\":\"state\","
			       "\"message\":\"no\"}}"));
	test_close(&t);
}

static void test_cancel(void **state)
{
	const struct job_cancel_params params = {.job = (char *)"a-1"};
	struct rpc_job job = running();
	struct test t;

	open_for(&t, METHOD_job_cancel, &job);
	job.cancel = 1;
	op_job_cancel(&t.call, &params);
	expect_json(&t, HEAD "true}");
	test_again(&t);
	job.cancel = -1;
	op_job_cancel(&t.call, &params);
	expect_failure(&t, ERROR_DENIED);
	test_again(&t);
	job.cancel = 0;
	op_job_cancel(&t.call, &params);
	assert_string_equal(t.virt->verb, "abort");
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "true}");
	test_again(&t);
	op_job_cancel(&t.call, &params);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	assert_true(job.taken_back);
	test_again(&t);
	t.virt->refuse = ERROR_DRAINING;
	op_job_cancel(&t.call, &params);
	expect_failure(&t, ERROR_DRAINING);
	test_close(&t);
}

static void test_list(void **state)
{
	struct job_list_params params = {0};
	struct rpc_job job = running();
	struct test t;

	open_for(&t, METHOD_job_list, &job);
	op_job_list(&t.call, &params);
	expect_json(&t, "{\"jobs\":[" HEAD "false}]}");
	test_again(&t);
	params.has_running = true;
	op_job_list(&t.call, &params);
	expect_json(&t, "{\"jobs\":[]}");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libvirt_is_asked),
		cmocka_unit_test(test_without_libvirt_there_is_an_answer_too),
		cmocka_unit_test(test_it_goes_while_libvirt_is_asked),
		cmocka_unit_test(test_the_handlers_own_progress),
		cmocka_unit_test(test_wait_gives_the_end),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
