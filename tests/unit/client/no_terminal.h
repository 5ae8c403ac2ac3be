/*
 * Tests in a process without a controlling terminal, so that nobody is asked,
 * wherever they are run. Included by the tests of keys.
 */
#ifndef VIRTMUX_TESTS_CLIENT_NO_TERMINAL_H
#define VIRTMUX_TESTS_CLIENT_NO_TERMINAL_H

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What RUN returns there, or 1. */
static inline int without_terminal(int (*run)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		exit(run());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#endif
