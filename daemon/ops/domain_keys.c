/*
 * Keys by name and number (domain_keys.h). All data are constant.
 */
#include "daemon/ops/domain_keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ini.h"

#define PREFIX "KEY_"

static const struct {
	const char *name;
	uint16_t number;
} keys[] = {
#define KEY(name, number) {PREFIX #name, number},
#include "daemon/ops/keys.def"
#undef KEY
};

static int unknown(const char *text, struct error *err)
{
	const char *names[array_size(keys)];
	const char *near;

	for (size_t i = 0; i < array_size(keys); i++)
		names[i] = keys[i].name;
	near = nearest_name(text, names, array_size(keys));
	return error_set(err, ERROR_INVALID_PARAMS,
			 "there is no key '%s'%s%s%s", text,
			 near ? "; did you mean '" : "", near ? near : "",
			 near ? "'?" : "");
}

int domain_key(const char *text, bool names, uint16_t *number,
	       struct error *err)
{
	bool hex = strncmp(text, "0x", 2) == 0;
	char *end;
	long value;

	for (size_t i = 0; names && i < array_size(keys); i++) {
		if (strcmp(keys[i].name, text) != 0)
			continue;
		*number = keys[i].number;
		return 0;
	}
	if (!isdigit((unsigned char)text[0])) {
		if (names)
			return unknown(text, err);
		return error_set(err, ERROR_INVALID_PARAMS,
				 "'%s' is no number: only the codeset linux "
				 "has names of keys",
				 text);
	}
	errno = 0;
	value = strtol(text, &end, hex ? 16 : 10);
	if (*end || errno || value < 0 || value > UINT16_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "'%s' is no number of a key", text);
	*number = (uint16_t)value;
	return 0;
}
