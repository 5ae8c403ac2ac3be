/*
 * The files of etc/completion, which stand in the program as they are: one for each
 * shell that virtmux completes in. Used by `virtmux completion` and by completion of
 * its argument. Constant; any thread.
 */
#ifndef VIRTMUX_CLIENT_SHELLS_H
#define VIRTMUX_CLIENT_SHELLS_H

#include <stddef.h>

/* The I-th shell's name, counted from 0; NULL past the last. */
const char *shells_name(size_t i);
/* The file of the shell of that name; NULL where there is none. */
const char *shells_file(const char *name);

#endif
