/* Events on their way to the caller: order, the bound, and what is said of it. */
#include "daemon/test_virt_support.h"

#include "daemon/virt/news.h"
#include "daemon/virt/pool.h"

struct rig {
	struct pool pool;
	struct news *news;
};

static void run_nothing(void *context, struct request *request)
{
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct error err = {0};

	assert_int_equal(pool_init(&rig->pool, 1, run_nothing, NULL, &err), 0);
	assert_int_equal(news_new(&rig->news, &rig->pool, &err), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	news_free(rig->news);
	pool_destroy(&rig->pool);
	free(rig);
	return 0;
}

static void post(struct rig *rig, const char *name)
{
	struct virt_event event = {.type = VIRT_EVENT_REBOOT,
				   .name = strdup(name),
				   .subject = strdup("x")};

	news_post(rig->news, &event);
	assert_null(event.name);
}

static bool woken(struct rig *rig)
{
	struct pollfd fd = {rig->pool.fd, POLLIN, 0};
	uint64_t count;

	return poll(&fd, 1, 0) == 1 &&
	       read(rig->pool.fd, &count, sizeof(count)) == sizeof(count);
}

static void they_come_in_order(void **state)
{
	struct rig *rig = *state;
	struct virt_event event;

	assert_false(news_take(rig->news, &event));
	assert_false(woken(rig));
	post(rig, "a");
	assert_true(woken(rig));
	post(rig, "b");
	assert_false(woken(rig)); /* the first is not taken yet */
	assert_true(news_take(rig->news, &event));
	assert_string_equal(event.name, "a");
	assert_true(event.time_us > 0);
	news_clear(&event);
	assert_true(news_take(rig->news, &event));
	assert_string_equal(event.name, "b");
	news_clear(&event);
	assert_false(news_take(rig->news, &event));
	post(rig, "c");
	assert_true(woken(rig));
}

static void too_many_are_counted(void **state)
{
	struct rig *rig = *state;
	struct virt_event event;

	for (int i = 0; i < VIRT_NEWS_MAX + 3; i++)
		post(rig, "a");
	for (int i = 0; i < VIRT_NEWS_MAX; i++) {
		assert_true(news_take(rig->news, &event));
		assert_int_equal(event.type, VIRT_EVENT_REBOOT);
		news_clear(&event);
	}
	post(rig, "also missed: its place is behind the others");
	assert_true(news_take(rig->news, &event));
	assert_int_equal(event.type, VIRT_EVENT_MISSED);
	assert_int_equal(event.number, 4);
	assert_true(event.has_number);
	assert_false(news_take(rig->news, &event));
	post(rig, "b");
	assert_true(news_take(rig->news, &event));
	assert_string_equal(event.name, "b");
	news_clear(&event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_come_in_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(too_many_are_counted, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
