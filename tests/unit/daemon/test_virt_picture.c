/*
 * daemon/virt/picture.c: PPM and PNG into PNG, cut at every byte, and sizes that
 * are not to be believed.
 */
#include "daemon/test_virt_support.h"

#include "daemon/virt/picture.h"

/* Two by two pixels, with a comment. */
static const char ppm[] = "P6\n# QEMU\n2 2\n255\n"
			  "\xff\0\0"
			  "\0\xff\0"
			  "\0\0\xff"
			  "\1\2\3";

static int convert(const void *data, size_t len, struct picture *picture,
		   enum error_code *code)
{
	struct error err = {0};
	/* A copy of its own, so that a read beyond it is found. */
	uint8_t *copy = malloc(len ? len : 1);
	int result;

	memcpy(copy, data, len);
	result = picture_from_screenshot(copy, len, picture, &err);
	*code = err.code;
	error_clear(&err);
	free(copy);
	return result;
}

static void test_ppm(void **state)
{
	struct picture picture = {0}, again = {0};
	enum error_code code;

	assert_int_equal(convert(ppm, sizeof(ppm) - 1, &picture, &code), 0);
	assert_int_equal(picture.width, 2);
	assert_int_equal(picture.height, 2);
	assert_memory_equal(picture.png, "\x89PNG", 4);
	assert_int_equal(convert(picture.png, picture.len, &again, &code), 0);
	assert_int_equal(again.width, 2);
	assert_int_equal(again.len, picture.len);
	free(again.png);
	free(picture.png);
}

static void test_cut(void **state)
{
	struct picture picture = {0};
	enum error_code code;

	for (size_t len = 0; len < sizeof(ppm) - 1; len++) {
		assert_int_equal(convert(ppm, len, &picture, &code), -1);
		assert_null(picture.png);
	}
}

static void expect(const char *text, enum error_code expected)
{
	struct picture picture = {0};
	enum error_code code;

	assert_int_equal(convert(text, strlen(text), &picture, &code), -1);
	assert_int_equal(code, expected);
}

static void test_hostile(void **state)
{
	expect("GIF89a", ERROR_UNSUPPORTED);
	expect("P6 99999 99999 255 x", ERROR_TOO_LARGE);
	expect("P6 16384 16384 255 x", ERROR_FAILED);
	expect("P6 99999999999 1 255 x", ERROR_UNSUPPORTED);
	expect("P6 0 0 255 x", ERROR_STATE);
	expect("P6 1 1 65535 xxxxxx", ERROR_UNSUPPORTED);
	expect("P6 x", ERROR_FAILED);
	expect("\x89PNG\r\n\x1a\n broken", ERROR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ppm),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
