/*
 * The key of the journal's hashes: random bytes in a file beside it, so that whoever
 * sees the journal (a copy of it, a backup) cannot try passwords against what it tells
 * of the parameters of a call. Called by journal.c, which has locked the folder.
 */
#ifndef VIRTMUX_DAEMON_RPC_JOURNAL_KEY_H
#define VIRTMUX_DAEMON_RPC_JOURNAL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"

/*
 * KEY becomes what FOLDER has, or, where it has none that can be used, a new one
 * (*MADE), which is written there with mode 0600. A file that others can read is
 * refused (ERROR_KEY). A disk that is full is logged: the next daemon makes another
 * one then. Blocking.
 */
int journal_key_take(const char *folder, struct log *log,
		     uint8_t key[DIGEST_BYTES], bool *made, struct error *err);

#endif
