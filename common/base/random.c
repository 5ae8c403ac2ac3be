/*
 * Random numbers and names (random.h).
 */
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

int random_bytes(void *to, size_t n, struct error *err)
{
	if (getentropy(to, n) == 0)
		return 0;
	return error_set_errno(err, ERROR_SYSTEM, errno,
			       "the system gives no random numbers");
}

static void write_hex(char *text, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * n] = '\0';
}

int random_hex(char *text, size_t size, struct error *err)
{
	uint8_t bytes[RANDOM_MOST];

	assert(size % 2 == 1 && size / 2 <= sizeof(bytes));
	if (random_bytes(bytes, size / 2, err) < 0)
		return -1;
	write_hex(text, bytes, size / 2);
	return 0;
}

void random_name(char *text, size_t size)
{
	uint8_t bytes[RANDOM_MOST] = {0};
	uint64_t now;

	assert(size % 2 == 1 && size / 2 <= sizeof(bytes));
	if (random_bytes(bytes, size / 2, NULL) < 0) {
		now = clock_monotonic_ns();
		memcpy(bytes, &now,
		       size / 2 < sizeof(now) ? size / 2 : sizeof(now));
	}
	write_hex(text, bytes, size / 2);
}
