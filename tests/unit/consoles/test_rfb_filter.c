/*
 * What a viewer says, followed: each message whole and split at every offset, with
 * and without rules; and what cannot be followed.
 */
#include "client/consoles/rfb_filter.h"

#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

struct bytes {
	uint8_t data[1024];
	size_t len;
};

static void add(struct bytes *b, const void *data, size_t n)
{
	assert_true(b->len + n <= sizeof(b->data));
	memcpy(b->data + b->len, data, n);
	b->len += n;
}

#define ADD(b, text) add(b, text, sizeof(text) - 1)

/* Up to the first message; the viewer wants to be alone. */
static void add_handshake(struct bytes *b, bool password, char shared)
{
	ADD(b, "RFB 003.008\n");
	if (password) {
		ADD(b, "\x02");
		ADD(b, "0123456789abcdef");
	} else {
		ADD(b, "\x01");
	}
	add(b, &shared, 1);
}

static void add_questions(struct bytes *b)
{
	ADD(b, "\x00PPPffffffffffffffff"); /* SetPixelFormat */
	ADD(b, "\x02P\x00\x03"
	       "aaaabbbb\x04\x05\x06\x04"); /* SetEncodings */
	ADD(b, "\x03\x01xxyywwhh");
	ADD(b, "\x96\x01xxyywwhh");
	ADD(b, "\xf8PPPffff\x03\x04\x05\x06"); /* a fence of 3 bytes */
	ADD(b, "\xff\x01\x00\x01");            /* QEMU: no sound */
	ADD(b, "\xff\x01\x00\x02"
	       "sc\x04\x04\x04\x04"); /* its format */
}

static void add_inputs(struct bytes *b)
{
	ADD(b, "\x04\x01PPkkkk");
	ADD(b, "\x05\x01xxyy");
	ADD(b, "\x06PPP\x00\x00\x00\x06\x04\x05\x03\x04\x05\x06");
	ADD(b, "\x06PPP\xff\xff\xff\xfa"
	       "\x04\x05\x03\x04\x05\x06"); /* extended clipboard */
	ADD(b, "\x06PPP\x00\x00\x00\x00");
	ADD(b, "\xff\x00\x00\x01"
	       "kkkkcccc"); /* QEMU: a key */
	ADD(b, "\xfaP\x01\x02");
	ADD(b, "\xfbPwwhh\x02P"
	       "0123456789abcdef0123456789abcdef");
}

/* In pieces: the first of FIRST bytes, the others of EACH. */
static int feed(struct rfb_filter *f, const struct bytes *in, size_t first,
		size_t each, struct buf *out, struct error *err)
{
	size_t at = 0, n = first;

	while (at < in->len) {
		/* On the heap, of that size: a read beyond is seen. */
		autofree uint8_t *piece = NULL;

		if (n > in->len - at)
			n = in->len - at;
		piece = malloc(n ? n : 1);
		memcpy(piece, in->data + at, n);
		if (rfb_filter_feed(f, piece, n, out, err) < 0)
			return -1;
		at += n;
		n = each;
	}
	return 0;
}

static void expect(const struct rfb_filter *rules, const struct bytes *in,
		   const struct bytes *wanted, uint64_t left_out)
{
	for (size_t first = 0; first <= in->len; first++)
		for (size_t each = 1; each <= in->len; each += in->len - 1) {
			struct rfb_filter f = *rules;
			autobuf out = {0};

			assert_int_equal(feed(&f, in, first, each, &out, NULL),
					 0);
			assert_int_equal(out.len, wanted->len);
			assert_memory_equal(buf_bytes(&out), wanted->data,
					    wanted->len);
			assert_int_equal(f.left_out, left_out);
			assert_true(f.asked);
		}
}

static void all_passes_without_rules(void **state)
{
	const struct rfb_filter rules = {0};
	struct bytes in = {0};

	add_handshake(&in, false, 0);
	add_inputs(&in);
	add_questions(&in);
	add_inputs(&in);
	expect(&rules, &in, &in, 0);
}

static void read_only_leaves_input_out(void **state)
{
	const struct rfb_filter rules = {.read_only = true};

	for (int password = 0; password < 2; password++) {
		struct bytes in = {0}, wanted = {0};

		add_handshake(&in, password, 0);
		add_inputs(&in);
		add_questions(&in);
		add_inputs(&in);
		add_questions(&in);
		add_handshake(&wanted, password, 1);
		add_questions(&wanted);
		add_questions(&wanted);
		expect(&rules, &in, &wanted, 16);
	}
}

static void shared_sets_the_flag_alone(void **state)
{
	const struct rfb_filter rules = {.shared = true};
	struct bytes in = {0}, wanted = {0};

	add_handshake(&in, false, 0);
	add_handshake(&wanted, false, 1);
	add_inputs(&in);
	add_inputs(&wanted);
	add_questions(&in);
	add_questions(&wanted);
	expect(&rules, &in, &wanted, 0);
}

/* A picture is asked for when the whole of the message is there. */
static void asking_is_noticed(void **state)
{
	struct rfb_filter f = {0};
	struct bytes in = {0};
	autobuf out = {0};

	add_handshake(&in, false, 0);
	ADD(&in, "\x03\x01xxyywwh");
	assert_int_equal(feed(&f, &in, in.len, 1, &out, NULL), 0);
	assert_false(f.asked);
	assert_int_equal(
		rfb_filter_feed(&f, (const uint8_t *)"h", 1, &out, NULL), 0);
	assert_true(f.asked);
}

/* Up to what is not known all is as ever; then nothing, or all. */
static void expect_lost(const struct rfb_filter *rules, const char *tail,
			size_t size, bool handshake, size_t passes)
{
	for (size_t first = 0; first <= size; first++) {
		struct rfb_filter f = *rules;
		struct bytes in = {0};
		autobuf out = {0};
		autoerror err = {0};
		size_t before;

		if (handshake)
			add_handshake(&in, false, 1);
		before = in.len;
		add(&in, tail, size);
		if (passes == size) {
			assert_int_equal(feed(&f, &in, before + first, 1, &out,
					      &err),
					 0);
			assert_int_equal(f.stage, RFB_FILTER_LOST);
			assert_true(f.asked);
		} else {
			assert_int_equal(feed(&f, &in, before + first, 1, &out,
					      &err),
					 -1);
			assert_int_equal(err.code, ERROR_UNSUPPORTED);
			assert_int_equal(f.stage, RFB_FILTER_CLOSED);
			assert_int_equal(rfb_filter_feed(&f, in.data, in.len,
							 &out, NULL),
					 0);
		}
		assert_int_equal(out.len, before + passes);
		assert_memory_equal(buf_bytes(&out), in.data, out.len);
	}
}

#define LOST(rules, tail, handshake, passes)                                   \
	expect_lost(rules, tail, sizeof(tail) - 1, handshake, passes)

static void what_is_not_known(void **state)
{
	const struct rfb_filter free_ = {0};
	const struct rfb_filter read_only = {.read_only = true};
	const struct rfb_filter shared = {.shared = true};

	LOST(&free_, "\x07what ever", true, 10);
	LOST(&read_only, "\x07what ever", true, 0);
	LOST(&shared, "\x07what ever", true, 10);
	LOST(&free_, "\xff\x02what ever", true, 11);
	LOST(&read_only, "\xff\x02what ever", true, 0);
	LOST(&free_, "RFB 003.003\n\x01more", false, 17);
	LOST(&read_only, "RFB 003.003\n\x01more", false, 0);
	LOST(&shared, "RFB 003.003\n\x01more", false, 0);
	LOST(&shared, "GET / HTTP/1.1\r\n", false, 0);
	LOST(&free_, "RFB 003.008\n\x13tls", false, 16);
	LOST(&read_only, "RFB 003.008\n\x13tls", false, 12);
	LOST(&shared, "RFB 003.007\n\x13tls", false, 12);
}

/* A clipboard of 2 GiB is counted, not kept. */
static void a_long_message_is_not_held(void **state)
{
	static const uint8_t zeros[65536];
	struct rfb_filter f = {.read_only = true};
	struct bytes in = {0};
	autobuf out = {0};

	add_handshake(&in, false, 1);
	ADD(&in, "\x06PPP\x7f\xff\xff\xff");
	assert_int_equal(feed(&f, &in, in.len, 1, &out, NULL), 0);
	for (uint64_t left = INT32_MAX; left;) {
		size_t n = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

		assert_int_equal(rfb_filter_feed(&f, zeros, n, &out, NULL), 0);
		left -= n;
	}
	assert_int_equal(out.len, 14);
	assert_int_equal(rfb_filter_feed(&f,
					 (const uint8_t *)"\x03"
							  "123456789",
					 10, &out, NULL),
			 0);
	assert_int_equal(out.len, 24);
	assert_true(f.asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_passes_without_rules),
		cmocka_unit_test(read_only_leaves_input_out),
		cmocka_unit_test(shared_sets_the_flag_alone),
		cmocka_unit_test(asking_is_noticed),
		cmocka_unit_test(what_is_not_known),
		cmocka_unit_test(a_long_message_is_not_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
