/*
 * The channel against a host of the test's own: how calls, transfers and
 * consoles end, and what an end without an answer means for a mutation.
 */
#include "client/connect/channel.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/json.h"
#include "base/clock.h"
#include "client/connect/profile.h"
#include "connect/fake_host.h"

struct fixture {
	struct fake_host host;
	struct channel *channel;
	unsigned waits;   /* that it was told of */
	uint64_t wait_ms; /* of the last one */
	unsigned held;    /* that it was told of */
	unsigned over;
	bool interrupts; /* when it is told */
};

static void on_away(void *context, uint64_t ms)
{
	struct fixture *f = context;

	f->waits++;
	f->wait_ms = ms;
}

static void on_held(void *context, const struct channel_held *held)
{
	struct fixture *f = context;

	if (!held) {
		f->over++;
		return;
	}
	f->held++;
	assert_string_equal(held->words, "nothing listens there");
	assert_true(held->next_ns > held->since_ns + 7000 * CLOCK_NS_PER_MS);
	if (f->interrupts)
		kill(getpid(), SIGINT);
}

static void open_retrying(struct fixture *f, uint64_t call_ms,
			  uint64_t retry_ms)
{
	struct channel_options options = {.profile = f->host.profile,
					  .call_ms = call_ms,
					  .retry_ms = retry_ms,
					  .on_away = on_away,
					  .on_held = on_held,
					  .away_context = f};
	autoerror err = {0};

	if (channel_open(&f->channel, &options, &err) < 0)
		fail_msg("%s", error_words(&err));
}

static void open_channel(struct fixture *f, uint64_t call_ms)
{
	open_retrying(f, call_ms, 300);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fake_host_start(&f->host);
	open_channel(f, 5000);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	channel_free(f->channel);
	fake_host_stop(&f->host);
	free(f);
	return 0;
}

static const char *member(struct json_object *o, const char *name)
{
	struct json_object *m = NULL;

	assert_true(json_object_object_get_ex(o, name, &m));
	return json_object_get_string(m);
}

static void assert_fails(struct fixture *f, const char *method,
			 const char *params, enum error_code code,
			 const char *words)
{
	autoerror err = {0};
	autojson result = NULL;

	assert_int_equal(
		channel_call(f->channel, method, params, &result, &err), -1);
	if (err.code != code || !strstr(error_words(&err), words))
		fail_msg("%s: %s", error_code_name(err.code),
			 error_words(&err));
	assert_null(result);
}

#define DOMAIN "{\"domain\":\"x\"}"

/* -- calls ----------------------------------------------------------------- */

static void test_call(void **state)
{
	struct fixture *f = *state;
	autojson result = NULL;
	autoerror err = {0};

	assert_true(channel_is_session(f->channel));
	assert_int_equal(channel_call(f->channel, "session.whoami", NULL,
				      &result, &err),
			 0);
	assert_string_equal(member(result, "identity"), "tester");
	assert_string_equal(member(result, "key"), "");
	assert_int_equal(channel_call(f->channel, "session.whoami", "{}", NULL,
				      &err),
			 0);
}

static void test_mutation_carries_a_key(void **state)
{
	struct fixture *f = *state;
	autojson result = NULL;
	autoerror err = {0};

	if (channel_call(f->channel, "domain.resume", DOMAIN, &result, &err) <
	    0)
		fail_msg("%s", error_words(&err));
	assert_string_equal(member(result, "domain"), "x");
}

static void test_error_of_the_host(void **state)
{
	assert_fails(*state, "domain.info", DOMAIN, ERROR_NOT_FOUND,
		     "no domain 'x'");
}

static void test_answer_that_is_none(void **state)
{
	assert_fails(*state, "domain.xml", DOMAIN, ERROR_PARSE, "domain.xml");
}

static void test_refused_mutation_was_not_done(void **state)
{
	assert_fails(*state, "domain.suspend", DOMAIN, ERROR_BUSY,
		     "nothing was done");
}

static void test_cut_mutation_is_unknown(void **state)
{
	struct fixture *f = *state;

	assert_fails(f, "domain.start", DOMAIN, ERROR_UNKNOWN_OUTCOME,
		     "whether it took place is not known");
	assert_null(channel_conn(f->channel));
	assert_fails(f, "domain.list", NULL, ERROR_DISCONNECTED, "closed");
}

/* The host acts once: the same key comes back over another connection. */
static void test_cut_mutation_is_asked_again(void **state)
{
	struct fixture *f = *state;
	autojson result = NULL;
	autoerror err = {0};

	if (channel_call(f->channel, "domain.reboot", DOMAIN, &result, &err) <
	    0)
		fail_msg("%s", error_words(&err));
	assert_int_equal(strlen(member(result, "key")), 32);
	assert_non_null(channel_conn(f->channel));
	assert_int_equal(channel_call(f->channel, "session.whoami", NULL, NULL,
				      &err),
			 0);
}

/* Nobody is there to be asked: said within the time. */
static void test_cut_mutation_whose_host_went(void **state)
{
	struct fixture *f = *state;

	unlink(f->host.socket);
	assert_fails(f, "domain.reboot", DOMAIN, ERROR_UNKNOWN_OUTCOME,
		     "could not be asked again");
}

/* A session whose host is away: reads and mutations go on over cut and refusal. */
static void test_cut_by_a_session(void **state)
{
	static const char *const methods[] = {"job.list", "domain.shutdown"};
	struct fixture *f = *state;

	channel_free(f->channel);
	open_retrying(f, 60000, 60000);
	for (size_t i = 0; i < 2; i++) {
		autojson result = NULL;
		autoerror err = {0};

		if (channel_call(f->channel, methods[i], i ? DOMAIN : NULL,
				 &result, &err) < 0)
			fail_msg("%s", error_words(&err));
		assert_int_equal(strlen(member(result, "key")), i ? 32 : 0);
	}
	assert_int_equal(f->waits, 0); /* it was soon over */
}

/* It is told once that it waits, and for how long; --timeout bounds it. */
static void test_waiting_is_told(void **state)
{
	struct fixture *f = *state;

	channel_free(f->channel);
	open_retrying(f, 1500, 60000);
	assert_fails(f, "domain.reset", DOMAIN, ERROR_UNKNOWN_OUTCOME,
		     "connection to the host was cut");
	assert_int_equal(f->waits, 1);
	assert_in_range(f->wait_ms, 1400, 1500);
}

static void test_time_out(void **state)
{
	struct fixture *f = *state;

	channel_free(f->channel);
	open_channel(f, 50);
	assert_fails(f, "domain.list", NULL, ERROR_TIMED_OUT, "within 50 ms");
	/* The channel is whole after it. */
	assert_int_equal(channel_call(f->channel, "session.whoami", NULL, NULL,
				      NULL),
			 0);
}

static void test_signal_gives_up(void **state)
{
	struct fixture *f = *state;

	assert_fails(f, "domain.destroy", DOMAIN, ERROR_INTERRUPTED,
		     "whether domain.destroy took place is not known");
	assert_int_equal(channel_call(f->channel, "session.whoami", NULL, NULL,
				      NULL),
			 0);
}

/* A thread stands for the program whose signals are its own. */
static int interrupt_soon(void *context)
{
	struct timespec soon = {.tv_nsec = 20 * 1000 * 1000};

	thrd_sleep(&soon, NULL);
	channel_interrupt(context);
	return 0;
}

static void test_interrupt_instead_of_signals(void **state)
{
	struct fixture *f = *state;
	struct channel_options options = {.profile = f->host.profile,
					  .no_signals = true};
	struct sigaction before, after;
	thrd_t thread;

	channel_free(f->channel);
	f->channel = NULL;
	sigaction(SIGTERM, NULL, &before);
	assert_int_equal(channel_open(&f->channel, &options, NULL), 0);
	sigaction(SIGTERM, NULL, &after);
	assert_true(before.sa_handler == SIG_DFL);
	assert_true(after.sa_handler == SIG_DFL);
	assert_int_equal(thrd_create(&thread, interrupt_soon, f->channel),
			 thrd_success);
	assert_fails(f, "domain.list", NULL, ERROR_INTERRUPTED, "interrupted");
	assert_int_equal(thrd_join(thread, NULL), thrd_success);
	assert_int_equal(channel_check(f->channel, NULL), 0);
	assert_int_equal(channel_call(f->channel, "session.whoami", NULL, NULL,
				      NULL),
			 0);
}

static void test_typed_call(void **state)
{
	struct fixture *f = *state;
	struct domain_resume_params params = {.domain = (char *)"x"};
	struct domain_ref ref = {0};
	autoerror err = {0};

	/* The echo has no uuid, which a domain_ref needs. */
	assert_int_equal(channel_call_typed(f->channel, METHOD_domain_resume,
					    &params, &ref, &err),
			 -1);
	assert_int_equal(err.code, ERROR_INVALID_REQUEST);
	assert_int_equal(channel_call_typed(f->channel, METHOD_domain_resume,
					    &params, NULL, &err),
			 0);
}

struct many {
	struct channel *channel;
	int left;
};

static void on_done(void *context, struct json_object *result,
		    const struct error *why)
{
	struct many *m = context;

	assert_null(why);
	assert_non_null(result);
	if (--m->left == 0)
		channel_stop(m->channel);
}

static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	struct many m = {.channel = f->channel, .left = 40};
	struct channel_call *cancelled = NULL;

	assert_int_equal(channel_call_start(f->channel, "domain.list", NULL,
					    on_done, &m, &cancelled, NULL),
			 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(channel_call_start(f->channel,
						    "session.whoami", NULL,
						    on_done, &m, NULL, NULL),
				 0);
	channel_call_cancel(cancelled);
	assert_int_equal(channel_run(f->channel, NULL), 0);
	assert_int_equal(m.left, 0);
}

/* -- what a session holds ---------------------------------------------------- */

#define PATHS "{\"domain\":\"x\",\"path\":\"/y\"}"

#define FILE_ONLY "{\"path\":\"/y\"}"

static void reopen_within(struct fixture *f, uint64_t call_ms)
{
	channel_free(f->channel);
	open_channel(f, call_ms);
}

/* In time for a person to be told first, or not. */
static void test_held_until_the_timeout(void **state)
{
	struct fixture *f = *state;

	reopen_within(f, 100);
	assert_fails(f, "domain.save", PATHS, ERROR_CONNECT,
		     "nothing was done");
	assert_int_equal(f->held + f->over, 0);
	reopen_within(f, 2500);
	assert_fails(f, "domain.save", PATHS, ERROR_CONNECT,
		     "nothing was done");
	assert_int_equal(f->held, 2);
	assert_int_equal(f->over, 1);
}

static void test_held_until_interrupted(void **state)
{
	struct fixture *f = *state;

	f->interrupts = true;
	assert_fails(f, "domain.save", PATHS, ERROR_INTERRUPTED,
		     "domain.save was not sent");
	assert_int_equal(f->over, 1);
	assert_fails(f, "domain.restore", FILE_ONLY, ERROR_INTERRUPTED,
		     "whether domain.restore took place is not known");
	assert_int_equal(f->over, 2);
}

static void test_passed_on_when_it_is_withdrawn(void **state)
{
	struct fixture *f = *state;

	reopen_within(f, 100);
	assert_fails(f, "domain.restore", FILE_ONLY, ERROR_UNKNOWN_OUTCOME,
		     "domain.restore");
}

/* -- transfers ------------------------------------------------------------- */

static int count(void *context, const uint8_t *data, size_t len,
		 struct error *err)
{
	size_t *n = context;

	*n += len;
	if (*n > 3000000)
		return error_set(err, ERROR_SYSTEM, "the disk is full");
	return 0;
}

static void test_get(void **state)
{
	struct fixture *f = *state;
	autofree char *type = NULL;
	autoerror err = {0};
	size_t n = 0;

	assert_int_equal(channel_get(f->channel, "/speed?bytes=2000000", count,
				     &n, NULL, &err),
			 0);
	assert_int_equal(n, 2000000);
	n = 0;
	assert_int_equal(
		channel_get(f->channel, "/some", count, &n, &type, &err), 0);
	assert_int_equal(n, strlen("/some"));
	assert_string_equal(type, "application/json");
}

static void test_get_fails(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	size_t n = 0;

	assert_int_equal(
		channel_get(f->channel, "/missing", count, &n, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_string_equal(error_words(&err), "no such picture");
	assert_int_equal(
		channel_get(f->channel, "/broken", count, &n, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_FAILED);
	assert_non_null(strstr(error_words(&err), "500: out of order"));
	assert_int_equal(n, 0);
	assert_int_equal(channel_get(f->channel, "/speed?bytes=9000000", count,
				     &n, NULL, &err),
			 -1);
	assert_string_equal(error_words(&err), "the disk is full");
}

struct body {
	size_t left;
};

static size_t body_ready(void *context, bool *end)
{
	const struct body *b = context;

	*end = true;
	return b->left;
}

static void body_take(void *context, uint8_t *to, size_t n)
{
	struct body *b = context;

	memset(to, 7, n);
	b->left -= n;
}

static const struct h2_source body_source = {.ready = body_ready,
					     .take = body_take};

static void test_put(void **state)
{
	struct fixture *f = *state;
	struct body b = {.left = 1500000};
	autojson result = NULL;
	autoerror err = {0};

	assert_int_equal(channel_put(f->channel, "/speed", &body_source, &b,
				     &result, &err),
			 0);
	assert_string_equal(member(result, "bytes"), "1500000");
	assert_int_equal(b.left, 0);
}

/* -- consoles -------------------------------------------------------------- */

struct console {
	struct channel *channel;
	struct buf got;
	unsigned status;
	bool closed;
};

static void on_console_response(void *context, struct h2_stream *s)
{
	struct console *c = context;

	c->status = h2_stream_status(s);
}

static void on_console_data(void *context, struct h2_stream *s,
			    const uint8_t *data, size_t len)
{
	struct console *c = context;

	buf_append(&c->got, data, len);
	h2_stream_consume(s, len);
	channel_stop(c->channel);
}

static void on_console_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct console *c = context;

	c->closed = true;
}

static size_t nothing_ready(void *context, bool *end)
{
	*end = false;
	return 0;
}

static void nothing_take(void *context, uint8_t *to, size_t n)
{
}

static void test_console(void **state)
{
	static const struct h2_handler handler = {
		.on_response = on_console_response,
		.on_data = on_console_data,
		.on_closed = on_console_closed,
	};
	static const struct h2_source source = {.ready = nothing_ready,
						.take = nothing_take};
	struct fixture *f = *state;
	struct console c = {.channel = f->channel};
	struct h2_stream *s = NULL;

	assert_int_equal(channel_connect(f->channel, "/domains/x/serial/0",
					 &source, &c, &handler, &c, &s, NULL),
			 0);
	assert_int_equal(channel_run(f->channel, NULL), 0);
	assert_int_equal(c.status, 200);
	assert_memory_equal(buf_bytes(&c.got), "/domains/x/serial/0", 19);
	/* A stream that is open at the end gets its on_closed. */
	channel_free(f->channel);
	f->channel = NULL;
	assert_true(c.closed);
	buf_free(&c.got);
}

/* -- opening --------------------------------------------------------------- */

static void test_no_session(void **state)
{
	struct fixture *f = *state;
	struct channel_options options = {.profile = f->host.profile,
					  .route = CHANNEL_ROUTE_SESSION};
	struct channel *channel = NULL;
	autoerror err = {0};

	unlink(f->host.socket);
	assert_int_equal(channel_open(&channel, &options, &err), -1);
	assert_int_equal(err.code, ERROR_CONNECT);
	assert_non_null(strstr(error_words(&err), "no session"));
	/* Without it the direct way is tried, which lacks a certificate. */
	options.route = CHANNEL_ROUTE_ANY;
	assert_int_equal(channel_open(&channel, &options, &err), -1);
	assert_int_equal(err.code, ERROR_KEY);
	assert_non_null(strstr(error_words(&err), "virtmux enroll"));
}

#define WITH_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOST(test_held_until_the_timeout),
		WITH_HOST(test_held_until_interrupted),
		WITH_HOST(test_passed_on_when_it_is_withdrawn),
		WITH_HOST(test_call),
		WITH_HOST(test_mutation_carries_a_key),
		WITH_HOST(test_error_of_the_host),
		WITH_HOST(test_answer_that_is_none),
		WITH_HOST(test_refused_mutation_was_not_done),
		WITH_HOST(test_cut_mutation_is_unknown),
		WITH_HOST(test_cut_mutation_is_asked_again),
		WITH_HOST(test_cut_mutation_whose_host_went),
		WITH_HOST(test_cut_by_a_session),
		WITH_HOST(test_waiting_is_told),
		WITH_HOST(test_time_out),
		WITH_HOST(test_signal_gives_up),
		WITH_HOST(test_interrupt_instead_of_signals),
		WITH_HOST(test_typed_call),
		WITH_HOST(test_many_at_once),
		WITH_HOST(test_get),
		WITH_HOST(test_get_fails),
		WITH_HOST(test_put),
		WITH_HOST(test_console),
		WITH_HOST(test_no_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
