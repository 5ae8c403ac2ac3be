/*
 * RFB's client against servers that are written down byte by byte: each is fed
 * whole, and in two parts cut at every offset, and must give the same events and
 * the same output. Then servers that lie.
 */
#include "client/consoles/rfb.h"

#include <stdarg.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* A literal with NULs, and its length. */
#define BYTES(text) text, sizeof(text) - 1

/* 64 x 32 pixels of 32 bits, named "QEMU" */
#define INIT                                                                   \
	"\0\x40\0\x20\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\4"   \
	"QEMU"
#define HELLO_38  "RFB 003.008\n\1\1\0\0\0\0" INIT
#define ENCODINGS "\2\0\0\3\0\0\0\0\xff\xff\xff\x21\xff\xff\xfe\xff"
#define ANSWER_38 "RFB 003.008\n\1\1" ENCODINGS
#define RECTANGLE "\0\0\0\0\0\1\0\2\0\0\0\0" /* 1 x 2 at 0,0, raw */
#define PIXEL     "abcd"
#define ABSOLUTE  "\0\1\0\0\0\x40\0\x20\xff\xff\xfe\xff"
#define RELATIVE  "\0\0\0\0\0\x40\0\x20\xff\xff\xfe\xff"
#define NEW_SIZE  "\0\0\0\0\0\x80\0\x10\xff\xff\xff\x21"

/* The events as words, the error's last; to free(). */
static char *feed(const char *bytes, size_t len, size_t cut, struct buf *output)
{
	autoptr(rfb) r = rfb_new();
	autobuf words = {0};
	size_t ends[] = {cut, len};
	size_t at = 0;

	for (int i = 0; i < 2; i++) {
		/* A copy of just that piece, so that ASan sees an overrun. */
		size_t n = ends[i] - at;
		autofree uint8_t *piece = malloc(n + 1);
		const uint8_t *data = piece;
		struct rfb_event e = {.type = RFB_READY};

		memcpy(piece, bytes + at, n);
		at = ends[i];
		while (e.type != RFB_NOTHING) {
			static const char *const names[] = {
				"", "ready", "resized", "pointer", "updated"};
			autoerror err = {0};

			if (rfb_next(r, &data, &n, &e, &err) < 0) {
				buf_append_str(&words, error_words(&err));
				return buf_steal_str(&words);
			}
			if (e.type == RFB_POINTER)
				buf_append_str(&words, e.absolute
							       ? "absolute "
							       : "relative ");
			else if (e.type != RFB_NOTHING)
				buf_appendf(&words, "%s %ux%u ", names[e.type],
					    e.width, e.height);
		}
		assert_int_equal(n, 0);
	}
	buf_append(output, buf_bytes(rfb_output(r)), rfb_output(r)->len);
	return buf_steal_str(&words);
}

static void assert_talk(const char *bytes, size_t len, const char *expected,
			const char *sent, size_t sent_len)
{
	for (size_t cut = 0; cut <= len; cut++) {
		autobuf output = {0};
		autofree char *words = feed(bytes, len, cut, &output);

		assert_non_null(words);
		assert_string_equal(words, expected);
		if (!sent)
			continue;
		assert_int_equal(output.len, sent_len);
		assert_memory_equal(buf_bytes(&output), sent, sent_len);
	}
}

static void assert_refused(const char *bytes, size_t len, const char *words)
{
	for (size_t cut = 0; cut <= len; cut++) {
		autobuf output = {0};
		autofree char *said = feed(bytes, len, cut, &output);

		assert_non_null(strstr(said, words));
	}
}

static void test_versions(void **state)
{
	assert_talk(BYTES(HELLO_38), "ready 64x32 ", BYTES(ANSWER_38));
	assert_talk(BYTES("RFB 003.007\n\2\2\1" INIT), "ready 64x32 ",
		    BYTES("RFB 003.007\n\1\1" ENCODINGS));
	assert_talk(BYTES("RFB 003.003\n\0\0\0\1" INIT), "ready 64x32 ",
		    BYTES("RFB 003.003\n\1" ENCODINGS));
	assert_talk(BYTES("RFB 003.005\n\0\0\0\1" INIT), "ready 64x32 ",
		    BYTES("RFB 003.003\n\1" ENCODINGS));
	assert_talk(BYTES("RFB 003.889\n\1\1\0\0\0\0" INIT), "ready 64x32 ",
		    BYTES(ANSWER_38));
	assert_talk(BYTES("RFB 004.001\n\1\1\0\0\0\0" INIT), "ready 64x32 ",
		    BYTES(ANSWER_38));
}

static void test_updates(void **state)
{
	assert_talk(BYTES(HELLO_38 "\0\0\0\1" RECTANGLE PIXEL PIXEL),
		    "ready 64x32 updated 64x32 ", BYTES(ANSWER_38));
	assert_talk(
		BYTES(HELLO_38 "\0\0\0\2" ABSOLUTE RECTANGLE PIXEL PIXEL
			       "\0\0\0\1" RELATIVE),
		"ready 64x32 absolute updated 64x32 relative updated 64x32 ",
		BYTES(ANSWER_38));
	assert_talk(BYTES(HELLO_38 "\0\0\0\1" NEW_SIZE "\0\0\0\0"),
		    "ready 64x32 resized 128x16 updated 128x16 updated 128x16 ",
		    BYTES(ANSWER_38));
}

/* Bells, colours and the clipboard's text say nothing to us. */
static void test_other_messages(void **state)
{
	assert_talk(BYTES(HELLO_38 "\2\2\1\0\0\0\0\1rrggbb\3\0\0\0\0\0\0\5hello"
				   "\3\0\0\0\0\0\0\0\0\0\0\0"),
		    "ready 64x32 updated 64x32 ", BYTES(ANSWER_38));
}

static void test_refusals(void **state)
{
	assert_refused(BYTES("RFB 003.008\n\1\2"), "wants a password");
	assert_refused(BYTES("RFB 003.003\n\0\0\0\2"), "wants a password");
	assert_refused(BYTES("RFB 003.008\n\0\0\0\0\4full"),
		       "refuses us: full");
	assert_refused(BYTES("RFB 003.003\n\0\0\0\0\0\0\0\4\x1b[2J"),
		       "refuses us: ?[2J");
	assert_refused(BYTES("RFB 003.008\n\1\1\0\0\0\1\0\0\0\2no"),
		       "refuses us: no");
	assert_refused(BYTES("RFB 003.008\n\0\xff\xff\xff\xff"), "refuses us");
	assert_refused(BYTES("RFB 003.008\n\0\0\0\0\0"), "refuses us");
}

static void test_broken(void **state)
{
	assert_refused(BYTES("SSH-2.0-Open"), "greeting");
	assert_refused(BYTES("RFB 003:008\n"), "greeting");
	assert_refused(BYTES("RFB 00x.008\n"), "greeting");
	assert_refused(BYTES("RFB 002.009\n"), "older than RFB 3.3");
	assert_refused(BYTES("RFB 003.008\n\1\1\0\0\0\0"
			     "\0\0\0\x20\x20\x18\0\1\0\xff\0\xff\0\xff\x10"
			     "\x08\0\0\0\0\0\0\0\0"),
		       "no pixels");
	assert_refused(BYTES("RFB 003.008\n\1\1\0\0\0\0"
			     "\0\1\0\x20\x18\x18\0\1\0\xff\0\xff\0\xff\x10"
			     "\x08\0\0\0\0\0\0\0\0"),
		       "no known size");
	assert_refused(BYTES("RFB 003.008\n\1\1\0\0\0\0"
			     "\0\1\0\x20\x20\x18\0\1\0\xff\0\xff\0\xff\x10"
			     "\x08\0\0\0\0\0\1\0\0"),
		       "name is too long");
	assert_refused(BYTES(HELLO_38 "\7"), "unknown type");
	assert_refused(BYTES(HELLO_38 "\0\0\0\1\0\x40\0\0\0\1\0\1\0\0\0\0"),
		       "outside its screen");
	assert_refused(BYTES(HELLO_38 "\0\0\0\1\xff\xff\0\0\xff\xff\0\1\0\0\0"
				      "\0"),
		       "outside its screen");
	assert_refused(BYTES(HELLO_38 "\0\0\0\1\0\0\0\0\0\1\0\1\0\0\0\1"),
		       "not asked for");
	assert_refused(BYTES(HELLO_38 "\3\0\0\0\xff\xff\xff\xff"),
		       "text is too long");
	assert_refused(BYTES(HELLO_38 "\0\0\0\1\0\0\0\0\0\0\0\x10\xff\xff\xff"
				      "\x21"),
		       "no pixels");
}

/* Whatever comes, it ends, and takes no more memory. */
static void test_noise(void **state)
{
	uint32_t seed = 7;

	for (int run = 0; run < 2000; run++) {
		char bytes[sizeof(HELLO_38) - 1 + 300];
		autobuf output = {0};
		autofree char *words = NULL;

		memcpy(bytes, HELLO_38, sizeof(HELLO_38) - 1);
		for (size_t i = sizeof(HELLO_38) - 1; i < sizeof(bytes); i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (char)(seed >> 24 & (run & 1 ? 3 : 255));
		}
		words = feed(bytes, sizeof(bytes), seed % sizeof(bytes),
			     &output);
		assert_non_null(words);
		assert_in_range(output.len, 0, sizeof(ANSWER_38) - 1);
	}
}

static void test_verbs(void **state)
{
	static const char sent[] = "\5\4\1\2\0\x10\3\0\0\0\0\0\0\1\0\1";
	autoptr(rfb) r = rfb_new();

	rfb_pointer(r, RFB_RIGHT, 0x102, 0x10);
	rfb_ask_pixel(r);
	assert_int_equal(rfb_output(r)->len, sizeof(sent) - 1);
	assert_memory_equal(buf_bytes(rfb_output(r)), sent, sizeof(sent) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_other_messages),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
