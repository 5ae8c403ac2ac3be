/* Guests from outside: what is asked of virt. */
#include "test_ops_fakes.h"

#include "daemon/virt/guest.h"

static char web_1[] = "web-1";

#define FAKE_PLAIN(name)                                                       \
	int virt_domain_##name(struct virt *v,                                 \
			       const struct virt_domain_ref *ref,              \
			       struct virt_done done, struct error *err)       \
	{                                                                      \
		return fake_verb(v, #name, ref, 0, NULL, done, err);           \
	}

FAKE_PLAIN(reset)
FAKE_PLAIN(inject_nmi)
FAKE_PLAIN(pm_wakeup)

int virt_domain_send_key(struct virt *v, const struct virt_domain_ref *ref,
			 const struct virt_keys *keys, struct virt_done done,
			 struct error *err)
{
	char text[128] = "";

	for (unsigned i = 0; i < keys->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%d ", keys->codes[i]);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ms",
		 keys->hold_ms);
	return fake_verb(v, "send_key", ref, keys->codeset, text, done, err);
}

int virt_domain_pm_suspend(struct virt *v, const struct virt_domain_ref *ref,
			   enum virt_suspend_target target, uint64_t seconds,
			   struct virt_done done, struct error *err)
{
	assert_int_equal(seconds, 0);
	return fake_verb(v, "pm_suspend", ref, target, NULL, done, err);
}

static void expect_asked(struct test *t, const char *verb, unsigned number,
			 const char *with)
{
	assert_string_equal(t->virt->verb, verb);
	assert_int_equal(t->virt->number, number);
	if (with)
		assert_string_equal(t->virt->text, with);
	fake_reply_domain(t->virt, "web-1");
	fake_reply_error(t->virt, ERROR_NOT_FOUND); /* its state */
	expect_json(t, "{\"uuid\":\"" UUID "\",\"name\":\"web-1\"}");
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

static void actions_reach_their_verb(void **state)
{
	struct test t;

	test_open(&t, METHOD_domain_reset);
	asks(domain_reset, "reset", 0, NULL, .given = 1);
	asks(domain_inject_nmi, "inject_nmi", 0, NULL, .given = 1);
	asks(domain_pm_wakeup, "pm_wakeup", 0, NULL, .given = 1);
	asks(domain_pm_suspend, "pm_suspend", VIRT_SUSPEND_HYBRID, NULL,
	     .target = SUSPEND_TARGET_HYBRID);
	test_close(&t);
}

static void keys_are_read(void **state)
{
	static char enter[] = "KEY_ENTER", number[] = "0x2a";
	static char *both[] = {enter, number};
	struct test t;

	test_open(&t, METHOD_domain_send_key);
	asks(domain_send_key, "send_key", VIRT_CODESET_LINUX, "28 42 0 ms",
	     .keys = both, .keys_count = 2);
	asks(domain_send_key, "send_key", VIRT_CODESET_USB, "42 9 ms",
	     .keys = both + 1, .keys_count = 1, .has_codeset = true,
	     .codeset = KEY_CODESET_USB, .has_holdtime = true, .holdtime = 9);
	test_close(&t);
}

static void too_few_and_too_many_keys(void **state)
{
	static char number[] = "1";
	char *keys[VIRT_KEYS_MAX + 1];
	struct domain_send_key_params params = {.domain = web_1, .keys = keys};
	struct test t;

	for (size_t i = 0; i < array_size(keys); i++)
		keys[i] = number;
	test_open(&t, METHOD_domain_send_key);
	op_domain_send_key(&t.call, &params);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	test_again(&t);
	params.keys_count = array_size(keys);
	op_domain_send_key(&t.call, &params);
	expect_failure(&t, ERROR_INVALID_PARAMS);
	assert_int_equal(t.virt->waiting, 0);
	test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_reach_their_verb),
		cmocka_unit_test(keys_are_read),
		cmocka_unit_test(too_few_and_too_many_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
