/*
 * What is read from a display's recording for another viewer: each version's
 * handshake, the pixels and encodings that the recorded viewer took, split at every
 * offset; and where nothing can be followed.
 */
#include "client/replay_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/capture.h"

#define FORMAT_A  "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
#define FORMAT_B  "\x08\x08\0\1\0\x07\0\x07\0\x03\0\x03\x06\0\0\0"
#define INIT      "\x02\xd0\x01\x90" FORMAT_A "\0\0\0\5web-1"
#define PICTURE   "\0\0\0\1\0\0\0\0\0\1\0\1\0\0\0\0abcd"
#define ASK       "\3\0\0\0\0\0\2\xd0\1\x90"
#define ENCODINGS "\2\0\0\4\0\0\0\7\0\0\0\0\xff\xff\xff\x21\xff\xff\xff\xe0"
#define KEY       "\4\1\0\0\0\0\0a"
#define POINTER   "\5\1\0\1\0\1"
#define CLIPBOARD "\6\0\0\0\0\0\0\x0chello, world"

#define TEXT(s) s, sizeof(s) - 1

struct part {
	enum capture_kind kind;
	const char *data;
	size_t n;
};

#define S(text)                                                                \
	{                                                                      \
		CAPTURE_SERVER, TEXT(text)                                     \
	}
#define C(text)                                                                \
	{                                                                      \
		CAPTURE_CLIENT, TEXT(text)                                     \
	}

static const struct part version_8[] = {
	S("RFB 003.008\n"),
	C("RFB 003.008\n"),
	S("\2\1\2"),
	C("\1"),
	S("\0\0\0\0"),
	C("\1"),
	S(INIT),
	C(ENCODINGS),
	C(KEY POINTER CLIPBOARD ASK),
	S(PICTURE),
};

static FILE *write_parts(const struct part *parts, size_t count, size_t split)
{
	const struct record_about about = {.kind = "vnc"};
	struct capture_sums sums = {0};
	FILE *file = tmpfile();
	autobuf out = {0};

	capture_append_header(&out, &about);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *data = (const uint8_t *)parts[i].data;
		size_t n = parts[i].n;

		for (size_t at = 0; at < n; at += split)
			capture_append_data(&out, &sums, 1000 * i,
					    parts[i].kind, data + at,
					    n - at < split ? n - at : split);
	}
	capture_append_end(&out, &sums, 1000 * count);
	fwrite(buf_bytes(&out), 1, out.len, file);
	rewind(file);
	return file;
}

static void scan_parts(struct replay_scan *scan, const struct part *parts,
		       size_t count, size_t split)
{
	autofclose FILE *file = write_parts(parts, count, split);

	assert_int_equal(replay_scan(scan, file, "test", NULL), 0);
}

static void expect_display(const struct replay_scan *scan, uint64_t begin)
{
	assert_true(scan->handshake);
	assert_int_equal(scan->begin, begin);
	assert_int_equal(scan->width, 720);
	assert_int_equal(scan->height, 400);
	assert_string_equal(scan->name, "web-1");
}

static void test_version_8_however_it_is_split(void **state)
{
	for (size_t split = 1; split < 64; split++) {
		struct replay_scan scan;

		scan_parts(&scan, version_8, array_size(version_8), split);
		expect_display(&scan, 12 + 3 + 4 + sizeof(INIT) - 1);
		assert_memory_equal(scan.format, FORMAT_A, RFB_FORMAT_SIZE);
		/* Raw is every viewer's, and a quality is only a wish. */
		assert_int_equal(scan.encodings.count, 2);
		assert_int_equal(scan.encodings.list[0], 7);
		assert_int_equal(scan.encodings.list[1], -223);
		assert_true(scan.until_us == UINT64_MAX);
		assert_false(scan.cut);
		replay_scan_clear(&scan);
	}
}

static void test_older_versions(void **state)
{
	static const struct part version_7[] = {S("RFB 003.008\n"),
						C("RFB 003.007\n"),
						S("\1\1"),
						C("\1"),
						C("\1"),
						S(INIT),
						C(ASK),
						S(PICTURE)};
	static const struct part version_3[] = {S("RFB 003.003\n"),
						C("RFB 003.003\n"),
						S("\0\0\0\1"),
						C("\1"),
						S(INIT),
						C(ASK),
						S(PICTURE)};
	static const struct part password[] = {S("RFB 003.008\n"),
					       C("RFB 003.008\n"),
					       S("\1\2"),
					       C("\2"),
					       S("0123456789abcdef"),
					       C("fedcba9876543210"),
					       S("\0\0\0\0"),
					       C("\1"),
					       S(INIT),
					       C(ASK),
					       S(PICTURE)};
	struct replay_scan scan;

	scan_parts(&scan, version_7, array_size(version_7), 100);
	expect_display(&scan, 12 + 2 + sizeof(INIT) - 1);
	assert_int_equal(scan.encodings.count, 0);
	replay_scan_clear(&scan);
	scan_parts(&scan, version_3, array_size(version_3), 5);
	expect_display(&scan, 12 + 4 + sizeof(INIT) - 1);
	replay_scan_clear(&scan);
	scan_parts(&scan, password, array_size(password), 100);
	expect_display(&scan, 12 + 2 + 16 + 4 + sizeof(INIT) - 1);
	replay_scan_clear(&scan);
}

/* Its own pixels, before it asked; other ones later end what can be shown. */
static void test_the_viewers_pixels(void **state)
{
	struct part parts[array_size(version_8) + 2];
	size_t n = array_size(version_8);
	struct replay_scan scan;

	memcpy(parts, version_8, sizeof(version_8));
	parts[7] = (struct part)C("\0\0\0\0" FORMAT_B);
	parts[n] = (struct part)C("\0\0\0\0" FORMAT_B);
	scan_parts(&scan, parts, n + 1, 7);
	assert_memory_equal(scan.format, FORMAT_B, RFB_FORMAT_SIZE);
	assert_true(scan.until_us == UINT64_MAX);
	replay_scan_clear(&scan);
	parts[n + 1] = (struct part)C("\0\0\0\0" FORMAT_A);
	scan_parts(&scan, parts, n + 2, 7);
	assert_memory_equal(scan.format, FORMAT_B, RFB_FORMAT_SIZE);
	assert_int_equal(scan.until_us, 1000 * (n + 1));
	replay_scan_clear(&scan);
}

static void test_what_cannot_be_followed(void **state)
{
	static const struct part spice[] = {S("REDQxxxxxxxxxxxx"),
					    C("REDQxxxxxxxxxxxx")};
	static const struct part encrypted[] = {S("RFB 003.008\n"),
						C("RFB 003.008\n"), S("\1\x13"),
						C("\x13"),
						S("\0\2whatever follows")};
	struct replay_scan scan;

	scan_parts(&scan, spice, array_size(spice), 3);
	assert_false(scan.handshake);
	assert_int_equal(scan.from_server, 16);
	replay_scan_clear(&scan);
	scan_parts(&scan, encrypted, array_size(encrypted), 3);
	assert_false(scan.handshake);
	replay_scan_clear(&scan);
}

static void test_messages(void **state)
{
	static const char known[] = CLIPBOARD "\xff\0\0\1\0\0\0\1\0\0\0\2"
					      "\xff\1\0\2\0\0\0\0\0\0"
					      "\x96\1\0\0\0\0\0\1\0\1"
					      "\xf8\0\0\0\0\0\0\1\3abc"
					      "\xfa\0\1\2"
					      "\xfb\0\0\1\0\1\1\0"
					      "0123456789abcdef"
					      "\6\0\0\0\xff\xff\xff\xfc"
					      "abcd" ASK;
	struct rfb_messages m;

	for (size_t split = 1; split < sizeof(known); split++) {
		m = (struct rfb_messages){0};
		for (size_t at = 0; at < sizeof(known) - 1; at += split) {
			size_t n = sizeof(known) - 1 - at;

			rfb_messages_feed(&m, (const uint8_t *)known + at,
					  n < split ? n : split);
		}
		assert_true(m.asked);
		assert_false(m.lost);
		rfb_messages_clear(&m);
	}
	m = (struct rfb_messages){0};
	rfb_messages_feed(&m, (const uint8_t *)"\x63" ASK, sizeof(ASK));
	assert_true(m.lost);
	assert_false(m.asked);
	rfb_messages_clear(&m);
}

static void test_which_encoding_is_lacking(void **state)
{
	struct rfb_encodings wanted = {{7, 5, -223}, 3};
	struct rfb_encodings given = {{5, 7}, 2};
	int32_t first = 0;

	assert_true(rfb_encodings_lack(&wanted, &given, &first));
	assert_int_equal(first, -223);
	rfb_encodings_add(&given, (const uint8_t *)"\xff\xff\xff\x21", 1);
	assert_false(rfb_encodings_lack(&wanted, &given, &first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_8_however_it_is_split),
		cmocka_unit_test(test_older_versions),
		cmocka_unit_test(test_the_viewers_pixels),
		cmocka_unit_test(test_what_cannot_be_followed),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_which_encoding_is_lacking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
