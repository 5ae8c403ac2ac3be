/*
 * Values between structs, JSON, paths and words: what is taken, what is refused
 * with which words, and what is left after a failed allocation.
 */
#include "api/codec.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/json.h"
#include "base/alloc_fail.h"

static const struct method *start_method(void)
{
	return method_by_id(METHOD_domain_start);
}

static int decode(enum method_id id, const char *text, void *out,
		  struct error *err)
{
	autojson value = NULL;

	assert_int_equal(json_parse(text, strlen(text), NULL, &value, err), 0);
	return params_decode(method_by_id(id), value, out, err);
}

static int decode_path(enum method_id id, const char *path, void *out,
		       struct error *err)
{
	const struct method *m = method_by_id(id);

	assert_ptr_equal(method_find_path(m->kind, path, strlen(path)), m);
	return params_decode_path(m, path, strlen(path), out, err);
}

static void test_decodes(void **state)
{
	struct domain_start_params p;
	autoerror err = {0};

	assert_int_equal(decode(METHOD_domain_start,
				"{\"paused\":true,\"domain\":\"w\\u00e9b\"}",
				&p, &err),
			 0);
	assert_string_equal(p.domain, "w\xc3\xa9"
				      "b");
	assert_true(p.has_paused && p.paused);
	assert_false(p.has_force_boot || p.has_bypass_cache);
	assert_int_equal(p.given, 2);
	params_free(start_method(), &p);
	assert_null(p.domain);
	assert_int_equal(p.given, 0);
}

static void test_decodes_nothing(void **state)
{
	struct host_info_params none;
	struct domain_list_params p;
	autoerror err = {0};

	assert_int_equal(params_decode(method_by_id(METHOD_host_info), NULL,
				       &none, &err),
			 0);
	assert_int_equal(none.given, 0);
	assert_int_equal(decode(METHOD_domain_list, "{}", &p, &err), 0);
	assert_false(p.has_state || p.has_name || p.has_active);
	assert_null(p.state);
	params_free(method_by_id(METHOD_domain_list), NULL);
}

static void test_decodes_lists(void **state)
{
	const struct method *m = method_by_id(METHOD_domain_list);
	struct domain_list_params p;
	autoerror err = {0};

	assert_int_equal(decode(METHOD_domain_list,
				"{\"state\":[\"running\",\"paused\"],"
				"\"active\":false}",
				&p, &err),
			 0);
	assert_int_equal(p.state_count, 2);
	assert_int_equal(p.state[1], DOMAIN_STATE_PAUSED);
	assert_true(p.has_state && p.has_active && !p.active);
	params_free(m, &p);
	assert_int_equal(decode(METHOD_domain_list, "{\"state\":[]}", &p, &err),
			 0);
	assert_true(p.has_state);
	assert_int_equal(p.state_count, 0);
	params_free(m, &p);
}

static void refuse(enum method_id id, const char *text, const char *words)
{
	autoerror err = {0};
	union {
		struct domain_list_params list;
		struct domain_start_params start;
		struct domain_shutdown_params shutdown;
		struct domain_graphics_params graphics;
		unsigned char bytes[256];
	} out;
	static const unsigned char zeros[sizeof(out)];

	assert_int_equal(decode(id, text, &out, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	assert_string_equal(error_words(&err), words);
	assert_memory_equal(&out, zeros, method_by_id(id)->params_size);
}

static void test_refuses(void **state)
{
	refuse(METHOD_domain_start, "{}",
	       "parameter \"domain\" of domain.start is missing");
	refuse(METHOD_domain_start, "[\"web\"]",
	       "domain.start takes its parameters by name: an object, not a "
	       "list");
	refuse(METHOD_domain_start, "\"web\"",
	       "the parameters of domain.start must be an object; it is a "
	       "string");
	refuse(METHOD_domain_start, "{\"domain\":\"a\",\"pause\":true}",
	       "domain.start has no parameter \"pause\"; did you mean "
	       "\"paused\"?");
	refuse(METHOD_domain_start, "{\"domain\":\"a\",\"\\u0007x\":1}",
	       "domain.start has no parameter \"?x\"");
	refuse(METHOD_domain_start, "{\"domain\":\"a\",\"paused\":1}",
	       "parameter \"paused\" of domain.start must be true or false; it "
	       "is a number");
	refuse(METHOD_domain_start, "{\"domain\":7}",
	       "parameter \"domain\" of domain.start must be a string: a "
	       "domain's name or UUID; it is a number");
	refuse(METHOD_domain_start, "{\"domain\":\"a\\nb\"}",
	       "parameter \"domain\" of domain.start has a control character");
	refuse(METHOD_domain_start, "{\"domain\":\"\"}",
	       "parameter \"domain\" of domain.start is empty");
	refuse(METHOD_domain_graphics, "{\"domain\":\"a\",\"n\":256}",
	       "parameter \"n\" of domain.graphics must be a whole number from "
	       "0 to 255; it is out of range");
	refuse(METHOD_domain_graphics, "{\"domain\":\"a\",\"n\":1.0}",
	       "parameter \"n\" of domain.graphics must be a whole number from "
	       "0 to 255; it is a fraction");
	refuse(METHOD_domain_shutdown, "{\"domain\":\"a\",\"mode\":\"kindly\"}",
	       "parameter \"mode\" of domain.shutdown must be one of acpi, "
	       "agent, initctl, signal, paravirt; it is \"kindly\"");
	refuse(METHOD_domain_list, "{\"state\":\"running\"}",
	       "parameter \"state\" of domain.list must be a list; it is a "
	       "string");
	refuse(METHOD_domain_list, "{\"state\":[\"running\",0]}",
	       "parameter \"state\" of domain.list, element 2, must be one of "
	       "no-state, running, blocked, paused, in-shutdown, shut-off, "
	       "crashed, pm-suspended; it is a number");
	refuse(METHOD_domain_list, "{\"name\":\"[a\"}",
	       "parameter \"name\" of domain.list is not a well-formed "
	       "pattern");
}

static void test_limits_of_lists_and_texts(void **state)
{
	autobuf text = {0};
	struct domain_list_params p;
	autoerror err = {0};

	buf_append_str(&text, "{\"state\":[\"running\"");
	for (int i = 0; i < CODEC_LIST_MAX; i++)
		buf_append_str(&text, ",\"running\"");
	buf_append_str(&text, "]}");
	buf_append_char(&text, '\0');
	assert_true(buf_ok(&text));
	assert_int_equal(decode(METHOD_domain_list,
				(const char *)buf_bytes(&text), &p, &err),
			 -1);
	assert_string_equal(error_words(&err),
			    "parameter \"state\" of domain.list has 4097 "
			    "elements; at most 4096 are taken");
	buf_reset(&text);
	buf_appendf(&text, "{\"domain\":\"%0256d\"}", 0);
	buf_append_char(&text, '\0');
	refuse(METHOD_domain_start, (const char *)buf_bytes(&text),
	       "parameter \"domain\" of domain.start is 256 bytes long; at "
	       "most "
	       "255 are taken");
}

/* A tree that did not come through the gate is checked all the same. */
static void test_foreign_trees(void **state)
{
	autojson params = json_object_new_object();
	struct domain_start_params p;
	struct host_speed_download_params speed;
	autoerror err = {0};

	json_object_object_add(params, "domain",
			       json_object_new_string_len("a\0b", 3));
	assert_int_equal(params_decode(start_method(), params, &p, &err), -1);
	assert_string_equal(error_words(&err),
			    "parameter \"domain\" of domain.start has a NUL");
	json_object_object_add(params, "domain",
			       json_object_new_string("\xff"));
	assert_int_equal(params_decode(start_method(), params, &p, &err), -1);
	json_object_object_del(params, "domain");
	json_object_object_add(params, "bytes",
			       json_object_new_uint64(UINT64_MAX));
	assert_int_equal(params_decode(method_by_id(METHOD_host_speed_download),
				       params, &speed, &err),
			 -1);
}

static void assert_text(struct buf *out, const char *expected)
{
	buf_append_char(out, '\0');
	assert_true(buf_ok(out));
	assert_string_equal((const char *)buf_bytes(out), expected);
	buf_reset(out);
}

static void test_encodes(void **state)
{
	struct domain_summary domains[] = {
		{.uuid = "u1",
		 .name = "a\xff\"",
		 .id = 7,
		 .has_id = true,
		 .state = DOMAIN_STATE_RUNNING,
		 .vcpus = 2,
		 .memory = 1024,
		 .memory_max = 2048,
		 .persistent = true,
		 .has_persistent = true},
		{.name = "b", .state = (enum domain_state)99},
	};
	struct domain_list list = {.domains = domains, .domains_count = 2};
	autobuf out = {0};

	assert_int_equal(result_encode(method_by_id(METHOD_domain_list), &list,
				       &out),
			 0);
	assert_text(&out,
		    "{\"domains\":[{\"uuid\":\"u1\",\"name\":\"a\xef\xbf\xbd"
		    "\\\"\",\"id\":7,\"state\":\"running\",\"vcpus\":2,"
		    "\"memory\":1024,\"memory_max\":2048,\"persistent\":true},"
		    "{\"uuid\":\"\",\"name\":\"b\",\"state\":\"unknown\","
		    "\"vcpus\":0,\"memory\":0,\"memory_max\":0}]}");
	list.domains_count = 0;
	list.domains = NULL;
	result_encode(method_by_id(METHOD_domain_list), &list, &out);
	assert_text(&out, "{\"domains\":[]}");
	object_encode(&api_type_domain_ref,
		      &(struct domain_ref){.uuid = "u", .name = "n"}, &out);
	assert_text(&out, "{\"uuid\":\"u\",\"name\":\"n\"}");
	result_encode(method_by_id(METHOD_domain_screenshot), NULL, &out);
	assert_text(&out, "{}");
}

static int decode_result(enum method_id id, const char *text, void *out,
			 struct error *err)
{
	autojson value = NULL;

	assert_int_equal(json_parse(text, strlen(text), NULL, &value, err), 0);
	return result_decode(method_by_id(id), value, out, err);
}

static void test_results_from_other_versions(void **state)
{
	const struct method *m = method_by_id(METHOD_domain_info);
	struct domain_info info;
	autoerror err = {0};

	assert_int_equal(
		decode_result(
			METHOD_domain_info,
			"{\"uuid\":\"00000000-0000-4000-8000-000000000000"
			"\",\"name\":\"a\",\"state\":\"dreaming\",\"id\":"
			"null,\"os_type\":\"hvm\",\"vcpus\":1,\"cpu_time\":"
			"9007199254740993,\"memory\":1,\"memory_max\":1,"
			"\"persistent\":true,\"autostart\":false,\"managed_"
			"save\":false,\"novelty\":{\"x\":[1]},\"graphics\":"
			"[{\"n\":0,\"type\":\"vnc\",\"listen\":\"none\","
			"\"more\":1}]}",
			&info, &err),
		0);
	assert_int_equal(info.state, domain_state_count);
	assert_false(info.has_id);
	assert_true(info.cpu_time == 9007199254740993u);
	assert_int_equal(info.graphics_count, 1);
	assert_string_equal(info.graphics[0].type, "vnc");
	assert_int_equal(info.serial_count, 0);
	result_free(m, &info);
	assert_null(info.name);
}

static void test_results_that_do_not_fit(void **state)
{
	struct domain_ref ref;
	struct domain_list list;
	autoerror err = {0};

	assert_int_equal(decode_result(METHOD_domain_start,
				       "{\"uuid\":\"x\",\"name\":\"a\"}", &ref,
				       &err),
			 -1);
	assert_int_equal(err.code, ERROR_INVALID_REQUEST);
	assert_string_equal(error_words(&err),
			    "field \"uuid\" of domain.start is no UUID");
	assert_int_equal(decode_result(METHOD_domain_start, "[]", &ref, &err),
			 -1);
	assert_int_equal(decode_result(METHOD_domain_list,
				       "{\"domains\":[{\"name\":\"a\"}]}",
				       &list, &err),
			 -1);
	assert_string_equal(error_words(&err),
			    "field \"uuid\" of domain.list is missing");
	assert_null(list.domains);
}

static void test_paths(void **state)
{
	struct domain_screenshot_params shot;
	struct domain_graphics_params graphics;
	struct domain_serial_params serial;
	autoerror err = {0};

	assert_int_equal(decode_path(METHOD_domain_graphics,
				     "/domains/web%2f1%20%C3%A9/graphics/12",
				     &graphics, &err),
			 0);
	assert_string_equal(graphics.domain, "web/1 \xc3\xa9");
	assert_int_equal(graphics.n, 12);
	assert_int_equal(graphics.given, 2);
	params_free(method_by_id(METHOD_domain_graphics), &graphics);
	assert_int_equal(decode_path(METHOD_domain_screenshot,
				     "/domains/a+b/screenshot?s%63reen=3",
				     &shot, &err),
			 0);
	assert_string_equal(shot.domain, "a+b");
	assert_true(shot.has_screen);
	assert_int_equal(shot.screen, 3);
	params_free(method_by_id(METHOD_domain_screenshot), &shot);
	assert_int_equal(decode_path(METHOD_domain_serial,
				     "/domains/a/serial/0?force", &serial,
				     &err),
			 0);
	assert_true(serial.force);
	params_free(method_by_id(METHOD_domain_serial), &serial);
}

static void test_refuses_paths(void **state)
{
	static const char *const paths[] = {
		"/domains/a%/screenshot",
		"/domains/a%2/screenshot",
		"/domains/a%zz/screenshot",
		"/domains/a%00/screenshot",
		"/domains/a%0a/screenshot",
		"/domains/a%ff/screenshot",
		"/domains/a b/screenshot",
		"/domains/\xc3\xa9/screenshot",
		"/domains/a\"/screenshot",
		"/domains/a#/screenshot",
		"/domains/a\\/screenshot",
		"/domains/a%c0%af/screenshot",
		"/domains/a/screenshot?screen",
		"/domains/a/screenshot?screen=",
		"/domains/a/screenshot?screen=-1",
		"/domains/a/screenshot?screen=0x1",
		"/domains/a/screenshot?screen=+1",
		"/domains/a/screenshot?screen=%31%",
		"/domains/a/screenshot?screen=1&screen=1",
		"/domains/a/screenshot?screen=256",
		"/domains/a/screenshot?screen=99999999999999999999",
		"/domains/a/screenshot?domain=b",
		"/domains/a/screenshot?x=1",
		"/domains/a/screenshot?=1",
		"/domains/a/screenshot?screen=1&&",
		"/domains/a/screenshot?screen%00=1",
	};

	for (size_t i = 0; i < array_size(paths); i++) {
		struct domain_screenshot_params p;
		autoerror err = {0};

		if (decode_path(METHOD_domain_screenshot, paths[i], &p, &err) ==
		    0)
			fail_msg("%s is taken", paths[i]);
		assert_int_equal(err.code, ERROR_INVALID_PARAMS);
		assert_null(p.domain);
	}
}

/* A path of another method is no way to read past its end. */
static void test_paths_of_others(void **state)
{
	const struct method *m = method_by_id(METHOD_domain_screenshot);
	struct domain_screenshot_params p;
	autoerror err = {0};

	assert_int_equal(params_decode_path(m, "/dom", 4, &p, &err), -1);
	assert_int_equal(params_decode_path(m, "/domains/a", 10, &p, &err), -1);
	assert_int_equal(params_decode_path(m, "", 0, &p, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_composes_paths(void **state)
{
	struct domain_screenshot_params shot = {
		.domain = "web/1 \xc3\xa9?&=%#",
		.screen = 3,
		.has_screen = true,
	};
	struct domain_serial_params serial = {
		.domain = "a",
		.n = 0,
		.force = true,
		.has_force = true,
	};
	struct domain_screenshot_params back;
	autobuf out = {0};
	autoerror err = {0};

	assert_int_equal(
		params_encode_path(method_by_id(METHOD_domain_screenshot),
				   &shot, &out),
		0);
	assert_text(&out, "/domains/web%2F1%20%C3%A9%3F%26%3D%25%23/screenshot"
			  "?screen=3");
	params_encode_path(method_by_id(METHOD_domain_screenshot), &shot, &out);
	assert_int_equal(
		params_decode_path(method_by_id(METHOD_domain_screenshot),
				   (const char *)buf_bytes(&out), out.len,
				   &back, &err),
		0);
	assert_string_equal(back.domain, shot.domain);
	params_free(method_by_id(METHOD_domain_screenshot), &back);
	buf_reset(&out);
	params_encode_path(method_by_id(METHOD_domain_serial), &serial, &out);
	assert_text(&out, "/domains/a/serial/0?force=true");
}

static void assert_words(enum method_id id, const char *const *words, size_t n,
			 const char *json)
{
	autobuf out = {0};
	autoerror err = {0};

	if (params_from_words(method_by_id(id), words, n, &out, &err) != 0)
		fail_msg("%s", error_words(&err));
	assert_text(&out, json);
}

#define WORDS(...)                                                             \
	(const char *const[]){__VA_ARGS__},                                    \
		array_size(((const char *const[]){__VA_ARGS__}))

static void test_words(void **state)
{
	assert_words(
		METHOD_domain_start,
		WORDS("paused", "domain=a=b", "force_boot=no"),
		"{\"domain\":\"a=b\",\"paused\":true,\"force_boot\":false}");
	assert_words(METHOD_domain_list,
		     WORDS("state=running,paused", "state=shut-off",
			   "name=web-*,x"),
		     "{\"state\":[\"running\",\"paused\",\"shut-off\"],"
		     "\"name\":\"web-*,x\"}");
	assert_words(METHOD_domain_graphics, WORDS("n=007", "domain=a"),
		     "{\"domain\":\"a\",\"n\":7}");
	assert_words(METHOD_host_info, NULL, 0, "{}");
}

static void refuse_words(enum method_id id, const char *const *words, size_t n,
			 const char *expected)
{
	autobuf out = {0};
	autoerror err = {0};

	assert_int_equal(
		params_from_words(method_by_id(id), words, n, &out, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	assert_string_equal(error_words(&err), expected);
	assert_int_equal(out.len, 0);
}

static void test_refuses_words(void **state)
{
	refuse_words(METHOD_domain_start, NULL, 0,
		     "parameter \"domain\" of domain.start is missing");
	refuse_words(METHOD_domain_start, WORDS("domain"),
		     "parameter \"domain\" of domain.start needs a value: "
		     "domain=…");
	refuse_words(METHOD_domain_start, WORDS("domian=a"),
		     "domain.start has no parameter \"domian\"; did you mean "
		     "\"domain\"?");
	refuse_words(METHOD_domain_start, WORDS("domain=a", "domain=b"),
		     "parameter \"domain\" of domain.start is given twice");
	refuse_words(METHOD_domain_start, WORDS("domain=a", "paused=maybe"),
		     "parameter \"paused\" of domain.start must be true or "
		     "false; it is \"maybe\"");
	refuse_words(
		METHOD_domain_graphics, WORDS("domain=a", "n=1x"),
		"parameter \"n\" of domain.graphics must be a whole number "
		"from 0 to 255; it is \"1x\"");
	refuse_words(
		METHOD_domain_list, WORDS("state=running,"),
		"parameter \"state\" of domain.list, element 2, must be one "
		"of no-state, running, blocked, paused, in-shutdown, "
		"shut-off, crashed, pm-suspended; it is \"\"");
	refuse_words(METHOD_domain_start, WORDS("domain=\xff"),
		     "parameter \"domain\" of domain.start is not valid UTF-8");
}

static void test_audit_target(void **state)
{
	struct domain_xml_params xml = {.domain = "web"};
	struct domain_serial_params serial = {.domain = "web", .n = 2};
	autobuf out = {0};

	params_audit_target(method_by_id(METHOD_domain_xml), &xml, &out);
	assert_text(&out, "web");
	xml.secure = xml.has_secure = true;
	params_audit_target(method_by_id(METHOD_domain_xml), &xml, &out);
	assert_text(&out, "web secure=true");
	params_audit_target(method_by_id(METHOD_domain_serial), &serial, &out);
	assert_text(&out, "web n=2");
	params_audit_target(method_by_id(METHOD_host_info), &xml, &out);
	assert_text(&out, "");
}

/* -- without memory ------------------------------------------------------- */

struct trial {
	enum method_id id;
	struct json_object *json;
	const char *const *words;
	size_t n;
	const char *path;
};

static int decode_run(void *context)
{
	const struct trial *t = context;
	union {
		struct domain_list_params list;
		struct domain_start_params start;
		struct domain_screenshot_params shot;
	} out;
	autoerror err = {0};
	const struct method *m = method_by_id(t->id);
	int result;

	if (t->path)
		result = params_decode_path(m, t->path, strlen(t->path), &out,
					    &err);
	else if (t->words)
		result = params_decode_words(m, t->words, t->n, &out, &err);
	else
		result = params_decode(m, t->json, &out, &err);
	if (result != 0)
		assert_int_equal(err.code, ERROR_NO_MEMORY);
	params_free(m, &out);
	return result;
}

static void test_decoding_without_memory(void **state)
{
	static const char text[] = "{\"name\":\"a*\",\"state\":[\"running\"]}";
	static const char *const words[] = {"name=a*", "state=running,paused",
					    "active"};
	struct trial t = {.id = METHOD_domain_list};
	autoerror err = {0};

	assert_int_equal(json_parse(text, strlen(text), NULL, &t.json, &err),
			 0);
	assert_int_equal(alloc_fail_each(decode_run, &t), 2);
	json_object_put(t.json);
	t.words = words;
	t.n = array_size(words);
	assert_true(alloc_fail_each(decode_run, &t) >= 4);
	t.id = METHOD_domain_screenshot;
	t.path = "/domains/web-1/screenshot?screen=1";
	assert_true(alloc_fail_each(decode_run, &t) >= 2);
}

static int words_run(void *context)
{
	static const char *const words[] = {"domain=a", "paused"};
	autobuf out = {0};
	autoerror err = {0};

	return params_from_words(start_method(), words, 2, &out, &err);
}

static int result_run(void *context)
{
	struct domain_info info;
	autoerror err = {0};
	int result = result_decode(method_by_id(METHOD_domain_info), context,
				   &info, &err);

	if (result != 0)
		assert_int_equal(err.code, ERROR_NO_MEMORY);
	result_free(method_by_id(METHOD_domain_info), &info);
	return result;
}

static int encode_run(void *context)
{
	struct domain_screenshot_params shot = {
		.domain = "a/b", .screen = 1, .has_screen = true};
	struct domain_xml_text xml = {.uuid = "u",
				      .name = "n",
				      .xml = "<domain type='test'>\n"
					     "<name>a long name</name>\n"
					     "</domain>\n"};
	autobuf json = {0};
	autobuf path = {0};

	if (params_encode_path(method_by_id(METHOD_domain_screenshot), &shot,
			       &path) != 0)
		return -1;
	return result_encode(method_by_id(METHOD_domain_xml), &xml, &json);
}

static void test_the_rest_without_memory(void **state)
{
	static const char text[] =
		"{\"uuid\":\"00000000-0000-4000-8000-000000000000\",\"name\":"
		"\"a\",\"state\":\"running\",\"os_type\":\"hvm\",\"vcpus\":1,"
		"\"cpu_time\":1,\"memory\":1,\"memory_max\":1,\"persistent\":"
		"true,\"autostart\":true,\"managed_save\":true,\"graphics\":"
		"[{\"n\":0,\"type\":\"vnc\",\"listen\":\"none\"},{\"n\":1,"
		"\"type\":\"spice\",\"listen\":\"none\"}]}";
	autojson value = NULL;
	autoerror err = {0};

	assert_int_equal(json_parse(text, strlen(text), NULL, &value, &err), 0);
	assert_int_equal(alloc_fail_each(result_run, value), 8);
	assert_true(alloc_fail_each(words_run, NULL) >= 3);
	assert_true(alloc_fail_each(encode_run, NULL) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decodes),
		cmocka_unit_test(test_decodes_nothing),
		cmocka_unit_test(test_decodes_lists),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_limits_of_lists_and_texts),
		cmocka_unit_test(test_foreign_trees),
		cmocka_unit_test(test_encodes),
		cmocka_unit_test(test_results_from_other_versions),
		cmocka_unit_test(test_results_that_do_not_fit),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_refuses_paths),
		cmocka_unit_test(test_paths_of_others),
		cmocka_unit_test(test_composes_paths),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_refuses_words),
		cmocka_unit_test(test_audit_target),
		cmocka_unit_test(test_decoding_without_memory),
		cmocka_unit_test(test_the_rest_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
