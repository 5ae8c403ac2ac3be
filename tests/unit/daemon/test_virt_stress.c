/*
 * daemon/virt with many requests at once, and ended in the midst of them: each
 * done() is called exactly once, the lanes do not delay each other, limits hold.
 */
#include "daemon/test_virt_support.h"

#include <stdlib.h>

#include "daemon/virt/crew.h"
#include "daemon/virt/pool.h"

#define REQUESTS 4000

struct tally {
	unsigned submitted, answered, failed;
	unsigned char seen[REQUESTS];
};

struct ticket {
	struct tally *tally;
	unsigned number;
};

static void on_counted(void *context, struct virt_reply *reply)
{
	struct ticket *ticket = context;

	assert_int_equal(ticket->tally->seen[ticket->number], 0);
	ticket->tally->seen[ticket->number] = 1;
	ticket->tally->answered++;
	if (error_is_set(&reply->error))
		ticket->tally->failed++;
	free(ticket);
}

static int submit_some(struct virt *v, unsigned number, struct virt_done done)
{
	struct virt_domain_ref ref = {"test", NULL};
	struct virt_domain_ref none = {"none", NULL};
	struct error err = {0};
	int result;

	switch (number % 7) {
	case 0:
		result = virt_domain_list(v, NULL, done, &err);
		break;
	case 1:
		result = virt_domain_suspend(v, &ref, done, &err);
		break;
	case 2:
		result = virt_domain_resume(v, &ref, done, &err);
		break;
	case 3:
		result = virt_domain_xml(v, &ref, 0, done, &err);
		break;
	case 4:
		result = virt_domain_info(v, &none, done, &err);
		break;
	case 5:
		result = virt_domain_reboot(v, &ref, 0, done, &err);
		break;
	default:
		result = virt_host_info(v, done, &err);
		break;
	}
	if (result < 0)
		assert_true(err.code == ERROR_BUSY ||
			    err.code == ERROR_DRAINING);
	error_clear(&err);
	return result;
}

static void submit_all(struct virt *v, struct tally *tally)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct ticket *ticket = malloc(sizeof(*ticket));

		*ticket = (struct ticket){tally, i};
		if (submit_some(v, i, (struct virt_done){on_counted, ticket}) ==
		    0)
			tally->submitted++;
		else
			free(ticket);
		if (i % 64 == 0)
			virt_dispatch(v);
	}
}

static void test_many(void **state)
{
	struct virt *v = open_virt("test:///default", NULL);
	struct tally tally = {0};

	submit_all(v, &tally);
	assert_true(tally.submitted > 100);
	while (virt_pending(v)) {
		struct pollfd fd = {virt_completion_fd(v), POLLIN, 0};

		assert_int_equal(poll(&fd, 1, REPLY_MS), 1);
		virt_dispatch(v);
	}
	assert_int_equal(tally.answered, tally.submitted);
	virt_free(v);
	assert_int_equal(tally.answered, tally.submitted);
}

static void test_free_in_the_midst(void **state)
{
	for (int i = 0; i < 5; i++) {
		struct virt *v = open_virt("test:///default", NULL);
		struct tally tally = {0};

		submit_all(v, &tally);
		virt_free(v);
		assert_int_equal(tally.answered, tally.submitted);
	}
}

static void test_close(void **state)
{
	struct virt *v = open_virt("test:///default", NULL);
	struct answer a = {0};
	struct error err = {0};

	assert_int_equal(virt_host_info(v, into(&a), &err), 0);
	virt_close(v);
	virt_close(v);
	await(v, &a);
	assert_true(!error_is_set(&a.reply.error) ||
		    a.reply.error.code == ERROR_DRAINING);
	assert_int_equal(virt_host_info(v, into(&a), &err), -1);
	assert_int_equal(err.code, ERROR_DRAINING);
	assert_int_equal(virt_pending(v), 0);
	error_clear(&err);
	reply_clear(&a.reply);
	virt_free(v);
}

/* A pool whose slow requests block until they are let go. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
};

static void run_gated(void *context, struct request *request)
{
	struct gate *gate = context;

	if (verb_get(request->id)->lane != LANE_SLOW)
		return;
	pthread_mutex_lock(&gate->lock);
	while (!gate->open)
		pthread_cond_wait(&gate->opened, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void submit_to(struct pool *pool, enum verb_id id, int expected)
{
	struct virt_done none = {NULL, NULL};
	struct error err = {0};
	struct request *request = request_new(id, "x", NULL, none, &err);
	int result = pool_submit(pool, request, &err);

	if (result < 0) {
		assert_int_equal(err.code, ERROR_BUSY);
		request_free(request);
	}
	assert_int_equal(result, expected);
	error_clear(&err);
}

static size_t take(struct pool *pool)
{
	struct list finished;
	size_t count = 0;

	list_init(&finished);
	pool_take_finished(pool, &finished);
	list_for_each_safe (node, &finished) {
		list_remove(node);
		request_free(list_entry(node, struct request, node));
		count++;
	}
	return count;
}

static void released(void *context)
{
	fail_msg("a thread was left behind");
}

static void open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->opened);
	pthread_mutex_unlock(&gate->lock);
}

static void test_lanes(void **state)
{
	struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
			    false};
	struct crew *crew = calloc(1, sizeof(*crew));
	struct pool pool = {0};
	struct error err = {0};
	struct pollfd fd = {-1, POLLIN, 0};
	struct virt_done done;
	bool changes;

	crew_init(crew, released, NULL);
	assert_int_equal(pool_init(&pool, 4, run_gated, &gate, &err), 0);
	pool_start(&pool, LANE_QUICK, 1, crew, &err);
	pool_start(&pool, LANE_SLOW, 1, crew, &err);
	for (int i = 0; i < 4; i++)
		submit_to(&pool, VERB_START, 0);
	submit_to(&pool, VERB_INFO, 0);
	fd.fd = pool.fd;
	assert_int_equal(poll(&fd, 1, REPLY_MS), 1);
	assert_int_equal(take(&pool), 1);
	assert_int_equal(poll(&fd, 1, 0), 0);
	open_gate(&gate);
	pool_close(&pool);
	assert_true(crew_wait(crew, CREW_WORKERS,
			      clock_monotonic_ns() + 60 * CLOCK_NS_PER_S));
	assert_false(pool_abandon(&pool, &done, &changes));
	assert_true(take(&pool) >= 4);
	assert_int_equal(pool_pending(&pool), 0);
	assert_true(crew_disband(crew));
	pool_destroy(&pool);
	crew_destroy(crew);
	free(crew);
}

static void test_queue_limit(void **state)
{
	struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
			    true};
	struct pool pool = {0};
	struct error err = {0};

	/* No worker: all wait. */
	assert_int_equal(pool_init(&pool, 3, run_gated, &gate, &err), 0);
	for (int i = 0; i < 3; i++)
		submit_to(&pool, VERB_START, 0);
	submit_to(&pool, VERB_START, -1);
	submit_to(&pool, VERB_INFO, 0);
	assert_int_equal(pool_pending(&pool), 4);
	pool_close(&pool);
	assert_int_equal(take(&pool), 4);
	pool_destroy(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_free_in_the_midst),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_queue_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
