/*
 * The audit's lines: their members, escapes and order; buffering of reads; a sink
 * that takes nothing; rotation; standard error and the journal's form.
 */
#include "daemon/rpc/audit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/json.h"
#include "base/file.h"
#include "daemon/rpc/limits.h"

struct fixture {
	char dir[32];
	char path[64];
	struct audit *audit;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->dir, "/tmp/test-audit-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/audit", f->dir);
	return audit_open(&f->audit, f->path, NULL, &f->err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char old[80];

	audit_free(f->audit);
	snprintf(old, sizeof(old), "%s.1", f->path);
	unlink(old);
	unlink(f->path);
	rmdir(f->dir);
	error_clear(&f->err);
	test_free(f);
	return 0;
}

static char *content(const char *path)
{
	autobuf text = {0};

	assert_int_equal(file_read(path, 1 << 24, &text, NULL), 0);
	return buf_steal_str(&text);
}

/* The lines are JSON that the strict reader takes. */
static void assert_lines(const char *text, size_t expected)
{
	size_t lines = 0;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		struct json_object *object = NULL;
		autoerror err = {0};

		if (json_parse(text, (size_t)(end - text), NULL, &object,
			       &err) < 0)
			fail_msg("%s: %.*s", error_words(&err),
				 (int)(end - text), text);
		json_object_put(object);
		lines++;
	}
	assert_int_equal(*text, '\0');
	assert_int_equal(lines, expected);
}

static void test_members(void **state)
{
	struct fixture *f = *state;
	autobuf caller = {0};
	autofree char *members = NULL;
	autofree char *text = NULL;

	audit_caller(&caller, "an\"na", "01ab", "192.0.2.1:5");
	members = buf_steal_str(&caller);
	const struct audit_record record = {
		.event = AUDIT_END,
		.id = "abcd-1",
		.caller = members,
		.method = "domain.start",
		.target = "web-1",
		.uuid = "u",
		.name = "web-1",
		.outcome = "state",
		.words = "it runs",
		.replayed = true,
		.stream = true,
		.bytes_in = 7,
		.bytes_out = 12345678901234,
		.duration_ns = 1500000,
	};

	assert_int_equal(audit_add(f->audit, &record, true, &f->err), 0);
	text = content(f->path);
	assert_lines(text, 1);
	assert_memory_equal(text, "{\"time\":\"2", 10);
	assert_string_equal(
		strstr(text, ",\"event\""),
		",\"event\":\"end\",\"call\":\"abcd-1\",\"identity\":"
		"\"an\\\"na\","
		"\"serial\":\"01ab\",\"address\":\"192.0.2.1:5\","
		"\"method\":\"domain.start\",\"target\":\"web-1\",\"uuid\":"
		"\"u\","
		"\"name\":\"web-1\",\"outcome\":\"state\",\"words\":\"it "
		"runs\","
		"\"replayed\":true,\"bytes_in\":7,"
		"\"bytes_out\":12345678901234,\"duration_us\":1500}\n");
}

static void test_nothing_breaks_a_line(void **state)
{
	struct fixture *f = *state;
	autofree char *text = NULL;
	char everything[512] = "";
	size_t n = 0;
	struct audit_record record = {.event = AUDIT_BEGIN, .id = "i"};

	for (int c = 1; c < 256; c++)
		everything[n++] = (char)c;
	for (int c = 0x80; c < 0xa0; c++) {
		everything[n++] = (char)0xc2;
		everything[n++] = (char)c;
	}
	record.method = everything;
	record.target = "\xc2\x9b"
			"31m\xc2\xa0\xc2\x85";
	assert_int_equal(audit_add(f->audit, &record, true, &f->err), 0);
	text = content(f->path);
	assert_lines(text, 1);
	for (const char *c = text; *c; c++) {
		assert_true((uint8_t)*c >= 0x20 || *c == '\n');
		assert_false((uint8_t)c[0] == 0xc2 && (uint8_t)c[1] < 0xa0);
	}
	assert_non_null(
		strstr(text, "\"target\":\"\\u009b31m\xc2\xa0\\u0085\""));
}

static void test_long_values_are_cut(void **state)
{
	struct fixture *f = *state;
	autofree char *text = NULL;
	autofree char *name = calloc(1, 100001);
	const struct audit_record record = {
		.event = AUDIT_BEGIN, .id = "i", .method = name};

	memset(name, 'x', 100000);
	assert_int_equal(audit_add(f->audit, &record, true, &f->err), 0);
	text = content(f->path);
	assert_lines(text, 1);
	assert_in_range(strlen(text), 500, 700);
}

static void test_reads_wait_and_changes_take_them_along(void **state)
{
	struct fixture *f = *state;
	const struct audit_record record = {
		.event = AUDIT_END, .id = "i", .outcome = "ok"};
	autofree char *before = NULL;
	autofree char *after = NULL;

	assert_int_equal(audit_add(f->audit, &record, false, &f->err), 0);
	assert_int_equal(audit_add(f->audit, &record, false, &f->err), 0);
	before = content(f->path);
	assert_string_equal(before, "");
	assert_true(audit_waiting(f->audit) > 0);
	assert_int_equal(audit_add(f->audit, &record, true, &f->err), 0);
	assert_int_equal(audit_waiting(f->audit), 0);
	after = content(f->path);
	assert_lines(after, 3);
}

static void test_many_reads_are_written_in_between(void **state)
{
	struct fixture *f = *state;
	const struct audit_record record = {
		.event = AUDIT_END, .id = "i", .outcome = "ok"};
	autofree char *text = NULL;

	for (int i = 0; i < 2000; i++) {
		assert_int_equal(audit_add(f->audit, &record, false, &f->err),
				 0);
		assert_true(audit_waiting(f->audit) < RPC_AUDIT_BATCH);
	}
	assert_int_equal(audit_flush(f->audit, &f->err), 0);
	text = content(f->path);
	assert_lines(text, 2000);
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;
	const struct audit_record record = {.event = AUDIT_BEGIN, .id = "i"};
	autofree char *first = NULL;
	autofree char *second = NULL;
	struct stat st;
	char old[80];

	snprintf(old, sizeof(old), "%s.1", f->path);
	audit_add(f->audit, &record, false, &f->err);
	rename(f->path, old);
	assert_int_equal(audit_reopen(f->audit, &f->err), 0);
	audit_add(f->audit, &record, true, &f->err);
	first = content(old);
	second = content(f->path);
	assert_lines(first, 1);
	assert_lines(second, 1);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_a_failed_reopen_keeps_the_old_one(void **state)
{
	struct fixture *f = *state;
	const struct audit_record record = {.event = AUDIT_BEGIN, .id = "i"};
	autofree char *text = NULL;
	char old[80];

	snprintf(old, sizeof(old), "%s.1", f->path);
	rename(f->path, old);
	mkdir(f->path, 0700);
	assert_int_equal(audit_reopen(f->audit, &f->err), -1);
	assert_int_equal(f->err.code, ERROR_SYSTEM);
	assert_int_equal(audit_add(f->audit, &record, true, &f->err), 0);
	text = content(old);
	assert_lines(text, 1);
	rmdir(f->path);
}

/* What was written to it nobody could read. */
static void test_a_file_that_was_removed(void **state)
{
	struct fixture *f = *state;
	const struct audit_record record = {.event = AUDIT_BEGIN, .id = "i"};
	autofree char *text = NULL;

	assert_int_equal(audit_add(f->audit, &record, true, &f->err), 0);
	unlink(f->path);
	mkdir(f->path, 0700);
	assert_int_equal(audit_add(f->audit, &record, true, &f->err), -1);
	assert_int_equal(f->err.code, ERROR_SYSTEM);
	rmdir(f->path);
	assert_int_equal(audit_add(f->audit, &record, true, &f->err), 0);
	text = content(f->path);
	assert_lines(text, 2);
}

static void test_what_cannot_be_opened(void **state)
{
	struct audit *audit = NULL;
	autoerror err = {0};

	assert_int_equal(audit_open(&audit, "/nonexistent/a", NULL, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_non_null(strstr(err.words, "/nonexistent/a"));
	assert_int_equal(audit_open(&audit, "audit", NULL, &err), -1);
	assert_int_equal(err.code, ERROR_CONFIG);
}

static void test_a_full_disk(void **state)
{
	struct audit *audit = NULL;
	autoerror err = {0};
	const struct audit_record record = {.event = AUDIT_END, .id = "i"};
	int refused = 0;

	if (access("/dev/full", W_OK) < 0)
		skip();
	assert_int_equal(audit_open(&audit, "/dev/full", NULL, &err), 0);
	assert_int_equal(audit_add(audit, &record, true, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	for (int i = 0; i < 20000; i++)
		refused += audit_add(audit, &record, false, &err) < 0;
	assert_true(refused > 0);
	assert_true(audit_waiting(audit) < RPC_AUDIT_BUFFER + 4096);
	audit_free(audit);
}

/* Standard error is a pipe that nobody reads: it must not stop us. */
static void test_a_pipe_that_is_full(void **state)
{
	struct audit *audit = NULL;
	autoerror err = {0};
	const struct audit_record record = {.event = AUDIT_END, .id = "i"};
	int saved = dup(STDERR_FILENO);
	int fds[2], result = 0;
	ssize_t n;
	char bytes[4096];

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	result = audit_open(&audit, "stderr", NULL, &err);
	for (int i = 0; i < 100000 && result == 0; i++)
		result = audit_add(audit, &record, true, &err);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	n = read(fds[0], bytes, sizeof(bytes));
	assert_true(n > 0);
	assert_memory_equal(bytes, "{\"time\":", 8);
	close(fds[0]);
	close(fds[1]);
	audit_free(audit);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_members),
		TEST(test_nothing_breaks_a_line),
		TEST(test_long_values_are_cut),
		TEST(test_reads_wait_and_changes_take_them_along),
		TEST(test_many_reads_are_written_in_between),
		TEST(test_rotation),
		TEST(test_a_failed_reopen_keeps_the_old_one),
		TEST(test_a_file_that_was_removed),
		cmocka_unit_test(test_what_cannot_be_opened),
		cmocka_unit_test(test_a_full_disk),
		cmocka_unit_test(test_a_pipe_that_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
