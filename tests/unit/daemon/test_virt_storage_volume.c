/*
 * Volumes of daemon/virt against libvirt's test driver: names, keys and paths, lists
 * with sizes and without, new ones and copies, and what is refused.
 */
#include "daemon/test_virt_support.h"

#include "daemon/virt/storage.h"

#define POOL "default-pool"
#define MIB  (1024ull * 1024)

/*
 * Read by LeakSanitizer: libvirt 9.0 leaks two strings for each clone in its test
 * driver (tests/leaks.supp says so to the other tests), which only the slow unwinder
 * traces to the function.
 */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
	return "leak:virStorageVolCreateXMLFrom\n";
}

static const struct virt_volume_ref first = {POOL, "a.img"};

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

static const struct virt_volume *volume_of(const struct answer *a)
{
	assert_int_equal(a->reply.kind, VIRT_VALUE_NOUN);
	return a->reply.value.noun.data;
}

static void create(struct virt *v, struct answer *a, const char *name)
{
	const struct virt_volume_plan plan = {
		.pool = POOL,
		.name = name,
		.capacity = 8 * MIB,
		.allocation = MIB,
	};

	ask(v, a, virt_volume_create_as(v, &plan, done, &err));
}

/* NAMES, each with a blank behind it, are in the pool. */
static void assert_list(struct virt *v, const char *names)
{
	const struct virt_volume_list *list;
	struct answer a = {0};
	char found[256] = "";
	size_t n = 0;

	ask(v, &a, virt_volume_list(v, POOL, false, done, &err));
	assert_done(&a);
	list = a.reply.value.noun.data;
	assert_string_equal(list->pool, POOL);
	for (size_t i = 0; i < list->count; i++) {
		assert_false(list->rows[i].sized);
		n += (size_t)snprintf(found + n, sizeof(found) - n, "%s ",
				      list->rows[i].name);
	}
	assert_string_equal(found, names);
	reply_clear(&a.reply);
}

static void test_list(void **state)
{
	struct virt *v = *state;
	const struct virt_volume_list *list;
	struct answer a = {0};

	assert_list(v, "");
	create(v, &a, "b.img");
	assert_done(&a);
	create(v, &a, "a.img");
	assert_done(&a);
	assert_list(v, "a.img b.img ");
	ask(v, &a, virt_volume_list(v, POOL, true, done, &err));
	assert_done(&a);
	list = a.reply.value.noun.data;
	assert_int_equal(list->count, 2);
	assert_true(list->rows[0].sized);
	assert_int_equal(list->rows[0].capacity, 8 * MIB);
	assert_int_equal(list->rows[0].allocation, MIB);
	reply_clear(&a.reply);
}

static void test_list_refused(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	ask(v, &a, virt_volume_list(v, "absent", false, done, &err));
	assert_failed(&a, NOT_FOUND);
	assert_words(&a, "there is no storage pool 'absent' on this host");
	ask(v, &a, virt_pool_act(v, VIRT_POOL_DO_DESTROY, POOL, 0, done, &err));
	assert_done(&a);
	ask(v, &a, virt_volume_list(v, POOL, true, done, &err));
	assert_failed(&a, STATE);
	assert_words(&a,
		     "storage pool '" POOL "' is not active: start it first");
	ask(v, &a, virt_volume_lookup(v, &first, done, &err));
	assert_failed(&a, STATE);
	reply_clear(&a.reply);
}

static void test_three_names(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};
	char key[256];
	char path[256];
	const struct virt_volume_ref by_key = {NULL, key};
	const struct virt_volume_ref by_path = {NULL, path};

	create(v, &a, "a.img");
	assert_done(&a);
	assert_string_equal(volume_of(&a)->pool, POOL);
	strcpy(key, volume_of(&a)->key);
	strcpy(path, volume_of(&a)->path);
	ask(v, &a, virt_volume_lookup(v, &first, done, &err));
	assert_done(&a);
	assert_string_equal(volume_of(&a)->path, path);
	ask(v, &a, virt_volume_info(v, &by_key, false, done, &err));
	assert_done(&a);
	assert_string_equal(volume_of(&a)->name, "a.img");
	assert_int_equal(volume_of(&a)->type, VIRT_VOLUME_FILE);
	assert_int_equal(volume_of(&a)->capacity, 8 * MIB);
	ask(v, &a, virt_volume_lookup(v, &by_path, done, &err));
	assert_done(&a);
	assert_string_equal(volume_of(&a)->pool, POOL);
	reply_clear(&a.reply);
}

static void test_no_such(void **state)
{
	static const char *const names[] = {"a.img", "", "..", "/etc/passwd"};
	struct virt *v = *state;
	struct answer a = {0};

	for (size_t i = 0; i < array_size(names); i++) {
		const struct virt_volume_ref in_pool = {POOL, names[i]};
		const struct virt_volume_ref anywhere = {NULL, names[i]};

		ask(v, &a, virt_volume_lookup(v, &in_pool, done, &err));
		assert_failed(&a, NOT_FOUND);
		ask(v, &a, virt_volume_delete(v, &in_pool, 0, done, &err));
		assert_failed(&a, NOT_FOUND);
		ask(v, &a, virt_volume_xml(v, &anywhere, done, &err));
		assert_failed(&a, NOT_FOUND);
	}
	ask(v, &a, virt_volume_lookup(v, &first, done, &err));
	assert_words(&a, "there is no volume 'a.img' on this host");
	reply_clear(&a.reply);
}

static void test_longest_name(void **state)
{
	struct virt *v = *state;
	char name[VIRT_VOLUME_NAME_MAX + 2];
	const struct virt_volume_ref ref = {POOL, name};
	struct answer a = {0};
	autoerror why = {0};

	memset(name, 'a', sizeof(name));
	name[VIRT_VOLUME_NAME_MAX + 1] = '\0';
	assert_int_equal(virt_volume_lookup(v, &ref, into(&a), &why), -1);
	assert_int_equal(why.code, ERROR_INVALID_PARAMS);
	name[VIRT_VOLUME_NAME_MAX] = '\0';
	ask(v, &a, virt_volume_lookup(v, &ref, done, &err));
	assert_failed(&a, NOT_FOUND);
	reply_clear(&a.reply);
}

static void test_create(void **state)
{
	static const char xml[] = "<volume><name>x&lt;y</name>"
				  "<capacity>4096</capacity></volume>";
	const struct virt_volume_ref made = {POOL, "x<y"};
	struct virt *v = *state;
	const struct virt_storage_xml *shown;
	struct answer a = {0};

	ask(v, &a, virt_volume_create(v, POOL, xml, 0, done, &err));
	assert_done(&a);
	assert_string_equal(volume_of(&a)->name, "x<y");
	ask(v, &a, virt_volume_create(v, POOL, xml, 0, done, &err));
	assert_failed(&a, EXISTS);
	ask(v, &a, virt_volume_create(v, POOL, "<volume", 0, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	ask(v, &a,
	    virt_volume_create(v, POOL, xml, VIRT_VOLUME_DELTA, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	ask(v, &a, virt_volume_xml(v, &made, done, &err));
	assert_done(&a);
	shown = a.reply.value.noun.data;
	assert_string_equal(shown->volume, "x<y");
	assert_string_equal(shown->pool, POOL);
	assert_non_null(strstr(shown->xml, "<name>x&lt;y</name>"));
	reply_clear(&a.reply);
}

/* A name is text: what looks like XML in it stays within it. */
static void test_create_as_quotes(void **state)
{
	const struct virt_volume_ref ref = {
		POOL, "a</name><capacity>1</capacity><name>"};
	struct virt *v = *state;
	struct answer a = {0};

	create(v, &a, ref.volume);
	assert_done(&a);
	assert_string_equal(volume_of(&a)->name, ref.volume);
	ask(v, &a, virt_volume_info(v, &ref, false, done, &err));
	assert_done(&a);
	assert_int_equal(volume_of(&a)->capacity, 8 * MIB);
	reply_clear(&a.reply);
}

static void test_backing(void **state)
{
	struct virt_volume_plan plan = {
		.pool = POOL,
		.name = "over.img",
		.capacity = MIB,
		.allocation = UINT64_MAX,
		.backing = "absent.img",
	};
	struct virt *v = *state;
	struct answer a = {0};

	ask(v, &a, virt_volume_create_as(v, &plan, done, &err));
	assert_failed(&a, NOT_FOUND);
	assert_words(&a, "there is no volume 'absent.img' on this host");
	assert_list(v, "");
	create(v, &a, "a.img");
	assert_done(&a);
	plan.backing = "a.img";
	ask(v, &a, virt_volume_create_as(v, &plan, done, &err));
	assert_done(&a);
	assert_list(v, "a.img over.img ");
	reply_clear(&a.reply);
}

static void test_clone_and_delete(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	ask(v, &a, virt_volume_clone(v, &first, "b & c", 0, done, &err));
	assert_failed(&a, NOT_FOUND);
	create(v, &a, "a.img");
	assert_done(&a);
	ask(v, &a, virt_volume_clone(v, &first, "b & c", 0, done, &err));
	assert_done(&a);
	assert_string_equal(volume_of(&a)->name, "b & c");
	ask(v, &a, virt_volume_clone(v, &first, "b & c", 0, done, &err));
	assert_failed(&a, EXISTS);
	ask(v, &a, virt_volume_delete(v, &first, 0, done, &err));
	assert_done(&a);
	assert_string_equal(volume_of(&a)->name, "a.img");
	assert_list(v, "b & c ");
	reply_clear(&a.reply);
}

/* What the test driver cannot do is told as that, and the volume stays. */
static void test_unsupported(void **state)
{
	struct virt *v = *state;
	struct answer a = {0};

	create(v, &a, "a.img");
	assert_done(&a);
	ask(v, &a, virt_volume_resize(v, &first, MIB, 0, done, &err));
	assert_failed(&a, UNSUPPORTED);
	ask(v, &a, virt_volume_wipe(v, &first, 0, done, &err));
	assert_failed(&a, UNSUPPORTED);
	ask(v, &a,
	    virt_volume_resize(v, &first, MIB, VIRT_VOLUME_SNAPSHOTS, done,
			       &err));
	assert_failed(&a, INVALID_PARAMS);
	assert_list(v, "a.img ");
	reply_clear(&a.reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_three_names, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_such, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create_as_quotes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_backing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clone_and_delete, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_unsupported, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
