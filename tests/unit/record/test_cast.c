/*
 * asciicast v2: what is written is read again, byte for byte, whatever the bytes are
 * and however they were split; other players' files are read; what is none is
 * refused with its line.
 */
#include "record/cast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/json.h"

#define HEADER "{\"version\":2,\"width\":80,\"height\":24}\n"

struct heard {
	struct buf output;
	struct buf input;
	uint64_t ns;
	unsigned events;
	unsigned others;
};

static int on_event(void *context, const struct cast_event *event,
		    struct error *err)
{
	struct heard *h = context;

	assert_true(event->ns >= h->ns);
	h->ns = event->ns;
	h->events++;
	if (event->kind == 'o')
		return buf_append(&h->output, event->data, event->len);
	if (event->kind == 'i')
		return buf_append(&h->input, event->data, event->len);
	h->others++;
	return 0;
}

static void forget(struct heard *h)
{
	buf_free(&h->output);
	buf_free(&h->input);
	*h = (struct heard){0};
}

/* FILE in two parts; the verdict of both, and of the end. */
static int read_split(const struct buf *file, size_t at, struct heard *h,
		      bool *cut, struct error *err)
{
	autoptr(cast_reader) r = cast_reader_new();

	if (cast_reader_feed(r, buf_bytes(file), at, on_event, h, err) < 0 ||
	    cast_reader_feed(r, buf_bytes(file) + at, file->len - at, on_event,
			     h, err) < 0)
		return -1;
	return cast_reader_end(r, cut, err);
}

static void begin(struct buf *file)
{
	const struct cast_header header = {
		.width = CAST_WIDTH,
		.height = CAST_HEIGHT,
		.term = "xterm",
		.about = {.time_us = 1763761275000000,
			  .domain = "web\"1",
			  .kind = "serial"},
	};

	assert_int_equal(cast_append_header(file, &header), 0);
}

/* As a console gives them: what was not used comes again with the next part. */
static void write_parts(struct buf *file, const uint8_t *data, size_t n,
			size_t part)
{
	autobuf held = {0};
	uint64_t ns = 0;

	for (size_t i = 0; i < n; i += part) {
		size_t used = 0;
		size_t now = n - i < part ? n - i : part;

		buf_append(&held, data + i, now);
		assert_int_equal(cast_append_event(file, ns += 1000,
						   CAST_OUTPUT,
						   buf_bytes(&held), held.len,
						   i + now == n, &used),
				 0);
		assert_true(held.len - used <= CAST_TAIL_MAX);
		buf_consume(&held, used);
	}
	assert_int_equal(held.len, 0);
}

static void assert_output(const struct buf *file, const uint8_t *data, size_t n)
{
	struct heard h = {0};
	bool cut = true;

	assert_int_equal(read_split(file, 0, &h, &cut, NULL), 0);
	assert_false(cut);
	assert_int_equal(h.output.len, n);
	assert_memory_equal(buf_bytes(&h.output), data, n);
	forget(&h);
}

static const uint8_t mixed[] =
	"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x1b[31m\r\n\"\\"
	"\xe9\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82z"
	"\xee\xbc\x80\xee\xbe\x80\xef\xbf\xbf\x7f\xc2\x85\xe2\x82";

static void test_every_byte_comes_back_however_it_is_split(void **state)
{
	for (size_t part = 1; part <= sizeof(mixed); part++) {
		autobuf file = {0};

		begin(&file);
		write_parts(&file, mixed, sizeof(mixed), part);
		assert_output(&file, mixed, sizeof(mixed));
	}
}

static void test_all_bytes_and_pairs(void **state)
{
	autobuf data = {0};
	autobuf file = {0};

	for (unsigned i = 0; i < 65536; i++) {
		buf_append_char(&data, (char)(i >> 8));
		buf_append_char(&data, (char)i);
	}
	begin(&file);
	write_parts(&file, buf_bytes(&data), data.len, CAST_DATA_MAX - 7);
	assert_output(&file, buf_bytes(&data), data.len);
}

/* A player that knows nothing of us shows what the terminal did. */
static void test_characters_stand_as_they_are(void **state)
{
	autobuf file = {0};
	size_t used = 9;

	assert_int_equal(cast_append_event(&file, 1500000000, CAST_OUTPUT,
					   (const uint8_t *)"\xc3", 1, false,
					   &used),
			 0);
	assert_int_equal(used, 0);
	assert_int_equal(file.len, 0);
	cast_append_event(&file, 1500000999, CAST_INPUT,
			  (const uint8_t *)"\xc3\xa9\n", 3, false, &used);
	assert_int_equal(used, 3);
	buf_append_char(&file, '\0');
	assert_string_equal(buf_bytes(&file),
			    "[1.500000,\"i\",\"\xc3\xa9\\n\"]\n");
}

static void test_a_byte_that_is_no_character_stands_escaped(void **state)
{
	autobuf file = {0};
	size_t used = 0;

	cast_append_event(&file, 0, CAST_OUTPUT, (const uint8_t *)"\xff", 1,
			  false, &used);
	buf_append_char(&file, '\0');
	assert_string_equal(buf_bytes(&file),
			    "[0.000000,\"o\",\"\xee\xbf\xbf\"]\n");
}

static void test_the_file_split_at_every_offset(void **state)
{
	autobuf file = {0};

	begin(&file);
	write_parts(&file, mixed, sizeof(mixed), 5);
	for (size_t at = 0; at <= file.len; at++) {
		struct heard h = {0};
		bool cut = true;

		assert_int_equal(read_split(&file, at, &h, &cut, NULL), 0);
		assert_false(cut);
		assert_int_equal(h.output.len, sizeof(mixed));
		assert_memory_equal(buf_bytes(&h.output), mixed, sizeof(mixed));
		forget(&h);
	}
}

/* What lies before the cut is a prefix; and never is there more. */
static void test_a_file_cut_at_every_offset(void **state)
{
	autobuf file = {0};
	size_t head;

	begin(&file);
	head = file.len;
	write_parts(&file, mixed, sizeof(mixed), 3);
	for (size_t n = 0; n < file.len; n++) {
		struct buf part = {.data = file.data, .len = n};
		struct heard h = {0};
		autoerror err = {0};
		bool cut = false;
		int rc = read_split(&part, 0, &h, &cut, &err);

		assert_int_equal(rc, n < head ? -1 : 0);
		assert_int_equal(cut, n > 0 && file.data[n - 1] != '\n');
		assert_true(h.output.len <= sizeof(mixed));
		if (h.output.len)
			assert_memory_equal(buf_bytes(&h.output), mixed,
					    h.output.len);
		forget(&h);
	}
}

static void test_the_header_tells_what_it_is(void **state)
{
	autobuf file = {0};
	autoptr(cast_reader) r = cast_reader_new();
	struct json_object *o = NULL;
	struct heard h = {0};

	begin(&file);
	cast_reader_feed(r, buf_bytes(&file), file.len, on_event, &h, NULL);
	assert_true(json_object_object_get_ex(cast_reader_header(r),
					      "timestamp", &o));
	assert_int_equal(json_object_get_int64(o), 1763761275);
	assert_true(
		json_object_object_get_ex(cast_reader_header(r), "title", &o));
	assert_string_equal(json_object_get_string(o), "web\"1");
	assert_true(json_object_object_get_ex(cast_reader_header(r), "virtmux",
					      &o));
	assert_true(json_object_object_get_ex(o, "kind", &o));
	assert_string_equal(json_object_get_string(o), "serial");
}

/* Icon fonts live in U+EF00 too: in another program's file they are themselves. */
static void test_another_programs_file(void **state)
{
	static const char text[] =
		HEADER "[0.1,\"o\",\"\xee\xbc\x81\"]\n"
		       "[2,\"m\",\"chapter\"]\r\n\n[1.5,\"r\",\"100x30\"]\n";
	struct buf file = {.data = (uint8_t *)text, .len = sizeof(text) - 1};
	struct heard h = {0};
	bool cut = true;

	assert_int_equal(read_split(&file, 7, &h, &cut, NULL), 0);
	assert_int_equal(h.events, 3);
	assert_int_equal(h.others, 2);
	assert_int_equal(h.ns, 2000000000);
	assert_int_equal(h.output.len, 3);
	forget(&h);
}

static void test_what_is_no_recording(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "before its header"},
		{"hello\n", "line 1"},
		{"[1]\n", "no header"},
		{"{\"version\":1,\"width\":80,\"height\":24}\n", "version 1"},
		{"{\"version\":2,\"height\":24}\n", "no width"},
		{"{\"version\":2,\"width\":0,\"height\":24}\n", "no width"},
		{"{\"version\":2,\"width\":80,\"height\":65536}\n", "no width"},
		{HEADER "{}\n", "line 2: an event"},
		{HEADER "[1,\"o\"]\n", "line 2: an event"},
		{HEADER "[-1,\"o\",\"\"]\n", "seconds"},
		{HEADER "[1e99,\"o\",\"\"]\n", "seconds"},
		{HEADER "[\"1\",\"o\",\"\"]\n", "seconds"},
		{HEADER "[1,\"oo\",\"\"]\n", "one letter"},
		{HEADER "[1,1,\"\"]\n", "one letter"},
		{HEADER "[1,\"o\",null]\n", "no text"},
		{HEADER "[1,\"o\",\"\xff\"]\n", "line 2"},
		{HEADER "[1,\"o\",\"\"]\n[1,\"o\",\"\\ud800\"]\n", "line 3"},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct buf file = {.data = (uint8_t *)cases[i].text,
				   .len = strlen(cases[i].text)};
		struct heard h = {0};
		autoerror err = {0};
		bool cut;

		assert_int_equal(read_split(&file, 0, &h, &cut, &err), -1);
		assert_int_equal(err.code, ERROR_PARSE);
		if (!strstr(error_words(&err), cases[i].words))
			fail_msg("%s: %s", cases[i].text, error_words(&err));
		forget(&h);
	}
}

static void test_a_line_without_end_is_bounded(void **state)
{
	autoptr(cast_reader) r = cast_reader_new();
	autofree uint8_t *line = malloc(CAST_LINE_MAX);
	struct heard h = {0};
	autoerror err = {0};

	memset(line, ' ', CAST_LINE_MAX);
	assert_int_equal(cast_reader_feed(r, line, CAST_LINE_MAX, on_event, &h,
					  &err),
			 0);
	assert_int_equal(cast_reader_feed(r, line, 1, on_event, &h, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_every_byte_comes_back_however_it_is_split),
		cmocka_unit_test(test_all_bytes_and_pairs),
		cmocka_unit_test(test_characters_stand_as_they_are),
		cmocka_unit_test(
			test_a_byte_that_is_no_character_stands_escaped),
		cmocka_unit_test(test_the_file_split_at_every_offset),
		cmocka_unit_test(test_a_file_cut_at_every_offset),
		cmocka_unit_test(test_the_header_tells_what_it_is),
		cmocka_unit_test(test_another_programs_file),
		cmocka_unit_test(test_what_is_no_recording),
		cmocka_unit_test(test_a_line_without_end_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
