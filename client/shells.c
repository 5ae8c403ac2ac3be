/*
 * The shells' files as CMake has made strings of them (shells.h).
 */
#include "client/shells.h"

#include <string.h>

#include "base/cleanup.h"

static const struct {
	const char *name;
	const char *file;
} shells[] = {
	{
		"bash",
#include "client/completion_bash.h"
	},
	{
		"zsh",
#include "client/completion_zsh.h"
	},
	{
		"fish",
#include "client/completion_fish.h"
	},
};

const char *shells_name(size_t i)
{
	return i < array_size(shells) ? shells[i].name : NULL;
}

const char *shells_file(const char *name)
{
	for (size_t i = 0; i < array_size(shells); i++)
		if (strcmp(shells[i].name, name) == 0)
			return shells[i].file;
	return NULL;
}
