/*
 * Commands: the table of verbs (commands.def) and what a verb's function gets
 * when it runs. From the table come dispatch, option parsing, usage errors,
 * help and the manual page; nothing about a verb is told elsewhere.
 *
 * What always holds: a verb's function is called with arguments and options
 * already checked for number, type and range; nothing was connected, and no
 * configuration read, before it asks for it. One thread.
 */
#ifndef VIRTMUX_CLIENT_COMMAND_H
#define VIRTMUX_CLIENT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/method.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

struct channel;
struct deadline;
struct json_object;
struct key_sources;
struct profile;

struct command_call; /* one verb being run */

/*
 * Runs the program: 0 or the exit status of DESIGN's list. Called by main().
 */
int command_main(int argc, char **argv);

/*
 * Runs a verb: 0, or -1 with ERR, whose code is the exit status. Results go to
 * stdout through client/output.h; errors are printed by the caller.
 */
typedef int command_fn(struct command_call *call, struct error *err);

/* -- the table ------------------------------------------------------------- */

enum command_item_kind {
	COMMAND_END,
	COMMAND_ARGUMENT, /* positional */
	COMMAND_OPTION,   /* --name */
};

enum command_type {
	COMMAND_FLAG,   /* no value */
	COMMAND_TEXT,   /* any; range: what to call it in help */
	COMMAND_FILE,   /* a path, or "-" */
	COMMAND_DOMAIN, /* a domain's name or UUID (for completion) */
	COMMAND_METHOD, /* a method's name (for completion) */
	COMMAND_HOST,   /* a configured host's name (for completion) */
	COMMAND_VERB,   /* a verb's words (for completion) */
	COMMAND_PARAM,  /* key=value of the method before it (for completion) */
	COMMAND_SHELL,  /* a shell that is completed in (for completion) */
	COMMAND_SETTING, /* a key of the configuration (for completion) */
	COMMAND_SETTING_OR_HOST, /* or a host's name (for completion) */
	COMMAND_SETTING_VALUE,   /* of the setting before it (for completion) */
	COMMAND_NUMBER,          /* decimal; range "MIN..MAX" */
	COMMAND_DURATION,        /* "10s", "5m"; value in ms */
	COMMAND_CHOICE, /* one of the space-separated words in range, or where it
			     is NULL of the parameter's enum */
};

enum command_need {
	COMMAND_REQUIRED,
	COMMAND_OPTIONAL,
	COMMAND_MANY, /* none or more; the last positional only */
};

/*
 * An ARGUMENT() or OPTION() line. PARAM: the parameter of the command's method
 * that it fills, or NULL; doc and choices are then that parameter's where they
 * are not given here.
 */
struct command_item {
	enum command_item_kind kind;
	enum command_type type;
	enum command_need need; /* options: always COMMAND_OPTIONAL */
	char letter;            /* of a short option, or 0 */
	const char *name;
	const char *param;
	const char *range;
	const char *doc;
};

struct command {
	const char *verb;   /* one word, or two: "host add" */
	const char *alias;  /* another spelling, or NULL */
	const char *method; /* that it calls, or NULL */
	command_fn *run;
	const char *done; /* what verb_method() says: "Domain '{name}' started";
				{}: a member of the result, or an argument */
	const char
		*summary; /* one line, without full stop; NULL: the method's */
	const char *doc;  /* sentences; NULL: the method's */
	const struct command_item *items; /* up to COMMAND_END */
};

/* The table in its order; ends with a row without verb. */
extern const struct command command_table[];

/* Options of every verb whose method is LONG; ends with COMMAND_END. */
extern const struct command_item command_longs[];
bool command_is_long(const struct command *command);

/* Options that every verb takes (globals.def); ends with COMMAND_END. */
extern const struct command_item command_globals[];

/* Why it runs on one host at a time (ALONE), or NULL. */
const char *command_alone(const struct command *command);
/* Whether it takes many hosts itself (GATHERS). */
bool command_gathers(const struct command *command);
/* Whether its lines are of use as they come (LIVE), before its end. */
bool command_is_live(const struct command *command);

/*
 * What completion asks of the host for the argument NAME, by OFFER(): "active=true";
 * NULL: all.
 */
const char *command_offer(const struct command *command, const char *name);

/* An EXAMPLE() line. */
struct command_example {
	const char *line;
	const char *doc;
};

/* The command's I-th one, counted from 0; NULL past the last. */
const struct command_example *command_example(const struct command *command,
					      size_t i);

/* A PRINTS() line. */
enum command_shape {
	COMMAND_OBJECT, /* one object */
	COMMAND_ARRAY,  /* an array of objects */
	COMMAND_LINES,  /* objects, one a line, as they come */
};

struct command_print {
	enum command_shape shape;
	const struct type *type;
};

/* The command's I-th one, as above. Without any: its method's result. */
const struct command_print *command_prints(const struct command *command,
					   size_t i);
/* The member whose entries are the lines of JSON lines (LISTS), or NULL. */
const char *command_lists(const struct command *command);
/* When it prints nothing by --json (SILENT), or NULL. */
const char *command_silent(const struct command *command);
/* Why it has no --json (NO_JSON), or NULL. */
const char *command_no_json(const struct command *command);

/* A RAW() line. */
struct command_raw {
	const char *option;
	const char *value; /* of it; NULL: any */
	const char *reason;
};

/* The command's I-th one, counted from 0; NULL past the last. */
const struct command_raw *command_raw(const struct command *command, size_t i);

/* By verb ("start", "host add") or alias; NULL where there is none. */
const struct command *command_find(const char *verb);

/*
 * The verb that WORDS (NULL-terminated) begin with, the longest one; *USED is the
 * number of its words. NULL where there is none.
 */
const struct command *command_find_words(const char *const *words,
					 size_t *used);

/* Whether COMMAND's verb is WORD and a further one: "host add" for "host". */
bool command_in_family(const struct command *command, const char *word);
/* Whether there is such a verb. */
bool command_is_family(const char *word);

/* The command's method, or NULL; the parameter that an item fills, or NULL. */
const struct method *command_method(const struct command *command);
const struct member *command_item_param(const struct command *command,
					const struct command_item *item);

/* Texts, of the command or else of its method; never NULL. */
const char *command_summary(const struct command *command);
const char *command_doc(const struct command *command);
const char *command_item_doc(const struct command *command,
			     const struct command_item *item);

/* The words that a CHOICE allows, separated by blanks, appended to OUT. */
int command_item_choices(const struct command *command,
			 const struct command_item *item, struct buf *out);

/* -- a running verb -------------------------------------------------------- */

const struct command *call_command(const struct command_call *call);

/* The I-th positional argument, or NULL where it was not given. */
const char *call_argument(const struct command_call *call, size_t i);
size_t call_argument_count(const struct command_call *call);

/*
 * An option of the verb or a global one, by its long name, which must stand in
 * the table (assert). Strings are borrowed from the call.
 */
bool call_given(const struct command_call *call, const char *name);
bool call_flag(const struct command_call *call, const char *name);
/* How often a flag was given (-v -v). */
int call_count(const struct command_call *call, const char *name);
const char *call_text(const struct command_call *call, const char *name,
		      const char *fallback);
/* NUMBER, and DURATION in milliseconds. */
int64_t call_number(const struct command_call *call, const char *name,
		    int64_t fallback);
/* CHOICE: the index of the word in the range, or FALLBACK. */
int call_choice(const struct command_call *call, const char *name,
		int fallback);

/*
 * The profile that command line, environment and configuration name, read at
 * the first use; borrowed from the call. ERROR_CONFIG, ERROR_USAGE.
 */
int call_profile(struct command_call *call, const struct profile **profile,
		 struct error *err);

/* What --config or VIRTMUX_CONFIG names, or NULL; borrowed. */
const char *call_config_file(const struct command_call *call);

/* The same for a verb whose argument is HOST; NULL: as by -H. */
int call_profile_of(struct command_call *call, const char *host,
		    const struct profile **profile, struct error *err);

/* Where the passphrase comes from, by options and environment. */
const struct key_sources *call_key_sources(struct command_call *call);

/*
 * The channel to that profile's host, connected at the first use; borrowed from
 * the call. Errors: those of call_profile() and channel_open().
 */
int call_channel(struct command_call *call, struct channel **channel,
		 struct error *err);

/*
 * The end of --timeout, which channel, key and session obey by themselves; NULL-less.
 * Where none was given, call_default_timeout() sets one of MS from the command's start.
 */
struct deadline *call_deadline(struct command_call *call);
int call_default_timeout(struct command_call *call, uint64_t ms,
			 struct error *err);
/* Whether --timeout is over: an ERROR_TIMED_OUT is then ours to explain. */
bool call_is_late(const struct command_call *call);
/* What was to be begun has begun: --timeout ends no more of it. */
void call_begun(struct command_call *call);

/* Ends the channel; the next call_channel() connects anew. */
void call_drop_channel(struct command_call *call);

/*
 * Before the first call_channel(): the unlocked key stays until the verb ends, so
 * that call_reconnect() need not ask for the passphrase again.
 */
void call_keep_key(struct command_call *call);

/* Ends the channel, where there is one, and connects anew. Errors as above. */
int call_reconnect(struct command_call *call, struct channel **channel,
		   struct error *err);

/*
 * channel_call() of the verb's own method (or METHOD where it is not NULL).
 * PARAMS is JSON text; NULL: call_params(), for the verb's own method.
 */
int call_method(struct command_call *call, const char *method,
		const char *params, struct json_object **result,
		struct error *err);

/*
 * The parameters that the given arguments and options fill (items with PARAM),
 * as JSON text appended to OUT; files are read, "-" is standard input.
 * ERROR_USAGE and those of file_read().
 */
int call_params(const struct command_call *call, struct buf *out,
		struct error *err);

/*
 * Tells that a mutation was done: RESULT where a format other than text is
 * wanted, else the words DONE, in which "{name}" stands for a member of RESULT or
 * for the argument of that name. NULL: RESULT in any case.
 */
int call_done(struct command_call *call, const char *done,
	      struct json_object *result, struct error *err);

/*
 * The run function of most verbs: call_params(), call_method(), and then the
 * result by --json, or the command's DONE words.
 */
int verb_method(struct command_call *call, struct error *err);

/*
 * The verb returned 0 and has told of a failure in its result: the exit status is
 * that of CODE, and nothing more is said.
 */
void call_told(struct command_call *call, enum error_code code);

struct log *call_log(const struct command_call *call);

/* How results are to be shown (client/output.h). */
struct output *call_output(const struct command_call *call);

#endif
