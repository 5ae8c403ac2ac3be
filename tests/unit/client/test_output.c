/*
 * Results for people and scripts: escaping, tables that shrink, CSV quoting, JSON
 * and JSON lines, fields, sizes.
 */
#include "client/output.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/json.h"

struct capture {
	char *text;
	size_t len;
	FILE *file;
	struct output *output;
};

static void begin_for(struct capture *c, const struct output_options *wanted)
{
	struct output_options options = *wanted;

	c->text = NULL;
	c->file = open_memstream(&c->text, &c->len);
	options.file = c->file;
	c->output = output_new(&options);
	assert_non_null(c->output);
}

static void begin(struct capture *c, enum output_format format, unsigned width)
{
	const struct output_options options = {.format = format,
					       .width = width};

	begin_for(c, &options);
}

/* Its text, to free(). */
static char *end(struct capture *c)
{
	assert_int_equal(output_finish(c->output, NULL), 0);
	output_free(c->output);
	fclose(c->file);
	return c->text;
}

static void assert_output(struct capture *c, const char *expected)
{
	autofree char *text = end(c);

	if (strcmp(text, expected) != 0)
		fail_msg("got:\n%s\nnot:\n%s", text, expected);
}

/* -- texts ----------------------------------------------------------------- */

static void assert_escaped(const char *text, const char *expected)
{
	autobuf out = {0};
	autofree char *s = NULL;

	output_escape(&out, text);
	s = buf_steal_str(&out);
	assert_string_equal(s, expected);
}

static void test_escape(void **state)
{
	assert_escaped("plain ä €", "plain ä €");
	assert_escaped("a\033[2Jb", "a\\x1b[2Jb");
	assert_escaped("a\nb\x7f", "a\\x0ab\\x7f");
	assert_escaped("\xc2\x9b[2J", "\\xc2\\x9b[2J");
	assert_escaped("\xff\xc3", "\\xff\\xc3");
	assert_escaped("", "");
}

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1 KiB"},
		{1536, "1.5 KiB"},
		{UINT64_C(512) << 20, "512 MiB"},
		{UINT64_C(8) << 30, "8 GiB"},
		{UINT64_MAX, "16 EiB"},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		char text[OUTPUT_SIZE_TEXT];

		output_size(text, cases[i].bytes);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_messages(void **state)
{
	struct capture c;

	begin(&c, OUTPUT_TABLE, 0);
	output_say(c.output, "Domain '%s' started", "a\033b");
	output_field(c.output, "Id", "%d", 7);
	output_field(c.output, "Thread(s) per core", "%d", 2);
	assert_output(&c, "Domain 'a\\x1bb' started\n"
			  "Id:             7\n"
			  "Thread(s) per core: 2\n");
	begin(&c, OUTPUT_JSON, 0);
	output_say(c.output, "nothing of this");
	assert_output(&c, "");
}

/* -- tables ---------------------------------------------------------------- */

static void print_rows(struct output *output)
{
	static const struct output_column columns[] = {
		{.title = "Id", .key = "id"},
		{.title = "Name", .key = "name", .shrinks = true},
		{.title = "Mem", .key = "memory", .right = true},
	};
	struct output_table *t = output_table_new(output, columns, 3);
	const struct output_cell one[] = {
		{"1", 0}, {"a domain with a long name", 0}, {"5", 0}};
	const struct output_cell two[] = {
		{NULL, 0}, {"ä,\"b\"\033", OUTPUT_BAD}, {"1024", 0}};

	output_table_row(t, one);
	output_table_row(t, two);
	assert_int_equal(output_table_end(t, NULL), 0);
}

static void test_table(void **state)
{
	struct capture c;

	begin(&c, OUTPUT_TABLE, 0);
	print_rows(c.output);
	assert_output(&c, " Id   Name                         Mem\n"
			  "---------------------------------------\n"
			  " 1    a domain with a long name      5\n"
			  " -    ä,\"b\"\\x1b                   1024\n");
}

static void test_table_shrinks(void **state)
{
	struct capture c;

	begin(&c, OUTPUT_TABLE, 36); /* the gaps alone */
	print_rows(c.output);
	assert_output(&c, " Id  Name                        Mem\n"
			  "------------------------------------\n"
			  " 1   a domain with a long name     5\n"
			  " -   ä,\"b\"\\x1b                  1024\n");
	begin(&c, OUTPUT_TABLE, 30);
	print_rows(c.output);
	assert_output(&c, " Id Name                   Mem\n"
			  "------------------------------\n"
			  " 1  a domain with a long…    5\n"
			  " -  ä,\"b\"\\x1b             1024\n");
}

/* Too narrow for any table: blocks of lines. */
static void test_table_as_records(void **state)
{
	static const struct output_column column = {.title = "Id"};
	struct capture c;

	begin(&c, OUTPUT_TABLE, 18);
	print_rows(c.output);
	assert_output(&c, "Id:   1\nName: a domain with a long name\nMem:  5\n"
			  "\n"
			  "Id:   -\nName: ä,\"b\"\\x1b\nMem:  1024\n");
	begin(&c, OUTPUT_TABLE, 1); /* without rows it stays a table */
	assert_int_equal(
		output_table_end(output_table_new(c.output, &column, 1), NULL),
		0);
	assert_output(&c, " Id\n-\n");
}

static void test_csv(void **state)
{
	struct capture c;

	begin(&c, OUTPUT_CSV, 10);
	print_rows(c.output);
	assert_output(&c, "id,name,memory\r\n"
			  "1,a domain with a long name,5\r\n"
			  ",\"ä,\"\"b\"\"\033\",1024\r\n");
}

/* A list in every format, by one description; CSV's values are not rounded. */
static void add_entry(struct output_table *table, struct json_object *entry,
		      bool csv)
{
	const struct output_cell cells[] = {
		{json_text(entry, "name"), OUTPUT_PLAIN},
		{csv ? json_text(entry, "ms") : "a while", OUTPUT_PLAIN},
	};

	output_table_row(table, cells);
}

static void assert_list(enum output_format format, const char *json,
			const char *expected)
{
	static const struct output_column columns[] = {
		{.title = "Name", .key = "name"},
		{.title = "For", .key = "ms"},
	};
	struct capture c;
	autojson result = NULL;

	assert_int_equal(json_parse(json, strlen(json), NULL, &result, NULL),
			 0);
	begin(&c, format, 0);
	assert_int_equal(output_list(c.output, result, "lines", columns,
				     array_size(columns), add_entry, NULL),
			 0);
	assert_output(&c, expected);
}

static void test_list(void **state)
{
	const char *two = "{\"lines\":[{\"name\":\"a\",\"ms\":1500},"
			  "{\"name\":\"b\"}]}";

	assert_list(OUTPUT_TABLE, two,
		    " Name   For\n"
		    "----------------\n"
		    " a      a while\n"
		    " b      a while\n");
	assert_list(OUTPUT_CSV, two, "name,ms\r\na,1500\r\nb,\r\n");
	assert_list(OUTPUT_JSONL, two,
		    "{\"name\":\"a\",\"ms\":1500}\n{\"name\":\"b\"}\n");
	assert_list(OUTPUT_JSON, "{\"lines\":[],\"more\":1}",
		    "{\"lines\":[],\"more\":1}\n");
	assert_list(OUTPUT_CSV, "{\"lines\":[]}", "name,ms\r\n");
	assert_list(OUTPUT_CSV, "{\"other\":[]}", "name,ms\r\n");
}

/* What output_table_new() gives without memory. */
static void test_no_table(void **state)
{
	const struct output_cell cell = {"a", OUTPUT_PLAIN};
	autoerror err = {0};

	output_table_row(NULL, &cell);
	assert_int_equal(output_table_end(NULL, &err), -1);
	assert_int_equal(err.code, ERROR_NO_MEMORY);
}

static void test_empty_table(void **state)
{
	static const struct output_column columns[] = {
		{.title = "Id", .key = "id"}};
	struct capture c;

	begin(&c, OUTPUT_TABLE, 0);
	assert_int_equal(
		output_table_end(output_table_new(c.output, columns, 1), NULL),
		0);
	assert_output(&c, " Id\n----\n");
}

/* -- values ---------------------------------------------------------------- */

static void assert_value(enum output_format format, const char *json,
			 const char *expected)
{
	struct capture c;
	autojson value = NULL;

	assert_int_equal(json_parse(json, strlen(json), NULL, &value, NULL), 0);
	begin(&c, format, 0);
	assert_int_equal(output_value(c.output, value, NULL), 0);
	assert_output(&c, expected);
}

static void test_values(void **state)
{
	static const char object[] =
		"{\"name\":\"a/b\",\"memory_free\":5,\"up\":true,\"none\":null,"
		"\"tags\":[\"x\",\"y\"],\"no_tags\":[]}";
	static const char list[] = "{\"domains\":[{\"a\":1},{\"b\":\"x\"}]}";

	assert_value(OUTPUT_TABLE, object,
		     "Name:           a/b\n"
		     "Memory free:    5\n"
		     "Up:             yes\n"
		     "None:           -\n"
		     "Tags:           x\n"
		     "                y\n"
		     "No tags:        -\n");
	assert_value(OUTPUT_JSON, object,
		     "{\"name\":\"a/b\",\"memory_free\":5,\"up\":true,"
		     "\"none\":null,\"tags\":[\"x\",\"y\"],\"no_tags\":[]}\n");
	assert_value(OUTPUT_TABLE, list, " A   B\n-------\n 1   -\n -   x\n");
	assert_value(OUTPUT_CSV, list, "a,b\r\n1,\r\n,x\r\n");
	assert_value(OUTPUT_JSONL, list, "{\"a\":1}\n{\"b\":\"x\"}\n");
	assert_value(OUTPUT_JSON, list,
		     "{\"domains\":[{\"a\":1},{\"b\":\"x\"}]}\n");
	assert_value(OUTPUT_CSV, "{\"a\":1,\"b\":[2]}", "a,b\r\n1,[2]\r\n");
	assert_value(OUTPUT_TABLE, "{\"n\":1,\"l\":[{\"a\":2}]}",
		     "N:              1\nL:\n A\n---\n 2\n");
	assert_value(OUTPUT_TABLE,
		     "{\"tls\":\"a\",\"uuid\":\"b\",\"id\":1,"
		     "\"tls_port\":2,\"max_cpu\":3,\"cpus\":4}",
		     "TLS:            a\nUUID:           b\n"
		     "Id:             1\nTLS port:       2\n"
		     "Max CPU:        3\nCPUs:           4\n");
	assert_value(OUTPUT_TABLE, "null", "");
	assert_value(OUTPUT_JSON, "null", "null\n");
	assert_value(OUTPUT_TABLE, "{\"domains\":[]}", "Domains:        -\n");
}

/* -- moments --------------------------------------------------------------- */

static void in_seconds(int64_t seconds, char *text)
{
	clock_format_us(clock_realtime_us() + seconds * 1000000, text);
}

static void print_moments(struct output *output, const char *made,
			  const char *over, const char *soon)
{
	static const struct output_column columns[] = {
		{.title = "Made", .key = "made"},
		{.title = "Over", .key = "over"},
		{.title = "Soon", .key = "soon"},
		{.title = "None", .key = "none"},
	};
	struct output_table *t = output_table_new(output, columns, 4);
	const struct output_cell row[] = {{made, OUTPUT_MOMENT},
					  {over, OUTPUT_END},
					  {soon, OUTPUT_END},
					  {NULL, OUTPUT_END}};
	const struct output_cell odd[] = {{"never", OUTPUT_END},
					  {"", OUTPUT_MOMENT},
					  {made, OUTPUT_PLAIN},
					  {"", OUTPUT_END}};

	output_table_row(t, row);
	output_table_row(t, odd);
	assert_int_equal(output_table_end(t, NULL), 0);
}

static void test_moments_for_a_person(void **state)
{
	const struct output_options options = {.person = true, .colour = true};
	char made[CLOCK_TEXT_SIZE], over[CLOCK_TEXT_SIZE];
	char soon[CLOCK_TEXT_SIZE], far[CLOCK_TEXT_SIZE];
	char expected[512];
	struct capture c;

	in_seconds(-3 * 3600, made);
	in_seconds(-9 * CLOCK_S_PER_DAY, over);
	in_seconds(29 * CLOCK_S_PER_DAY, soon);
	in_seconds(31 * CLOCK_S_PER_DAY, far);
	begin_for(&c, &options);
	print_moments(c.output, made, over, soon);
	snprintf(expected, sizeof(expected),
		 " Made      Over         Soon                       None\n"
		 "%.56s\n"
		 " 3 h ago   \033[31m9 days ago\033[0m   "
		 "\033[33min 29 days\033[0m                 -\n"
		 " never                  %s\n",
		 "-----------------------------------------------------------",
		 made);
	assert_output(&c, expected);
	assert_int_equal(output_end_style(far), OUTPUT_PLAIN);
	assert_int_equal(output_end_style("never"), OUTPUT_PLAIN);
}

static void test_moments_for_others(void **state)
{
	static const char time[] = "2001-11-21T08:45:12.123Z";
	const struct output_options json = {.person = true,
					    .format = OUTPUT_JSONL};
	struct capture c;

	begin(&c, OUTPUT_CSV, 0);
	print_moments(c.output, time, time, time);
	assert_output(&c, "made,over,soon,none\r\n"
			  "2001-11-21T08:45:12.123Z,2001-11-21T08:45:12.123Z,"
			  "2001-11-21T08:45:12.123Z,\r\n"
			  "never,,2001-11-21T08:45:12.123Z,\r\n");
	begin(&c, OUTPUT_TABLE, 0);
	output_field_moment(c.output, "Ended", time, true);
	assert_output(&c, "Ended:          2001-11-21T08:45:12.123Z\n");
	begin_for(&c, &json);
	assert_false(output_is_for_person(c.output));
	assert_output(&c, "");
}

static void test_fields_of_moments(void **state)
{
	const struct output_options options = {.person = true, .colour = true};
	autofree char *text = NULL;
	struct capture c;

	begin_for(&c, &options);
	output_field_moment(c.output, "Began", "0001-01-01T00:00:00.000Z",
			    false);
	output_field_moment(c.output, "Ends", "9999-12-31T23:59:59.000Z", true);
	output_field_moment(c.output, "Odd", "at \033 noon", true);
	text = end(&c);
	assert_non_null(strstr(text, "Began:          1-01-01 00:00:00 UTC, "
				     "20"));
	assert_non_null(strstr(text, " years ago\n"));
	assert_non_null(strstr(text, "Ends:           9999-12-31 23:59:59 "
				     "UTC, in "));
	assert_non_null(strstr(text, "Odd:            at \\x1b noon\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_shrinks),
		cmocka_unit_test(test_table_as_records),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_moments_for_a_person),
		cmocka_unit_test(test_moments_for_others),
		cmocka_unit_test(test_fields_of_moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
