/*
 * Names, groups and patterns as hosts (hosts.h). A group that was taken already is
 * not taken again: it has nothing new, and so groups that hold each other cost no
 * more than their lines.
 */
#include "client/connect/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/glob.h"
#include "base/ini.h"
#include "client/connect/config.h"

enum state {
	UNSEEN,
	OPEN, /* its hosts are being taken */
	DONE,
};

struct search {
	const struct config *config;
	struct hosts *hosts;
	size_t most;
	const char *const *groups;
	size_t groups_count;
	enum state *states; /* of the groups */
	size_t *trail;      /* the open groups, the outermost first */
	size_t depth;
	bool placed; /* the error tells its place in the file */
};

void hosts_clear(struct hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		free(hosts->names[i]);
	free(hosts->names);
	*hosts = (struct hosts){0};
}

bool hosts_are_several(const char *text)
{
	return text[0] == '@' || strchr(text, ',') || config_is_pattern(text);
}

bool hosts_have(const struct hosts *hosts, const char *name)
{
	for (size_t i = 0; i < hosts->count; i++)
		if (strcmp(hosts->names[i], name) == 0)
			return true;
	return false;
}

static int add_host(struct search *s, const char *name, struct error *err)
{
	struct hosts *h = s->hosts;
	char **names = NULL;

	if (hosts_have(h, name))
		return 0;
	if (h->count >= s->most)
		return error_set(err, ERROR_USAGE,
				 "more than %zu hosts at once: make the list "
				 "shorter",
				 s->most);
	names = realloc(h->names, (h->count + 1) * sizeof(*names));
	if (!names)
		return error_set_no_memory(err);
	h->names = names;
	names[h->count] = strdup(name);
	if (!names[h->count])
		return error_set_no_memory(err);
	h->count++;
	return 0;
}

static int no_host_at_all(const struct search *s, struct error *err)
{
	return error_set(err, ERROR_CONFIG,
			 "no host is configured: \"virtmux host add\" adds one "
			 "to %s",
			 config_user_file(s->config));
}

static int add_matching(struct search *s, const char *pattern,
			struct error *err)
{
	size_t n = 0;
	const char *const *names = config_hosts(s->config, &n);
	bool any = false;

	if (glob_check(pattern, err) < 0)
		return error_prefix(err, "'%s'", pattern);
	if (n == 0)
		return no_host_at_all(s, err);
	for (size_t i = 0; i < n; i++) {
		if (!glob_match(pattern, names[i]))
			continue;
		any = true;
		if (add_host(s, names[i], err) < 0)
			return -1;
	}
	if (any)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "'%s' matches none of the %zu configured hosts: "
			 "\"virtmux host list\" shows them",
			 pattern, n);
}

/* -- groups ---------------------------------------------------------------- */

static int add_word(struct search *s, const char *word, struct error *err);

static int unknown_group(const struct search *s, const char *name,
			 struct error *err)
{
	const char *near = nearest_name(name, s->groups, s->groups_count);
	const char *all = HOSTS_ALL;

	if (!near)
		near = nearest_name(name, &all, 1);
	if (near)
		return error_set(err, ERROR_CONFIG,
				 "no group '%s' is configured; did you mean "
				 "'@%s'?",
				 name, near);
	return error_set(err, ERROR_CONFIG,
			 "no group '%s' is configured: add a section [group "
			 "%s] with hosts = NAME, NAME to %s",
			 name, name, config_user_file(s->config));
}

/* "FILE:LINE: [group a] holds itself: @a has @b, which has @a". */
static int ring(struct search *s, size_t group, struct error *err)
{
	struct config_place place = config_group_place(s->config, group);
	autobuf way = {0};
	autofree char *words = NULL;
	size_t i = 0;

	while (s->trail[i] != group)
		i++;
	for (; i < s->depth; i++)
		buf_appendf(&way, "@%s has ", s->groups[s->trail[i]]);
	buf_appendf(&way, "@%s", s->groups[group]);
	words = buf_steal_str(&way);
	if (!words)
		return error_set_no_memory(err);
	s->placed = true;
	return error_set(err, ERROR_CONFIG,
			 "%s:%u: [group %s] holds itself: %s. Take one of "
			 "them out",
			 place.file, place.line, s->groups[group], words);
}

static int add_members(struct search *s, size_t group, struct error *err)
{
	struct config_place place = config_group_place(s->config, group);
	char *const *members = config_group(s->config, group);
	int rc = 0;

	if (!members || !members[0])
		rc = error_set(err, ERROR_CONFIG,
			       "there are no hosts in it: give it hosts = "
			       "NAME, NAME");
	s->states[group] = OPEN;
	s->trail[s->depth++] = group;
	for (; rc == 0 && *members; members++)
		rc = add_word(s, *members, err);
	s->depth--;
	s->states[group] = DONE;
	if (rc == 0 || s->placed)
		return rc;
	s->placed = true;
	return error_prefix(err, "%s:%u: [group %s]", place.file, place.line,
			    s->groups[group]);
}

static int add_group(struct search *s, const char *name, struct error *err)
{
	size_t i = 0;

	while (i < s->groups_count && strcmp(s->groups[i], name) != 0)
		i++;
	if (i == s->groups_count)
		return strcmp(name, HOSTS_ALL) == 0
			       ? add_matching(s, "*", err)
			       : unknown_group(s, name, err);
	if (s->states[i] == OPEN)
		return ring(s, i, err);
	return s->states[i] == DONE ? 0 : add_members(s, i, err);
}

static int add_word(struct search *s, const char *word, struct error *err)
{
	if (word[0] == '\0')
		return error_set(err, ERROR_USAGE,
				 "an empty name stands among the hosts");
	if (word[0] == '@')
		return add_group(s, word + 1, err);
	return config_is_pattern(word) ? add_matching(s, word, err)
				       : add_host(s, word, err);
}

/* -- a text ---------------------------------------------------------------- */

/* The words between commas, without the blanks around them. */
static int add_text(struct search *s, const char *text, struct error *err)
{
	for (;;) {
		size_t len = strcspn(text, ",");
		size_t begin = strspn(text, " ");
		size_t end = len;
		autofree char *word = NULL;

		if (begin > len)
			begin = len;
		while (end > begin && text[end - 1] == ' ')
			end--;
		word = strndup(text + begin, end - begin);
		if (!word)
			return error_set_no_memory(err);
		if (add_word(s, word, err) < 0)
			return -1;
		if (text[len] == '\0')
			return 0;
		text += len + 1;
	}
}

int hosts_find(struct hosts *hosts, const struct config *config,
	       const char *text, size_t most, struct error *err)
{
	struct search s = {.config = config, .hosts = hosts, .most = most};
	autofree enum state *states = NULL;
	autofree size_t *trail = NULL;

	s.groups = config_groups(config, &s.groups_count);
	states = calloc(s.groups_count + 1, sizeof(*states));
	trail = calloc(s.groups_count + 1, sizeof(*trail));
	if (!states || !trail)
		return error_set_no_memory(err);
	s.states = states;
	s.trail = trail;
	return add_text(&s, text, err);
}
