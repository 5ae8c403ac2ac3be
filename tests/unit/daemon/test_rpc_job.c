/*
 * Jobs: a LONG call is one from its start to its end and for a while after it,
 * outlives its peer, takes no turn, is answered at once where that is preferred, is
 * seen by those who may see its domain, and can be waited for and cancelled.
 */
#include "test_rpc_fakes.h"

#define MIGRATE(domain) "{\"domain\":\"" domain "\",\"uri\":\"test:///x\"}"
#define UUID            "6695eb01-f6a4-8304-79aa-97f2502e193f"

static int set_up_two_jobs(void **state)
{
	struct rpc_limits limits = rpc_limits_default;

	limits.jobs = 2;
	limits.calls = 1;
	return fake_set_up_with(state, NULL, &limits);
}

/* A call with further headers. */
static struct h2_stream *post(struct rpc_peer *peer, const char *method,
			      const char *params, const char *prefer,
			      const char *key)
{
	struct h2_stream *s = test_calloc(1, sizeof(*s));
	size_t n = 0;
	char body[512];

	s->headers[n++] = (struct h2_header){":method", "POST"};
	s->headers[n++] = (struct h2_header){":path", "/rpc"};
	if (prefer)
		s->headers[n++] = (struct h2_header){"prefer", prefer};
	if (key)
		s->headers[n++] = (struct h2_header){"idempotency-key", key};
	rpc_peer_request(peer, s);
	snprintf(body, sizeof(body),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\","
		 "\"params\":%s}",
		 method, params);
	fake_data(s, body);
	fake_end(s);
	return s;
}

/* A call of PEER's that is only there to look at jobs from. */
static struct call *looker(struct fixture *f, struct rpc_peer *peer,
			   struct h2_stream **s)
{
	*s = fake_call(peer, "job.list", "{}", NULL);
	return f->calls[f->count - 1];
}

static unsigned count_seen(const struct call *c)
{
	unsigned n = 0;

	for (struct rpc_job *j = NULL; (j = rpc_job_next(c, j));)
		n++;
	return n;
}

static struct rpc_job_facts look_at(const struct call *c, const char *id)
{
	struct rpc_job *job = rpc_job_find(c, id, NULL);
	struct rpc_job_facts facts;

	assert_non_null(job);
	rpc_job_look(job, &facts);
	return facts;
}

static void test_a_job_is_its_call(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s, *other;
	struct rpc_job_facts facts;
	struct call *c;
	char id[CALL_ID_SIZE];

	s = post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, NULL);
	strcpy(id, call_id(f->calls[0]));
	c = looker(f, f->anna, &other);
	facts = look_at(c, id);
	assert_int_equal(facts.state, JOB_STATE_RUNNING);
	assert_string_equal(facts.method->name, "domain.migrate");
	assert_string_equal(facts.identity, "anna");
	assert_string_equal(facts.name, "web-1");
	assert_null(facts.uuid);
	call_progress(f->calls[0], 10, 40);
	call_set_target(f->calls[0], UUID, "web-1");
	facts = look_at(c, id);
	assert_int_equal(facts.done, 10);
	assert_int_equal(facts.total, 40);
	assert_string_equal(facts.uuid, UUID);
	assert_int_equal(s->status, 0);
	fake_return(f, 0);
	assert_int_equal(s->status, 200);
	facts = look_at(c, id);
	assert_int_equal(facts.state, JOB_STATE_DONE);
	assert_true(facts.ended_us != 0);
	assert_non_null(strstr(facts.result, "\"uuid\""));
	fake_close(s);
	fake_return(f, 1);
	fake_close(other);
}

static void test_a_failure_is_kept(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *other;
	struct h2_stream *s =
		post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, NULL);
	struct call *c = looker(f, f->anna, &other);
	struct rpc_job_facts facts;
	char id[CALL_ID_SIZE];

	strcpy(id, call_id(f->calls[0]));
	/* Its peer goes; it goes on. */
	fake_close(s);
	fake_fail(f, 0, ERROR_STATE);
	facts = look_at(c, id);
	assert_int_equal(facts.state, JOB_STATE_FAILED);
	assert_int_equal(facts.error->code, ERROR_STATE);
	assert_string_equal(error_words(facts.error), "failed by the test");
	assert_null(facts.result);
	fake_return(f, 1);
	fake_close(other);
}

static void test_an_answer_at_once(void **state)
{
	static const char *const wishes[] = {"respond-async",
					     "wait=10, Respond-Async"};
	struct fixture *f = *state;
	char *audit;

	for (size_t i = 0; i < array_size(wishes); i++) {
		struct h2_stream *s = post(f->anna, "domain.migrate",
					   MIGRATE("web-1"), wishes[i], NULL);

		assert_int_equal(s->status, 202);
		assert_body_has(s, call_id(f->calls[i]));
		assert_body_has(s, "\"result\":{\"job\":\"");
		assert_true(call_is_orphan(f->calls[i]));
		fake_close(s);
		assert_int_equal(rpc_open_calls(f->rpc), 1);
		fake_return(f, i);
		assert_int_equal(rpc_open_calls(f->rpc), 0);
	}
	audit = fake_audit(f);
	assert_int_equal(fake_count(audit, "\"outcome\":\"ok\""), 2);
	free(audit);
}

static void test_an_answer_at_the_end(void **state)
{
	static const char *const wishes[] = {"respond-asynchronously",
					     "wait=10; respond-async", NULL};
	struct fixture *f = *state;

	for (size_t i = 0; i < array_size(wishes); i++) {
		struct h2_stream *s = post(f->anna, "domain.migrate",
					   MIGRATE("web-1"), wishes[i], NULL);

		assert_int_equal(s->status, 0);
		fake_return(f, i);
		assert_int_equal(s->status, 200);
		fake_close(s);
	}
	/* No long method: the wish has no effect. */
	struct h2_stream *s =
		post(f->anna, "domain.start", "{\"domain\":\"web-1\"}",
		     "respond-async", NULL);

	assert_int_equal(s->status, 0);
	fake_return(f, f->count - 1);
	fake_close(s);
}

static void test_a_key_makes_one_job(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *first = post(f->anna, "domain.migrate",
				       MIGRATE("web-1"), "respond-async", "k");
	struct h2_stream *again = post(f->anna, "domain.migrate",
				       MIGRATE("web-1"), "respond-async", "k");
	struct h2_stream *waits =
		post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, "k");
	struct h2_stream *late;

	assert_int_equal(f->count, 1);
	assert_int_equal(again->status, 202);
	assert_string_equal(first->body, again->body);
	assert_int_equal(waits->status, 0);
	fake_return(f, 0);
	assert_int_equal(waits->status, 200);
	assert_body_has(waits, "\"uuid\"");
	late = post(f->anna, "domain.migrate", MIGRATE("web-1"),
		    "respond-async", "k");
	assert_int_equal(late->status, 200);
	assert_body_has(late, "\"uuid\"");
	assert_int_equal(f->count, 1);
	fake_close(first);
	fake_close(again);
	fake_close(waits);
	fake_close(late);
}

static void test_jobs_take_no_turns_and_have_a_limit(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s[5];

	for (size_t i = 0; i < 3; i++)
		s[i] = post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL,
			    NULL);
	assert_int_equal(f->count, 2);
	assert_body_has(s[2], "\"busy\"");
	s[3] = fake_call(f->anna, "host.info", "{}", NULL);
	assert_int_equal(f->count, 3);
	fake_return(f, 0);
	s[4] = post(f->anna, "domain.migrate", MIGRATE("web-2"), NULL, NULL);
	assert_int_equal(f->count, 4);
	for (size_t i = 1; i < 4; i++)
		fake_return(f, i);
	for (size_t i = 0; i < 5; i++)
		fake_close(s[i]);
}

static void test_who_sees_it(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s[4];
	struct call *anna, *bert;
	autoerror err = {0};
	char id[CALL_ID_SIZE];

	s[0] = post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, NULL);
	s[1] = post(f->anna, "domain.migrate", MIGRATE("db-1"), NULL, NULL);
	strcpy(id, call_id(f->calls[1]));
	anna = looker(f, f->anna, &s[2]);
	bert = looker(f, f->bert, &s[3]);
	assert_int_equal(count_seen(anna), 2);
	assert_int_equal(count_seen(bert), 1);
	assert_null(rpc_job_find(bert, id, &err));
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	fake_return(f, 0);
	fake_return(f, 1);
	assert_int_equal(count_seen(anna), 2);
	assert_int_equal(count_seen(bert), 1);
	fake_return(f, 2);
	fake_return(f, 3);
	for (size_t i = 0; i < 4; i++)
		fake_close(s[i]);
}

/* By its UUID nobody knows whose it is, until libvirt was asked. */
static void test_a_uuid_is_hidden_until_it_is_known(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *other,
		*s = post(f->anna, "domain.migrate", MIGRATE(UUID), NULL, NULL);
	struct call *bert = looker(f, f->bert, &other);

	assert_int_equal(count_seen(bert), 0);
	call_set_target(f->calls[0], UUID, "web-1");
	assert_int_equal(count_seen(bert), 1);
	fake_return(f, 0);
	fake_return(f, 1);
	fake_close(s);
	fake_close(other);
}

static void on_cancel(void *context)
{
	++*(unsigned *)context;
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s[3];
	struct call *anna, *bert;
	unsigned cancelled = 0;
	autoerror err = {0};
	struct rpc_job *job;
	char id[CALL_ID_SIZE];

	s[0] = post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, NULL);
	anna = looker(f, f->anna, &s[1]);
	bert = looker(f, f->bert, &s[2]);
	strcpy(id, call_id(f->calls[0]));
	job = rpc_job_find(anna, id, NULL);
	assert_int_equal(rpc_job_cancel(bert, job, &err), -1);
	assert_int_equal(err.code, ERROR_DENIED);
	/* Libvirt is to be asked, and refuses. */
	assert_int_equal(rpc_job_cancel(anna, job, &err), 0);
	rpc_job_not_cancelled(job);
	call_set_cancel(f->calls[0], on_cancel, &cancelled);
	assert_int_equal(rpc_job_cancel(anna, job, &err), 1);
	assert_int_equal(cancelled, 1);
	fake_fail(f, 0, ERROR_FAILED);
	assert_int_equal(look_at(anna, id).state, JOB_STATE_CANCELLED);
	assert_int_equal(rpc_job_cancel(anna, job, &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	fake_return(f, 1);
	fake_return(f, 2);
	for (size_t i = 0; i < 3; i++)
		fake_close(s[i]);
}

/* -- waiting --------------------------------------------------------------- */

static void on_waited(struct call *call, struct rpc_job *job)
{
	struct rpc_job_facts facts;
	const struct job_info info = {0};

	rpc_job_look(job, &facts);
	if (facts.state == JOB_STATE_RUNNING) {
		autoerror err = {0};

		error_set(&err, ERROR_TIMED_OUT, "it still runs");
		call_fail(call, &err);
		return;
	}
	call_return(call, &info);
}

/* A call of job.wait that waits for call 0's job. */
static struct h2_stream *wait_for(struct fixture *f, uint64_t ms)
{
	struct h2_stream *s =
		fake_call(f->anna, "job.wait", "{\"job\":\"x\"}", NULL);
	struct call *c = f->calls[f->count - 1];

	rpc_job_wait(c, rpc_job_find(c, call_id(f->calls[0]), NULL), ms,
		     on_waited);
	return s;
}

static void test_wait_for_its_end(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, NULL);
	struct h2_stream *waits[3], *other;

	/* Those who wait take no turn, of which there is one here. */
	for (size_t i = 0; i < 3; i++)
		waits[i] = wait_for(f, 60000);
	other = fake_call(f->anna, "host.info", "{}", NULL);
	assert_int_equal(f->count, 5);
	fake_close(waits[0]);
	assert_int_equal(rpc_open_calls(f->rpc), 4);
	fake_return(f, 0);
	assert_int_equal(waits[1]->status, 200);
	assert_int_equal(waits[2]->status, 200);
	fake_return(f, 4);
	fake_close(waits[1]);
	fake_close(waits[2]);
	fake_close(other);
	fake_close(s);
}

static void test_wait_for_some_time(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, NULL);
	struct h2_stream *at_once = wait_for(f, 0);
	struct h2_stream *late = wait_for(f, 20);

	assert_body_has(at_once, "it still runs");
	while (!late->status)
		uv_run(&f->uv, UV_RUN_ONCE);
	assert_body_has(late, "it still runs");
	fake_return(f, 0);
	fake_close(at_once);
	fake_close(late);
	fake_close(s);
}

static void test_nobody_waits_while_the_host_ends(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s =
		post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL, NULL);
	struct h2_stream *waits = wait_for(f, 60000);

	rpc_drain(f->rpc);
	assert_body_has(waits, "\"draining\"");
	assert_int_equal(s->status, 0);
	fake_return(f, 0);
	fake_close(waits);
	fake_close(s);
}

static void test_ended_ones_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s;
	struct call *c;

	f->at_once = true;
	for (size_t i = 0; i < RPC_JOBS_ENDED_IDENTITY + 10; i++) {
		s = post(f->anna, "domain.migrate", MIGRATE("web-1"), NULL,
			 NULL);
		assert_int_equal(s->status, 200);
		fake_close(s);
		f->count = 0;
	}
	f->at_once = false;
	c = looker(f, f->anna, &s);
	assert_int_equal(count_seen(c), RPC_JOBS_ENDED_IDENTITY);
	fake_return(f, 0);
	fake_close(s);
}

#define test(fn)                                                               \
	cmocka_unit_test_setup_teardown(fn, fake_set_up, fake_tear_down)
#define test_with(fn, set)                                                     \
	cmocka_unit_test_setup_teardown(fn, set, fake_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_a_job_is_its_call),
		test(test_a_failure_is_kept),
		test(test_an_answer_at_once),
		test(test_an_answer_at_the_end),
		test(test_a_key_makes_one_job),
		test_with(test_jobs_take_no_turns_and_have_a_limit,
			  set_up_two_jobs),
		test(test_who_sees_it),
		test(test_a_uuid_is_hidden_until_it_is_known),
		test(test_cancel),
		test_with(test_wait_for_its_end, set_up_two_jobs),
		test(test_wait_for_some_time),
		test(test_nobody_waits_while_the_host_ends),
		test(test_ended_ones_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
