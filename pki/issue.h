/*
 * The ways of issuing a host's or a user's certificate that several commands
 * share. Called by issue, sign and renew. What always holds: whatever can be
 * refused is refused before a person is asked for a passphrase, and the lock is
 * taken after the last question.
 */
#ifndef VIRTMUX_PKI_ISSUE_H
#define VIRTMUX_PKI_ISSUE_H

#include "pki/arguments.h"
#include "pki/authority.h"
#include "pki/commands.h"

/*
 * Opens the authority, asks for the passphrase of a user's new key, makes the
 * key and issues; notes go to CALL's messages. REQUEST lacks the key, and gets
 * pointers to it that have ended when this returns.
 */
int issue_with_new_key(const struct command_call *call, struct store *store,
		       struct authority_request *request, enum key_type type,
		       struct index_entry *entry, struct error *err);

/* The same for the key that REQUEST has. */
int issue_for_key(const struct command_call *call, struct store *store,
		  const struct authority_request *request,
		  struct index_entry *entry, struct error *err);

/*
 * The host's own NAME first, then each --san once; to free(). NULL: ERROR_USAGE.
 */
struct san *issue_sans(const struct arguments *arguments, const char *name,
		       size_t *count, struct error *err);

/* "DNS:web1, IP:10.0.0.1" */
void issue_print_sans(FILE *out, const struct authority_request *request);

#endif
