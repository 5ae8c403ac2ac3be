/*
 * What a user writes for keys that a command line cannot hold: \r, \n, \t, \e and
 * \\ in the text of wait-serial --send and of type. No state; any thread.
 */
#ifndef VIRTMUX_CLIENT_ESCAPES_H
#define VIRTMUX_CLIENT_ESCAPES_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Appends TEXT to OUT with the escapes replaced. ERROR_USAGE for another escape,
 * or a lone backslash at the end; the words begin with WHAT ("--send").
 */
int escapes_read(const char *text, const char *what, struct buf *out,
		 struct error *err);

#endif
