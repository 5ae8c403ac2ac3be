/*
 * daemon/virt/rpc.c and rpc_locate.c: where libvirtd is, and answers that are
 * right, cut short, too long or somebody else's.
 */
#include "daemon/test_virt_support.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/virt/rpc.h"

static void expect_at(const char *uri, const char *path, const char *name)
{
	autofree char *found = NULL;
	autofree char *opened = NULL;

	assert_true(rpc_locate(uri, &found, &opened));
	assert_string_equal(opened, name);
	if (path)
		assert_string_equal(found, path);
}

static void expect_elsewhere(const char *uri)
{
	char *path, *name;

	assert_false(rpc_locate(uri, &path, &name));
	assert_null(path);
	assert_null(name);
}

static void test_locate(void **state)
{
	expect_at("qemu:///system?socket=/a%20b/s", "/a b/s", "qemu:///system");
	expect_at("test+unix:///default?x=1&socket=/s&y=2", "/s",
		  "test:///default");
	expect_at("qemu:///system", NULL, "qemu:///system");
	expect_elsewhere("qemu+ssh://host/system");
	expect_elsewhere("qemu+tls:///system");
	expect_elsewhere("qemu://host/system");
	expect_elsewhere("a-scheme-that-is-too-long:///system");
	expect_elsewhere("");
	expect_elsewhere(":");
}

static void test_xdr(void **state)
{
	autobuf out = {0};

	rpc_put_optional_string(&out, "abcde");
	assert_int_equal(out.len, 16);
	rpc_put_optional_string(&out, NULL);
	assert_int_equal(out.len, 20);
	for (size_t cut = 0; cut <= out.len; cut++) {
		const uint8_t *data = buf_bytes(&out);
		size_t len = cut;
		char *text;

		assert_int_equal(rpc_get_optional_string(&data, &len, &text),
				 cut >= 16);
		if (cut >= 16)
			assert_string_equal(text, "abcde");
		free(text);
	}
}

static void test_hostile_string(void **state)
{
	const uint8_t bytes[] = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 'x'};
	const uint8_t *data = bytes;
	size_t len = sizeof(bytes);
	char *text;

	assert_false(rpc_get_optional_string(&data, &len, &text));
	assert_null(text);
}

/* What rpc_call() makes of BYTES that the other side has sent before. */
static int answer_of(const uint8_t *bytes, size_t len,
		     struct rpc_answer *answer)
{
	autobuf none = {0};
	int fds[2], result;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(write(fds[1], bytes, len), len);
	shutdown(fds[1], SHUT_WR);
	result = rpc_call(fds[0], RPC_AUTH_LIST, 7, &none, answer);
	close(fds[0]);
	close(fds[1]);
	return result;
}

static size_t make_answer(uint8_t *bytes, enum rpc_type type, uint32_t serial,
			  enum rpc_status status, const struct buf *body)
{
	struct rpc_header header = {
		.length = RPC_HEADER + (uint32_t)body->len,
		.program = RPC_PROGRAM,
		.version = RPC_VERSION,
		.procedure = RPC_AUTH_LIST,
		.type = type,
		.serial = serial,
		.status = status,
	};

	rpc_pack(&header, bytes);
	memcpy(bytes + RPC_HEADER, buf_bytes(body), body->len);
	return header.length;
}

static void test_answers(void **state)
{
	cleanup(rpc_answer_clear) struct rpc_answer answer = {0};
	autobuf body = {0};
	uint8_t bytes[256];
	size_t len;

	rpc_put_u32(&body, 42);
	rpc_put_u32(&body, 10);
	rpc_put_optional_string(&body, "Domain not found");
	len = make_answer(bytes, RPC_REPLY, 7, RPC_ERROR, &body);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(answer_of(bytes, cut, &answer), -1);
		rpc_answer_clear(&answer);
	}
	assert_int_equal(answer_of(bytes, len, &answer), 0);
	assert_int_equal(answer.code, 42);
	assert_int_equal(answer.domain, 10);
	assert_string_equal(answer.message, "Domain not found");
	rpc_answer_clear(&answer);
	len = make_answer(bytes, RPC_REPLY, 8, RPC_OK, &body);
	assert_int_equal(answer_of(bytes, len, &answer), -1);
	rpc_answer_clear(&answer);
	/* An event before the answer is passed over. */
	len = make_answer(bytes, RPC_MESSAGE, 0, RPC_OK, &body);
	len += make_answer(bytes + len, RPC_REPLY, 7, RPC_OK, &body);
	assert_int_equal(answer_of(bytes, len, &answer), 0);
	assert_int_equal(answer.status, RPC_OK);
	rpc_answer_clear(&answer);
	memset(bytes, 0xff, 4);
	assert_int_equal(answer_of(bytes, len, &answer), -1);
	rpc_answer_clear(&answer);
	memset(bytes, 0, 4);
	assert_int_equal(answer_of(bytes, len, &answer), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locate),
		cmocka_unit_test(test_xdr),
		cmocka_unit_test(test_hostile_string),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
