/*
 * The verb `console`: a domain's serial line on this terminal, or through pipes
 * and files. The terminal is raw only between the host's yes and the end; the
 * last line says why it ended.
 *
 * What always holds: whatever ends the verb, the terminal is restored before a
 * word is printed. With pipes the end of the input half-closes the stream and
 * reading goes on, as in `ssh host cat`: --idle ends it in time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/channel.h"
#include "client/command.h"
#include "client/console_domain.h"
#include "client/console_escape.h"
#include "client/output.h"
#include "client/profile.h"
#include "client/splice.h"
#include "client/terminal.h"
#include "client/verbs.h"

#define LEAVE_MS 300 /* for what was typed before the escape key to go out */

struct console {
	struct command_call *call;
	struct channel *channel;
	struct terminal *terminal; /* NULL: standard input is none */
	struct splice *splice;     /* NULL when it is done */
	struct console_escape escape;
	struct console_domain domain;
	bool opened;
	bool done;
	enum splice_reason reason;
	struct error why;
	struct error said; /* what the host told of its end */
};

/* -- words ----------------------------------------------------------------- */

/* For people, on standard error: standard output is the guest's. */
static void say(const struct console *c, const char *words)
{
	autobuf text = {0};
	autofree char *line = NULL;

	if (call_flag(c->call, "quiet"))
		return;
	output_escape(&text, words);
	line = buf_steal_str(&text);
	fprintf(stderr, "%s\n", line ? line : "");
}

static void say_about(const struct console *c, const char *format)
{
	autobuf text = {0};
	autofree char *words = NULL;

	buf_append_str(&text, format);
	buf_appendf(&text, " '%s'", c->domain.name);
	words = buf_steal_str(&text);
	say(c, words ? words : format);
}

static void greet(const struct console *c)
{
	char key[CONSOLE_KEY_TEXT];
	char words[128];

	say_about(c, "Connected to domain");
	if (!c->terminal && c->escape.key == CONSOLE_NO_KEY)
		return;
	console_escape_describe(c->escape.key, key);
	snprintf(words, sizeof(words), "Escape character is %s%s", key,
		 c->escape.tilde ? ", or ~. at the start of a line" : "");
	say(c, words);
}

/* -- the splice's events --------------------------------------------------- */

static void end_with(struct console *c, enum splice_reason reason,
		     struct error *why)
{
	c->reason = reason;
	error_move(&c->why, why);
	c->done = true;
	channel_stop(c->channel);
}

static void on_open(void *context, struct h2_stream *s)
{
	struct console *c = context;
	autoerror why = {0};

	if (console_domain_read(&c->domain, s, call_argument(c->call, 0),
				&why) < 0) {
		end_with(c, SPLICE_FAILED, &why);
		return;
	}
	c->opened = true;
	greet(c);
	if (c->terminal && terminal_raw(c->terminal, &why) < 0)
		end_with(c, SPLICE_FAILED, &why);
}

static void filter(void *context, const uint8_t *data, size_t n, bool end,
		   struct buf *out)
{
	struct console *c = context;

	if (end)
		console_escape_end(&c->escape, out);
	/* A terminal that ends has gone; a pipe has said all it had to. */
	if (console_escape_feed(&c->escape, data, n, out) ||
	    (end && c->terminal))
		splice_leave(c->splice, LEAVE_MS);
}

static void on_done(void *context, const struct splice_end *end)
{
	struct console *c = context;
	autoerror why = {0};

	c->splice = NULL;
	if (error_is_set(&end->why))
		error_set(&why, end->why.code, "%s", error_words(&end->why));
	error_copy(&c->said, &end->said);
	end_with(c, end->reason, &why);
}

static const struct splice_events events = {
	.on_open = on_open,
	.filter = filter,
	.on_done = on_done,
};

/* -- running --------------------------------------------------------------- */

static int open_stream(struct console *c, const char *path, struct error *err)
{
	struct splice_options options = {
		.channel = c->channel,
		.path = path,
		.events = &events,
		.context = c,
		.ahead = c->terminal ? SPLICE_AHEAD_KEYS : SPLICE_AHEAD,
		.quiet_ms = (uint64_t)call_number(c->call, "idle", 0),
	};

	if (c->terminal &&
	    terminal_watch(c->terminal, channel_loop(c->channel), err) < 0)
		return -1;
	if (splice_new(&c->splice, &options, err) < 0)
		return -1;
	return splice_attach(c->splice, STDIN_FILENO, STDOUT_FILENO, false,
			     err);
}

/* After the channel's end, what came before it may still be on its way out. */
static int run(struct console *c, struct error *err)
{
	while (!c->done) {
		autoerror why = {0};

		if (channel_run(c->channel, &why) == 0 || c->done)
			continue;
		if (why.code == ERROR_INTERRUPTED)
			return error_move(err, &why);
		uv_run(channel_loop(c->channel), UV_RUN_ONCE);
	}
	return 0;
}

/* 0 where it ended as somebody wished; the words are said here. */
static int conclude(struct console *c, struct error *err)
{
	autofree char *words = NULL;

	switch (c->reason) {
	case SPLICE_NEAR_END:
		say_about(c, "Disconnected from domain");
		return 0;
	case SPLICE_FAR_END:
		words = console_tell_end(c->channel, &c->domain, "console",
					 &c->said);
		say(c, words ? words : "The console has ended");
		return 0;
	case SPLICE_BROKEN:
		error_prefix(&c->why, "the console of domain '%s' broke off",
			     c->domain.name);
		break;
	default:
		break;
	}
	return error_move(err, &c->why);
}

static void restore(struct console *c)
{
	if (!c->terminal)
		return;
	terminal_restore(c->terminal);
	if (c->opened && isatty(STDOUT_FILENO) && !call_flag(c->call, "quiet"))
		fputc('\n', stderr);
}

static int converse(struct console *c, const char *path, struct error *err)
{
	int rc;

	if (call_channel(c->call, &c->channel, err) < 0)
		return -1;
	rc = open_stream(c, path, err);
	if (rc == 0)
		rc = run(c, err);
	splice_free(c->splice);
	restore(c);
	return rc < 0 ? -1 : conclude(c, err);
}

/* -- what was asked for ---------------------------------------------------- */

/* "1", "serial1" or "console1", as the host's list and virsh name them. */
static int read_device(const char *name, unsigned *n, struct error *err)
{
	static const char *const kinds[] = {"serial", "console"};
	const char *digits = name;
	char *end = NULL;
	unsigned long value;

	for (size_t i = 0; i < array_size(kinds); i++)
		if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
			digits = name + strlen(kinds[i]);
	value = strtoul(digits, &end, 10);
	if (*digits < '0' || *digits > '9' || *end || value > UINT8_MAX)
		return error_set(err, ERROR_USAGE,
				 "'%s' is no serial port: write its number "
				 "from 0 to 255, or serial0, console0 …",
				 name);
	*n = (unsigned)value;
	return 0;
}

/* Without a terminal every byte is data, unless a key was asked for. */
static int choose_escape(struct console *c, bool terminal, struct error *err)
{
	const struct profile *profile = NULL;
	const char *text = call_text(c->call, "escape", NULL);

	c->escape.key = CONSOLE_NO_KEY;
	c->escape.tilde = terminal;
	if (!text && !terminal)
		return 0;
	if (!text && call_profile(c->call, &profile, err) < 0)
		return -1;
	if (console_escape_parse(text ? text : profile->escape, &c->escape.key,
				 err) < 0)
		return -1;
	if (c->escape.key == CONSOLE_NO_KEY)
		c->escape.tilde = false;
	return 0;
}

int verb_console(struct command_call *call, struct error *err)
{
	struct console c = {.call = call};
	bool terminal = isatty(STDIN_FILENO);
	autofree char *path = NULL;
	unsigned n = 0;
	int rc;

	if (read_device(call_text(call, "devname", "0"), &n, err) < 0 ||
	    choose_escape(&c, terminal, err) < 0)
		return -1;
	path = console_path(call_argument(call, 0), "serial", n,
			    call_flag(call, "force"));
	if (!path)
		return error_set_no_memory(err);
	if (terminal && terminal_new(&c.terminal, STDIN_FILENO, err) < 0)
		return -1;
	rc = converse(&c, path, err);
	terminal_free(c.terminal);
	console_domain_clear(&c.domain);
	error_clear(&c.why);
	error_clear(&c.said);
	return rc;
}
