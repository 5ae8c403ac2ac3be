/*
 * The program from its arguments to its exit status: parses, runs the verb,
 * tells the error in the form that was asked for. Called by main() alone; no
 * other place prints an error or knows an exit status.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/describe.h"
#include "api/json.h"
#include "base/clock.h"
#include "client/command_private.h"
#include "client/connect/key_memory.h"
#include "client/complete.h"
#include "client/guard.h"
#include "client/many.h"
#include "client/output.h"
#include "client/suggest.h"

static enum output_format wanted_format(const struct command_call *call)
{
	if (!call->globals)
		return OUTPUT_TABLE;
	if (call_flag(call, "json"))
		return OUTPUT_JSON;
	return (enum output_format)command_global_choice(call, "format",
							 OUTPUT_TABLE);
}

/* -- errors ---------------------------------------------------------------- */

#define CALL_ID_SIZE 32

/* The id of the host's call that failed with E, which its log has too. */
static bool call_id_of(const struct error *e, char id[CALL_ID_SIZE])
{
	return e->cause && sscanf(e->cause, "call %31[0-9a-z_-]", id) == 1;
}

/* Once, and only where the host's log tells more than the words do. */
static void print_call(const struct error *e)
{
	const char *no = getenv("NO_COLOR");
	bool dim = isatty(STDERR_FILENO) == 1 && !(no && *no);
	char id[CALL_ID_SIZE];

	if (call_id_of(e, id) && strchr(e->cause, ':'))
		fprintf(stderr, "%s(call %s: see the host's log)%s\n",
			dim ? "\x1b[2m" : "", id, dim ? "\x1b[0m" : "");
}

/*
 * {"error":{"code":"not-found","number":-32001,"status":3,"message":"…"}}, with
 * "host" before it where there are several.
 */
static void append_json(struct buf *text, const char *host,
			const struct error *e)
{
	char id[CALL_ID_SIZE];

	buf_append_char(text, '{');
	if (host) {
		buf_append_str(text, "\"host\":");
		json_append_string(text, host);
		buf_append_char(text, ',');
	}
	buf_append_str(text, "\"error\":{\"code\":");
	json_append_string(text, error_code_name(e->code));
	buf_appendf(text,
		    ",\"number\":%d,\"status\":%d,\"retry\":%s,"
		    "\"message\":",
		    error_code_rpc_number(e->code),
		    error_code_exit_status(e->code),
		    error_code_may_retry(e->code) ? "true" : "false");
	json_append_string(text, error_words(e));
	if (call_id_of(e, id)) {
		buf_append_str(text, ",\"call\":");
		json_append_string(text, id);
	}
	buf_append_str(text, "}}\n");
}

static void append_text(struct buf *text, const char *host,
			const struct error *e)
{
	buf_appendf(text, "virtmux: %s%s", host ? host : "", host ? ": " : "");
	output_escape(text, error_words(e));
	buf_append_char(text, '\n');
}

static bool tells_json(const struct command_call *call)
{
	enum output_format format = wanted_format(call);

	return format == OUTPUT_JSON || format == OUTPUT_JSONL;
}

/* The line that tells WHY in the form that was asked for, to free(); or NULL. */
static char *error_line(const struct command_call *call, const char *host,
			const struct error *why)
{
	autobuf text = {0};

	if (tells_json(call))
		append_json(&text, host, why);
	else
		append_text(&text, host, why);
	return buf_steal_str(&text);
}

void command_print_error(const struct command_call *call, const char *host,
			 const struct error *why)
{
	autofree char *line = error_line(call, host, why);

	fflush(stdout);
	fputs(line ? line : "virtmux: memory ran out\n", stderr);
	if (tells_json(call))
		return;
	print_call(why);
	if (why->code == ERROR_USAGE && call->command)
		fprintf(stderr, "\"virtmux %s --help\" tells more.\n",
			call->command->verb);
}

static int report(const struct command_call *call, const struct error *e)
{
	command_print_error(call, NULL, e);
	return error_code_exit_status(e->code);
}

/* -- without a verb -------------------------------------------------------- */

static int print_text(struct buf *text, struct error *err)
{
	autofree char *s = buf_steal_str(text);

	if (!s)
		return error_set_no_memory(err);
	fputs(s, stdout);
	return 0;
}

static int run_without_verb(const struct command_call *call, struct error *err)
{
	autobuf text = {0};

	if (call_flag(call, "version"))
		buf_append_str(&text, "virtmux " VIRTMUX_VERSION "\n");
	else if (call_flag(call, "print-manual"))
		help_manual(&text);
	else if (call->family)
		help_family(&text, call->family);
	else if (call_flag(call, "help"))
		help_overview(&text);
	else
		return error_set(err, ERROR_USAGE,
				 "what is to be done? \"virtmux help\" lists "
				 "the verbs");
	return print_text(&text, err);
}

/* -- with a verb ----------------------------------------------------------- */

/* no-color.org: set and not empty means none. */
static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

/* LIKE is whose person and width it shares; or NULL. */
static struct output *make_output(const struct command_call *call,
				  const struct output *like)
{
	const struct output_options options = {
		.file = stdout,
		.format = wanted_format(call),
		.quiet = call_flag(call, "quiet"),
		.colour = wants_colour(),
		.person = like && output_is_for_person(like),
		.width = like ? output_width(like) : 0,
	};

	return output_new(&options);
}

int command_remake_output(struct command_call *call, struct error *err)
{
	struct output *output = make_output(call, call->output);

	output_free(call->output);
	call->output = output;
	return output ? 0 : error_set_no_memory(err);
}

static int prepare(struct command_call *call, struct error *err)
{
	int verbose = call_count(call, "verbose");
	enum log_level level = verbose == 0   ? LOG_LEVEL_WARNING
			       : verbose == 1 ? LOG_LEVEL_INFO
					      : LOG_LEVEL_DEBUG;

	deadline_set(&call->deadline,
		     (uint64_t)command_global_number(call, "timeout", 0),
		     call->begun);
	call->log = log_new(STDERR_FILENO, "virtmux", level, false);
	call->output = make_output(call, NULL);
	return call->log && call->output ? 0 : error_set_no_memory(err);
}

/* Help for the verb, or for the method that it was to call. */
static void help_call(struct buf *out, const struct command_call *call)
{
	const char *word = call_argument(call, 0);
	const struct method *m = NULL;

	if (word && strcmp(call->command->verb, "call") == 0)
		m = method_find(word, strlen(word));
	if (m)
		describe_method_help(out, m);
	else
		help_command(out, call->command);
}

int command_begin_guard(struct command_call *call, struct error *err)
{
	autofree char *words = NULL;
	autoerror why = {0};

	deadline_late(&call->deadline, &why);
	error_prefix(&why,
		     "it still waits for something of this machine (standard "
		     "input or output, a name server, a file)");
	words = error_line(call, NULL, &why);
	if (!words)
		return error_set_no_memory(err);
	return guard_new(&call->guard, &call->deadline, words,
			 error_code_exit_status(why.code), err);
}

static int run_one(struct command_call *call, struct error *err)
{
	if (call->deadline.ms && command_begin_guard(call, err) < 0)
		return -1;
	if (call->command->run(call, err) < 0 && !call->detached) {
		suggest_name(call, call->channel, err);
		return -1;
	}
	return output_finish(call->output, err);
}

static int check_format(const struct command_call *call, struct error *err)
{
	const char *reason = command_no_json(call->command);
	const struct command_raw *raw = NULL;

	if (wanted_format(call) == OUTPUT_TABLE)
		return 0;
	for (size_t i = 0; (raw = command_raw(call->command, i)); i++)
		if (call_given(call, raw->option) &&
		    (!raw->value ||
		     strcmp(call_text(call, raw->option, ""), raw->value) == 0))
			return error_set(err, ERROR_USAGE,
					 "%s --%s%s%s has no --json or other "
					 "--format, since %s",
					 call->command->verb, raw->option,
					 raw->value ? " " : "",
					 raw->value ? raw->value : "",
					 raw->reason);
	if (!reason)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "%s has no --json or other --format, since %s",
			 call->command->verb, reason);
}

static int run_verb(struct command_call *call, struct error *err)
{
	autobuf text = {0};

	if (call_flag(call, "help")) {
		help_call(&text, call);
		return print_text(&text, err);
	}
	if (check_format(call, err) < 0 || prepare(call, err) < 0)
		return -1;
	return many_wanted(call) ? many_run(call, run_one, err)
				 : run_one(call, err);
}

/*
 * Where the reader of our standard output has enough of it, the process ends as
 * any filter would, by the signal that was ignored for the channel's sake.
 */
static void end_with_reader(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (!ferror(stdout) || poll(&p, 1, 0) <= 0 ||
	    !(p.revents & (POLLERR | POLLHUP)))
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

int command_main(int argc, char **argv)
{
	struct command_call call = {0};
	autoerror why = {0};
	int status = 0;
	int rc = 0;

	call.begun = clock_monotonic_ns();
	key_memory_begin();
	if (argc > 1 && strcmp(argv[1], COMPLETE_WORD) == 0)
		return complete_main((const char *const *)argv + 2,
				     (size_t)argc - 2);
	/* A peer or reader that went away is an error to tell, no death. */
	signal(SIGPIPE, SIG_IGN);
	/* So is a recording past the size that a file may have. */
	signal(SIGXFSZ, SIG_IGN);
	rc = command_parse(&call, argc, (const char **)argv, &why);
	if (rc == 0)
		rc = call.command ? run_verb(&call, &why)
				  : run_without_verb(&call, &why);
	end_with_reader();
	if (rc < 0)
		status = report(&call, &why);
	else
		status = call.told;
	guard_told(call.guard, status);
	command_clear(&call);
	return status;
}
