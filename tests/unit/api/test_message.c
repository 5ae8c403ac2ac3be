/*
 * JSON-RPC 2.0: what is a request, a batch, a notification and a response; and
 * the texts that go out.
 */
#include "api/message.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/codec.h"
#include "base/alloc_fail.h"

static int parse(const char *text, struct message *m, struct error *err)
{
	return message_parse(text, strlen(text), m, err);
}

static void test_request(void **state)
{
	automessage m = {0};
	autoerror err = {0};

	assert_int_equal(parse("{\"params\":{\"domain\":\"a\"},\"id\":7,"
			       "\"method\":\"domain.start\","
			       "\"jsonrpc\":\"2.0\"}",
			       &m, &err),
			 0);
	assert_int_equal(m.count, 1);
	assert_false(m.batch);
	assert_false(error_is_set(&m.requests[0].error));
	assert_string_equal(m.requests[0].id, "7");
	assert_string_equal(m.requests[0].name, "domain.start");
	assert_ptr_equal(m.requests[0].method,
			 method_by_id(METHOD_domain_start));
	assert_int_equal(json_object_object_length(m.requests[0].params), 1);
}

/* An id comes back as it was sent. */
static void test_ids(void **state)
{
	static const char *const ids[] = {
		"0",
		"-1",
		"9223372036854775807",
		"1.50",
		"1e2",
		"null",
		"\"\"",
		"\"a b\"",
		"\"\\\"\\\\\\n\"",
		"\"\xc3\xa9\"",
	};

	for (size_t i = 0; i < array_size(ids); i++) {
		automessage m = {0};
		autoerror err = {0};
		char text[200];

		snprintf(text, sizeof(text),
			 "{\"jsonrpc\":\"2.0\",\"id\":%s,"
			 "\"method\":\"host.info\"}",
			 ids[i]);
		assert_int_equal(parse(text, &m, &err), 0);
		assert_false(error_is_set(&m.requests[0].error));
		assert_string_equal(m.requests[0].id, ids[i]);
	}
}

static void refuse_request(const char *text, enum error_code code,
			   const char *id, const char *words)
{
	automessage m = {0};
	autoerror err = {0};

	assert_int_equal(parse(text, &m, &err), 0);
	assert_int_equal(m.count, 1);
	assert_null(m.requests[0].method);
	assert_int_equal(m.requests[0].error.code, code);
	assert_string_equal(error_words(&m.requests[0].error), words);
	if (id)
		assert_string_equal(m.requests[0].id, id);
	else
		assert_null(m.requests[0].id);
}

static void test_refuses_requests(void **state)
{
	static const char version[] = "a request has \"jsonrpc\": \"2.0\"";
	static const char method[] = "a request has a \"method\", a string";
	static const char id[] =
		"the id of a request must be a string, a number or null";

	refuse_request("{}", ERROR_INVALID_REQUEST, "null", version);
	refuse_request("{\"id\":1,\"method\":\"host.info\"}",
		       ERROR_INVALID_REQUEST, "1", version);
	refuse_request("{\"jsonrpc\":2.0,\"id\":1,\"method\":\"host.info\"}",
		       ERROR_INVALID_REQUEST, "1", version);
	refuse_request("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}",
		       ERROR_INVALID_REQUEST, "1", version);
	refuse_request("{\"jsonrpc\":\"2.0\",\"id\":1}", ERROR_INVALID_REQUEST,
		       "1", method);
	refuse_request("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}",
		       ERROR_INVALID_REQUEST, "1", method);
	refuse_request("{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"x\"}",
		       ERROR_INVALID_REQUEST, "null", id);
	refuse_request("{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"x\"}",
		       ERROR_INVALID_REQUEST, "null", id);
	refuse_request("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.info\","
		       "\"params\":null}",
		       ERROR_INVALID_REQUEST, "1",
		       "the \"params\" of a request must be an object");
	refuse_request("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.info\","
		       "\"param\":{}}",
		       ERROR_INVALID_REQUEST, "1",
		       "a request has no member \"param\"; known are jsonrpc, "
		       "id, method and params");
	refuse_request(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.inof\"}",
		ERROR_UNKNOWN_METHOD, "1",
		"there is no method \"host.inof\"; did you mean "
		"\"host.info\"?");
	refuse_request(
		"{\"jsonrpc\":\"2.0\",\"id\":1,"
		"\"method\":\"domain.screenshot\"}",
		ERROR_UNKNOWN_METHOD, "1",
		"domain.screenshot is not called by JSON-RPC, but by GET "
		"of /domains/{domain}/screenshot");
}

static void test_too_long_id(void **state)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "{\"jsonrpc\":\"2.0\",\"id\":\"%0255d\",\"method\":\"x\"}", 0);
	refuse_request(text, ERROR_INVALID_REQUEST, "null",
		       "the id of a request is longer than 256 bytes");
}

/* Neither a known nor an unknown method is answered without an id. */
static void test_notifications(void **state)
{
	automessage m = {0};
	autoerror err = {0};

	assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"method\":\"host.info\"}",
			       &m, &err),
			 0);
	assert_null(m.requests[0].id);
	assert_non_null(m.requests[0].method);
	refuse_request("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}",
		       ERROR_UNKNOWN_METHOD, NULL, "there is no method \"x\"");
}

static void refuse_body(const char *text, enum error_code code)
{
	struct message m;
	autoerror err = {0};

	assert_int_equal(parse(text, &m, &err), -1);
	assert_int_equal(err.code, code);
	assert_null(m.tree);
	assert_null(m.requests);
}

static void test_refuses_bodies(void **state)
{
	refuse_body("", ERROR_PARSE);
	refuse_body("{", ERROR_PARSE);
	refuse_body(
		"{\"method\":\"domain.list\",\"method\":\"domain.destroy\"}",
		ERROR_PARSE);
	refuse_body("null", ERROR_INVALID_REQUEST);
	refuse_body("1", ERROR_INVALID_REQUEST);
	refuse_body("\"host.info\"", ERROR_INVALID_REQUEST);
	refuse_body("[]", ERROR_INVALID_REQUEST);
}

static int parse_batch(size_t n, struct message *m, struct error *err)
{
	autobuf text = {0};

	for (size_t i = 0; i < n; i++)
		buf_appendf(&text,
			    "%c{\"jsonrpc\":\"2.0\",\"id\":%zu,"
			    "\"method\":\"host.info\"}",
			    i == 0 ? '[' : ',', i);
	buf_append_char(&text, ']');
	assert_true(buf_ok(&text));
	return message_parse((const char *)buf_bytes(&text), text.len, m, err);
}

static void test_batches(void **state)
{
	automessage m = {0};
	struct message large;
	autoerror err = {0};

	assert_int_equal(parse_batch(MESSAGE_BATCH_MAX, &m, &err), 0);
	assert_true(m.batch);
	assert_int_equal(m.count, MESSAGE_BATCH_MAX);
	assert_string_equal(m.requests[63].id, "63");
	assert_int_equal(parse_batch(MESSAGE_BATCH_MAX + 1, &large, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
}

static void test_mixed_batch(void **state)
{
	automessage m = {0};
	autoerror err = {0};

	assert_int_equal(parse("[1,null,[],{\"jsonrpc\":\"2.0\",\"id\":\"x\","
			       "\"method\":\"host.info\"}]",
			       &m, &err),
			 0);
	assert_int_equal(m.count, 4);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(m.requests[i].error.code,
				 ERROR_INVALID_REQUEST);
		assert_string_equal(m.requests[i].id, "null");
	}
	assert_non_null(m.requests[3].method);
}

static void assert_text(struct buf *out, const char *expected)
{
	buf_append_char(out, '\0');
	assert_true(buf_ok(out));
	assert_string_equal((const char *)buf_bytes(out), expected);
	buf_reset(out);
}

static void test_answers(void **state)
{
	struct domain_ref ref = {.uuid = "u", .name = "n"};
	autobuf out = {0};
	autoerror err = {0};

	message_append_result(&out, "\"a\"", method_by_id(METHOD_domain_start),
			      &ref);
	assert_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":"
			  "{\"uuid\":\"u\",\"name\":\"n\"}}");
	message_append_result_text(&out, NULL, "{\"x\":1}", 7);
	assert_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":"
			  "{\"x\":1}}");
	error_set(&err, ERROR_NOT_FOUND, "there is no \"web\"");
	error_set_cause(&err, "/var/lib secrets");
	message_append_error(&out, "3", &err, "c-1");
	assert_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":"
			  "-32001,\"message\":\"there is no \\\"web\\\"\","
			  "\"data\":{\"name\":\"not-found\",\"retry\":false,"
			  "\"call\":\"c-1\",\"logged\":true}}}");
	error_set(&err, ERROR_BUSY, "later");
	message_append_error(&out, NULL, &err, NULL);
	assert_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\""
			  ":-32007,\"message\":\"later\",\"data\":{\"name\":"
			  "\"busy\",\"retry\":true}}}");
}

static void test_batch_answers(void **state)
{
	struct buf answers[3] = {{0}};
	autobuf out = {0};

	assert_int_equal(message_append_batch(&out, answers, 3), 0);
	assert_int_equal(out.len, 0);
	buf_append_str(&answers[1], "{1}");
	message_append_batch(&out, answers, 3);
	assert_text(&out, "[{1}]");
	buf_append_str(&answers[2], "{2}");
	message_append_batch(&out, answers, 3);
	assert_text(&out, "[{1},{2}]");
	answers[0].failed = true;
	assert_int_equal(message_append_batch(&out, answers, 3), -1);
	for (size_t i = 0; i < 3; i++)
		buf_free(&answers[i]);
}

static void test_requests_of_the_client(void **state)
{
	struct domain_start_params p = {
		.domain = "a", .paused = true, .has_paused = true};
	autobuf out = {0};

	message_append_request(&out, 5, "host.info", NULL, 0);
	assert_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":5,"
			  "\"method\":\"host.info\"}");
	message_append_request(&out, 5, "x.y", "{}", 2);
	assert_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"x.y\","
			  "\"params\":{}}");
	message_append_call(&out, 6, method_by_id(METHOD_domain_start), &p);
	assert_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":"
			  "\"domain.start\",\"params\":{\"domain\":\"a\","
			  "\"paused\":true}}");
}

static int respond(const char *text, struct response *r, struct error *err)
{
	return response_parse(text, strlen(text), r, err);
}

static void test_responses(void **state)
{
	autoresponse ok = {0};
	autoresponse failed = {0};
	autoerror err = {0};

	assert_int_equal(respond("{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{},"
				 "\"x\":1}",
				 &ok, &err),
			 0);
	assert_string_equal(ok.id, "5");
	assert_true(json_object_is_type(ok.result, json_type_object));
	assert_false(error_is_set(&ok.error));
	assert_int_equal(respond("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{"
				 "\"code\":-32010,\"message\":\"who knows\","
				 "\"data\":{\"call\":\"c-9\"}}}",
				 &failed, &err),
			 0);
	assert_int_equal(failed.error.code, ERROR_UNKNOWN_OUTCOME);
	assert_string_equal(error_words(&failed.error), "who knows");
	assert_string_equal(failed.call, "c-9");
	assert_string_equal(failed.error.cause, "call c-9");
	assert_null(failed.result);
}

/* Every code comes over as itself; one that we do not know is a failure. */
static void test_error_codes(void **state)
{
	for (int code = ERROR_NONE + 1; code < ERROR_CODES; code++) {
		autobuf out = {0};
		autoresponse r = {0};
		autoerror err = {0};
		autoerror sent = {.code = (enum error_code)code};

		assert_int_equal(message_append_error(&out, "1", &sent, NULL),
				 0);
		assert_int_equal(response_parse((const char *)buf_bytes(&out),
						out.len, &r, &err),
				 0);
		assert_int_equal(r.error.code, code);
		assert_string_equal(error_words(&r.error), error_words(&sent));
	}
}

static void test_refuses_responses(void **state)
{
	static const char *const texts[] = {
		"[]",
		"1",
		"{}",
		"{\"jsonrpc\":\"2.0\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"result\":{}}",
		"{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":[],\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":null}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\"}}",
	};

	for (size_t i = 0; i < array_size(texts); i++) {
		struct response r;
		autoerror err = {0};

		if (respond(texts[i], &r, &err) == 0)
			fail_msg("%s is taken", texts[i]);
		assert_int_equal(err.code, ERROR_INVALID_REQUEST);
		assert_null(r.tree);
	}
}

/* -- without memory ------------------------------------------------------- */

static int request_run(void *context)
{
	automessage m = {0};
	autoerror err = {0};

	if (parse(context, &m, &err) != 0) {
		assert_int_equal(err.code, ERROR_NO_MEMORY);
		return -1;
	}
	for (size_t i = 0; i < m.count; i++) {
		if (m.requests[i].error.code == ERROR_NO_MEMORY)
			return -1;
		/* a fault whose words could not be kept is still that fault */
		if (error_is_set(&m.requests[i].error) &&
		    !m.requests[i].error.words)
			return -1;
	}
	return 0;
}

static int response_run(void *context)
{
	autoresponse r = {0};
	autoerror err = {0};

	if (respond(context, &r, &err) != 0)
		return -1;
	return error_is_set(&r.error) && !r.error.words ? -1 : 0;
}

static int answer_run(void *context)
{
	autobuf out = {0};
	autoerror err = {.code = ERROR_FAILED};

	return message_append_error(&out, "17", &err, "call");
}

static void test_without_memory(void **state)
{
	char call[] = "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":"
		      "\"domain.start\",\"params\":{\"domain\":\"a\"}}";
	char batch[] = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
		       "\"host.info\"},1]";
	char answer[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,"
			"\"message\":\"x\",\"data\":{\"call\":\"c\"}}}";

	assert_true(alloc_fail_each(request_run, call) > 10);
	assert_true(alloc_fail_each(request_run, batch) > 10);
	assert_true(alloc_fail_each(response_run, answer) > 10);
	assert_true(alloc_fail_each(answer_run, NULL) > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_refuses_requests),
		cmocka_unit_test(test_too_long_id),
		cmocka_unit_test(test_notifications),
		cmocka_unit_test(test_refuses_bodies),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_mixed_batch),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_batch_answers),
		cmocka_unit_test(test_requests_of_the_client),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_error_codes),
		cmocka_unit_test(test_refuses_responses),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
