/* Disks' jobs: parameters as one verb of virt each, and their answers. */
#include "test_ops_fakes.h"

#include "daemon/virt/block.h"
#include "daemon/virt/record.h"

static char web_1[] = "web-1";
static char vda[] = "vda";
static char path[] = "/img";

/* What the last verb was asked, as one text. */
static int note(struct virt *v, const char *verb,
		const struct virt_domain_ref *ref, const struct virt_block *b,
		struct virt_done done, struct error *err)
{
	char text[256];

	snprintf(text, sizeof(text), "%s base=%s top=%s path=%s xml=%s %s %d",
		 b->disk, b->base ? b->base : "", b->top ? b->top : "",
		 b->path ? b->path : "", b->xml ? b->xml : "",
		 b->format ? b->format : "", (int)b->bandwidth);
	return fake_verb(v, verb, ref, b->flags, text, done, err);
}

#define FAKE_BLOCK(name)                                                       \
	int virt_block_##name(struct virt *v,                                  \
			      const struct virt_domain_ref *ref,               \
			      const struct virt_block *block,                  \
			      struct virt_done done, struct error *err)        \
	{                                                                      \
		return note(v, #name, ref, block, done, err);                  \
	}

FAKE_BLOCK(abort)
FAKE_BLOCK(set_speed)
FAKE_BLOCK(pull)
FAKE_BLOCK(commit)
FAKE_BLOCK(copy)

int virt_block_resize(struct virt *v, const struct virt_domain_ref *ref,
		      const char *disk, uint64_t size, struct virt_done done,
		      struct error *err)
{
	return fake_verb(v, "resize", ref, (unsigned)size, disk, done, err);
}

int virt_block_job(struct virt *v, const struct virt_domain_ref *ref,
		   const char *disk, struct virt_done done, struct error *err)
{
	return fake_verb(v, "job", ref, 0, disk, done, err);
}

#define HEAD "{\"uuid\":\"" UUID "\",\"name\":\"web-1\""

static void resizes(void **state)
{
	const struct block_resize_params params = {
		.domain = web_1, .path = vda, .size = 4096};
	struct test t;

	test_open(&t, METHOD_block_resize);
	op_block_resize(&t.call, &params);
	assert_int_equal(t.virt->number, 4096);
	assert_string_equal(t.virt->text, "vda");
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	assert_string_equal(t.call.uuid, UUID);
	test_close(&t);
}

static void shows_a_job(void **state)
{
	struct virt_field fields[] = {
		{.name = ops_borrow("active"), .number = 1},
		{.name = ops_borrow("type"), .number = 4},
		{.name = ops_borrow("cur"), .number = 5},
		{.name = ops_borrow("end"), .number = 5},
		{.name = ops_borrow("ready"), .number = 1},
	};
	struct virt_record record = {
		.name = web_1, .fields = fields, .count = array_size(fields)};
	struct virt_records records = {&record, 1};
	const struct block_job_params params = {.domain = web_1, .path = vda};
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	strcpy(record.uuid, UUID);
	reply.value.noun.data = &records;
	test_open(&t, METHOD_block_job);
	op_block_job(&t.call, &params);
	fake_reply(t.virt, &reply);
	expect_json(&t, HEAD ",\"active\":true,\"type\":\"active-commit\","
			     "\"cur\":5,\"end\":5,\"ready\":true}");
	test_close(&t);
}

static void begins_jobs(void **state)
{
	const struct block_pull_params pull = {.domain = web_1,
					       .path = vda,
					       .base = path,
					       .bandwidth = 7,
					       .keep_relative = true};
	const struct block_commit_params commit = {.domain = web_1,
						   .path = vda,
						   .top = path,
						   .active = true,
						   .delete = true,
						   .shallow = true};
	const struct block_set_speed_params speed = {
		.domain = web_1, .path = vda, .bandwidth = 9};
	const struct block_abort_params abort = {
		.domain = web_1, .path = vda, .pivot = true, .async = true};
	struct test t;

	test_open(&t, METHOD_block_pull);
	op_block_pull(&t.call, &pull);
	assert_string_equal(t.virt->text, "vda base=/img top= path= xml=  7");
	assert_int_equal(t.virt->number, VIRT_BLOCK_KEEP_RELATIVE);
	fake_reply_domain(t.virt, "web-1");
	test_again(&t);
	op_block_commit(&t.call, &commit);
	assert_string_equal(t.virt->text, "vda base= top=/img path= xml=  0");
	assert_int_equal(t.virt->number, VIRT_BLOCK_ACTIVE | VIRT_BLOCK_DELETE |
						 VIRT_BLOCK_SHALLOW);
	fake_reply_error(t.virt, ERROR_STATE);
	expect_failure(&t, ERROR_STATE);
	test_again(&t);
	op_block_set_speed(&t.call, &speed);
	assert_string_equal(t.virt->text, "vda base= top= path= xml=  9");
	fake_reply_domain(t.virt, "web-1");
	test_again(&t);
	op_block_abort(&t.call, &abort);
	assert_int_equal(t.virt->number, VIRT_BLOCK_PIVOT | VIRT_BLOCK_ASYNC);
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_close(&t);
}

static void copies_to_one_of_two(void **state)
{
	struct block_copy_params p = {.domain = web_1, .path = vda};
	struct test t;

	test_open(&t, METHOD_block_copy);
	op_block_copy(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	p.has_dest = p.has_xml = true;
	p.dest = p.xml = path;
	op_block_copy(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	p.has_dest = false;
	p.dest = NULL;
	p.blockdev = true;
	op_block_copy(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	p = (struct block_copy_params){.domain = web_1,
				       .path = vda,
				       .dest = path,
				       .has_dest = true,
				       .format = vda,
				       .has_format = true,
				       .blockdev = true,
				       .granularity = 1ull << 32};
	op_block_copy(&t.call, &p);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_again(&t);
	p.granularity = 0;
	op_block_copy(&t.call, &p);
	assert_string_equal(t.virt->text,
			    "vda base= top= path=/img xml= vda 0");
	assert_int_equal(t.virt->number, VIRT_BLOCK_DEVICE);
	fake_reply_domain(t.virt, "web-1");
	expect_json(&t, HEAD "}");
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resizes),
		cmocka_unit_test(shows_a_job),
		cmocka_unit_test(begins_jobs),
		cmocka_unit_test(copies_to_one_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
