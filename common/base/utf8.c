/*
 * UTF-8 and terminal columns. Called by the INI and JSON readers, the log and
 * the client's tables. What always holds: what utf8_sequence() takes, RFC 3629
 * section 4 allows.
 */
#include "base/utf8.h"

#include <string.h>

#include "base/cleanup.h"

struct range {
	uint32_t first;
	uint32_t last;
};

#define RANGE_ZERO(first, last) {first, last},
#define RANGE_WIDE(first, last)
static const struct range zero_columns[] = {
#include "base/utf8_columns.def"
};
#undef RANGE_ZERO
#undef RANGE_WIDE

#define RANGE_ZERO(first, last)
#define RANGE_WIDE(first, last) {first, last},
static const struct range two_columns[] = {
#include "base/utf8_columns.def"
};
#undef RANGE_ZERO
#undef RANGE_WIDE

/* The length that the first byte announces, 0 where it cannot be first. */
static size_t announced(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

size_t utf8_sequence(const uint8_t *s, size_t n, uint32_t *code_point)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = n ? announced(s[0]) : 0;
	uint32_t c;

	if (len == 0 || len > n)
		return 0;
	c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code_point = c;
	return len;
}

size_t utf8_valid_prefix(const uint8_t *s, size_t n)
{
	uint32_t code_point;
	size_t at = 0;

	while (at < n) {
		size_t len = utf8_sequence(s + at, n - at, &code_point);

		if (len == 0)
			break;
		at += len;
	}
	return at;
}

bool utf8_valid(const uint8_t *s, size_t n)
{
	return utf8_valid_prefix(s, n) == n;
}

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (c > ranges[middle].last)
			low = middle + 1;
		else if (c < ranges[middle].first)
			n = middle;
		else
			return true;
	}
	return false;
}

static size_t columns(uint32_t c)
{
	if (in_ranges(c, zero_columns, array_size(zero_columns)))
		return 0;
	if (in_ranges(c, two_columns, array_size(two_columns)))
		return 2;
	return 1;
}

size_t utf8_columns(const char *s)
{
	size_t n = strlen(s);
	size_t total = 0;

	while (n > 0) {
		uint32_t c = 0xfffd;
		size_t len = utf8_sequence((const uint8_t *)s, n, &c);

		len = len ? len : 1;
		total += columns(c);
		s += len;
		n -= len;
	}
	return total;
}
