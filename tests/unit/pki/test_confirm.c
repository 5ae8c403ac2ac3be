/*
 * Yes or no: what counts as yes, over a pair of sockets in the terminal's place.
 */
#include "pki/confirm.h"

#include <sys/socket.h>

#include "pki/fixture.h"

/* The result of TYPED; what was asked goes to ASKED. */
static int answer(const char *typed, char *asked, size_t size,
		  struct error *err)
{
	int ends[2];
	int result;
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], typed, strlen(typed)), strlen(typed));
	assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
	result = confirm_at(ends[0], "Sign it?", err);
	close(ends[0]);
	n = read(ends[1], asked, size - 1);
	asked[n > 0 ? n : 0] = '\0';
	close(ends[1]);
	return result;
}

static void test_answers(void **state)
{
	static const char *const yes[] = {"yes\n", "YES\n", "y\n", "yes\r\n",
					  "yes"};
	static const char *const no[] = {"no\n",   "\n",
					 "",       "ye\n",
					 "yess\n", "no\nyes\n",
					 " y\n",   "yes, but never this one\n"};
	char asked[64];

	for (size_t i = 0; i < array_size(yes); i++)
		assert_int_equal(answer(yes[i], asked, sizeof(asked), NULL), 0);
	assert_string_equal(asked, "Sign it? [yes/no] ");
	for (size_t i = 0; i < array_size(no); i++) {
		autoerror err = {0};

		assert_int_equal(answer(no[i], asked, sizeof(asked), &err), -1);
		assert_int_equal(err.code, ERROR_INTERRUPTED);
	}
}

static void test_batch(void **state)
{
	autoerror err = {0};

	assert_int_equal(confirm("Sign it?", true, "Give --user NAME", &err),
			 -1);
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.words, "--user NAME"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
