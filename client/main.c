/*
 * The command `virtmux`: everything is behind command_main(), so that tests run
 * it without a process.
 */
#include "client/command.h"

int main(int argc, char **argv)
{
	return command_main(argc, argv);
}
