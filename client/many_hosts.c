/*
 * The hosts of "-H a,b,@web": names split at commas, groups of the configuration
 * ([group web] hosts = …) in their place, each host once. All of them must be
 * known before anything is done on the first.
 */
#include <stdlib.h>
#include <string.h>

#include "client/connect/config.h"
#include "client/many_private.h"

static int add_host(struct many *many, const char *name, size_t len,
		    struct error *err)
{
	char **names = NULL;

	for (size_t i = 0; i < many->count; i++)
		if (strlen(many->names[i]) == len &&
		    strncmp(many->names[i], name, len) == 0)
			return 0;
	if (many->count == MANY_HOSTS_MAX)
		return error_set(err, ERROR_USAGE,
				 "more than %d hosts at once: make the list "
				 "shorter",
				 MANY_HOSTS_MAX);
	names = realloc(many->names, (many->count + 1) * sizeof(*names));
	if (!names)
		return error_set_no_memory(err);
	many->names = names;
	names[many->count] = strndup(name, len);
	if (!names[many->count])
		return error_set_no_memory(err);
	many->count++;
	return 0;
}

static int unknown_group(const struct config *config, const char *name,
			 struct error *err)
{
	size_t n = 0;
	const char *const *groups = config_groups(config, &n);
	const char *near = nearest_name(name, groups, n);

	if (near)
		return error_set(err, ERROR_CONFIG,
				 "no group '%s' is configured; did you mean "
				 "'@%s'?",
				 name, near);
	return error_set(err, ERROR_CONFIG,
			 "no group '%s' is configured: add a section [group "
			 "%s] with hosts = NAME, NAME to %s",
			 name, name, config_user_file(config));
}

static int add_group(struct many *many, const struct config *config,
		     const char *name, struct error *err)
{
	char *const *hosts = config_group(config, name);

	if (!hosts)
		return unknown_group(config, name, err);
	for (; *hosts; hosts++)
		if (add_host(many, *hosts, strlen(*hosts), err) < 0)
			return -1;
	return 0;
}

static int add_word(struct many *many, const struct config *config,
		    const char *word, size_t len, struct error *err)
{
	autofree char *group = NULL;

	if (len == 0)
		return error_set(err, ERROR_USAGE,
				 "an empty name stands among the hosts");
	if (word[0] != '@')
		return add_host(many, word, len, err);
	group = strndup(word + 1, len - 1);
	if (!group)
		return error_set_no_memory(err);
	return add_group(many, config, group, err);
}

int many_find_hosts(struct many *many, const char *text, const char *config,
		    struct error *err)
{
	autoptr(config) c = NULL;

	if (config_load(&c, config, CONFIG_SYSTEM_FILE, err) < 0)
		return -1;
	for (;;) {
		size_t len = strcspn(text, ",");
		size_t begin = strspn(text, " ");
		size_t end = len;

		if (begin > len)
			begin = len;
		while (end > begin && text[end - 1] == ' ')
			end--;
		if (add_word(many, c, text + begin, end - begin, err) < 0)
			return -1;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	return 0;
}
