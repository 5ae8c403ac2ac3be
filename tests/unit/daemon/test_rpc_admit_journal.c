/*
 * The way to a handler with a journal: a change with a key comes to it once the disk
 * has its record, also where its peer has gone meanwhile, and not at all where the
 * record cannot be written.
 */
#include "test_rpc_fakes.h"

#include <sys/stat.h>

#define DOMAIN_PARAMS "{\"domain\":\"web-1\"}"

static int no_record(void *context, const struct journal_record *record,
		     struct error *err)
{
	fail_msg("a new journal has a record");
	return -1;
}

static void folder_of(const struct fixture *f, char *path, size_t size)
{
	snprintf(path, size, "%s.state", f->audit_path);
}

static void remove_folder(const char *folder)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	char folder[80];
	struct journal_config config = {.folder = folder};
	struct journal *journal = NULL;
	struct fixture *f;

	if (fake_set_up(state) < 0)
		return -1;
	f = *state;
	folder_of(f, folder, sizeof(folder));
	config.uv = &f->uv;
	if (journal_open(&journal, &config, &f->err) < 0 ||
	    journal_load(journal, no_record, NULL, &f->err) < 0)
		return -1;
	f->rpc->config.journal = journal;
	idem_set_journal(f->rpc->keys, journal);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = f->rpc->config.journal;
	char folder[80];

	folder_of(f, folder, sizeof(folder));
	remove_folder(folder);
	journal_close(journal);
	if (fake_tear_down(state) < 0)
		return -1;
	journal_free(journal);
	return 0;
}

static struct h2_stream *start(struct fixture *f, const char *key)
{
	return fake_call(f->anna, "domain.start", DOMAIN_PARAMS, key);
}

static void wait_for_handlers(struct fixture *f, size_t count)
{
	while (f->count < count)
		uv_run(&f->uv, UV_RUN_ONCE);
	assert_int_equal(f->count, count);
}

static void test_the_disk_comes_first(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *first = start(f, "k1");
	struct h2_stream *second = start(f, "k2");

	assert_int_equal(f->count, 0);
	wait_for_handlers(f, 2);
	assert_int_equal(first->status, 0);
	fake_return(f, 0);
	fake_return(f, 1);
	assert_int_equal(first->status, 200);
	fake_close(first);
	fake_close(second);
}

static void test_without_a_key_nothing_waits(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = start(f, NULL);

	assert_int_equal(f->count, 1);
	fake_return(f, 0);
	fake_close(s);
}

/* It may be on the disk already: then only its outcome makes an end of it. */
static void test_a_peer_that_goes_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = start(f, "k1");

	fake_close(s);
	wait_for_handlers(f, 1);
	assert_true(call_is_orphan(f->calls[0]));
	fake_return(f, 0);
	s = start(f, "k1");
	assert_body_has(s, "\"result\":{");
	assert_int_equal(f->count, 1);
	fake_close(s);
}

static void test_what_cannot_be_written_is_not_done(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s;
	autofree char *audit = NULL;
	char folder[80];

	folder_of(f, folder, sizeof(folder));
	remove_folder(folder);
	s = start(f, "k1");
	while (!s->status)
		uv_run(&f->uv, UV_RUN_ONCE);
	assert_body_has(s, "\"system\"");
	assert_body_has(s, "domain.start was not done");
	assert_int_equal(f->count, 0);
	fake_close(s);
	assert_int_equal(mkdir(folder, 0700), 0);
	s = start(f, "k1");
	wait_for_handlers(f, 1);
	fake_return(f, 0);
	assert_int_equal(s->status, 200);
	fake_close(s);
	audit = fake_audit(f);
	assert_int_equal(fake_count(audit, "\"outcome\":\"system\""), 1);
}

/* The hook is asked at each retry, and nothing is done. */
static void explain(struct call *call, const void *params, struct error *err)
{
	const struct domain_start_params *p = params;

	assert_string_equal(p->domain, "web-1");
	error_set(err, err->code, "%s, and more", error_words(err));
	call_fail(call, err);
}

static void test_an_unknown_outcome_is_explained(void **state)
{
	struct fixture *f = *state;
	struct h2_stream *s = start(f, "k1");

	f->rpc->config.unknown = explain;
	wait_for_handlers(f, 1);
	fake_fail(f, 0, ERROR_UNKNOWN_OUTCOME);
	fake_close(s);
	for (int i = 0; i < 2; i++) {
		s = start(f, "k1");
		assert_body_has(s, "\"unknown-outcome\"");
		assert_body_has(s, "failed by the test, and more\"");
		fake_close(s);
	}
	assert_int_equal(f->count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_the_disk_comes_first),
		TEST(test_without_a_key_nothing_waits),
		TEST(test_a_peer_that_goes_meanwhile),
		TEST(test_what_cannot_be_written_is_not_done),
		TEST(test_an_unknown_outcome_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
