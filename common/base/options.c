/*
 * Typed option values by a table. Called with what the INI reader or the
 * command line gives. What always holds: a member is replaced only when its new
 * value is whole, so that a target can be freed after any failure.
 */
#include "base/ini.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define NEAREST_WORD_MAX 64 /* bytes */
#define BOUND_MAX        32 /* bytes of the MIN in a range */

#define LIST_SEPARATORS ", \t"

union value {
	bool flag;
	int64_t number;
	void *memory; /* char *, or char ** in one allocation */
};

struct unit {
	const char *name;
	int64_t factor;
};

/* Ascending, and ended by a factor of 0. */
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit byte_units[] = {
	{"", 1},        {"K", 1 << 10},   {"M", 1 << 20},
	{"G", 1 << 30}, {"T", 1ll << 40}, {NULL, 0},
};
static const struct unit duration_units[] = {
	{"ms", 1},      {"s", 1000},     {"m", 60000},
	{"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

static const struct {
	const char *name;
	bool value;
} bool_names[] = {
	{"yes", true}, {"no", false},  {"true", true}, {"false", false},
	{"on", true},  {"off", false}, {"1", true},    {"0", false},
};

/* What a value must be, for messages. */
static const char *const forms[] = {
	[OPTION_STRING] = "a text",
	[OPTION_PATH] = "an absolute path, or begin with \"~/\" (and HOME set)",
	[OPTION_BOOL] = "yes or no",
	[OPTION_NUMBER] = "a whole number",
	[OPTION_BYTES] = "a size such as 512, 64K, 16M or 1G",
	[OPTION_DURATION] = "a time such as 500ms, 10s, 5m, 2h or 1d",
	[OPTION_LIST] = "a list of words",
	[OPTION_CHOICE] = "one of:",
};

static bool owns_memory(enum option_type type)
{
	return type == OPTION_STRING || type == OPTION_PATH ||
	       type == OPTION_LIST;
}

static const struct unit *units_of(enum option_type type)
{
	if (type == OPTION_BYTES)
		return byte_units;
	return type == OPTION_DURATION ? duration_units : no_units;
}

static int malformed(const struct option_spec *spec, const char *text,
		     struct error *err)
{
	bool choice = spec->type == OPTION_CHOICE;

	return error_set(err, ERROR_CONFIG, "\"%s\" must be %s%s%s, not \"%s\"",
			 spec->name, forms[spec->type], choice ? " " : "",
			 choice ? spec->range : "", text);
}

/* A sign is for plain numbers alone; a zero needs no unit. */
static bool parse_scaled(const char *text, const struct unit *units,
			 int64_t *number)
{
	const char *digits = text + (units == no_units && *text == '-');
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	if (errno != 0)
		return false;
	if (*number == 0 && !*end)
		return true;
	for (; units->factor; units++)
		if (strcmp(end, units->name) == 0)
			return !__builtin_mul_overflow(*number, units->factor,
						       number);
	return false;
}

static bool in_range(const struct option_spec *spec, int64_t number)
{
	const struct unit *units = units_of(spec->type);
	const char *dots = strstr(spec->range, "..");
	char low[BOUND_MAX] = "";
	int64_t min, max;
	bool known;

	if (!dots)
		return true;
	assert((size_t)(dots - spec->range) < sizeof(low));
	memcpy(low, spec->range, (size_t)(dots - spec->range));
	known = parse_scaled(low, units, &min) &&
		parse_scaled(dots + 2, units, &max);
	assert(known); /* the table is ours */
	return known && number >= min && number <= max;
}

static int parse_number(const struct option_spec *spec, const char *text,
			union value *value, struct error *err)
{
	if (!parse_scaled(text, units_of(spec->type), &value->number))
		return malformed(spec, text, err);
	if (!in_range(spec, value->number))
		return error_set(err, ERROR_CONFIG,
				 "\"%s\" must be within %s, not \"%s\"",
				 spec->name, spec->range, text);
	return 0;
}

static int parse_bool(const struct option_spec *spec, const char *text,
		      union value *value, struct error *err)
{
	for (size_t i = 0; i < array_size(bool_names); i++)
		if (strcmp(bool_names[i].name, text) == 0) {
			value->flag = bool_names[i].value;
			return 0;
		}
	return malformed(spec, text, err);
}

/* Goes to the next word of a list at *TEXT: its length, 0 at the end. */
static size_t next_word(const char **text)
{
	*text += strspn(*text, LIST_SEPARATORS);
	return strcspn(*text, LIST_SEPARATORS);
}

static int parse_choice(const struct option_spec *spec, const char *text,
			union value *value, struct error *err)
{
	const char *choice = spec->range;
	size_t n;

	for (int64_t i = 0; (n = next_word(&choice)) > 0; i++) {
		if (n == strlen(text) && memcmp(choice, text, n) == 0) {
			value->number = i;
			return 0;
		}
		choice += n;
	}
	return malformed(spec, text, err);
}

static int parse_path(const struct option_spec *spec, const char *text,
		      union value *value, struct error *err)
{
	autofree char *path = file_expand_home(text);

	if (!path)
		return error_set_no_memory(err);
	if (*path != '/')
		return malformed(spec, text, err);
	value->memory = steal(&path);
	return 0;
}

/* The pointers, their NULL, and behind them the words, each with its NUL. */
static int parse_list(const char *text, union value *value, struct error *err)
{
	size_t count = 0, bytes = 0, n, i = 0;
	const char *word;
	char **list, *out;

	for (word = text; (n = next_word(&word)) > 0; word += n) {
		count++;
		bytes += n + 1;
	}
	list = malloc((count + 1) * sizeof(*list) + bytes);
	if (!list)
		return error_set_no_memory(err);
	out = (char *)(list + count + 1);
	for (word = text; (n = next_word(&word)) > 0; word += n) {
		list[i++] = memcpy(out, word, n);
		out[n] = '\0';
		out += n + 1;
	}
	list[i] = NULL;
	value->memory = list;
	return 0;
}

static int parse(const struct option_spec *spec, const char *text,
		 union value *value, struct error *err)
{
	switch (spec->type) {
	case OPTION_STRING:
		value->memory = strdup(text);
		return value->memory ? 0 : error_set_no_memory(err);
	case OPTION_PATH:
		return parse_path(spec, text, value, err);
	case OPTION_BOOL:
		return parse_bool(spec, text, value, err);
	case OPTION_NUMBER:
	case OPTION_BYTES:
	case OPTION_DURATION:
		return parse_number(spec, text, value, err);
	case OPTION_LIST:
		return parse_list(text, value, err);
	case OPTION_CHOICE:
		return parse_choice(spec, text, value, err);
	}
	return error_set(err, ERROR_INTERNAL, "\"%s\" has no type", spec->name);
}

static union value unset(enum option_type type)
{
	union value value = {.memory = NULL};

	if (type == OPTION_BOOL)
		value.flag = false;
	else if (!owns_memory(type))
		value.number = type == OPTION_CHOICE ? -1 : 0;
	return value;
}

/* The members are of different pointer types: hence the copying. */
static void *get_memory(const struct option_spec *spec, const void *target)
{
	void *memory;

	memcpy(&memory, (const char *)target + spec->offset, sizeof(memory));
	return memory;
}

static void store(const struct option_spec *spec, void *target,
		  union value value)
{
	void *member = (char *)target + spec->offset;

	if (spec->type == OPTION_BOOL) {
		*(bool *)member = value.flag;
	} else if (owns_memory(spec->type)) {
		free(get_memory(spec, target));
		memcpy(member, &value.memory, sizeof(value.memory));
	} else {
		*(int64_t *)member = value.number;
	}
}

int options_set_defaults(const struct option_spec *specs, size_t n,
			 void *target, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		union value value = unset(specs[i].type);

		if (specs[i].fallback &&
		    parse(&specs[i], specs[i].fallback, &value, err) < 0)
			return -1;
		store(&specs[i], target, value);
	}
	return 0;
}

/* The bounded search for a nearest name; name is NULL while there is none. */
struct nearest {
	const char *word;
	size_t limit; /* the largest distance that would still be taken */
	const char *name;
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance; A and B within NEAREST_WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_WORD_MAX + 1];
	size_t n = strlen(b), i, j;

	for (j = 0; j <= n; j++)
		rows[0][j] = j;
	for (i = 1; a[i - 1]; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];

		row[0] = i;
		for (j = 1; j <= n; j++) {
			bool differ = a[i - 1] != b[j - 1];

			row[j] = smaller(smaller(above[j], row[j - 1]) + 1,
					 above[j - 1] + differ);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = smaller(row[j],
						 rows[(i - 2) % 3][j - 2] + 1);
		}
	}
	return rows[(i - 1) % 3][n];
}

static struct nearest nearest_to(const char *word)
{
	return (struct nearest){.word = word, .limit = strlen(word) / 3};
}

static void consider(struct nearest *nearest, const char *name)
{
	size_t d;

	if (strlen(nearest->word) > NEAREST_WORD_MAX ||
	    strlen(name) > NEAREST_WORD_MAX)
		return;
	d = distance(nearest->word, name);
	if (d < nearest->limit || (d == nearest->limit && !nearest->name)) {
		nearest->limit = d;
		nearest->name = name;
	}
}

const char *nearest_name(const char *word, const char *const *names, size_t n)
{
	struct nearest nearest = nearest_to(word);

	for (size_t i = 0; i < n; i++)
		consider(&nearest, names[i]);
	return nearest.name;
}

static int unknown_section(const struct option_spec *specs, size_t n,
			   const char *section, struct error *err)
{
	struct nearest nearest = nearest_to(section);

	for (size_t i = 0; i < n; i++)
		consider(&nearest, specs[i].section);
	if (nearest.name)
		return error_set(err, ERROR_CONFIG,
				 "unknown section [%s]; did you mean [%s]?",
				 section, nearest.name);
	if (!*section)
		return error_set(err, ERROR_CONFIG,
				 "a key before the first section; put it "
				 "below [%s]",
				 n > 0 ? specs[0].section : "");
	return error_set(err, ERROR_CONFIG, "unknown section [%s]", section);
}

static int unknown_key(const struct option_spec *specs, size_t n,
		       const char *section, const char *key, struct error *err)
{
	struct nearest nearest = nearest_to(key);
	autofree char *words = NULL;
	autobuf known = {0};

	for (size_t i = 0; i < n; i++)
		if (strcmp(specs[i].section, section) == 0) {
			consider(&nearest, specs[i].name);
			buf_appendf(&known, "%s%s", known.len ? ", " : "",
				    specs[i].name);
		}
	if (nearest.name)
		return error_set(err, ERROR_CONFIG,
				 "unknown key \"%s\" in [%s]; did you mean "
				 "\"%s\"?",
				 key, section, nearest.name);
	words = buf_steal_str(&known);
	if (!words)
		return error_set_no_memory(err);
	return error_set(err, ERROR_CONFIG,
			 "unknown key \"%s\" in [%s]; there are: %s", key,
			 section, words);
}

int options_set(const struct option_spec *specs, size_t n, void *target,
		const char *section, const char *key, const char *value,
		struct error *err)
{
	union value parsed;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(specs[i].section, section) != 0 ||
		    strcmp(specs[i].name, key) != 0)
			continue;
		if (parse(&specs[i], value, &parsed, err) < 0)
			return -1;
		store(&specs[i], target, parsed);
		return 0;
	}
	if (options_has_section(specs, n, section))
		return unknown_key(specs, n, section, key, err);
	return unknown_section(specs, n, section, err);
}

bool options_has_section(const struct option_spec *specs, size_t n,
			 const char *section)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(specs[i].section, section) == 0)
			return true;
	return false;
}

void options_free(const struct option_spec *specs, size_t n, void *target)
{
	for (size_t i = 0; i < n; i++)
		if (owns_memory(specs[i].type))
			store(&specs[i], target, unset(specs[i].type));
}

static int print_scaled(int64_t number, const struct unit *units,
			struct buf *out)
{
	const struct unit *unit = units;

	if (number == 0)
		return buf_append_char(out, '0');
	for (; units->factor; units++)
		if (number % units->factor == 0)
			unit = units;
	return buf_appendf(out, "%" PRId64 "%s", number / unit->factor,
			   unit->name);
}

static int print_choice(const char *choices, int64_t index, struct buf *out)
{
	size_t n = next_word(&choices);

	while (index-- > 0) {
		choices += n;
		n = next_word(&choices);
	}
	return buf_append(out, choices, n);
}

static int print_list(char *const *list, struct buf *out)
{
	for (char *const *word = list; word && *word; word++) {
		buf_append_str(out, word == list ? "" : ", ");
		buf_append_str(out, *word);
	}
	return buf_ok(out) ? 0 : -1;
}

int option_print(const struct option_spec *spec, const void *target,
		 struct buf *out)
{
	const void *member = (const char *)target + spec->offset;
	const char *text;

	switch (spec->type) {
	case OPTION_STRING:
	case OPTION_PATH:
		text = get_memory(spec, target);
		return buf_append_str(out, text ? text : "");
	case OPTION_BOOL:
		return buf_append_str(out,
				      *(const bool *)member ? "yes" : "no");
	case OPTION_NUMBER:
	case OPTION_BYTES:
	case OPTION_DURATION:
		return print_scaled(*(const int64_t *)member,
				    units_of(spec->type), out);
	case OPTION_LIST:
		return print_list(get_memory(spec, target), out);
	case OPTION_CHOICE:
		if (*(const int64_t *)member < 0)
			return 0;
		return print_choice(spec->range, *(const int64_t *)member, out);
	}
	return 0;
}
