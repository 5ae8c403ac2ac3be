/*
 * Consoles: opened by virt, joined with the stream, named in the answer; and the
 * descriptor is closed whoever goes first.
 */
#include "test_ops_fakes.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"

static char web_1[] = "web-1";
static const struct domain_serial_params serial_0 = {.domain = web_1};
static const struct domain_graphics_params graphics_1 = {.domain = web_1,
							 .n = 1};

static void open_stream(struct test *t, enum method_id method)
{
	test_open(t, method);
	pair_connect(&t->pair);
	t->call.stream = t->pair.request;
}

static int make_sockets(int *far)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*far = fds[1];
	return fds[0];
}

/* virt has opened it; returns the guest's end. */
static int reply_serial(struct test *t)
{
	struct virt_reply reply = fake_domain("web-1");
	int far;

	reply.value.serial.fd = make_sockets(&far);
	fake_reply(t->virt, &reply);
	assert_int_equal(reply.value.serial.fd, -1);
	return far;
}

static int reply_graphics(struct test *t, enum virt_graphics_type type)
{
	struct virt_reply reply = fake_domain("web-1");
	int far;

	reply.value.graphics.fd = make_sockets(&far);
	reply.value.graphics.type = type;
	strcpy(reply.value.graphics.run, "0badcafe-7");
	fake_reply(t->virt, &reply);
	assert_int_equal(reply.value.graphics.fd, -1);
	return far;
}

static bool at_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void expect_header(struct test *t, const char *name, const char *value)
{
	assert_non_null(t->pair.peer.stream);
	assert_string_equal(h2_stream_header(t->pair.peer.stream, name), value);
}

static void serial_line_is_joined(void **state)
{
	struct test t;
	char bytes[16];
	int far;

	open_stream(&t, METHOD_domain_serial);
	op_domain_serial(&t.call, &serial_0);
	assert_string_equal(t.virt->verb, "serial");
	assert_string_equal(t.virt->text, "0");
	assert_false(t.virt->force);
	far = reply_serial(&t);
	pair_run(&t.pair);
	assert_int_equal(t.pair.peer.status, 200);
	expect_header(&t, "virtmux-domain-uuid", UUID);
	expect_header(&t, "virtmux-domain-name", "web-1");
	expect_header(&t, "virtmux-console", "serial");
	assert_string_equal(t.call.uuid, UUID);
	assert_int_equal(write(far, "login:", 6), 6);
	pair_send(&t.pair, "root\r", 5);
	pair_run(&t.pair);
	assert_int_equal(read(far, bytes, sizeof(bytes)), 5);
	assert_int_equal(t.pair.peer.got.len, 6);
	assert_int_equal(t.call.outcome, OUTCOME_NONE);
	h2_stream_reset(t.pair.peer.stream, H2_CANCEL);
	pair_run(&t.pair);
	assert_int_equal(t.call.outcome, FINISHED);
	assert_false(error_is_set(&t.call.error));
	assert_int_equal(t.call.bytes_in, 5);
	assert_int_equal(t.call.bytes_out, 6);
	assert_true(at_end(far));
	close(far);
	test_close(&t);
}

static void graphics_tell_their_protocol(void **state)
{
	static const char *const kinds[] = {"vnc", "spice"};

	for (unsigned i = 0; i < array_size(kinds); i++) {
		struct test t;
		int far;

		open_stream(&t, METHOD_domain_graphics);
		op_domain_graphics(&t.call, &graphics_1);
		assert_string_equal(t.virt->verb, "open_graphics");
		assert_int_equal(t.virt->number, 1);
		far = reply_graphics(&t, i ? VIRT_GRAPHICS_SPICE
					   : VIRT_GRAPHICS_VNC);
		pair_run(&t.pair);
		expect_header(&t, "virtmux-console", kinds[i]);
		expect_header(&t, "virtmux-domain-run", "0badcafe-7");
		close(far);
		pair_run(&t.pair);
		assert_true(t.pair.peer.got_end);
		pair_send_end(&t.pair);
		pair_run(&t.pair);
		assert_int_equal(t.call.outcome, FINISHED);
		test_close(&t);
	}
}

static void a_run_is_asked_for(void **state)
{
	static char run[] = "0badcafe-7";
	const struct domain_graphics_params params = {
		.domain = web_1, .run = run, .has_run = true};
	struct test t;

	open_stream(&t, METHOD_domain_graphics);
	op_domain_graphics(&t.call, &params);
	assert_string_equal(t.virt->text, run);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_close(&t);
}

static void early_bytes_reach_the_guest(void **state)
{
	struct test t;
	char bytes[16];
	int far;

	open_stream(&t, METHOD_domain_serial);
	op_domain_serial(&t.call,
			 &(const struct domain_serial_params){
				 .domain = web_1, .n = 3, .force = true});
	assert_true(t.virt->force);
	assert_string_equal(t.virt->text, "3");
	buf_append(&t.call.early.data, "early", 5);
	far = reply_serial(&t);
	assert_int_equal(read(far, bytes, sizeof(bytes)), 5);
	close(far);
	test_close(&t);
}

static void failures_are_passed_on(void **state)
{
	struct test t;

	open_stream(&t, METHOD_domain_serial);
	op_domain_serial(&t.call, &serial_0);
	fake_reply_error(t.virt, ERROR_BUSY);
	expect_failure(&t, ERROR_BUSY);
	test_again(&t);
	op_domain_graphics(&t.call, &graphics_1);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_again(&t);
	t.virt->refuse = ERROR_DRAINING;
	op_domain_graphics(&t.call, &graphics_1);
	expect_failure(&t, ERROR_DRAINING);
	test_close(&t);
}

static void descriptor_goes_with_the_peer(void **state)
{
	struct test t;
	int far;

	open_stream(&t, METHOD_domain_serial);
	op_domain_serial(&t.call, &serial_0);
	t.call.stream = NULL; /* cancelled while virt is at work */
	far = reply_serial(&t);
	expect_failure(&t, ERROR_DISCONNECTED);
	assert_true(at_end(far));
	close(far);
	test_close(&t);
}

/* Its end is known to h2, but has not been told to anybody yet. */
static void stream_that_is_over_cannot_be_answered(void **state)
{
	struct test t;
	int far;

	open_stream(&t, METHOD_domain_serial);
	op_domain_serial(&t.call, &serial_0);
	h2_abort(t.pair.host, H2_CANCEL);
	far = reply_serial(&t);
	assert_int_equal(t.call.outcome, OUTCOME_NONE);
	pair_abort(&t.pair);
	assert_int_equal(t.call.outcome, FINISHED);
	assert_true(at_end(far));
	close(far);
	test_close(&t);
}

static void what_cannot_be_polled_fails(void **state)
{
	struct virt_reply reply = fake_domain("web-1");
	char path[] = "/tmp/test_ops_console.XXXXXX";
	struct test t;

	open_stream(&t, METHOD_domain_serial);
	op_domain_serial(&t.call, &serial_0);
	reply.value.serial.fd = mkstemp(path);
	unlink(path);
	fake_reply(t.virt, &reply);
	expect_failure(&t, ERROR_SYSTEM);
	test_close(&t);
}

/* -- recordings ----------------------------------------------------------- */

/* One whose rights demand it, into a folder below a new one. */
static void open_recorded(struct test *t, char *folder)
{
	char path[64];

	open_stream(t, METHOD_domain_serial);
	t->call.recorded = true;
	t->call.params = &serial_0;
	t->call.caller.identity = "al/ice_1";
	strcpy(folder, "/tmp/test_ops_console.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/consoles", folder);
	free(t->ops->record_folder);
	t->ops->record_folder = strdup(path);
}

static void remove_recorded(struct test *t, const char *folder)
{
	autofree char *path = strdup(t->ops->record_folder);

	test_close(t);
	if (*t->call.recording) {
		autofree char *file = file_join(path, t->call.recording);

		unlink(file);
	}
	rmdir(path);
	assert_int_equal(rmdir(folder), 0);
}

static void expect_file(struct test *t, const char *words)
{
	autofree char *path =
		file_join(t->ops->record_folder, t->call.recording);
	autobuf text = {0};
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read(path, 65536, &text, NULL), 0);
	buf_append_char(&text, 0);
	if (!strstr((char *)buf_bytes(&text), words))
		fail_msg("%s: %s", words, (char *)buf_bytes(&text));
}

static void run_until_outcome(struct test *t)
{
	uint64_t limit = pair_limit();

	while (t->call.outcome == OUTCOME_NONE)
		pair_run_within(&t->pair, limit);
}

static void a_console_is_recorded(void **state)
{
	struct test t;
	char folder[64];
	uint64_t limit = pair_limit();
	int far;

	open_recorded(&t, folder);
	op_domain_serial(&t.call, &serial_0);
	far = reply_serial(&t);
	while (!t.pair.peer.status)
		pair_run_within(&t.pair, limit);
	expect_header(&t, "virtmux-recorded", "yes");
	expect_header(&t, "virtmux-domain-name", "web-1");
	assert_non_null(strstr(t.call.recording,
			       "Z_al%2Fice%5F1_web-1_serial0_7q2k-1f3.cast"));
	assert_int_equal(write(far, "login:", 6), 6);
	while (t.pair.peer.got.len < 6)
		pair_run_within(&t.pair, limit);
	expect_file(&t, "\"identity\":\"al/ice_1\"");
	expect_file(&t, "\"o\",\"login:\"]\n");
	pair_send(&t.pair, "root\r", 5);
	pair_run(&t.pair);
	h2_stream_reset(t.pair.peer.stream, H2_CANCEL);
	run_until_outcome(&t);
	assert_int_equal(t.call.outcome, FINISHED);
	assert_false(error_is_set(&t.call.error));
	assert_int_equal(t.call.bytes_out, 6);
	close(far);
	remove_recorded(&t, folder);
}

static void a_folder_of_others_is_refused(void **state)
{
	struct test t;
	char folder[64];
	int far;

	open_recorded(&t, folder);
	assert_int_equal(mkdir(t.ops->record_folder, 0700), 0);
	assert_int_equal(chmod(t.ops->record_folder, 0770), 0);
	op_domain_serial(&t.call, &serial_0);
	far = reply_serial(&t);
	run_until_outcome(&t);
	expect_failure(&t, ERROR_SYSTEM);
	assert_null(strstr(error_words(&t.call.error), folder));
	assert_non_null(strstr(t.call.error.cause, "chmod go-w /tmp/"));
	assert_true(at_end(far));
	close(far);
	remove_recorded(&t, folder);
}

static void a_folder_that_cannot_be_made(void **state)
{
	struct test t;
	char folder[64];
	int far;

	open_recorded(&t, folder);
	free(t.ops->record_folder);
	t.ops->record_folder = strdup("/dev/null/consoles");
	op_domain_serial(&t.call, &serial_0);
	far = reply_serial(&t);
	run_until_outcome(&t);
	expect_failure(&t, ERROR_SYSTEM);
	assert_non_null(strstr(t.call.error.cause, "record-directory"));
	close(far);
	remove_recorded(&t, folder);
}

static void the_peer_goes_while_the_file_is_made(void **state)
{
	struct test t;
	char folder[64];
	int far;

	open_recorded(&t, folder);
	op_domain_serial(&t.call, &serial_0);
	far = reply_serial(&t);
	t.call.stream = NULL;
	run_until_outcome(&t);
	expect_failure(&t, ERROR_DISCONNECTED);
	assert_true(at_end(far));
	close(far);
	remove_recorded(&t, folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serial_line_is_joined),
		cmocka_unit_test(graphics_tell_their_protocol),
		cmocka_unit_test(a_run_is_asked_for),
		cmocka_unit_test(early_bytes_reach_the_guest),
		cmocka_unit_test(failures_are_passed_on),
		cmocka_unit_test(descriptor_goes_with_the_peer),
		cmocka_unit_test(stream_that_is_over_cannot_be_answered),
		cmocka_unit_test(what_cannot_be_polled_fails),
		cmocka_unit_test(a_console_is_recorded),
		cmocka_unit_test(a_folder_of_others_is_refused),
		cmocka_unit_test(a_folder_that_cannot_be_made),
		cmocka_unit_test(the_peer_goes_while_the_file_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
