/*
 * Range and Content-Range (content_range.h). What always holds: a number has at
 * most 18 digits, so that no sum of two overflows.
 */
#include "daemon/ops/content_range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define DIGITS_MAX 18

/* The number at *TEXT, moved over; false where there is none. */
static bool take_number(const char **text, uint64_t *number)
{
	size_t n = strspn(*text, "0123456789");

	if (n == 0 || n > DIGITS_MAX)
		return false;
	*number = 0;
	for (size_t i = 0; i < n; i++)
		*number = *number * 10 + (uint64_t)((*text)[i] - '0');
	*text += n;
	return true;
}

/* "-500": the last 500 bytes. */
static enum range_kind last_bytes(const char *text, uint64_t size,
				  uint64_t *offset, uint64_t *length)
{
	if (!take_number(&text, length) || *text)
		return RANGE_WHOLE;
	if (*length == 0 || size == 0)
		return RANGE_UNSATISFIABLE;
	if (*length > size)
		*length = size;
	*offset = size - *length;
	return RANGE_PART;
}

enum range_kind range_parse(const char *text, uint64_t size, uint64_t *offset,
			    uint64_t *length)
{
	uint64_t last = size ? size - 1 : 0;

	if (!text || strncasecmp(text, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	text += 6;
	if (*text == '-')
		return last_bytes(text + 1, size, offset, length);
	if (!take_number(&text, offset) || *text++ != '-')
		return RANGE_WHOLE;
	if (*text && (!take_number(&text, &last) || *text || last < *offset))
		return RANGE_WHOLE;
	if (*offset >= size)
		return RANGE_UNSATISFIABLE;
	if (last >= size)
		last = size - 1;
	*length = last - *offset + 1;
	return RANGE_PART;
}

bool range_parse_content(const char *text, uint64_t *offset, uint64_t *length)
{
	uint64_t last, total = UINT64_MAX;

	if (strncasecmp(text, "bytes ", 6) != 0)
		return false;
	text += 6;
	if (!take_number(&text, offset) || *text++ != '-' ||
	    !take_number(&text, &last) || *text++ != '/')
		return false;
	if (strcmp(text, "*") != 0 && (!take_number(&text, &total) || *text))
		return false;
	if (last < *offset || last >= total)
		return false;
	*length = last - *offset + 1;
	return true;
}
