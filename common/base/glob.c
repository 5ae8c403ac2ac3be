/*
 * Patterns for names, used where access.conf and the command line select
 * domains, identities and methods. What always holds: one star is remembered at
 * a time, since a later star makes every earlier one final; a pattern that
 * glob_check() refuses matches nothing that reaches its faulty part.
 */
#include "base/glob.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* Takes one character; a byte that is not UTF-8 stands for itself. */
static uint32_t next_char(const char **text)
{
	const uint8_t *s = (const uint8_t *)*text;
	uint32_t code_point;
	size_t n = utf8_sequence(s, strnlen(*text, 4), &code_point);

	*text += n ? n : 1;
	/* Above all code points, so that it equals no character. */
	return n ? code_point : 0x80000000u + s[0];
}

/* Takes "a" or "a-z" from a class. */
static void next_range(const char **class, uint32_t *low, uint32_t *high)
{
	*low = next_char(class);
	*high = *low;
	if ((*class)[0] == '-' && (*class)[1] != ']' && (*class)[1] != '\0') {
		(*class)++;
		*high = next_char(class);
	}
}

/* Takes the class behind a '['. */
static bool class_matches(const char **pattern, uint32_t c)
{
	const char *p = *pattern;
	bool found = false;
	uint32_t low, high;

	while (*p && *p != ']') {
		next_range(&p, &low, &high);
		found = found || (c >= low && c <= high);
	}
	if (!*p)
		return false;
	*pattern = p + 1;
	return found;
}

/* Takes one element, not a star, from the pattern. */
static bool element_matches(const char **pattern, uint32_t c)
{
	uint32_t element;

	if (!**pattern)
		return false;
	element = next_char(pattern);
	if (element == '[')
		return class_matches(pattern, c);
	return element == '?' || element == c;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *after_star = NULL;
	const char *retry = NULL;

	while (*text) {
		const char *next = text;

		if (*pattern == '*') {
			after_star = ++pattern;
			retry = text;
		} else if (element_matches(&pattern, next_char(&next))) {
			text = next;
		} else if (after_star) {
			next_char(&retry);
			pattern = after_star;
			text = retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool glob_match_any(char *const *patterns, const char *text)
{
	for (; patterns && *patterns; patterns++)
		if (glob_match(*patterns, text))
			return true;
	return false;
}

static int check_class(const char **p, const char *pattern, struct error *err)
{
	uint32_t low, high;

	if (!strchr(*p, ']'))
		return error_set(err, ERROR_CONFIG,
				 "pattern \"%s\": '[' without ']'", pattern);
	if (**p == ']')
		return error_set(err, ERROR_CONFIG,
				 "pattern \"%s\": the class [] is empty",
				 pattern);
	/* fnmatch(3) would negate; silently to match the opposite is worse. */
	if (**p == '!' || **p == '^')
		return error_set(err, ERROR_CONFIG,
				 "pattern \"%s\": a class cannot be negated; "
				 "list the characters that it has",
				 pattern);
	while (**p != ']') {
		next_range(p, &low, &high);
		if (low > high)
			return error_set(err, ERROR_CONFIG,
					 "pattern \"%s\": a range in its "
					 "class runs backwards",
					 pattern);
	}
	(*p)++;
	return 0;
}

int glob_check(const char *pattern, struct error *err)
{
	const char *p = pattern;

	if (!*p)
		return error_set(err, ERROR_CONFIG, "the pattern is empty");
	if (!utf8_valid((const uint8_t *)p, strlen(p)))
		return error_set(err, ERROR_CONFIG,
				 "the pattern is not valid UTF-8");
	while (*p)
		if (next_char(&p) == '[' && check_class(&p, pattern, err) < 0)
			return -1;
	return 0;
}
