/*
 * Escapes in texts that are typed for a guest (escapes.h).
 */
#include "client/escapes.h"

#include <string.h>

/* What C stands for behind a backslash; -1: nothing. */
static int meaning(char c)
{
	static const char names[] = "rnte\\";
	static const char values[] = "\r\n\t\x1b\\";
	const char *at = c ? strchr(names, c) : NULL;

	return at ? values[at - names] : -1;
}

int escapes_read(const char *text, const char *what, struct buf *out,
		 struct error *err)
{
	for (const char *p = text; *p; p++) {
		int c = *p == '\\' ? meaning(*++p) : (unsigned char)*p;

		if (c < 0 && *p == '\0')
			return error_set(err, ERROR_USAGE,
					 "%s ends with a lone \\: write \\\\ "
					 "for a backslash",
					 what);
		if (c < 0)
			return error_set(err, ERROR_USAGE,
					 "%s knows \\r \\n \\t \\e and \\\\, "
					 "not '\\%c'; write \\\\ for a "
					 "backslash",
					 what, *p);
		buf_append_char(out, (char)c);
	}
	return buf_ok(out) ? 0 : error_set_no_memory(err);
}
