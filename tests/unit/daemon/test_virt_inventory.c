/*
 * The inventory against libvirt's test driver, changed through struct virt, whose
 * own changes the next list shows, and behind its back through a connection of the
 * test's own, which events tell of. The driver's state is the process's: each test
 * names its domains.
 */
#include "daemon/test_virt_support.h"

#include <libvirt/libvirt.h>

#include "daemon/virt/network.h"

#define XML                                                                    \
	"<domain type='test'><name>%s</name><memory>1024</memory>"             \
	"<vcpu>1</vcpu><os><type>hvm</type></os></domain>"

static const struct virt_domain_ref test = {"test", NULL};

struct rig {
	struct virt *v;
	virConnectPtr conn; /* behind its back */
	struct answer list;
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->v = open_virt("test:///default", NULL);
	rig->conn = virConnectOpen("test:///default");
	assert_non_null(rig->conn);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	reply_clear(&rig->list.reply);
	virConnectClose(rig->conn);
	virt_free(rig->v);
	free(rig);
	return 0;
}

static void list(struct rig *rig)
{
	ask(rig->v, &rig->list, virt_domain_list(rig->v, NULL, done, &err));
	assert_done(&rig->list);
}

/* Its row in the last list, or NULL. */
static const struct virt_domain *row_of(const struct rig *rig, const char *name)
{
	for (size_t i = 0; i < rig->list.reply.value.list.count; i++)
		if (strcmp(rig->list.reply.value.list.rows[i].name, name) == 0)
			return &rig->list.reply.value.list.rows[i];
	return NULL;
}

static int64_t as_of(const struct rig *rig)
{
	return rig->list.reply.value.list.as_of_us;
}

/* Lists again until CONDITION holds; fails after REPLY_MS. */
#define list_until(rig, condition)                                             \
	do {                                                                   \
		uint64_t end =                                                 \
			clock_monotonic_ns() + REPLY_MS * CLOCK_NS_PER_MS;     \
		do {                                                           \
			assert_true(clock_monotonic_ns() < end);               \
			list(rig);                                             \
		} while (!(condition));                                        \
	} while (0)

static void define_behind(struct rig *rig, const char *name)
{
	char xml[512];
	virDomainPtr domain;

	snprintf(xml, sizeof(xml), XML, name);
	domain = virDomainDefineXML(rig->conn, xml);
	assert_non_null(domain);
	virDomainFree(domain);
}

/* Each at once in the next list, which reads no other domain again. */
static void own_changes_are_seen(void **state)
{
	struct rig *rig = *state;
	struct answer a = {0};
	int64_t first;

	list(rig);
	first = as_of(rig);
	assert_true(first > 0);
	for (int i = 0; i < 50; i++) {
		ask(rig->v, &a, virt_domain_suspend(rig->v, &test, done, &err));
		assert_done(&a);
		list(rig);
		assert_int_equal(row_of(rig, "test")->state, VIRT_STATE_PAUSED);
		assert_string_equal(row_of(rig, "test")->reason, "user");
		ask(rig->v, &a, virt_domain_resume(rig->v, &test, done, &err));
		assert_done(&a);
		list(rig);
		assert_int_equal(row_of(rig, "test")->state,
				 VIRT_STATE_RUNNING);
	}
	assert_int_equal(as_of(rig), first);
	reply_clear(&a.reply);
}

static void domains_come_and_go(void **state)
{
	static const struct virt_domain_ref own = {"own", NULL};
	struct rig *rig = *state;
	struct answer a = {0};
	char xml[512];
	size_t before;
	int64_t first;

	list(rig);
	first = as_of(rig);
	before = rig->list.reply.value.list.count;
	snprintf(xml, sizeof(xml), XML, "own");
	ask(rig->v, &a, virt_domain_define(rig->v, xml, NULL, 0, done, &err));
	assert_done(&a);
	list(rig);
	assert_int_equal(rig->list.reply.value.list.count, before + 1);
	assert_int_equal(row_of(rig, "own")->state, VIRT_STATE_SHUT_OFF);
	assert_true(row_of(rig, "own")->persistent);
	assert_int_equal(row_of(rig, "own")->id, -1);
	ask(rig->v, &a, virt_domain_start(rig->v, &own, 0, done, &err));
	assert_done(&a);
	list(rig);
	assert_true(row_of(rig, "own")->id > 0);
	ask(rig->v, &a, virt_domain_undefine(rig->v, &own, 0, done, &err));
	assert_done(&a);
	list(rig);
	assert_false(row_of(rig, "own")->persistent);
	ask(rig->v, &a, virt_domain_destroy(rig->v, &own, 0, done, &err));
	assert_done(&a);
	list(rig);
	assert_null(row_of(rig, "own"));
	assert_int_equal(as_of(rig), first);
	reply_clear(&a.reply);
}

static void what_others_change_is_told(void **state)
{
	struct rig *rig = *state;
	virDomainPtr domain = virDomainLookupByName(rig->conn, "test");
	int64_t first;

	list(rig);
	first = as_of(rig);
	assert_int_equal(virDomainSuspend(domain), 0);
	list_until(rig, row_of(rig, "test")->state == VIRT_STATE_PAUSED);
	assert_int_equal(virDomainResume(domain), 0);
	list_until(rig, row_of(rig, "test")->state == VIRT_STATE_RUNNING);
	define_behind(rig, "other");
	list_until(rig, row_of(rig, "other"));
	assert_int_equal(as_of(rig), first);
	virDomainFree(domain);
	domain = virDomainLookupByName(rig->conn, "other");
	assert_int_equal(virDomainUndefine(domain), 0);
	list_until(rig, !row_of(rig, "other"));
	virDomainFree(domain);
}

/* More marks than are kept: all is read again, in one go. */
static void many_changes_at_once(void **state)
{
	struct rig *rig = *state;
	int64_t first;

	list(rig);
	first = as_of(rig);
	for (int i = 0; i < 2 * VIRT_INVENTORY_MARKS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "many-%d", i);
		define_behind(rig, name);
	}
	list_until(rig, row_of(rig, "many-0") && row_of(rig, "many-63"));
	assert_true(as_of(rig) > first);
	for (size_t i = 1; i < rig->list.reply.value.list.count; i++)
		assert_true(strcmp(rig->list.reply.value.list.rows[i - 1].name,
				   rig->list.reply.value.list.rows[i].name) <
			    0);
}

/* Neither what is about no domain, nor what was about none. */
static void other_calls_read_nothing_again(void **state)
{
	static const struct virt_domain_ref none = {"none", NULL};
	struct rig *rig = *state;
	struct answer a = {0};
	int64_t first;

	list(rig);
	first = as_of(rig);
	ask(rig->v, &a, virt_network_destroy(rig->v, "default", done, &err));
	assert_done(&a);
	ask(rig->v, &a, virt_network_start(rig->v, "default", done, &err));
	assert_done(&a);
	ask(rig->v, &a, virt_domain_start(rig->v, &none, 0, done, &err));
	assert_failed(&a, NOT_FOUND);
	list(rig);
	assert_int_equal(as_of(rig), first);
	reply_clear(&a.reply);
}

/* An answer keeps its rows, whatever comes after. */
static void an_answer_does_not_change(void **state)
{
	struct rig *rig = *state;
	struct answer first = {0}, a = {0};

	ask(rig->v, &first, virt_domain_list(rig->v, NULL, done, &err));
	assert_done(&first);
	ask(rig->v, &a, virt_domain_suspend(rig->v, &test, done, &err));
	assert_done(&a);
	list(rig);
	assert_int_equal(row_of(rig, "test")->state, VIRT_STATE_PAUSED);
	for (size_t i = 0; i < first.reply.value.list.count; i++)
		if (strcmp(first.reply.value.list.rows[i].name, "test") == 0)
			assert_int_equal(first.reply.value.list.rows[i].state,
					 VIRT_STATE_RUNNING);
	ask(rig->v, &a, virt_domain_resume(rig->v, &test, done, &err));
	assert_done(&a);
	reply_clear(&a.reply);
	reply_clear(&first.reply);
}

static void a_scope_hides_the_rest(void **state)
{
	char pattern[] = "te*";
	char *scope[] = {pattern, NULL};
	struct rig *rig = *state;
	struct answer a = {0};

	define_behind(rig, "hidden");
	list_until(rig, row_of(rig, "hidden"));
	ask(rig->v, &a, virt_domain_list(rig->v, scope, done, &err));
	assert_done(&a);
	assert_int_equal(a.reply.value.list.count, 1);
	assert_string_equal(a.reply.value.list.rows[0].name, "test");
	reply_clear(&a.reply);
}

/* What no event tells of is read again at the latest after the age. */
static void silent_changes_are_seen_in_time(void **state)
{
	struct rig *rig = *state;
	virDomainPtr domain;
	uint64_t begun;

	define_behind(rig, "silent");
	list_until(rig, row_of(rig, "silent"));
	begun = clock_monotonic_ns();
	domain = virDomainLookupByName(rig->conn, "silent");
	assert_int_equal(virDomainSetAutostart(domain, 1), 0);
	list_until(rig, row_of(rig, "silent")->autostart);
	assert_true(clock_monotonic_ns() - begun <
		    (VIRT_INVENTORY_AGE_MS + 5000) * CLOCK_NS_PER_MS);
	virDomainFree(domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(own_changes_are_seen, setup,
						teardown),
		cmocka_unit_test_setup_teardown(domains_come_and_go, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_others_change_is_told,
						setup, teardown),
		cmocka_unit_test_setup_teardown(many_changes_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(other_calls_read_nothing_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_does_not_change,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_scope_hides_the_rest, setup,
						teardown),
		cmocka_unit_test_setup_teardown(silent_changes_are_seen_in_time,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
