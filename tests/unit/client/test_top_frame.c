/*
 * Frames of `top`: they fit the screen, show what is not known, and escape names.
 */
#include "client/top.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/json.h"

static const struct top_head head = {
	.host = "vmhost", .cpus = 8, .memory = 1 << 30, .time = "12:34:56"};

static struct top_row row(const char *name)
{
	struct top_row r = {.state = DOMAIN_STATE_RUNNING,
			    .counters = {.cpu_ns = 3661000000000},
			    .memory = 256 << 20,
			    .cpu = 12.34,
			    .read = 1536,
			    .written = 0,
			    .received = 12345678,
			    .sent = -1};

	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static char *frame_of(struct top_rows *rows, struct top_view *view)
{
	autobuf out = {0};
	char *text;

	assert_int_equal(top_frame(&out, rows, &head, view), 0);
	text = buf_steal_str(&out);
	assert_non_null(text);
	return text;
}

static void test_row(void **state)
{
	struct top_row rows[] = {row("we\x1b"
				     "b")};
	struct top_rows all = {.rows = rows, .count = 1};
	struct top_view view = {0};
	autofree char *text = frame_of(&all, &view);

	assert_non_null(strstr(text,
			       "virtmux top - 12:34:56 - vmhost - 8 CPUs, "
			       "1 GiB\n1 domains, 1 running; CPU 12.3 %, "
			       "memory given 256 MiB\n"));
	assert_non_null(strstr(text,
			       "running       12.3  256M  25.0   1.5K      "
			       "0    12M      -    1:01:01 we\\x1bb\n"));
}

/* As many lines as the screen has at most, none of them wider. */
static void test_it_fits(void **state)
{
	struct top_row rows[9];
	struct top_rows all = {.rows = rows, .count = 9};

	for (int i = 0; i < 9; i++)
		rows[i] = row((const char[]){(char)('a' + i), 0});
	for (unsigned height = 1; height < 20; height++)
		for (unsigned first = 0; first < 12; first++) {
			struct top_view view = {.height = height,
						.width = 20,
						.sort = TOP_SORT_NAME,
						.first = first};
			autofree char *text = frame_of(&all, &view);
			size_t lines = 0;

			for (char *p = text; *p; lines++) {
				size_t n = strcspn(p, "\n");

				assert_true(n <= 20);
				p += n + 1;
			}
			assert_true(lines < height || height <= 6);
			assert_true(view.first < 9);
		}
}

static void test_help_and_colour(void **state)
{
	struct top_rows none = {0};
	struct top_view view = {.help = true};
	autofree char *help = frame_of(&none, &view);
	autofree char *table = NULL;

	assert_non_null(strstr(help, "sort by memory"));
	assert_null(strstr(help, "%MEM"));
	view = (struct top_view){.colour = true};
	table = frame_of(&none, &view);
	assert_non_null(strstr(table, "\033[7mState"));
}

static void test_json(void **state)
{
	struct top_row rows[] = {row("web")};
	const struct top_rows all = {.rows = rows, .count = 1};
	autojson frame = top_json(&all, &head);
	const char *text =
		json_object_to_json_string_ext(frame, JSON_C_TO_STRING_PLAIN);

	assert_non_null(strstr(text, "\"name\":\"web\",\"state\":\"running\","
				     "\"memory\":268435456"));
	assert_non_null(strstr(text, "\"read_rate\":1536"));
	assert_null(strstr(text, "send_rate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row),
		cmocka_unit_test(test_it_fits),
		cmocka_unit_test(test_help_and_colour),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
