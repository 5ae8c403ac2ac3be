/* Definitions: what each handler asks of virt, for whom, and its answers. */
#include "test_ops_fakes.h"

#include "daemon/virt/definition.h"

static char web_1[] = "web-1";
static char text[] = "text";
static char uri[] = "http://example.org/";

int virt_domain_autostart(struct virt *v, const struct virt_domain_ref *ref,
			  bool on, struct virt_done done, struct error *err)
{
	return fake_verb(v, "autostart", ref, on, NULL, done, err);
}

int virt_domain_rename(struct virt *v, const struct virt_domain_ref *ref,
		       const char *name, struct virt_done done,
		       struct error *err)
{
	return fake_verb(v, "rename", ref, 0, name, done, err);
}

int virt_domain_description(struct virt *v, const struct virt_domain_ref *ref,
			    unsigned affect, struct virt_done done,
			    struct error *err)
{
	return fake_verb(v, "description", ref, affect, NULL, done, err);
}

int virt_domain_set_text(struct virt *v, const struct virt_domain_ref *ref,
			 enum virt_text which, const char *to, unsigned affect,
			 struct virt_done done, struct error *err)
{
	return fake_verb(v, which == VIRT_TEXT_TITLE ? "title" : "desc", ref,
			 affect, to, done, err);
}

int virt_domain_metadata(struct virt *v, const struct virt_domain_ref *ref,
			 const char *of, unsigned affect, struct virt_done done,
			 struct error *err)
{
	return fake_verb(v, "metadata", ref, affect, of, done, err);
}

int virt_domain_set_metadata(struct virt *v, const struct virt_domain_ref *ref,
			     const char *of, const char *key, const char *xml,
			     unsigned affect, struct virt_done done,
			     struct error *err)
{
	return fake_verb(v, xml ? "set_metadata" : "remove_metadata", ref,
			 affect, xml, done, err);
}

int virt_domain_set_vcpus(struct virt *v, const struct virt_domain_ref *ref,
			  unsigned count, unsigned flags, struct virt_done done,
			  struct error *err)
{
	return fake_verb(v, "set_vcpus", ref, flags, NULL, done, err);
}

int virt_domain_set_memory(struct virt *v, const struct virt_domain_ref *ref,
			   uint64_t kib, unsigned flags, struct virt_done done,
			   struct error *err)
{
	char number[24];

	snprintf(number, sizeof(number), "%d", (int)kib);
	return fake_verb(v, "set_memory", ref, flags, number, done, err);
}

int virt_domain_clone(struct virt *v, const struct virt_domain_ref *ref,
		      const struct virt_clone *clone, struct virt_done done,
		      struct error *err)
{
	char disks[256] = "";

	for (size_t i = 0; i < clone->disks_count; i++)
		snprintf(disks + strlen(disks), sizeof(disks) - strlen(disks),
			 "%s=%s ", clone->disks[i].target,
			 clone->disks[i].path);
	return fake_verb(v, "clone", ref, clone->without_disks, disks, done,
			 err);
}

/* The verb that was asked, and its answer with the state that follows. */
static void expect_asked(struct test *t, const char *verb, unsigned number,
			 const char *with)
{
	struct virt_reply state = fake_domain("web-1");

	assert_string_equal(t->virt->verb, verb);
	assert_int_equal(t->virt->number, number);
	if (with)
		assert_string_equal(t->virt->text, with);
	fake_reply_domain(t->virt, "web-1");
	assert_string_equal(t->virt->verb, "info");
	state.value.info.domain.state = VIRT_STATE_RUNNING;
	fake_reply(t->virt, &state);
	expect_json(t, "{\"uuid\":\"" UUID
		       "\",\"name\":\"web-1\",\"state\":\"running\"}");
	test_again(t);
}

/* PARAMS are designated initialisers of struct ID_params. */
#define asks(id, verb, number, with, ...)                                      \
	do {                                                                   \
		const struct id##_params p_ = {.domain = web_1, __VA_ARGS__};  \
		t.call.method = METHOD_##id;                                   \
		op_##id(&t.call, &p_);                                         \
		expect_asked(&t, verb, number, with);                          \
	} while (0)

static void changes_reach_their_verb(void **state)
{
	const unsigned both = VIRT_AFFECT_LIVE | VIRT_AFFECT_CONFIG;
	struct test t;

	test_open(&t, METHOD_domain_autostart);
	asks(domain_autostart, "autostart", 1, NULL, .given = 1);
	asks(domain_autostart, "autostart", 0, NULL, .disable = true);
	asks(domain_rename, "rename", 0, "text", .name = text);
	asks(domain_set_title, "title", VIRT_AFFECT_CONFIG, "text",
	     .text = text, .config = true);
	asks(domain_set_description, "desc", both, "text", .text = text,
	     .live = true, .config = true);
	asks(domain_set_metadata, "set_metadata", 0, "text", .uri = uri,
	     .key = text, .xml = text);
	asks(domain_remove_metadata, "remove_metadata", VIRT_AFFECT_LIVE, NULL,
	     .uri = uri, .live = true);
	asks(domain_set_vcpus, "set_vcpus",
	     VIRT_AFFECT_CONFIG | VIRT_VCPU_MAXIMUM, NULL, .count = 2,
	     .config = true, .maximum = true);
	asks(domain_set_vcpus, "set_vcpus",
	     VIRT_VCPU_GUEST | VIRT_VCPU_HOTPLUGGABLE, NULL, .count = 2,
	     .guest = true, .hotpluggable = true);
	asks(domain_set_memory, "set_memory", 0, "1", .memory = 1);
	asks(domain_set_memory, "set_memory", VIRT_AFFECT_LIVE, "2",
	     .memory = 2048, .live = true);
	asks(domain_set_max_memory, "set_memory",
	     VIRT_AFFECT_CONFIG | VIRT_MEMORY_MAXIMUM, "3", .memory = 2049,
	     .config = true);
	test_close(&t);
}

/* Who says nothing means what runs: a definition takes an admin. */
static void operators_change_what_runs(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_set_vcpus);
	asks(domain_set_vcpus, "set_vcpus", 0, NULL, .count = 2);
	t.call.caller.role = ROLE_OPERATOR;
	asks(domain_set_vcpus, "set_vcpus", VIRT_AFFECT_LIVE, NULL, .count = 2);
	asks(domain_set_vcpus, "set_vcpus", VIRT_AFFECT_LIVE | VIRT_VCPU_GUEST,
	     NULL, .count = 2, .guest = true);
	asks(domain_set_memory, "set_memory", VIRT_AFFECT_LIVE, "1",
	     .memory = 1024);
	test_close(&t);
}

static void clones_name_their_disks(void **state)
{
	struct clone_disk disks[] = {{.target = web_1, .path = text},
				     {.target = text, .path = uri}};
	struct test t;

	test_open(&t, METHOD_domain_clone);
	asks(domain_clone, "clone", 0, "web-1=text text=http://example.org/ ",
	     .name = text, .disks = disks, .disks_count = 2, .has_disks = true);
	asks(domain_clone, "clone", 1, "", .name = text, .without_disks = true);
	test_close(&t);
}

static void texts_are_shown(void **state)
{
	const struct domain_description_params params = {.domain = web_1,
							 .config = true};
	const struct domain_description_params two = {
		.domain = web_1, .live = true, .config = true};
	struct virt_description d = {.title = text};
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	test_open(&t, METHOD_domain_description);
	op_domain_description(&t.call, &params);
	assert_int_equal(t.virt->number, VIRT_AFFECT_CONFIG);
	reply.value.noun.data = &d;
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID
			"\",\"name\":\"web-1\",\"title\":\"text\"}");
	test_again(&t);
	op_domain_description(&t.call, &two);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_close(&t);
}

static void metadata_is_shown(void **state)
{
	const struct domain_metadata_params params = {
		.domain = web_1, .uri = uri, .live = true};
	struct virt_reply reply = fake_domain("web-1");
	struct test t;

	test_open(&t, METHOD_domain_metadata);
	op_domain_metadata(&t.call, &params);
	assert_string_equal(t.virt->text, uri);
	assert_int_equal(t.virt->number, VIRT_AFFECT_LIVE);
	reply.value.noun.data = text;
	fake_reply(t.virt, &reply);
	expect_json(&t, "{\"uuid\":\"" UUID
			"\",\"name\":\"web-1\",\"xml\":\"text\"}");
	test_again(&t);
	op_domain_metadata(&t.call, &params);
	fake_reply_error(t.virt, ERROR_NOT_FOUND);
	expect_failure(&t, ERROR_NOT_FOUND);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_reach_their_verb),
		cmocka_unit_test(operators_change_what_runs),
		cmocka_unit_test(clones_name_their_disks),
		cmocka_unit_test(texts_are_shown),
		cmocka_unit_test(metadata_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
