/* Programs in guests: what the agent is told, and what it may answer. */
#include "test_ops_fakes.h"

#include "daemon/virt/agent.h"

static char web_1[] = "web-1";

int virt_agent_command(struct virt *v, const struct virt_domain_ref *ref,
		       const char *command, unsigned pause_ms,
		       struct virt_done done, struct error *err)
{
	return fake_verb(v, "command", ref, pause_ms, command, done, err);
}

#define HEAD "{\"uuid\":\"" UUID "\",\"name\":\"web-1\",\"process\":7"

static void agent_says(struct virt *v, const char *answer)
{
	struct virt_reply reply = fake_domain("web-1");
	autofree char *text = strdup(answer);

	reply.kind = VIRT_VALUE_NOUN;
	reply.value.noun.data = text;
	fake_reply(v, &reply);
}

static void begin(struct test *t)
{
	char program[] = "/bin/sh";
	char option[] = "-c";
	char script[] = "echo \"$0\"";
	char *arguments[] = {option, script};
	const struct agent_exec_params params = {.domain = web_1,
						 .program = program,
						 .arguments = arguments,
						 .arguments_count = 2};

	op_agent_exec(&t->call, &params);
}

static void tells_how_it_ended(void **state)
{
	struct test t;

	test_open(&t, METHOD_agent_exec);
	begin(&t);
	assert_string_equal(t.virt->domain, "web-1");
	assert_int_equal(t.virt->number, 0);
	assert_string_equal(t.virt->text,
			    "{\"execute\":\"guest-exec\",\"arguments\":{"
			    "\"capture-output\":true,\"path\":\"/bin/sh\","
			    "\"arg\":[\"-c\",\"echo \\\"$0\\\"\"]}}");
	agent_says(t.virt, "{\"return\":{\"pid\":7}}");
	/* The very domain that was found, whatever has its name by now. */
	assert_string_equal(t.virt->domain, UUID);
	assert_string_equal(t.virt->text,
			    "{\"execute\":\"guest-exec-status\",\"arguments\":"
			    "{\"pid\":7}}");
	agent_says(t.virt, "{\"return\":{\"exited\":false}}");
	assert_true(t.virt->number > 0);
	agent_says(t.virt, "{\"return\":{\"exited\":true,\"exitcode\":3,"
			   "\"out-data\":\"aGk=\",\"out-truncated\":true}}");
	expect_json(&t, HEAD
		    ",\"status\":3,\"output\":\"aGk=\",\"truncated\":true}");
	test_close(&t);
}

static void believes_no_form(void **state)
{
	static const char *const answers[] = {
		"",
		"nonsense",
		"null",
		"[]",
		"{}",
		"{\"return\":7}",
		"{\"return\":{}}",
		"{\"return\":{\"pid\":\"7\"}}",
		"{\"return\":{\"pid\":-7}}",
		"{\"return\":{\"pid\":7},\"return\":{}}",
	};
	struct test t;

	test_open(&t, METHOD_agent_exec);
	for (size_t i = 0; i < array_size(answers); i++) {
		begin(&t);
		agent_says(t.virt, answers[i]);
		expect_failure(&t, ERROR_FAILED);
		assert_int_equal(t.virt->waiting, 0);
		test_again(&t);
	}
	begin(&t);
	agent_says(t.virt, "{\"return\":{\"pid\":7}}");
	agent_says(t.virt, "{\"return\":[true]}");
	expect_failure(&t, ERROR_FAILED);
	test_close(&t);
}

static void tells_of_failures(void **state)
{
	struct test t;

	test_open(&t, METHOD_agent_exec);
	begin(&t);
	fake_reply_error(t.virt, ERROR_UNSUPPORTED);
	expect_failure(&t, ERROR_UNSUPPORTED);
	test_again(&t);
	begin(&t);
	agent_says(t.virt, "{\"return\":{\"pid\":7}}");
	fake_reply_error(t.virt, ERROR_TIMED_OUT);
	expect_failure(&t, ERROR_TIMED_OUT);
	test_again(&t);
	t.virt->refuse = ERROR_BUSY;
	begin(&t);
	expect_failure(&t, ERROR_BUSY);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_how_it_ended),
		cmocka_unit_test(believes_no_form),
		cmocka_unit_test(tells_of_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
