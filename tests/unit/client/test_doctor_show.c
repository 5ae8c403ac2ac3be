/*
 * How doctor tells its findings: in order, each as soon as it is settled, wrapped
 * beside its step; and all of them for programs. The walk itself is tried by
 * tests/integration/test_doctor.py.
 */
#include "client/doctor_private.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "client/output.h"

#define HEAD                                                                   \
	" Step                 Result      Finding\n"                          \
	"--------------------------------------------------------------------" \
	"------------\n"

struct capture {
	char *text;
	size_t len;
	FILE *file;
	struct doctor d;
};

static void begin(struct capture *c, enum output_format format, unsigned width)
{
	struct output_options options = {.format = format, .width = width};

	*c = (struct capture){0};
	c->file = open_memstream(&c->text, &c->len);
	options.file = c->file;
	c->d.output = output_new(&options);
	assert_non_null(c->d.output);
}

static void expect(struct capture *c, const char *text)
{
	fflush(c->file);
	if (strcmp(c->text, text) != 0)
		fail_msg("got:\n%s\nnot:\n%s", c->text, text);
}

static void end(struct capture *c)
{
	output_free(c->d.output);
	fclose(c->file);
	free(c->text);
	for (size_t i = 0; i < c->d.count; i++)
		free(c->d.findings[i].text);
	free(c->d.findings);
}

static void test_lines(void **state)
{
	struct capture c;
	autoerror why = {0};

	begin(&c, OUTPUT_TABLE, 0);
	doctor_add(&c.d, DOCTOR_KEY, DOCTOR_OK, "%s", "a\033b");
	expect(&c, HEAD " key                  ok          a\\x1bb\n");
	error_set(&why, ERROR_TLS, "it is wrong: mend it");
	doctor_fail(&c.d, DOCTOR_TLS, &why);
	error_set(&why, ERROR_CONNECT, "that, too");
	doctor_fail(&c.d, DOCTOR_VERDICT, &why);
	doctor_skip(&c.d, DOCTOR_LIBVIRT, DOCTOR_REVOCATION);
	expect(&c,
	       HEAD " key                  ok          a\\x1bb\n"
		    " TLS                  failed      it is wrong: mend it\n"
		    " host's verdict       failed      that, too\n"
		    " libvirt              not tried\n"
		    " revocation list      not tried\n");
	assert_int_equal(c.d.first, ERROR_TLS);
	assert_int_equal(doctor_end(&c.d, NULL), 0);
	end(&c);
}

/* A finding that may change holds back those behind it. */
static void test_open_finding(void **state)
{
	struct capture c;
	autoerror why = {0};

	begin(&c, OUTPUT_TABLE, 0);
	assert_false(doctor_is_open(&c.d));
	doctor_add(&c.d, DOCTOR_CERTIFICATE, DOCTOR_OPEN, "it seems old");
	doctor_add(&c.d, DOCTOR_KEY, DOCTOR_OK, "x");
	assert_true(doctor_is_open(&c.d));
	fflush(c.file);
	assert_int_equal(c.len, 0);
	error_set(&why, ERROR_TLS, "it is old");
	doctor_settle(&c.d, DOCTOR_FAILED, &why);
	assert_false(doctor_is_open(&c.d));
	assert_int_equal(c.d.first, ERROR_TLS);
	expect(&c, HEAD " own certificate      failed      it is old\n"
			" key                  ok          x\n");
	end(&c);
}

/* Nobody judged: what seemed wrong is a warning. */
static void test_never_settled(void **state)
{
	struct capture c;

	begin(&c, OUTPUT_TABLE, 0);
	doctor_add(&c.d, DOCTOR_CERTIFICATE, DOCTOR_OPEN, "it seems old");
	assert_int_equal(doctor_end(&c.d, NULL), 0);
	expect(&c, HEAD " own certificate      warning     it seems old\n");
	assert_int_equal(c.d.first, ERROR_NONE);
	end(&c);
}

static void test_wrapping(void **state)
{
	struct capture c;

	begin(&c, OUTPUT_TABLE, 70); /* 36 columns for the words */
	doctor_add(&c.d, DOCTOR_ADDRESS, DOCTOR_WARNING,
		   "the first line is 36 columns wide ok "
		   "/a/path/that/is/longer/than/a/line/is end");
	expect(&c,
	       " Step                 Result      Finding\n"
	       "----------------------------------------------------------"
	       "------------\n"
	       " address              warning     the first line is 36 columns"
	       " wide ok\n"
	       "                                  "
	       "/a/path/that/is/longer/than/a/line/is\n"
	       "                                  end\n");
	end(&c);
}

static void test_json_and_csv(void **state)
{
	struct capture c;
	autoerror why = {0};

	for (int i = 0; i < 2; i++) {
		begin(&c, i ? OUTPUT_CSV : OUTPUT_JSON, 0);
		doctor_add(&c.d, DOCTOR_ALPN, DOCTOR_OK, "%s", "h2");
		error_set(&why, ERROR_TLS, "no");
		doctor_fail(&c.d, DOCTOR_VERDICT, &why);
		doctor_skip(&c.d, DOCTOR_RIGHTS, DOCTOR_RIGHTS);
		fflush(c.file);
		assert_int_equal(c.len, 0);
		assert_int_equal(doctor_end(&c.d, NULL), 0);
		expect(&c,
		       i ? "step,result,finding\r\nalpn,ok,h2\r\n"
			   "verdict,failed,no\r\nrights,not tried,\r\n"
			 : "{\"status\":6,\"steps\":[{\"step\":\"alpn\","
			   "\"result\":\"ok\",\"finding\":\"h2\"},"
			   "{\"step\":\"verdict\",\"result\":\"failed\","
			   "\"finding\":\"no\",\"error\":\"tls\"},"
			   "{\"step\":\"rights\",\"result\":\"not tried\"}]}"
			   "\n");
		end(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_open_finding),
		cmocka_unit_test(test_never_settled),
		cmocka_unit_test(test_wrapping),
		cmocka_unit_test(test_json_and_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
