/*
 * A host of the tests: a child process that speaks HTTP/2 in clear text on the
 * session socket of a profile, so that a channel reaches it without TLS. What it
 * does is chosen by the method or path that is asked for (fake_host.c has the
 * list). Used by the tests of the channel and of verbs.
 */
#ifndef VIRTMUX_TESTS_FAKE_HOST_H
#define VIRTMUX_TESTS_FAKE_HOST_H

#include <sys/types.h>

struct profile;

#define FAKE_NETWORKS 10000

struct fake_host {
	char folder[64]; /* XDG_RUNTIME_DIR, removed at the end */
	char socket[96];
	pid_t pid;
	struct profile *profile; /* named "fake" */
};

/* Sets XDG_RUNTIME_DIR and starts the child; asserts. */
void fake_host_start(struct fake_host *host);
void fake_host_stop(struct fake_host *host);

#endif
