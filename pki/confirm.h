/*
 * A question to be answered with yes or no at the terminal. Called by sign. What
 * always holds: anything but a plain yes is a no.
 */
#ifndef VIRTMUX_PKI_CONFIRM_H
#define VIRTMUX_PKI_CONFIRM_H

#include <stdbool.h>

#include "base/error.h"

/*
 * Asks "QUESTION [yes/no] " at the controlling terminal. ERROR_USAGE where there
 * is none or BATCH forbids to ask, with INSTEAD as the cure; ERROR_INTERRUPTED
 * where the answer is no.
 */
int confirm(const char *question, bool batch, const char *instead,
	    struct error *err);

/* The same at the descriptor FD. */
int confirm_at(int fd, const char *question, struct error *err);

#endif
