/*
 * Sizes with units (scaled.h). All data are constant.
 */
#include "client/scaled.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool factor_of(const char *unit, uint64_t usual, uint64_t *factor)
{
	static const char letters[] = "KMGTPE";
	const char *letter;
	uint64_t base = 1024;

	*factor = *unit ? 1 : usual;
	if (!*unit || strcasecmp(unit, "b") == 0 ||
	    strcasecmp(unit, "byte") == 0 || strcasecmp(unit, "bytes") == 0)
		return true;
	letter = strchr(letters, toupper((unsigned char)*unit));
	if (!letter)
		return false;
	if (strcasecmp(unit + 1, "B") == 0)
		base = 1000;
	else if (unit[1] && strcasecmp(unit + 1, "iB") != 0)
		return false;
	for (const char *p = letters; p <= letter; p++)
		*factor *= base;
	return true;
}

int scaled_bytes(const char *what, const char *text, uint64_t unit,
		 uint64_t *bytes, struct error *err)
{
	char *end = NULL;
	unsigned long long number;
	uint64_t factor;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno ||
	    !factor_of(end, unit, &factor))
		return error_set(err, ERROR_USAGE,
				 "%s: '%s' is no size: a whole number, with a "
				 "unit such as M or GiB where it has one",
				 what, text);
	if (number > INT64_MAX / factor)
		return error_set(err, ERROR_USAGE, "%s: %s is too large", what,
				 text);
	*bytes = number * factor;
	return 0;
}
