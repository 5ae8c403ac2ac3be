/*
 * Digests of known texts: FIPS 180-4's "abc", in pieces too, zeros, and HMAC by the
 * vectors of RFC 4231, whose keys of less than 32 bytes are as if zeros followed.
 */
#include "base/digest.h"

#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_digest(const uint8_t bytes[DIGEST_BYTES], const char *text)
{
	char is[DIGEST_TEXT_SIZE];

	digest_text(bytes, is);
	assert_string_equal(is, text);
}

static void test_pieces(void **state)
{
	static const uint8_t zeros[200000];
	autoptr(digest) d = NULL;
	uint8_t one[DIGEST_BYTES], other[DIGEST_BYTES];

	assert_int_equal(digest_new(&d, NULL), 0);
	for (int i = 0; i < 2; i++) {
		digest_add(d, "a", 1);
		digest_add(d, "bc", 2);
		digest_finish(d, one);
		assert_digest(one, "ba7816bf8f01cfea414140de5dae2223"
				   "b00361a396177a9cb410ff61f20015ad");
	}
	digest_add(d, zeros, sizeof(zeros));
	digest_finish(d, one);
	digest_add_zeros(d, sizeof(zeros));
	digest_finish(d, other);
	assert_memory_equal(one, other, DIGEST_BYTES);
}

static void test_keyed(void **state)
{
	uint8_t key[DIGEST_BYTES] = {0}, out[DIGEST_BYTES];

	memset(key, 0x0b, 20);
	assert_int_equal(digest_keyed(key, "Hi There", 8, out), 0);
	assert_digest(out, "b0344c61d8db38535ca8afceaf0bf12b"
			   "881dc200c9833da726e9376c2e32cff7");
	memset(key, 0, sizeof(key));
	memcpy(key, "Jefe", 4);
	assert_int_equal(
		digest_keyed(key, "what do ya want for nothing?", 28, out), 0);
	assert_digest(out, "5bdcc146bf60754e6a042426089575c7"
			   "5a003f089d2739839dec58b964ec3843");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_keyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
