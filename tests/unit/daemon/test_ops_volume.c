/*
 * Volumes but for their content: which verb of virt each method becomes, with which
 * volume, sizes and flags, and how volumes become results.
 */
#include "test_ops_fakes.h"

#include "daemon/virt/storage.h"

/* -- virt's verbs ---------------------------------------------------------- */

/* The last one's, beside what struct virt has; strings as the handler gave them. */
static struct {
	const char *pool;
	uint64_t capacity;
	struct virt_volume_plan plan;
	const char *name;
} asked;

static int volume_verb(struct virt *v, const char *verb,
		       const struct virt_volume_ref *ref, unsigned number,
		       struct virt_done done, struct error *err)
{
	asked.pool = ref->pool;
	return fake_verb(v, verb, NULL, number, ref->volume, done, err);
}

int virt_volume_list(struct virt *v, const char *pool, bool sizes,
		     struct virt_done done, struct error *err)
{
	return fake_verb(v, "list", NULL, sizes, pool, done, err);
}

int virt_volume_info(struct virt *v, const struct virt_volume_ref *ref,
		     bool physical, struct virt_done done, struct error *err)
{
	return volume_verb(v, "info", ref, physical, done, err);
}

int virt_volume_lookup(struct virt *v, const struct virt_volume_ref *ref,
		       struct virt_done done, struct error *err)
{
	return volume_verb(v, "lookup", ref, 0, done, err);
}

int virt_volume_xml(struct virt *v, const struct virt_volume_ref *ref,
		    struct virt_done done, struct error *err)
{
	return volume_verb(v, "xml", ref, 0, done, err);
}

int virt_volume_clone(struct virt *v, const struct virt_volume_ref *ref,
		      const char *name, unsigned flags, struct virt_done done,
		      struct error *err)
{
	asked.name = name;
	return volume_verb(v, "clone", ref, flags, done, err);
}

int virt_volume_create(struct virt *v, const char *pool, const char *xml,
		       unsigned flags, struct virt_done done, struct error *err)
{
	asked.pool = pool;
	return fake_verb(v, "create", NULL, flags, xml, done, err);
}

int virt_volume_create_as(struct virt *v, const struct virt_volume_plan *plan,
			  struct virt_done done, struct error *err)
{
	asked.plan = *plan;
	return fake_verb(v, "create as", NULL, plan->flags, plan->name, done,
			 err);
}

int virt_volume_delete(struct virt *v, const struct virt_volume_ref *ref,
		       unsigned flags, struct virt_done done, struct error *err)
{
	return volume_verb(v, "delete", ref, flags, done, err);
}

int virt_volume_resize(struct virt *v, const struct virt_volume_ref *ref,
		       uint64_t capacity, unsigned flags, struct virt_done done,
		       struct error *err)
{
	asked.capacity = capacity;
	return volume_verb(v, "resize", ref, flags, done, err);
}

int virt_volume_wipe(struct virt *v, const struct virt_volume_ref *ref,
		     unsigned algorithm, struct virt_done done,
		     struct error *err)
{
	return volume_verb(v, "wipe", ref, algorithm, done, err);
}

/* -- replies --------------------------------------------------------------- */

static char disks[] = "disks";
static char a_img[] = "a.img";
static char b_img[] = "b.img";
static char path[] = "/p/a.img";
static char xml[] = "<volume/>";

#define NAMES                                                                  \
	"\"pool\":\"disks\",\"name\":\"a.img\",\"key\":\"/p/a.img\","          \
	"\"path\":\"/p/a.img\""

static struct virt_volume a_volume(void)
{
	return (struct virt_volume){
		.pool = disks, .name = a_img, .key = path, .path = path};
}

static void reply_noun(struct test *t, void *data)
{
	struct virt_reply reply = {.kind = VIRT_VALUE_NOUN,
				   .value.noun.data = data};

	fake_reply(t->virt, &reply);
}

/* -- changes --------------------------------------------------------------- */

#define asks(id, verb_, bits, text_, ...)                                      \
	do {                                                                   \
		struct virt_volume volume_ = a_volume();                       \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &(const struct id##_params){.pool = disks,    \
							     __VA_ARGS__});    \
		assert_string_equal(t.virt->verb, verb_);                      \
		assert_int_equal(t.virt->number, bits);                        \
		assert_string_equal(t.virt->text, text_);                      \
		reply_noun(&t, &volume_);                                      \
		expect_json(&t, "{" NAMES "}");                                \
		assert_string_equal(t.call.name, "/p/a.img");                  \
		test_again(&t);                                                \
	} while (0)

static void changes_reach_their_verb(void **state)
{
	struct test t;

	test_open(&t, METHOD_volume_create);
	asks(volume_create, "create", 0, "<volume/>", .xml = xml);
	assert_string_equal(asked.pool, "disks");
	asks(volume_create, "create",
	     VIRT_VOLUME_PREALLOC_METADATA | VIRT_VOLUME_VALIDATE, "<volume/>",
	     .xml = xml, .prealloc_metadata = true, .validate = true);
	asks(volume_clone, "clone",
	     VIRT_VOLUME_PREALLOC_METADATA | VIRT_VOLUME_REFLINK, "b.img",
	     .volume = b_img, .name = a_img, .prealloc_metadata = true,
	     .reflink = true);
	assert_string_equal(asked.name, "a.img");
	asks(volume_delete, "delete", 0, "a.img", .volume = a_img);
	asks(volume_delete, "delete", VIRT_VOLUME_SNAPSHOTS, "a.img",
	     .volume = a_img, .snapshots = true);
	asks(volume_resize, "resize", 0, "a.img", .volume = a_img,
	     .capacity = INT64_MAX);
	assert_int_equal(asked.capacity, INT64_MAX);
	asks(volume_resize, "resize",
	     VIRT_VOLUME_DELTA | VIRT_VOLUME_ALLOCATE | VIRT_VOLUME_SHRINK,
	     "a.img", .volume = a_img, .capacity = 0, .delta = true,
	     .allocate = true, .shrink = true);
	assert_int_equal(asked.capacity, 0);
	asks(volume_wipe, "wipe", 0, "a.img", .volume = a_img);
	asks(volume_wipe, "wipe", 9, "a.img", .volume = a_img,
	     .algorithm = WIPE_TRIM, .has_algorithm = true);
	asks(volume_lookup, "lookup", 0, "a.img", .volume = a_img);
	assert_string_equal(asked.pool, "disks");
	test_close(&t);
}

/* Without a pool the volume is a key or a path. */
static void a_pool_may_be_missing(void **state)
{
	const struct volume_lookup_params p = {.volume = path};
	struct virt_volume volume = a_volume();
	struct test t;

	test_open(&t, METHOD_volume_lookup);
	asked.pool = disks;
	op_volume_lookup(&t.call, &p);
	assert_null(asked.pool);
	assert_string_equal(t.virt->text, "/p/a.img");
	reply_noun(&t, &volume);
	expect_json(&t, "{" NAMES "}");
	test_close(&t);
}

static void plans_are_whole(void **state)
{
	struct volume_create_as_params p = {
		.pool = disks, .name = a_img, .capacity = 4096};
	struct virt_volume volume = a_volume();
	struct test t;

	test_open(&t, METHOD_volume_create_as);
	op_volume_create_as(&t.call, &p);
	assert_string_equal(asked.plan.pool, "disks");
	assert_string_equal(asked.plan.name, "a.img");
	assert_int_equal(asked.plan.capacity, 4096);
	assert_true(asked.plan.allocation == UINT64_MAX);
	assert_null(asked.plan.format);
	assert_null(asked.plan.backing);
	assert_null(asked.plan.backing_format);
	assert_int_equal(t.virt->number, 0);
	reply_noun(&t, &volume);
	expect_json(&t, "{" NAMES "}");
	test_again(&t);
	p.has_allocation = true; /* of 0: thin, which is not "not given" */
	p.format = VOLUME_FORMAT_QCOW2;
	p.has_format = true;
	p.backing = b_img;
	p.backing_format = VOLUME_FORMAT_RAW;
	p.has_backing_format = true;
	p.prealloc_metadata = true;
	op_volume_create_as(&t.call, &p);
	assert_int_equal(asked.plan.allocation, 0);
	assert_string_equal(asked.plan.format, "qcow2");
	assert_string_equal(asked.plan.backing, "b.img");
	assert_string_equal(asked.plan.backing_format, "raw");
	assert_int_equal(t.virt->number, VIRT_VOLUME_PREALLOC_METADATA);
	fake_reply_error(t.virt, ERROR_EXISTS);
	expect_failure(&t, ERROR_EXISTS);
	test_close(&t);
}

/* -- what volumes are ------------------------------------------------------ */

static void lists_are_told(void **state)
{
	struct virt_volume rows[] = {a_volume(), a_volume()};
	struct virt_volume_list value = {.pool = disks, .rows = rows};
	struct volume_list_params p = {.pool = disks};
	struct test t;

	test_open(&t, METHOD_volume_list);
	op_volume_list(&t.call, &p);
	assert_int_equal(t.virt->number, 0);
	reply_noun(&t, &value);
	expect_json(&t, "{\"pool\":\"disks\",\"volumes\":[]}");
	test_again(&t);
	p.details = true;
	op_volume_list(&t.call, &p);
	assert_int_equal(t.virt->number, 1);
	value.count = 2;
	rows[1].name = b_img;
	rows[1].sized = true;
	rows[1].type = VIRT_VOLUME_BLOCK;
	rows[1].capacity = 8192;
	reply_noun(&t, &value);
	expect_json(&t, "{\"pool\":\"disks\",\"volumes\":["
			"{\"name\":\"a.img\",\"path\":\"/p/a.img\"},"
			"{\"name\":\"b.img\",\"path\":\"/p/a.img\","
			"\"type\":\"block\",\"capacity\":8192,"
			"\"allocation\":0}]}");
	test_again(&t);
	op_volume_list(&t.call, &p);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_close(&t);
}

static void types_are_told(void **state)
{
	static const char *const names[] = {"file",    "block",   "dir",
					    "network", "net-dir", "ploop",
					    "file" /* a later libvirt's */};
	const struct volume_info_params p = {
		.pool = disks, .volume = a_img, .physical = true};
	struct test t;

	test_open(&t, METHOD_volume_info);
	for (size_t i = 0; i < array_size(names); i++) {
		struct virt_volume volume = a_volume();
		char expected[256];

		volume.type = (enum virt_volume_type)i;
		volume.capacity = 8;
		volume.allocation = 4;
		op_volume_info(&t.call, &p);
		assert_int_equal(t.virt->number, 1);
		reply_noun(&t, &volume);
		snprintf(expected, sizeof(expected),
			 "{" NAMES ",\"type\":\"%s\",\"capacity\":8,"
			 "\"allocation\":4}",
			 names[i]);
		expect_json(&t, expected);
		test_again(&t);
	}
	test_close(&t);
}

static void xml_is_told(void **state)
{
	struct virt_storage_xml value = {
		.pool = disks, .volume = a_img, .xml = xml};
	const struct volume_xml_params p = {.pool = disks, .volume = a_img};
	struct test t;

	test_open(&t, METHOD_volume_xml);
	op_volume_xml(&t.call, &p);
	reply_noun(&t, &value);
	expect_json(&t, "{\"pool\":\"disks\",\"name\":\"a.img\","
			"\"xml\":\"<volume/>\"}");
	test_again(&t);
	op_volume_xml(&t.call, &p);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_reach_their_verb),
		cmocka_unit_test(a_pool_may_be_missing),
		cmocka_unit_test(plans_are_whole),
		cmocka_unit_test(lists_are_told),
		cmocka_unit_test(types_are_told),
		cmocka_unit_test(xml_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
