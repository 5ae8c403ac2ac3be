/*
 * What the files of the command engine share: a parsed command line. Nobody else
 * includes it.
 *
 * What always holds: values[i] belongs to the i-th item of the command, and
 * globals[i] to the i-th global option; both are as long as their tables.
 */
#ifndef VIRTMUX_CLIENT_COMMAND_PRIVATE_H
#define VIRTMUX_CLIENT_COMMAND_PRIVATE_H

#include "client/command.h"
#include "client/connect/deadline.h"
#include "client/connect/key.h"
#include "client/connect/session.h"
#include "client/held_line.h"

/* What stands on the command line for an item. */
struct value {
	int count;      /* how often it was given */
	char *text;     /* of the last time; NULL for flags; one of texts */
	char **texts;   /* of all times, COUNT of them */
	int64_t number; /* NUMBER, DURATION (ms), CHOICE (index) */
};

struct command_call {
	const struct command *command; /* NULL: no verb was given */
	char *family;                  /* "host", where help for it is wanted */
	struct value *values;
	struct value *globals;
	struct value *longs; /* of command_longs */
	char **arguments;    /* positional ones, NULL-terminated */
	size_t arguments_count;
	struct key_sources sources;
	const struct secret *passphrase; /* that was asked before; borrowed */
	const struct key_opened *opened; /* the key was; borrowed */
	bool one_of_many; /* hosts: this process serves one of them */
	struct profile *profile;
	struct session_options session; /* by which one is opened */
	struct channel *channel;
	bool keep_key;            /* call_keep_key() */
	uint64_t begun;           /* clock_monotonic_ns() */
	struct deadline deadline; /* of --timeout */
	struct guard *guard;      /* of it, or NULL */
	struct tls_context
		*tls; /* of an earlier channel, with the key; or NULL */
	struct log *log;
	struct output *output;
	struct held_line held;
	bool detached; /* the verb returned -1 since its job goes on */
	int told; /* exit status of a failure that the verb's result tells */
};

/* The number of items up to COMMAND_END. */
size_t command_items_count(const struct command_item *items);

/*
 * A global option, also behind a verb that hides it by one of that name, which is
 * what call_text() and its like then mean: virsh's metadata --key, dump --format.
 */
const char *command_global_text(const struct command_call *call,
				const char *name, const char *fallback);
int64_t command_global_number(const struct command_call *call, const char *name,
			      int64_t fallback);
int command_global_choice(const struct command_call *call, const char *name,
			  int fallback);

/* Makes CALL (zeroed before) from the words; ERROR_USAGE. */
int command_parse(struct command_call *call, int argc, const char **argv,
		  struct error *err);

/*
 * ERROR_USAGE with the verb that is nearest to WORDS (NULL-terminated, at least
 * one). Returns -1.
 */
int command_unknown(const char *const *words, struct error *err);

/* The profile of HOST (NULL: as by -H), by CALL's options; to profile_free(). */
int command_load_profile(const struct command_call *call, const char *host,
			 struct profile **profile, struct error *err);

/* WHY on standard error, in the form that was asked for; HOST may be NULL. */
void command_print_error(const struct command_call *call, const char *host,
			 const struct error *why);

/*
 * Results for a standard output that was exchanged: as wide as the one before, and
 * in its format.
 */
int command_remake_output(struct command_call *call, struct error *err);

/* Begins the guard of a deadline that was set; in a process for one host alone. */
int command_begin_guard(struct command_call *call, struct error *err);

/* call_told() by the exit status; 0: nothing has failed. */
void call_told_status(struct command_call *call, int status);

/* What -H or VIRTMUX_HOST says, or NULL; borrowed. */
const char *command_host_text(const struct command_call *call);

/* Whether that option of every verb was given. */
bool command_global_given(const struct command_call *call, const char *name);

/* As if -H had said HOST. */
int command_set_host(struct command_call *call, const char *host,
		     struct error *err);

/* Frees all that CALL owns. */
void command_clear(struct command_call *call);

/* -- help ------------------------------------------------------------------ */

/* "virtmux start DOMAIN [--paused]", appended. */
void help_usage(struct buf *out, const struct command *command);
/* Of one command, or all of them; appended. */
void help_command(struct buf *out, const struct command *command);
void help_family(struct buf *out, const char *word);
void help_overview(struct buf *out);
/* Manual pages, roff, appended: virtmux(1), and that of a verb. */
void help_manual(struct buf *out);
void help_manual_verb(struct buf *out, const struct command *command);
/* "virtmux-net-list", to free(). */
char *help_manual_name(const struct command *command);

/* Appends TEXT wrapped, from column AT on; later lines begin at INDENT. */
void help_wrap(struct buf *out, const char *text, size_t at, size_t indent);
/* NAME, then TEXT from COLUMN on, on the next line where NAME is too long. */
void help_entry(struct buf *out, const char *name, size_t column,
		const char *text);

/* "DOMAIN", "FILE", "acpi|agent": what stands for an item's value. */
void help_value(struct buf *out, const struct command *command,
		const struct command_item *item);

/* What an item is for, and its choices where they are many; to free(). */
char *help_item_text(const struct command *command,
		     const struct command_item *item);

#endif
