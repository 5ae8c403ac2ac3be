/*
 * The rule for users' names; see user.h.
 */
#include "base/user.h"

#include <string.h>

int user_check_name(const char *name, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._@-";
	size_t len = strlen(name);

	if (len >= 1 && len <= USER_NAME_MAX && strspn(name, allowed) == len &&
	    !strchr(".-@", name[0]))
		return 0;
	return error_set(err, ERROR_USAGE,
			 "a user's name has 1 to %d of the characters A-Z a-z "
			 "0-9 . _ @ - and begins with a letter, a digit or _",
			 USER_NAME_MAX);
}
