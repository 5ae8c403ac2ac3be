/*
 * The verb `console`: a domain's serial line on this terminal, or through pipes and
 * files. The terminal is raw from the host's yes to the end, also while the channel
 * is cut; the last line says why it ended.
 *
 * What always holds: whatever ends the verb, the terminal is restored before its last
 * word is printed; keys that are not for the guest work whether the line stands or
 * not. With pipes the end of the input half-closes the stream and reading goes on, as
 * in `ssh host cat`: --idle ends it in time.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "client/connect/channel.h"
#include "client/command.h"
#include "client/consoles/console_domain.h"
#include "client/consoles/console_escape.h"
#include "client/consoles/console_io.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/consoles/recorder.h"
#include "client/consoles/serial_line.h"
#include "client/consoles/splice.h"
#include "client/consoles/terminal.h"
#include "client/verbs.h"

#define LEAVE_MS       300 /* for what was typed before the escape key to go out */
#define SCRIPT_IDLE_MS 2000 /* --script without --idle */
#define SETTLE_MS      10000 /* for the guest to take the last of a script's input */

struct console {
	struct command_call *call;
	struct channel *channel;
	struct terminal
		*terminal; /* NULL: standard input is none, or --script */
	struct serial_line *line;
	struct console_io io;
	struct console_escape escape;
	struct console_domain domain;
	bool script;
	bool watches;
	bool raw;      /* the terminal is */
	bool opened;   /* the host has said yes once */
	bool settled;  /* it has taken all of the input */
	uint64_t idle; /* --idle in ms, or 0 */
	uint64_t missed;
	uv_timer_t timer;  /* idle, then settling */
	uv_signal_t winch; /* of a terminal */
	unsigned handles;  /* of the loop, open ones */
	const struct serial_end *end;
	struct recorder *recorder; /* NULL: none */
};

/* -- words ----------------------------------------------------------------- */

/* For people, on standard error: standard output is the guest's. */
static void warn(const struct console *c, const char *words)
{
	autobuf text = {0};
	autofree char *line = NULL;

	output_escape(&text, words);
	line = buf_steal_str(&text);
	/* In a raw terminal the cursor stands anywhere, and stays in its column. */
	if (c->raw)
		fprintf(stderr, "\r\n%s\r\n", line ? line : "");
	else
		fprintf(stderr, "%s\n", line ? line : "");
}

static void say(const struct console *c, const char *words)
{
	if (!call_flag(c->call, "quiet") && !c->script)
		warn(c, words);
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
	char words[192];

	say_about(c, c->watches ? "Watching domain" : "Connected to domain");
	if (!c->terminal && c->escape.key == CONSOLE_NO_KEY)
		return;
	console_escape_describe(c->escape.key, key);
	snprintf(words, sizeof(words), "Escape character is %s%s", key,
		 c->escape.tilde
			 ? ", or ~. at the start of a line; ~? tells more"
			 : "");
	say(c, words);
}

static void tell_keys(const struct console *c)
{
	char key[CONSOLE_KEY_TEXT];
	char words[64 + CONSOLE_KEY_TEXT];

	console_escape_describe(c->escape.key, key);
	snprintf(words, sizeof(words), "%s leaves the console", key);
	warn(c, words);
	fputs("At the start of a line, also while the channel is cut:\r\n"
	      " ~.   leaves\r\n"
	      " ~r   tells the guest the size of this window, by typing "
	      "stty\r\n"
	      " ~^Z  suspends virtmux\r\n"
	      " ~?   tells this\r\n"
	      " ~~   types ~\r\n",
	      stderr);
}

/* -- the recording --------------------------------------------------------- */

static int open_recording(struct console *c, struct error *err)
{
	const char *path = call_text(c->call, "record", NULL);

	if (path)
		return recorder_new(&c->recorder, path,
				    call_flag(c->call, "overwrite"),
				    RECORDER_CAST, err);
	if (call_flag(c->call, "record-input") ||
	    call_flag(c->call, "overwrite"))
		return error_set(err, ERROR_USAGE,
				 "--record-input and --overwrite go with "
				 "--record");
	return 0;
}

static void begin_recording(struct console *c)
{
	const struct record_about about = {
		.domain = c->domain.name,
		.uuid = c->domain.uuid,
		.kind = "serial",
		.n = call_text(c->call, "devname", "0"),
		.host = call_text(c->call, "host", NULL),
	};

	if (c->recorder)
		recorder_begin(c->recorder, &about);
}

static void record(struct console *c, bool typed, const uint8_t *data, size_t n)
{
	bool ended;

	if (!c->recorder || (typed && !call_flag(c->call, "record-input")))
		return;
	ended = recorder_why(c->recorder);
	recorder_add(c->recorder, typed, data, n);
	if (!ended && recorder_why(c->recorder))
		warn(c, error_words(recorder_why(c->recorder)));
}

/* The console went on without it, but it is not what was asked for. */
static int close_recording(struct console *c, int rc, struct error *err)
{
	autoerror why = {0};

	if (recorder_close(c->recorder, &why) < 0 && rc == 0)
		return error_move(err, &why);
	return rc;
}

/* -- keys that are for us -------------------------------------------------- */

/* A serial line knows no window: its size is told as a person would tell it. */
static void type_size(struct console *c)
{
	struct winsize size;
	char text[64];

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0) {
		warn(c, "The size of this window is not known");
		return;
	}
	snprintf(text, sizeof(text), "stty rows %u cols %u\r", size.ws_row,
		 size.ws_col);
	serial_line_type(c->line, (const uint8_t *)text, strlen(text));
}

static void on_resized(uv_signal_t *handle, int number)
{
	struct console *c = handle->data;

	if (!c->raw || c->watches)
		return;
	uv_signal_stop(
		handle); /* once: it would stand in what the guest shows */
	say(c, "The window has another size: ~r at the start of a line tells "
	       "the guest, by typing stty");
}

static void act(struct console *c, enum console_action action)
{
	switch (action) {
	case CONSOLE_LEAVE:
		serial_line_stop(c->line, LEAVE_MS);
		break;
	case CONSOLE_HELP:
		tell_keys(c);
		break;
	case CONSOLE_RESIZE:
		if (!c->watches)
			type_size(c);
		break;
	case CONSOLE_SUSPEND:
		if (c->terminal)
			raise(SIGTSTP);
		break;
	case CONSOLE_NOTHING:
		break;
	}
}

/* -- quiet ----------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

/* Something moved, or the input has just ended: the quiet time begins anew. */
static void await_quiet(struct console *c)
{
	if (c->io.ended && c->idle && serial_line_stands(c->line))
		uv_timer_start(&c->timer, on_timer, c->idle, 0);
}

/* The guest has been quiet, but the line may hold input that it has not read. */
static void on_unsettled(uv_timer_t *timer)
{
	struct console *c = timer->data;
	autoerror why = {0};

	error_set(&why, ERROR_TIMED_OUT,
		  "the guest has not taken the last %" PRIu64
		  " bytes of the input",
		  serial_line_unsettled(c->line));
	serial_line_fail(c->line, &why);
}

static void on_timer(uv_timer_t *timer)
{
	struct console *c = timer->data;

	if (c->settled || c->watches || serial_line_unsettled(c->line) == 0) {
		serial_line_stop(c->line, 0);
		return;
	}
	uv_timer_start(&c->timer, on_unsettled, SETTLE_MS, 0);
	serial_line_settle(c->line);
}

/* -- input and output ------------------------------------------------------ */

static void want_input(struct console *c)
{
	console_io_want(&c->io,
			c->opened && (c->watches || serial_line_room(c->line)));
}

static void type(struct console *c, struct buf *typed)
{
	autoerror why = {0};

	if (c->watches)
		buf_reset(typed);
	if (buf_ok(typed) &&
	    serial_line_type(c->line, buf_bytes(typed), typed->len) == 0) {
		record(c, true, buf_bytes(typed), typed->len);
		return;
	}
	error_set(&why, ERROR_NO_MEMORY, "what was typed cannot be kept");
	serial_line_fail(c->line, &why);
}

static void on_read(void *context, const uint8_t *data, size_t n)
{
	struct console *c = context;
	size_t at = 0;

	while (at < n) {
		enum console_action action;
		autobuf typed = {0};

		at += console_escape_feed(&c->escape, data + at, n - at, &typed,
					  &action);
		type(c, &typed);
		act(c, action);
		if (action == CONSOLE_LEAVE)
			return;
	}
	if (n == 0) {
		autobuf typed = {0};

		console_escape_end(&c->escape, &typed);
		type(c, &typed);
		/* A terminal that ends has gone; a pipe has said all it had to. */
		if (c->terminal)
			serial_line_stop(c->line, LEAVE_MS);
		else
			serial_line_finish(c->line);
		await_quiet(c);
	}
	want_input(c);
}

static void on_shown(void *context, const uint8_t *data, size_t n)
{
	struct console *c = context;

	record(c, false, data, n);
	serial_line_consumed(c->line, n);
	await_quiet(c);
	if (c->io.held.len == n)
		channel_stop(c->channel); /* drain() may wait for it */
}

static void on_failed(void *context, struct error *why)
{
	struct console *c = context;

	serial_line_fail(c->line, why);
	channel_stop(c->channel);
}

static const struct console_io_events io_events = {
	.on_read = on_read,
	.on_shown = on_shown,
	.on_failed = on_failed,
};

/* -- the line's events ----------------------------------------------------- */

static void fail(struct console *c, struct error *why)
{
	serial_line_fail(c->line, why);
}

static void on_open(void *context, struct h2_stream *s)
{
	struct console *c = context;
	autoerror why = {0};

	if (console_domain_read(&c->domain, s, call_argument(c->call, 0),
				&why) < 0) {
		fail(c, &why);
		return;
	}
	c->opened = true;
	begin_recording(c);
	greet(c);
	if (h2_stream_header(s, "virtmux-recorded") &&
	    !call_flag(c->call, "quiet"))
		warn(c, "This console is recorded by the host, with all that "
			"is typed");
	if (c->terminal && terminal_raw(c->terminal, &why) < 0) {
		fail(c, &why);
		return;
	}
	c->raw = c->terminal;
	want_input(c);
}

static void on_data(void *context, const uint8_t *data, size_t n)
{
	struct console *c = context;

	console_io_show(&c->io, data, n);
}

static void on_sent(void *context)
{
	struct console *c = context;

	await_quiet(c);
	want_input(c);
}

static void on_cut(void *context, const struct error *why)
{
	struct console *c = context;
	autobuf text = {0};
	autofree char *words = NULL;

	uv_timer_stop(&c->timer);
	buf_appendf(&text, "The console of domain '%s' is cut off: %s. ",
		    c->domain.name, error_words(why));
	buf_append_str(&text, "It comes back as soon as it can");
	if (c->terminal && c->escape.tilde)
		buf_append_str(&text, "; ~. leaves");
	words = buf_steal_str(&text);
	say(c, words ? words : "The console is cut off");
}

/* What nobody can know any more, as words; to free(), or NULL. */
static char *tell_losses(const struct serial_news *news)
{
	autobuf text = {0};

	if (news->anew)
		buf_append_str(&text,
			       "; its serial line has begun anew, since the "
			       "guest or the host's agent was started again: "
			       "what the guest said in between may be missing");
	if (news->missed)
		buf_appendf(&text,
			    "; %" PRIu64 " bytes that the guest said meanwhile "
			    "are lost, since the host keeps only the last ones",
			    news->missed);
	if (news->unknown)
		buf_appendf(&text,
			    "; whether the last %" PRIu64
			    " bytes that were sent have arrived is not known",
			    news->unknown);
	if (news->dropped)
		buf_appendf(&text,
			    "; %" PRIu64 " bytes that were typed meanwhile are "
			    "thrown away",
			    news->dropped);
	return text.len ? buf_steal_str(&text) : NULL;
}

static void on_back(void *context, const struct serial_news *news)
{
	struct console *c = context;
	autofree char *losses = tell_losses(news);
	autobuf text = {0};
	autofree char *words = NULL;
	autoerror why = {0};

	c->missed += news->missed;
	buf_appendf(&text, "Connected again to domain '%s'%s", c->domain.name,
		    losses ? losses : "");
	words = buf_steal_str(&text);
	if (losses && !call_flag(c->call, "quiet"))
		warn(c, words ? words : "");
	else
		say(c, words ? words : "");
	if (c->script && (news->unknown || news->dropped)) {
		error_set(&why, ERROR_UNKNOWN_OUTCOME, "domain '%s'%s",
			  c->domain.name, losses);
		fail(c, &why);
		return;
	}
	want_input(c);
	await_quiet(c);
}

/* A passphrase is typed on a terminal that is not raw. */
static void on_asking(void *context, bool asking)
{
	struct console *c = context;

	if (!c->terminal)
		return;
	if (asking)
		terminal_restore(c->terminal);
	else
		terminal_raw(c->terminal, NULL);
	c->raw = !asking;
}

static void on_settled(void *context)
{
	struct console *c = context;

	c->settled = true;
	await_quiet(c);
}

static const struct serial_events line_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_sent = on_sent,
	.on_cut = on_cut,
	.on_back = on_back,
	.on_asking = on_asking,
	.on_settled = on_settled,
};

/* -- running --------------------------------------------------------------- */

static int open_line(struct console *c, unsigned n, struct error *err)
{
	const struct profile *profile = NULL;
	struct serial_options options = {
		.channel = c->channel,
		.ask = {.domain = call_argument(c->call, 0),
			.n = n,
			.watch = c->watches,
			.force = call_flag(c->call, "force"),
			.history = call_number(c->call, "history",
					       c->script ? 0 : -1)},
		.events = &line_events,
		.context = c,
	};

	if (call_profile(c->call, &profile, err) < 0)
		return -1;
	if (!call_flag(c->call, "no-reconnect"))
		options.return_ms = (uint64_t)profile->reconnect;
	return serial_line_new(&c->line, &options, err);
}

static int start(struct console *c, unsigned n, struct error *err)
{
	uv_loop_t *uv = channel_loop(c->channel);

	uv_timer_init(uv, &c->timer);
	uv_signal_init(uv, &c->winch);
	c->timer.data = c->winch.data = c;
	c->handles = 2;
	if (c->terminal) {
		if (terminal_watch(c->terminal, uv, err) < 0)
			return -1;
		uv_signal_start(&c->winch, on_resized, SIGWINCH);
		uv_unref((uv_handle_t *)&c->winch);
	}
	if (open_line(c, n, err) < 0)
		return -1;
	return console_io_open(&c->io, uv, &io_events, c, err);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct console *c = handle->data;

	c->handles--;
}

static void finish(struct console *c)
{
	serial_line_free(steal(&c->line));
	console_io_close(&c->io);
	if (c->handles > 0) {
		uv_close((uv_handle_t *)&c->timer, on_handle_closed);
		uv_close((uv_handle_t *)&c->winch, on_handle_closed);
	}
	while (c->handles > 0)
		uv_run(channel_loop(c->channel), UV_RUN_ONCE);
}

/* What the guest has said before the end is still written. */
static int drain(struct console *c, struct error *err)
{
	while (c->io.held.len > 0 && !c->io.failed &&
	       c->end->reason != SERIAL_STOPPED) {
		autoerror why = {0};

		if (channel_run(c->channel, &why) == 0)
			continue;
		if (why.code == ERROR_INTERRUPTED ||
		    channel_is_late(c->channel))
			return error_move(err, &why);
		uv_run(channel_loop(c->channel), UV_RUN_ONCE);
	}
	return 0;
}

static void restore(struct console *c)
{
	if (!c->terminal)
		return;
	terminal_restore(c->terminal);
	c->raw = false;
	if (c->opened && isatty(STDOUT_FILENO) && !call_flag(c->call, "quiet"))
		fputc('\n', stderr);
}

/* -- the end --------------------------------------------------------------- */

/* The host has ended it: 0 where the guest has, by stopping. */
static int conclude_ended(struct console *c, struct error *err)
{
	const struct error *why = &c->end->why;
	autofree char *words = NULL;

	if (error_is_set(why) && why->code != ERROR_STATE)
		return error_set(err, why->code,
				 "the console of domain '%s' has ended: %s",
				 c->domain.name, error_words(why));
	if (c->script && !c->io.ended)
		return error_set(err, ERROR_FAILED,
				 "the console of domain '%s' has ended before "
				 "the end of the input%s%s",
				 c->domain.name, error_is_set(why) ? ": " : "",
				 error_is_set(why) ? error_words(why) : "");
	words = console_tell_end(c->channel, &c->domain, "console", why);
	say(c, words ? words : "The console has ended");
	return 0;
}

/* 0 where it ended as somebody wished; the words are said here. */
static int conclude(struct console *c, struct error *err)
{
	switch (c->end->reason) {
	case SERIAL_STOPPED:
		say_about(c, "Disconnected from domain");
		break;
	case SERIAL_ENDED:
		if (conclude_ended(c, err) < 0)
			return -1;
		break;
	case SERIAL_BROKEN:
		return error_set(err, c->end->why.code,
				 "the console of domain '%s' broke off: %s",
				 c->domain.name, error_words(&c->end->why));
	default:
		return error_copy(err, &c->end->why);
	}
	if (c->script && c->missed)
		return error_set(err, ERROR_FAILED,
				 "%" PRIu64 " bytes that the guest said are "
				 "missing in the output",
				 c->missed);
	return 0;
}

static int converse(struct console *c, unsigned n, struct error *err)
{
	int rc;

	if (!call_flag(c->call, "no-reconnect"))
		call_keep_key(c->call);
	if (call_channel(c->call, &c->channel, err) < 0)
		return -1;
	rc = start(c, n, err);
	if (rc == 0)
		rc = serial_line_run(c->line, &c->end, err);
	if (rc == 0)
		rc = drain(c, err);
	if (rc < 0 && channel_is_late(c->channel))
		error_prefix(err, "the console of domain '%s' was left",
			     call_argument(c->call, 0));
	restore(c);
	if (rc == 0)
		rc = conclude(c, err);
	finish(c);
	return rc;
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

static int check_options(const struct command_call *call, struct error *err)
{
	if (call_flag(call, "read-only") && call_flag(call, "force"))
		return error_set(
			err, ERROR_USAGE,
			"--read-only takes the line from nobody: leave "
			"out --force");
	if (call_flag(call, "read-only") && call_flag(call, "script"))
		return error_set(err, ERROR_USAGE,
				 "--script sends its input: leave out "
				 "--read-only, or use wait-serial");
	return 0;
}

int verb_console(struct command_call *call, struct error *err)
{
	struct console c = {
		.call = call,
		.script = call_flag(call, "script"),
		.watches = call_flag(call, "read-only"),
	};
	bool terminal = isatty(STDIN_FILENO) && !c.script;
	unsigned n = 0;
	int rc;

	c.idle = (uint64_t)call_number(call, "idle",
				       c.script ? SCRIPT_IDLE_MS : 0);
	if (check_options(call, err) < 0 ||
	    read_device(call_text(call, "devname", "0"), &n, err) < 0 ||
	    choose_escape(&c, terminal, err) < 0)
		return -1;
	if (terminal && terminal_new(&c.terminal, STDIN_FILENO, err) < 0)
		return -1;
	rc = open_recording(&c, err);
	if (rc == 0)
		rc = close_recording(&c, converse(&c, n, err), err);
	terminal_free(c.terminal);
	console_domain_clear(&c.domain);
	return rc;
}
