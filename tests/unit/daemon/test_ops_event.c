/*
 * Streams of events: what is told to whom, slow readers, the end; and each member
 * of a line (event_line.c).
 */
#include "test_ops_fakes.h"

#include "daemon/rpc/limits.h"

static const struct event_follow_params all = {.given = 0};

static void open_stream(struct test *t)
{
	const struct h2_header headers[] = {
		{":method", "GET"},
		{":scheme", "https"},
		{":authority", "host"},
		{":path", "/events"},
	};

	test_open(t, METHOD_event_follow);
	pair_request(&t->pair, headers, array_size(headers));
	t->call.stream = t->pair.request;
	pair_send_end(&t->pair);
}

static void follow(struct test *t, const struct event_follow_params *params)
{
	op_event_follow(&t->call, params);
	pair_run(&t->pair);
}

static void tell(struct test *t, const struct virt_event *event)
{
	t->virt->on_event(t->virt->event_context, event);
}

static void tell_about(struct test *t, const char *domain, const char *what)
{
	const struct virt_event event = {
		.type = VIRT_EVENT_LIFECYCLE,
		.uuid = UUID,
		.name = (char *)domain,
		.event = what,
	};

	tell(t, &event);
	pair_run(&t->pair);
}

static bool heard(struct test *t, const char *text)
{
	return t->pair.peer.got.len &&
	       memmem(buf_bytes(&t->pair.peer.got), t->pair.peer.got.len, text,
		      strlen(text));
}

static size_t lines(struct test *t)
{
	const uint8_t *text = buf_bytes(&t->pair.peer.got);
	size_t n = 0;

	for (size_t i = 0; i < t->pair.peer.got.len; i++)
		n += text[i] == '\n';
	return n;
}

/* The peer goes, and so do those who follow. */
static void close_all(struct test *t)
{
	if (!t->pair.peer.closed)
		h2_stream_reset(t->pair.peer.stream, H2_CANCEL);
	pair_run(&t->pair);
	assert_int_equal(t->call.outcome, FINISHED);
	assert_true(list_empty(&t->ops->followers));
	test_close(t);
}

static void lines_have_their_members(void **state)
{
	struct virt_event event = {.type = VIRT_EVENT_BALLOON_CHANGE,
				   .time_us = 1500000,
				   .uuid = UUID,
				   .name = (char *)"we\"b",
				   .event = "e",
				   .detail = "d",
				   .subject = (char *)"s",
				   .number = 4096,
				   .has_number = true};
	struct test t;

	open_stream(&t);
	follow(&t, &all);
	assert_int_equal(t.pair.peer.status, 200);
	assert_int_equal(lines(&t), 1);
	assert_true(heard(&t, "\"type\":\"begin\"}\n"));
	tell(&t, &event);
	pair_run(&t.pair);
	assert_true(heard(&t, "\"time\":\"1970-01-01T00:00:01.500Z\",\"type\":"
			      "\"balloon-change\",\"domain\":\"we\\\"b\","
			      "\"uuid\":\"" UUID "\",\"event\":\"e\","
			      "\"detail\":\"d\",\"device\":\"s\","
			      "\"size\":4096}\n"));
	event = (struct virt_event){.type = VIRT_EVENT_POOL_REFRESH,
				    .name = (char *)"p"};
	tell(&t, &event);
	event.type = VIRT_EVENT_NETWORK_LIFECYCLE;
	tell(&t, &event);
	event = (struct virt_event){.type = VIRT_EVENT_MISSED,
				    .event = "overrun",
				    .number = 5,
				    .has_number = true};
	tell(&t, &event);
	pair_run(&t.pair);
	assert_true(heard(&t, "\"type\":\"pool-refresh\",\"pool\":\"p\"}\n"));
	assert_true(heard(
		&t, "\"type\":\"network-lifecycle\",\"network\":\"p\"}\n"));
	assert_true(heard(&t, "\"type\":\"missed\",\"event\":\"overrun\"}\n"));
	close_all(&t);
}

static void a_scope_is_deaf_to_the_rest(void **state)
{
	char pattern[] = "web-*";
	char *scope[] = {pattern, NULL};
	const struct virt_event pool = {.type = VIRT_EVENT_POOL_REFRESH,
					.name = (char *)"web-pool"};
	const struct virt_event up = {.type = VIRT_EVENT_LIBVIRT,
				      .event = "connected"};
	struct test t;

	open_stream(&t);
	t.call.caller.scope = scope;
	follow(&t, &all);
	tell_about(&t, "db-1", "started");
	tell_about(&t, "web-1", "stopped");
	tell(&t, &pool);
	tell(&t, &up);
	pair_run(&t.pair);
	assert_int_equal(lines(&t), 3);
	assert_false(heard(&t, "db-1"));
	assert_false(heard(&t, "pool"));
	assert_true(heard(&t, "\"domain\":\"web-1\""));
	assert_true(heard(&t, "connected"));
	close_all(&t);
}

static void only_some_types(void **state)
{
	enum event_type types[] = {EVENT_REBOOT, EVENT_LIBVIRT};
	const struct event_follow_params params = {
		.type = types, .type_count = 2, .has_type = true};
	const struct virt_event missed = {.type = VIRT_EVENT_MISSED};
	struct test t;

	open_stream(&t);
	follow(&t, &params);
	tell_about(&t, "web", "started");
	assert_int_equal(lines(&t), 1);
	tell(&t, &missed);
	pair_run(&t.pair);
	assert_int_equal(lines(&t), 2);
	close_all(&t);
}

static void one_domain(void **state)
{
	char name[] = "web";
	const struct event_follow_params params = {.domain = name,
						   .has_domain = true};
	const struct virt_event other = {
		.type = VIRT_EVENT_REBOOT,
		.uuid = "00000000-0000-0000-0000-000000000001",
		.name = (char *)"web"};
	struct test t;

	open_stream(&t);
	follow(&t, &params);
	assert_string_equal(t.virt->verb, "info");
	assert_string_equal(t.virt->domain, "web");
	fake_reply_domain(t.virt, "web");
	pair_run(&t.pair);
	assert_int_equal(lines(&t), 1);
	tell(&t, &other);
	tell_about(&t, "renamed", "started");
	assert_int_equal(lines(&t), 2);
	assert_true(heard(&t, "renamed"));
	close_all(&t);
}

static void no_such_domain(void **state)
{
	char name[] = "none";
	const struct event_follow_params params = {.domain = name,
						   .has_domain = true};
	struct test t;

	open_stream(&t);
	follow(&t, &params);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	assert_true(list_empty(&t.ops->followers));
	test_close(&t);
}

static void it_goes_on_behind_a_word(void **state)
{
	char word[EVENT_WORD_SIZE];
	const struct event_follow_params params = {
		.after = word, .has_after = true, .has_follow = true};
	struct test t;

	open_stream(&t);
	tell_about(&t, "web", "started");
	strcpy(word, event_log_word(t.ops->events, 1));
	tell_about(&t, "web", "suspended");
	tell_about(&t, "web", "stopped");
	follow(&t, &params);
	assert_int_equal(lines(&t), 3);
	assert_false(heard(&t, "started"));
	assert_true(heard(&t, "suspended"));
	assert_true(t.pair.peer.got_end);
	close_all(&t);
}

/* A peer that reads nothing holds a buffer, however much there is to tell. */
static void a_slow_reader_is_told_what_it_missed(void **state)
{
	struct test t;

	open_stream(&t);
	t.pair.peer.stalled = true;
	follow(&t, &all);
	for (unsigned i = 0; i < 2 * RPC_EVENTS_KEPT; i++)
		tell_about(&t, "web", i % 2 ? "started" : "stopped");
	assert_true(t.pair.peer.got.len <= WIRE_WINDOW_FIRST);
	t.pair.peer.stalled = false;
	h2_stream_consume(t.pair.peer.stream, t.pair.peer.got.len);
	pair_run(&t.pair);
	assert_true(heard(&t, "\"type\":\"missed\",\"event\":"
			      "\"the reader was too slow\"}\n"));
	/* All that is kept, and what was on its way before. */
	assert_true(lines(&t) > RPC_EVENTS_KEPT);
	assert_true(lines(&t) < 2 * RPC_EVENTS_KEPT);
	close_all(&t);
}

static void a_drain_ends_it_behind_the_last_line(void **state)
{
	struct test t;

	open_stream(&t);
	follow(&t, &all);
	tell_about(&t, "web", "started");
	assert_false(t.pair.peer.got_end);
	ops_end_events(t.ops);
	pair_run(&t.pair);
	assert_true(t.pair.peer.got_end);
	assert_int_equal(lines(&t), 2);
	assert_int_equal(t.call.outcome, FINISHED);
	test_again(&t);
	t.call.stream = NULL;
	op_event_follow(&t.call, &all);
	expect_failure(&t, ERROR_DRAINING);
	test_close(&t);
}

static void a_peer_that_has_gone(void **state)
{
	struct test t;

	test_open(&t, METHOD_event_follow);
	op_event_follow(&t.call, &all);
	expect_failure(&t, ERROR_DISCONNECTED);
	tell_about(&t, "web", "started");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_their_members),
		cmocka_unit_test(a_scope_is_deaf_to_the_rest),
		cmocka_unit_test(only_some_types),
		cmocka_unit_test(one_domain),
		cmocka_unit_test(no_such_domain),
		cmocka_unit_test(it_goes_on_behind_a_word),
		cmocka_unit_test(a_slow_reader_is_told_what_it_missed),
		cmocka_unit_test(a_drain_ends_it_behind_the_last_line),
		cmocka_unit_test(a_peer_that_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
