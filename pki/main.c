/*
 * virtmux-pki: parses the command line, runs one command, and turns an error
 * into a message and an exit status. The only place that exits. What always
 * holds: no core dump can carry a key, and output that could not be written is
 * an error.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "pki/arguments.h"
#include "pki/commands.h"
#include "pki/help.h"

static void forbid_core_dumps(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
}

static int print_text(void (*print)(struct buf *), struct error *err)
{
	autobuf text = {0};

	print(&text);
	return help_write(&text, stdout, err);
}

static int run_command(const struct arguments *arguments, struct error *err)
{
	const struct command_call call = {
		.arguments = arguments,
		.out = stdout,
		.messages = stderr,
	};
	const char *name = arguments_word(arguments, 0);
	enum command_id id = command_find(name);
	autobuf text = {0};

	if (id == COMMANDS)
		return help_unknown_command(name, err);
	if (!arguments_given(arguments, ARGUMENT_HELP))
		return command_run(id, &call, err);
	help_command(id, &text);
	return help_write(&text, stdout, err);
}

static int run(int argc, const char **argv, struct error *err)
{
	autoptr(arguments) arguments = arguments_parse(argc, argv, err);

	if (!arguments)
		return -1;
	if (arguments_given(arguments, ARGUMENT_VERSION)) {
		puts("virtmux-pki " VIRTMUX_VERSION);
		return 0;
	}
	if (arguments_given(arguments, ARGUMENT_PRINT_MANUAL))
		return print_text(help_manual, err);
	if (arguments_words(arguments) > 0)
		return run_command(arguments, err);
	if (arguments_given(arguments, ARGUMENT_HELP))
		return print_text(help_program, err);
	return error_set(err, ERROR_USAGE,
			 "a command is missing. See 'virtmux-pki --help'");
}

int main(int argc, char **argv)
{
	autoerror err = {0};
	int result;

	forbid_core_dumps();
	/* Past a limit of file sizes, write(2) shall fail: then nothing changes. */
	signal(SIGXFSZ, SIG_IGN);
	result = run(argc, (const char **)argv, &err);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (result == 0)
			error_set_errno(&err, ERROR_SYSTEM, errno,
					"cannot write the output");
		result = -1;
	}
	if (result == 0)
		return 0;
	fprintf(stderr, "virtmux-pki: %s\n", error_words(&err));
	return error_code_exit_status(err.code);
}
