/*
 * The journal's reader. Run by libFuzzer over corpus/journal. The input is a file's
 * content; so that it comes behind the sums, it is also taken as the body of one
 * record, whose head is made here. What holds besides not crashing: what was
 * read, written again, is what stood there; a fault has words.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/journal_record.h"

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_again(void *context, const struct journal_record *record,
		       struct error *err)
{
	return journal_encode(context, record);
}

static void try_file(const uint8_t *data, size_t size)
{
	autobuf again = {0};
	autoerror err = {0};
	size_t good = 0;

	buf_append_str(&again, journal_is_old(data, size) ? JOURNAL_HEAD_OLD
							  : JOURNAL_HEAD);
	if (journal_read(data, size, write_again, &again, &good, &err) < 0)
		must(err.code == ERROR_SYSTEM && err.words);
	must(good <= size);
	must(good == 0 ||
	     (good == again.len && memcmp(data, buf_bytes(&again), good) == 0));
}

/* CRC-32C, bit by bit: another one than the reader's own. */
static uint32_t sum_of(const uint8_t *data, size_t n)
{
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < n * 8; i++) {
		if (i % 8 == 0)
			sum ^= data[i / 8];
		sum = sum & 1 ? sum >> 1 ^ 0x82f63b78 : sum >> 1;
	}
	return ~sum;
}

static void put(struct buf *out, uint32_t value)
{
	const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8),
				 (uint8_t)(value >> 16),
				 (uint8_t)(value >> 24)};

	buf_append(out, bytes, sizeof(bytes));
}

static void try_body(const uint8_t *data, size_t size)
{
	autobuf file = {0};

	buf_append_str(&file, JOURNAL_HEAD);
	put(&file, (uint32_t)size);
	put(&file, sum_of(data, size));
	put(&file, sum_of(buf_bytes(&file) + JOURNAL_HEAD_SIZE, 8));
	buf_append(&file, data, size);
	must(buf_ok(&file));
	try_file(buf_bytes(&file), file.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_file(data, size);
	try_body(data, size);
	return 0;
}
