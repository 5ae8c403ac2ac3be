/*
 * Shell-like patterns for names in UTF-8: '*' any run, '?' one character,
 * '[a-z_]' a class; nothing else is special, '/' and '\' neither. A class
 * cannot be negated and holds no ']'. Linear in pattern times text; no
 * recursion. Any thread.
 */
#ifndef VIRTMUX_BASE_GLOB_H
#define VIRTMUX_BASE_GLOB_H

#include <stdbool.h>

#include "base/error.h"

/* Whether TEXT as a whole matches PATTERN, which glob_check() has accepted. */
bool glob_match(const char *pattern, const char *text);

/* Whether any of the NULL-terminated PATTERNS matches. NULL: none does. */
bool glob_match_any(char *const *patterns, const char *text);

/*
 * 0, or -1 with ERROR_CONFIG where the pattern is empty or not well-formed (no
 * UTF-8; a class that is open, empty, negated or has a range backwards).
 */
int glob_check(const char *pattern, struct error *err);

#endif
