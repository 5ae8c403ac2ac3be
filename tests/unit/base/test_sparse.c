/*
 * Content with holes: what is written is read again, split at every offset; what
 * is not of the form is refused with words. And SHA-256 against FIPS 180-4.
 */
#include "base/sparse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

struct found {
	struct buf data;
	uint64_t holes;
	unsigned ends;
	uint8_t sha256[DIGEST_BYTES];
	bool refuse;
};

static int on_data(void *context, const uint8_t *data, size_t n,
		   struct error *err)
{
	struct found *f = context;

	if (f->refuse)
		return error_set(err, ERROR_SYSTEM, "refused by the test");
	return buf_append(&f->data, data, n);
}

static int on_hole(void *context, uint64_t n, struct error *err)
{
	((struct found *)context)->holes += n;
	return 0;
}

static int on_end(void *context, const uint8_t sha256[DIGEST_BYTES],
		  struct error *err)
{
	struct found *f = context;

	f->ends++;
	memcpy(f->sha256, sha256, DIGEST_BYTES);
	return 0;
}

static const struct sparse_events events = {on_data, on_hole, on_end};

static void record(struct buf *to, enum sparse_kind kind, const void *bytes,
		   uint64_t n)
{
	uint8_t header[SPARSE_HEADER];

	sparse_header(header, kind, n);
	buf_append(to, header, sizeof(header));
	if (bytes)
		buf_append(to, bytes, (size_t)n);
}

static void reads_what_was_written(void **state)
{
	uint8_t sum[DIGEST_BYTES];
	autobuf text = {0};

	memset(sum, 7, sizeof(sum));
	record(&text, SPARSE_DATA, "some", 4);
	record(&text, SPARSE_HOLE, NULL, (uint64_t)1 << 55);
	record(&text, SPARSE_DATA, "", 0);
	record(&text, SPARSE_DATA, "more", 4);
	record(&text, SPARSE_END, sum, sizeof(sum));
	for (size_t at = 0; at <= text.len; at++) {
		struct sparse_reader r = {.n = 0};
		struct found f = {.holes = 0};

		assert_int_equal(sparse_read(&r, &events, &f, buf_bytes(&text),
					     at, NULL),
				 0);
		assert_int_equal(r.ended, at == text.len);
		assert_int_equal(sparse_read(&r, &events, &f,
					     buf_bytes(&text) + at,
					     text.len - at, NULL),
				 0);
		assert_true(r.ended);
		assert_int_equal(f.ends, 1);
		assert_true(f.holes == (uint64_t)1 << 55);
		assert_int_equal(f.data.len, 8);
		assert_memory_equal(buf_bytes(&f.data), "somemore", 8);
		assert_memory_equal(f.sha256, sum, sizeof(sum));
		buf_free(&f.data);
	}
}

static void fails(struct buf *text, enum error_code code, const char *words)
{
	for (size_t at = 0; at <= text->len; at++) {
		struct sparse_reader r = {.n = 0};
		struct found f = {.refuse = code == ERROR_SYSTEM};
		struct error err = {0};
		int rc =
			sparse_read(&r, &events, &f, buf_bytes(text), at, &err);

		if (rc == 0)
			rc = sparse_read(&r, &events, &f, buf_bytes(text) + at,
					 text->len - at, &err);
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, code);
		assert_non_null(strstr(error_words(&err), words));
		error_clear(&err);
		buf_free(&f.data);
	}
	buf_free(text);
}

static void refuses_other_forms(void **state)
{
	uint8_t sum[DIGEST_BYTES] = {0};
	struct buf text = {0};

	record(&text, (enum sparse_kind)'Q', "", 0);
	fails(&text, ERROR_INVALID_REQUEST, "unknown record");
	record(&text, SPARSE_END, sum, 31);
	fails(&text, ERROR_INVALID_REQUEST, "no SHA-256");
	record(&text, SPARSE_END, sum, sizeof(sum));
	record(&text, SPARSE_DATA, "x", 1);
	fails(&text, ERROR_INVALID_REQUEST, "follows its end");
	record(&text, SPARSE_FAILURE, NULL, SPARSE_WORDS_MAX);
	fails(&text, ERROR_INVALID_REQUEST, "too many words");
	record(&text, SPARSE_FAILURE, NULL, 0);
	fails(&text, ERROR_INVALID_REQUEST, "none");
	record(&text, SPARSE_FAILURE, "nothing", 7);
	fails(&text, ERROR_INVALID_REQUEST, "no name");
	record(&text, SPARSE_DATA, "x", 1);
	fails(&text, ERROR_SYSTEM, "refused by the test");
}

static void tells_a_failure(void **state)
{
	struct buf text = {0};

	record(&text, SPARSE_DATA, NULL, 0);
	record(&text, SPARSE_FAILURE, "not-found: it has gone", 22);
	fails(&text, ERROR_NOT_FOUND, "it has gone");
}

static void expect_sum(struct digest *d, const char *text)
{
	uint8_t sum[DIGEST_BYTES];
	char shown[DIGEST_TEXT_SIZE];

	digest_finish(d, sum);
	digest_text(sum, shown);
	assert_string_equal(shown, text);
}

static void digests(void **state)
{
	autoptr(digest) d = NULL;
	static const uint8_t zeros[100000];
	uint8_t one[DIGEST_BYTES], other[DIGEST_BYTES];

	assert_int_equal(digest_new(&d, NULL), 0);
	expect_sum(d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
		      "7852b855");
	digest_add(d, "a", 1);
	digest_add(d, "bc", 2);
	expect_sum(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61"
		      "f20015ad");
	digest_add(d, zeros, sizeof(zeros));
	digest_finish(d, one);
	digest_add_zeros(d, sizeof(zeros));
	digest_finish(d, other);
	assert_memory_equal(one, other, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(tells_a_failure),
		cmocka_unit_test(digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
