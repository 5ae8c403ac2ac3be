/*
 * Storage pools of daemon/virt against libvirt's test driver, which has one pool of
 * its own: lists and their filters, what a pool is, and each action in the states
 * that take it and that refuse it.
 */
#include "daemon/test_virt_support.h"

#include "daemon/virt/limits.h"
#include "daemon/virt/storage.h"

#define OWN      "default-pool"
#define NEW_UUID "00000000-0000-0000-0000-00000000000a"

static int setup(void **state)
{
	*state = open_virt("test:///default", NULL);
	return 0;
}

static int teardown(void **state)
{
	virt_free(*state);
	return 0;
}

static const char new_xml[] = "<pool type='dir'><name>a-pool</name>"
			      "<uuid>" NEW_UUID "</uuid>"
			      "<target><path>/a</path></target></pool>";

static const struct virt_pool *pool_of(const struct answer *a)
{
	assert_int_equal(a->reply.kind, VIRT_VALUE_NOUN);
	return a->reply.value.noun.data;
}

static void define(struct virt *v)
{
	struct answer a = {0};

	ask(v, &a, virt_pool_define(v, new_xml, 0, done, &err));
	assert_done(&a);
	assert_string_equal(pool_of(&a)->name, "a-pool");
	assert_string_equal(pool_of(&a)->uuid, NEW_UUID);
	reply_clear(&a.reply);
}

static void act(struct virt *v, struct answer *a, enum virt_pool_action action,
		const char *pool, unsigned flags)
{
	ask(v, a, virt_pool_act(v, action, pool, flags, done, &err));
}

/* NAMES, each with a blank behind it, are the list that FILTER leaves. */
static void assert_list(struct virt *v, unsigned filter, const char *names)
{
	const struct virt_pool_list *list;
	struct answer a = {0};
	char found[256] = "";
	size_t n = 0;

	ask(v, &a, virt_pool_list(v, filter, done, &err));
	assert_done(&a);
	list = a.reply.value.noun.data;
	for (size_t i = 0; i < list->count; i++)
		n += (size_t)snprintf(found + n, sizeof(found) - n, "%s ",
				      list->rows[i].name);
	assert_string_equal(found, names);
	reply_clear(&a.reply);
}

static void test_info(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};
	char uuid[VIRT_UUID_SIZE];

	ask(v, &a, virt_pool_info(v, OWN, done, &err));
	assert_done(&a);
	assert_string_equal(pool_of(&a)->name, OWN);
	assert_int_equal(pool_of(&a)->state, VIRT_POOL_RUNNING);
	assert_true(pool_of(&a)->persistent);
	assert_true(pool_of(&a)->capacity > 0);
	assert_int_equal(pool_of(&a)->capacity,
			 pool_of(&a)->allocation + pool_of(&a)->available);
	strcpy(uuid, pool_of(&a)->uuid);
	ask(v, &a, virt_pool_info(v, uuid, done, &err));
	assert_done(&a);
	assert_string_equal(pool_of(&a)->name, OWN);
	reply_clear(&a.reply);
}

static void test_no_such(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	ask(v, &a, virt_pool_info(v, "absent", done, &err));
	assert_failed(&a, NOT_FOUND);
	assert_words(&a, "there is no storage pool 'absent' on this host");
	/* A UUID that nobody has, and a name that is none. */
	ask(v, &a, virt_pool_xml(v, NEW_UUID, false, done, &err));
	assert_failed(&a, NOT_FOUND);
	for (unsigned i = 0; i <= VIRT_POOL_DO_UNDEFINE; i++) {
		act(v, &a, (enum virt_pool_action)i, "../x", 0);
		assert_failed(&a, NOT_FOUND);
	}
	reply_clear(&a.reply);
}

/* Names that no pool can have do not reach libvirt. */
static void test_name_lengths(void **state)
{
	struct virt *v = *state;
	char name[VIRT_NAME_MAX + 2];
	struct answer a = {0};
	autoerror why = {0};

	assert_int_equal(virt_pool_info(v, "", into(&a), &why), -1);
	assert_int_equal(why.code, ERROR_INVALID_PARAMS);
	memset(name, 'a', sizeof(name));
	name[VIRT_NAME_MAX + 1] = '\0';
	assert_int_equal(virt_pool_info(v, name, into(&a), &why), -1);
	assert_int_equal(why.code, ERROR_INVALID_PARAMS);
	assert_false(a.done);
	name[VIRT_NAME_MAX] = '\0';
	ask(v, &a, virt_pool_info(v, name, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
}

static void test_list(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	define(v);
	assert_list(v, 0, "a-pool " OWN " ");
	assert_list(v, VIRT_POOLS_ACTIVE, OWN " ");
	assert_list(v, VIRT_POOLS_INACTIVE, "a-pool ");
	assert_list(v, VIRT_POOLS_PERSISTENT, "a-pool " OWN " ");
	assert_list(v, VIRT_POOLS_TRANSIENT, "");
	assert_list(v, VIRT_POOLS_TYPE, "a-pool " OWN " ");
	for (unsigned i = 1; i < VIRT_POOL_TYPES; i++)
		assert_list(v, VIRT_POOLS_TYPE << i, "");
	act(v, &a, VIRT_POOL_DO_AUTOSTART, "a-pool", 0);
	assert_done(&a);
	assert_list(v, VIRT_POOLS_AUTOSTART | VIRT_POOLS_INACTIVE, "a-pool ");
	act(v, &a, VIRT_POOL_DO_AUTOSTART, "a-pool", VIRT_POOL_DISABLE);
	assert_done(&a);
	assert_list(v, VIRT_POOLS_AUTOSTART, "");
	reply_clear(&a.reply);
}

static void test_xml(void **state)
{
	struct virt *v = *state;
	const struct virt_storage_xml *xml;
	struct answer a = {0};

	define(v);
	ask(v, &a, virt_pool_xml(v, "a-pool", false, done, &err));
	assert_done(&a);
	xml = a.reply.value.noun.data;
	assert_string_equal(xml->pool, "a-pool");
	assert_string_equal(xml->uuid, NEW_UUID);
	assert_null(xml->volume);
	assert_non_null(strstr(xml->xml, "<path>/a</path>"));
	/* The test driver knows no such flag; the pool's state is not why. */
	ask(v, &a, virt_pool_xml(v, "a-pool", true, done, &err));
	assert_failed(&a, UNSUPPORTED);
	reply_clear(&a.reply);
}

static void test_bad_definitions(void **state)
{
	static const char *const bad[] = {"", "<pool", "<domain/>",
					  "<pool type='none'/>"};
	struct virt *v = *state;
	struct answer a = {0};

	for (size_t i = 0; i < array_size(bad); i++) {
		ask(v, &a, virt_pool_define(v, bad[i], 0, done, &err));
		assert_failed(&a, INVALID_PARAMS);
		ask(v, &a, virt_pool_create(v, bad[i], 0, done, &err));
		assert_failed(&a, INVALID_PARAMS);
	}
	/* A flag of another verb reaches no libvirt. */
	ask(v, &a, virt_pool_define(v, new_xml, VIRT_POOL_BUILD, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	assert_list(v, 0, OWN " ");
	reply_clear(&a.reply);
}

static void test_longest_xml(void **state)
{
	struct virt *v = *state;
	autofree char *xml = malloc(VIRT_XML_MAX + 2);
	struct answer a = {0};
	autoerror why = {0};

	memset(xml, ' ', VIRT_XML_MAX + 1);
	xml[VIRT_XML_MAX + 1] = '\0';
	assert_int_equal(virt_pool_define(v, xml, 0, into(&a), &why), -1);
	assert_int_equal(why.code, ERROR_INVALID_PARAMS);
	xml[VIRT_XML_MAX] = '\0';
	ask(v, &a, virt_pool_define(v, xml, 0, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	reply_clear(&a.reply);
}

static void test_states(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	define(v);
	act(v, &a, VIRT_POOL_DO_DESTROY, "a-pool", 0);
	assert_failed(&a, STATE);
	assert_words(&a, "storage pool 'a-pool' is not active: start it first");
	act(v, &a, VIRT_POOL_DO_REFRESH, "a-pool", 0);
	assert_failed(&a, STATE);
	act(v, &a, VIRT_POOL_DO_BUILD, "a-pool", 0);
	assert_done(&a);
	act(v, &a, VIRT_POOL_DO_START, "a-pool", 0);
	assert_done(&a);
	assert_string_equal(pool_of(&a)->uuid, NEW_UUID);
	act(v, &a, VIRT_POOL_DO_START, "a-pool", 0);
	assert_failed(&a, STATE);
	assert_words(&a, "storage pool 'a-pool' is active already");
	act(v, &a, VIRT_POOL_DO_UNDEFINE, "a-pool", 0);
	assert_failed(&a, STATE);
	assert_words(&a, "storage pool 'a-pool' is active: stop it first "
			 "(pool-destroy)");
	act(v, &a, VIRT_POOL_DO_DELETE, "a-pool", 0);
	assert_failed(&a, STATE);
	act(v, &a, VIRT_POOL_DO_REFRESH, "a-pool", 0);
	assert_done(&a);
	act(v, &a, VIRT_POOL_DO_DESTROY, "a-pool", 0);
	assert_done(&a);
	act(v, &a, VIRT_POOL_DO_UNDEFINE, "a-pool", 0);
	assert_done(&a);
	assert_list(v, 0, OWN " ");
	reply_clear(&a.reply);
}

static void test_transient(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	ask(v, &a, virt_pool_create(v, new_xml, 0, done, &err));
	assert_done(&a);
	assert_list(v, VIRT_POOLS_TRANSIENT, "a-pool ");
	act(v, &a, VIRT_POOL_DO_AUTOSTART, "a-pool", 0);
	assert_failed(&a, STATE);
	assert_words(&a, "storage pool 'a-pool' is transient: define it first");
	act(v, &a, VIRT_POOL_DO_DESTROY, "a-pool", 0);
	assert_done(&a);
	assert_list(v, 0, OWN " ");
	reply_clear(&a.reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_such, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_lengths, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xml, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_definitions, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_longest_xml, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transient, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
