/*
 * daemon/virt and a real libvirtd of the test's own (test driver, own sockets),
 * which is killed, started again and stopped under it. Skipped where there is no
 * libvirtd, or no right to keep it apart from the host's.
 */
#include "daemon/test_virt_server.h"

#include <libvirt/libvirt.h>

static int setup(void **state)
{
	*state = new_server();
	return 0;
}

static int teardown(void **state)
{
	free_server(*state);
	return 0;
}

/* A server that answers; the test is skipped where there can be none. */
static struct server *server_of(void **state)
{
	if (!start_server(*state))
		skip();
	return *state;
}

/* How long until a call works again, ms. */
static double time_until_works(struct virt *v)
{
	uint64_t begin = clock_monotonic_ns();
	struct answer a = {0};

	do {
		ask(v, &a, virt_host_info(v, done, &err));
		if (error_is_set(&a.reply.error))
			usleep(2000);
	} while (error_is_set(&a.reply.error));
	reply_clear(&a.reply);
	return (double)(clock_monotonic_ns() - begin) / 1e6;
}

static void expect_unavailable(struct virt *v)
{
	struct virt_domain_ref ref = {"test", NULL};
	uint64_t begin = clock_monotonic_ns();
	struct answer a = {0};

	ask(v, &a, virt_domain_info(v, &ref, done, &err));
	assert_failed(&a, UNAVAILABLE);
	assert_non_null(strstr(error_words(&a.reply.error),
			       "libvirt at test+unix:///default cannot be "
			       "reached: "));
	assert_non_null(strstr(error_words(&a.reply.error),
			       "virtmuxd tries again by itself"));
	assert_null(strchr(error_words(&a.reply.error), '?'));
	ask(v, &a, virt_domain_destroy(v, &ref, 0, done, &err));
	assert_failed(&a, UNAVAILABLE);
	assert_true(clock_monotonic_ns() - begin < CLOCK_NS_PER_S);
	reply_clear(&a.reply);
}

static void test_killed_and_started(void **state)
{
	struct server *s = server_of(state);
	struct answer a = {0};
	struct virt *v;

	v = open_virt(s->uri, NULL);
	ask(v, &a, virt_domain_list(v, NULL, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.value.list.count, 1);
	for (int i = 0; i < 3; i++) {
		kill_server(s);
		expect_unavailable(v);
		assert_true(start_server(s));
		assert_true(time_until_works(v) < 2000);
		assert_true(virt_connected(v));
	}
	reply_clear(&a.reply);
	virt_free(v);
}

static void test_begins_without(void **state)
{
	struct server *s = *state;
	struct virt *v = open_virt(s->uri, NULL);

	expect_unavailable(v);
	if (!start_server(s))
		skip();
	assert_true(time_until_works(v) < 2000);
	virt_free(v);
}

static void title_xml(char *text, size_t size, const char *title)
{
	snprintf(text, size,
		 "<domain type='test'><name>t</name><uuid>"
		 "00000000-0000-0000-0000-000000000009</uuid>"
		 "<title>%s</title><memory>1024</memory>"
		 "<os><type>hvm</type></os></domain>",
		 title);
}

/* Its own change at once, another's soon. */
static void expect_title(struct virt *v, const char *title, bool own)
{
	struct answer a = {0};

	do {
		ask(v, &a, virt_domain_list(v, NULL, done, &err));
		assert_done(&a);
		assert_int_equal(a.reply.value.list.count, 2);
		assert_string_equal(a.reply.value.list.rows[0].name, "t");
	} while (!own && strcmp(a.reply.value.list.rows[0].title, title) != 0);
	assert_string_equal(a.reply.value.list.rows[0].title, title);
	reply_clear(&a.reply);
}

static void test_titles(void **state)
{
	struct server *s = server_of(state);
	struct answer a = {0};
	virConnectPtr other;
	struct virt *v;

	v = open_virt(s->uri, NULL);
	other = virConnectOpen(s->uri);
	assert_non_null(other);
	for (int i = 0; i < 20; i++) {
		char title[16], text[512];

		snprintf(title, sizeof(title), "title %d", i);
		title_xml(text, sizeof(text), title);
		if (i % 2) {
			ask(v, &a,
			    virt_domain_define(v, text, NULL, 0, done, &err));
			assert_done(&a);
		} else {
			virDomainFree(virDomainDefineXML(other, text));
		}
		expect_title(v, title, i % 2);
	}
	reply_clear(&a.reply);
	virConnectClose(other);
	virt_free(v);
}

/*
 * libvirtd does not answer: virt_free() must end all the same, and a mutation's
 * outcome is unknown. The thread left behind ends when libvirtd is gone.
 */
static void test_free_while_blocked(void **state)
{
	struct server *s = server_of(state);
	struct virt_domain_ref ref = {"test", NULL};
	struct answer read = {0}, change = {0}, a = {0};
	struct error refused = {0};
	struct virt *v;
	uint64_t begin;

	v = open_virt(s->uri, NULL);
	ask(v, &a, virt_host_info(v, done, &err));
	assert_done(&a);
	kill(s->pid, SIGSTOP);
	assert_int_equal(virt_host_info(v, into(&read), &refused), 0);
	assert_int_equal(virt_domain_suspend(v, &ref, into(&change), &refused),
			 0);
	usleep(100000); /* nothing tells that a worker waits within libvirt */
	begin = clock_monotonic_ns();
	virt_free(v);
	assert_true(clock_monotonic_ns() - begin <
		    (VIRT_FREE_WAIT_MS + VIRT_FREE_REST_MS + 1000) *
			    CLOCK_NS_PER_MS);
	assert_true(read.done && change.done);
	assert_failed(&read, DRAINING);
	assert_failed(&change, UNKNOWN_OUTCOME);
	kill(s->pid, SIGCONT);
	kill_server(s);
	usleep(300000); /* no condition of ours: for the leak checker alone */
	reply_clear(&read.reply);
	reply_clear(&change.reply);
	reply_clear(&a.reply);
}

/* Killed in the midst of a mutation: unknown, not failed. */
static void test_killed_in_the_midst(void **state)
{
	struct server *s = server_of(state);
	struct virt_domain_ref ref = {"test", NULL};
	struct answer change = {0}, a = {0};
	struct error refused = {0};
	struct virt *v;

	v = open_virt(s->uri, NULL);
	ask(v, &a, virt_domain_info(v, &ref, done, &err));
	assert_done(&a);
	kill(s->pid, SIGSTOP);
	assert_int_equal(virt_domain_define(
				 v,
				 "<domain type='test'><name>m</name><memory>1"
				 "</memory><os><type>hvm</type></os></domain>",
				 NULL, 0, into(&change), &refused),
			 0);
	usleep(200000); /* nothing tells that a worker waits within libvirt */
	kill_server(s);
	await(v, &change);
	assert_failed(&change, UNKNOWN_OUTCOME);
	reply_clear(&change.reply);
	reply_clear(&a.reply);
	virt_free(v);
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(test_killed_and_started),
		with_server(test_begins_without),
		with_server(test_titles),
		with_server(test_killed_in_the_midst),
		with_server(test_free_while_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
