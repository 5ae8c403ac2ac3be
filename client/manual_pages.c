/*
 * A program of the build: writes the manual page of every verb into the folder that it
 * is given (cmake/install.cmake installs them).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "client/command_private.h"

static int write_page(const char *folder, const struct command *command)
{
	autobuf text = {0};
	autobuf path = {0};
	autofree char *name = help_manual_name(command);
	autofree char *file = NULL;
	autofclose FILE *to = NULL;

	buf_appendf(&path, "%s/%s.1", folder, name ? name : "");
	file = buf_steal_str(&path);
	help_manual_verb(&text, command);
	to = file && buf_ok(&text) ? fopen(file, "w") : NULL;
	if (to && fwrite(buf_bytes(&text), 1, text.len, to) == text.len &&
	    fflush(to) == 0)
		return 0;
	perror(file ? file : folder);
	return -1;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: manual_pages FOLDER\n", stderr);
		return 2;
	}
	for (const struct command *c = command_table; c->verb; c++)
		if (write_page(argv[1], c) < 0)
			return 1;
	return 0;
}
