/*
 * Idempotency keys: a result comes back, another request is refused, who waits
 * gets it too, and the limits of count, bytes and age drop the oldest.
 */
#include "daemon/rpc/idempotency.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "daemon/rpc/limits.h"

static const struct idem_limits limits = {
	.keys = 8, .keys_identity = 4, .bytes = 1000, .age_ms = 1000};

struct fixture {
	struct idem_store *store;
	struct idem_owner anna;
	struct idem_owner bert;
	struct idem_entry *entry;
	struct error err;
	uint64_t now;
};

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	f->now = 5 * CLOCK_NS_PER_S;
	idem_owner_init(&f->anna, "anna");
	idem_owner_init(&f->bert, "bert");
	return idem_new(&f->store, &limits, &f->err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	idem_free(f->store);
	assert_int_equal(f->anna.count + f->bert.count, 0);
	error_clear(&f->err);
	test_free(f);
	return 0;
}

static enum idem_found begin_with(struct fixture *f, struct idem_owner *owner,
				  const char *key, unsigned index,
				  enum method_id method, const char *params)
{
	const struct idem_request request = {
		.key = key,
		.index = index,
		.method = method,
		.params = params,
		.params_len = strlen(params),
	};

	return idem_begin(f->store, owner, &request, f->now, &f->entry,
			  &f->err);
}

static enum idem_found begin(struct fixture *f, const char *key)
{
	return begin_with(f, &f->anna, key, 0, METHOD_domain_start, "{}");
}

static void complete(struct fixture *f, const char *json)
{
	struct list waiters;

	list_init(&waiters);
	idem_complete(f->store, f->entry, NULL, json, strlen(json), f->now,
		      &waiters);
	assert_true(list_empty(&waiters));
}

static void assert_result(const struct fixture *f, const char *json)
{
	size_t len;
	const char *text = idem_result(f->entry, &len);

	assert_null(idem_error(f->entry));
	assert_int_equal(len, strlen(json));
	assert_memory_equal(text, json, len);
}

static void test_a_result_comes_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(begin(f, "k"), IDEM_NEW);
	assert_int_equal(begin(f, "k"), IDEM_RUNNING);
	complete(f, "{\"a\":1}");
	assert_int_equal(begin(f, "k"), IDEM_DONE);
	assert_result(f, "{\"a\":1}");
	assert_int_equal(begin(f, "k2"), IDEM_NEW);
}

static void test_an_error_comes_back(void **state)
{
	struct fixture *f = *state;
	autoerror err = {0};
	struct list waiters;

	list_init(&waiters);
	error_set(&err, ERROR_STATE, "it runs");
	error_set_cause(&err, "secret");
	assert_int_equal(begin(f, "k"), IDEM_NEW);
	idem_complete(f->store, f->entry, &err, NULL, 0, f->now, &waiters);
	assert_int_equal(begin(f, "k"), IDEM_DONE);
	assert_int_equal(idem_error(f->entry)->code, ERROR_STATE);
	assert_string_equal(idem_error(f->entry)->words, "it runs");
	assert_null(idem_error(f->entry)->cause);
}

static void test_another_request_is_refused(void **state)
{
	struct fixture *f = *state;

	begin(f, "k");
	assert_int_equal(begin_with(f, &f->anna, "k", 0, METHOD_domain_start,
				    "{\"domain\":\"x\"}"),
			 IDEM_REFUSED);
	assert_int_equal(f->err.code, ERROR_INVALID_REQUEST);
	complete(f, "1");
	assert_int_equal(begin_with(f, &f->anna, "k", 0, METHOD_domain_destroy,
				    "{}"),
			 IDEM_REFUSED);
	assert_non_null(strstr(f->err.words, "domain.start"));
}

static void test_owners_and_places_are_apart(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(begin(f, "k"), IDEM_NEW);
	complete(f, "1");
	assert_int_equal(begin_with(f, &f->bert, "k", 0, METHOD_domain_start,
				    "{}"),
			 IDEM_NEW);
	assert_int_equal(begin_with(f, &f->anna, "k", 1, METHOD_domain_start,
				    "{}"),
			 IDEM_NEW);
}

static void test_who_waits_is_handed_over(void **state)
{
	struct fixture *f = *state;
	struct list waiters, first, second;

	list_init(&waiters);
	list_init(&first);
	list_init(&second);
	begin(f, "k");
	idem_wait(f->entry, &first);
	idem_wait(f->entry, &second);
	idem_complete(f->store, f->entry, NULL, "1", 1, f->now, &waiters);
	assert_ptr_equal(waiters.next, &first);
	assert_ptr_equal(waiters.prev, &second);
	list_remove(&first);
	list_remove(&second);
}

static void test_what_was_withdrawn_is_new_again(void **state)
{
	struct fixture *f = *state;
	struct list waiters, first;

	list_init(&waiters);
	list_init(&first);
	begin(f, "k");
	idem_wait(f->entry, &first);
	idem_withdraw(f->store, f->entry, &waiters);
	assert_ptr_equal(waiters.next, &first);
	list_remove(&first);
	assert_int_equal(f->anna.count, 0);
	assert_int_equal(begin(f, "k"), IDEM_NEW);
}

static void test_the_oldest_goes_at_the_owner_s_limit(void **state)
{
	struct fixture *f = *state;
	char key[8];

	for (unsigned i = 0; i < limits.keys_identity + 1; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(begin(f, key), IDEM_NEW);
		complete(f, "1");
	}
	assert_int_equal(f->anna.count, limits.keys_identity);
	assert_int_equal(begin(f, "k1"), IDEM_DONE);
	assert_int_equal(begin(f, "k0"), IDEM_NEW);
}

static void test_running_ones_are_never_dropped(void **state)
{
	struct fixture *f = *state;
	char key[8];

	for (unsigned i = 0; i < limits.keys_identity; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(begin(f, key), IDEM_NEW);
	}
	assert_int_equal(begin(f, "more"), IDEM_REFUSED);
	assert_int_equal(f->err.code, ERROR_BUSY);
	assert_int_equal(begin(f, "k0"), IDEM_RUNNING);
}

static void test_the_limit_of_all(void **state)
{
	struct fixture *f = *state;
	struct idem_owner others[4];
	char key[8];

	for (size_t o = 0; o < 4; o++) {
		idem_owner_init(&others[o], "other");
		for (unsigned i = 0; i < 3; i++) {
			snprintf(key, sizeof(key), "k%u", i);
			assert_int_equal(begin_with(f, &others[o], key, 0,
						    METHOD_domain_start, "{}"),
					 IDEM_NEW);
			complete(f, "1");
		}
	}
	assert_int_equal(others[0].count + others[1].count + others[2].count +
				 others[3].count,
			 limits.keys);
	assert_int_equal(others[0].count, 0);
	assert_int_equal(others[3].count, 3);
	for (size_t o = 0; o < 4; o++)
		idem_forget_owner(f->store, &others[o]);
}

static void test_bytes_and_age(void **state)
{
	struct fixture *f = *state;
	char big[700];

	memset(big, '1', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	begin(f, "a");
	complete(f, big);
	begin(f, "b");
	complete(f, big);
	assert_int_equal(begin(f, "b"), IDEM_DONE);
	assert_int_equal(f->anna.count, 1);
	f->now += CLOCK_NS_PER_S - 1;
	assert_int_equal(begin(f, "b"), IDEM_DONE);
	f->now += 1;
	assert_int_equal(begin(f, "b"), IDEM_NEW);
}

static void test_keys_that_are_none(void **state)
{
	struct fixture *f = *state;
	char key[RPC_KEY_MAX + 2];

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(begin(f, key), IDEM_REFUSED);
	assert_int_equal(f->err.code, ERROR_INVALID_REQUEST);
	key[RPC_KEY_MAX] = '\0';
	assert_int_equal(begin(f, key), IDEM_NEW);
	for (const char *const *bad =
		     (const char *[]){"", "a b", "a\tb", "\x7f", "\xc3\xa4",
				      NULL};
	     *bad; bad++)
		assert_int_equal(begin(f, *bad), IDEM_REFUSED);
}

static void test_what_says_that_nothing_was_done(void **state)
{
	assert_true(idem_nothing_done(ERROR_BUSY));
	assert_true(idem_nothing_done(ERROR_UNAVAILABLE));
	assert_true(idem_nothing_done(ERROR_DRAINING));
	assert_false(idem_nothing_done(ERROR_UNKNOWN_OUTCOME));
	assert_false(idem_nothing_done(ERROR_TIMED_OUT));
	assert_false(idem_nothing_done(ERROR_FAILED));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_a_result_comes_back),
		TEST(test_an_error_comes_back),
		TEST(test_another_request_is_refused),
		TEST(test_owners_and_places_are_apart),
		TEST(test_who_waits_is_handed_over),
		TEST(test_what_was_withdrawn_is_new_again),
		TEST(test_the_oldest_goes_at_the_owner_s_limit),
		TEST(test_running_ones_are_never_dropped),
		TEST(test_the_limit_of_all),
		TEST(test_bytes_and_age),
		TEST(test_keys_that_are_none),
		TEST(test_what_says_that_nothing_was_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
