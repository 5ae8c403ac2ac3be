/*
 * What a person means by NAME|SERIAL. Called by the commands that work on a
 * certificate that is there. What always holds: where a word could mean two
 * things, nothing is done and the error tells how to say it.
 */
#ifndef VIRTMUX_PKI_TARGET_H
#define VIRTMUX_PKI_TARGET_H

#include "base/error.h"
#include "pki/index.h"

/*
 * The entry with that serial (in any case); or the newest entry of the one host
 * or user of that name, in any state. Borrowed from INDEX. NULL: ERROR_NOT_FOUND;
 * ERROR_USAGE where a host and a user have the name.
 */
const struct index_entry *target_find(const struct index *index,
				      const char *word, struct error *err);

/* Whether WORD, which led to ENTRY, was its serial. */
bool target_is_serial(const struct index_entry *entry, const char *word);

#endif
