/*
 * Shell-like patterns for names: '*' any run, '?' one character, '[a-z]' a
 * class; nothing else is special, '/' neither. Linear in pattern times text;
 * no recursion. Any thread.
 */
#ifndef VIRTMUX_BASE_GLOB_H
#define VIRTMUX_BASE_GLOB_H

#include <stdbool.h>

#include "base/error.h"

/* Whether TEXT as a whole matches PATTERN. */
bool glob_match(const char *pattern, const char *text);

/* Whether any of the NULL-terminated PATTERNS matches. NULL: none does. */
bool glob_match_any(char *const *patterns, const char *text);

/* 0, or -1 with ERROR_CONFIG where the pattern is not well-formed. */
int glob_check(const char *pattern, struct error *err);

#endif
