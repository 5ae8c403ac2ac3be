/*
 * The manual page virtmux(1) as man(7) source, from the tables: verbs, options of
 * every verb, the configuration file, exit statuses, environment, and the methods
 * (common/api). What no table knows stands here as text, once.
 */
#include <string.h>

#include "api/describe.h"
#include "client/command_private.h"
#include "client/connect/config.h"
#include "client/connect/profile.h"

/* Plain text as roff: backslashes, hyphens, and a dot or quote at a line's begin. */
static void text(struct buf *out, const char *s)
{
	bool begin = true;

	for (; *s; s++) {
		if (begin && (*s == '.' || *s == '\''))
			buf_append_str(out, "\\&");
		begin = *s == '\n';
		if (*s == '\\')
			buf_append_str(out, "\\e");
		else if (*s == '-')
			buf_append_str(out, "\\-");
		else
			buf_append_char(out, *s);
	}
}

static void paragraph(struct buf *out, const char *s)
{
	text(out, s);
	buf_append_char(out, '\n');
}

static void tagged(struct buf *out, const char *tag, const char *s)
{
	buf_append_str(out, ".TP\n.B ");
	text(out, tag);
	buf_append_char(out, '\n');
	paragraph(out, s);
}

/* -- verbs ----------------------------------------------------------------- */

static void item(struct buf *out, const struct command *command,
		 const struct command_item *i)
{
	autobuf value = {0};
	autofree char *words = help_item_text(command, i);
	autofree char *shown = NULL;

	help_value(&value, command, i);
	shown = buf_steal_str(&value);
	buf_append_str(out, ".TP\n");
	if (i->kind == COMMAND_ARGUMENT) {
		buf_append_str(out, ".I ");
		text(out, shown ? shown : "");
	} else {
		buf_append_str(out, ".B ");
		if (i->letter)
			buf_appendf(out, "\\-%c, ", i->letter);
		buf_append_str(out, "\\-\\-");
		text(out, i->name);
		if (shown && shown[0]) {
			buf_append_str(out, "=\\fI");
			text(out, shown);
			buf_append_str(out, "\\fP");
		}
	}
	buf_append_char(out, '\n');
	paragraph(out, words ? words : "");
}

static void examples(struct buf *out, const struct command *command)
{
	const struct command_example *e;

	if (command_example(command, 0))
		buf_append_str(out, ".PP\nExamples:\n");
	for (size_t i = 0; (e = command_example(command, i)) != NULL; i++)
		tagged(out, e->line, e->doc);
}

static void verb(struct buf *out, const struct command *command)
{
	autobuf usage = {0};
	autofree char *line = NULL;

	help_usage(&usage, command);
	line = buf_steal_str(&usage);
	buf_append_str(out, ".SS ");
	text(out, line ? line : command->verb);
	buf_append_char(out, '\n');
	paragraph(out, command_doc(command));
	if (command->alias) {
		buf_append_str(out, "Another spelling is\n.BR ");
		text(out, command->alias);
		buf_append_str(out, " .\n");
	}
	for (const struct command_item *i = command->items;
	     i->kind != COMMAND_END; i++)
		item(out, command, i);
	for (const struct command_item *i = command_longs;
	     command_is_long(command) && i->kind != COMMAND_END; i++)
		item(out, command, i);
	examples(out, command);
}

/* -- the rest -------------------------------------------------------------- */

static const char preface[] =
	".TH VIRTMUX 1 \"\" \"virtmux " VIRTMUX_VERSION "\" \"virtmux\"\n"
	".SH NAME\nvirtmux \\- manage virtual machine hosts over one channel\n"
	".SH SYNOPSIS\n.B virtmux\n[\\fB\\-H\\fP \\fIHOST\\fP] \\fIVERB\\fP "
	"[\\fIARGUMENT\\fP...] [\\fIOPTION\\fP...]\n"
	".SH DESCRIPTION\n"
	"Drives the agent\n.BR virtmuxd (8)\non a virtual machine host over "
	"one "
	"mutually authenticated TLS channel, with the user's own certificate "
	"and key.\n.PP\n"
	"Results go to standard output, errors to standard error. With\n"
	".B \\-\\-json\nor\n.B \\-f jsonl\nan error is one line there: "
	"{\"error\":{\"code\":NAME,\"number\":N,\"status\":EXIT STATUS,"
	"\"retry\":BOOL,\"message\":WORDS,\"call\":ID}}, with the id under "
	"which "
	"the host's log has it, where a host has refused it; standard output "
	"then has nothing "
	"or a whole result.\n";

static const char passphrase[] =
	".SH PASSPHRASE\n"
	"The passphrase of the key comes from the first of these that is "
	"given:\n"
	".BR \\-\\-passphrase\\-fd ,\n.BR \\-\\-passphrase\\-file\n"
	"(a file that only its owner can read), the program in\n"
	".BR VIRTMUX_ASKPASS ,\n"
	"that in\n.B SSH_ASKPASS\nby the rules of\n.BR ssh (1),\n"
	"the terminal. A person has three tries. With\n.B \\-\\-batch\n"
	"nobody is asked.\n";

static void options_section(struct buf *out)
{
	buf_append_str(out, ".SH OPTIONS\nEvery verb takes these, before it or "
			    "behind it.\n");
	for (const struct command_item *i = command_globals;
	     i->kind != COMMAND_END; i++)
		item(out, NULL, i);
}

static void configuration_section(struct buf *out)
{
	buf_append_str(
		out,
		".SH CONFIGURATION\n"
		"The user's file\n.I ~/.config/virtmux/config\nand under it\n"
		".I " CONFIG_SYSTEM_FILE "\n"
		"have the section\n.B [defaults]\nwith\n.B host =\n(the host "
		"that is meant where none is named) and a section\n"
		".B [host NAME]\n"
		"for each host. What stands in [defaults] holds for all hosts. "
		"The user's file wins over the other, and a host's section "
		"over [defaults], whichever file it is in.\n"
		".B virtmux config\n"
		"shows what holds, and where it stands;\n"
		".B virtmux config set\n"
		"changes it. An unknown key is an error. These keys are "
		"known:\n");
	for (size_t i = 0; i < profile_options_count; i++) {
		const struct option_spec *o = &profile_options[i];

		buf_append_str(out, ".TP\n.BR ");
		text(out, o->name);
		buf_append_char(out, '\n');
		text(out, o->doc);
		if (o->range[0]) {
			buf_append_str(out, " Range: ");
			text(out, o->range);
			buf_append_char(out, '.');
		}
		if (o->fallback) {
			buf_append_str(out, " Default: ");
			text(out, o->fallback);
			buf_append_char(out, '.');
		}
		buf_append_char(out, '\n');
	}
}

static const char several_hosts[] =
	".SH SEVERAL HOSTS\n"
	".B \\-H a,b,c\nruns a verb on several hosts at the same time;\n"
	".B \\-H \\(aqweb\\-*\\(aq\n"
	"on the configured hosts with such names (* any run, ? a character, "
	"[a\\-f] a class);\n"
	".B \\-H @web\n"
	"on those of a group, which the configuration has as\n"
	".B [group web]\nwith\n.BR \"hosts = a, web\\-*, @db\" ;\n"
	".B \\-H @all\n"
	"on all that are configured, unless there is a [group all]. They can "
	"be mixed, and each host counts once. The order is that of the words, "
	"and for a pattern that of the files; a pattern that no host matches, "
	"and groups that hold each other, are errors. All hosts must be known "
	"before anything is done on "
	"the first. Passphrases are asked before that, one for each key.\n.PP\n"
	"What a host has said is shown as soon as it has ended, a line behind "
	"its name, or several lines under it. With\n.B \\-\\-json\n"
	"there is one object with a member for each host, which is its result "
	"or {\"error\":...}; with\n.B \\-f jsonl\neach line has the member "
	"\"host\"; with\n.B \\-f csv\nthere is one table with the column "
	"\"host\". An error names its host, and in the end a line names all "
	"that "
	"failed. On a terminal, a line tells who is still awaited. A host that "
	"does not answer holds up nobody, and is given up after\n"
	".B connect\\-timeout\nor\n.BR timeout .\nThe exit status is 0 where "
	"all "
	"hosts have done it, that of the failure where all have failed alike, "
	"else 8.\n.PP\n"
	"Standard input, where a file is\n.BR \\- ,\n"
	"is read once (at most 1 MiB) and given to all.\n";

static void alone_section(struct buf *out)
{
	buf_append_str(out, ".PP\nNot on several hosts at once:\n");
	for (const struct command *c = command_table; c->verb; c++)
		if (command_alone(c))
			tagged(out, c->verb, command_alone(c));
}

/* doc/examples/login.sh, which tests/integration/test_script.py runs. */
static void script_section(struct buf *out)
{
	static const char script[] =
#include "client/manual_script.h"
		;

	buf_append_str(out, ".SH A SCRIPT\n"
			    "This boots a guest and works in it as a person "
			    "would. login.png and prompt.png are pieces of "
			    "screenshots: the words login: and root #.\n"
			    ".PP\n.nf\n");
	text(out, script);
	buf_append_str(out, ".fi\n");
}

static void environment_section(struct buf *out)
{
	buf_append_str(out, ".SH ENVIRONMENT\n");
	tagged(out, "VIRTMUX_HOST", "The host that is meant without --host.");
	tagged(out, "VIRTMUX_CONFIG", "The user's configuration file.");
	tagged(out, "VIRTMUX_ASKPASS, SSH_ASKPASS, SSH_ASKPASS_REQUIRE",
	       "Programs that ask for the passphrase: see PASSPHRASE.");
	tagged(out, "NO_COLOR", "Where it is set, nothing is coloured.");
	tagged(out, "SSLKEYLOGFILE",
	       "A file that the secrets of connections are appended to, with "
	       "which their owner can decode his own traffic. Whoever reads "
	       "it can read all that was sent; virtmux warns each time.");
	tagged(out, "XDG_CONFIG_HOME, XDG_RUNTIME_DIR",
	       "Where the configuration and the sessions' sockets lie.");
}

static void status_section(struct buf *out)
{
	static const struct {
		const char *status;
		const char *meaning;
	} statuses[] = {
		{"0", "done"},
		{"1", "the operation failed"},
		{"2", "wrong use: command line, parameters or configuration"},
		{"3", "there is no such object"},
		{"4", "not allowed"},
		{"5", "the host cannot be reached"},
		{"6", "TLS or authentication: certificates, key, passphrase"},
		{"7", "no answer came in time"},
		{"8", "some of several hosts failed"},
		{"9", "whether the operation took place is not known"},
		{"130", "interrupted by the user"},
	};

	buf_append_str(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < array_size(statuses); i++)
		tagged(out, statuses[i].status, statuses[i].meaning);
}

void help_manual(struct buf *out)
{
	buf_append_str(out, preface);
	buf_append_str(out, ".SH VERBS\n");
	for (const struct command *c = command_table; c->verb; c++)
		verb(out, c);
	options_section(out);
	configuration_section(out);
	buf_append_str(out, several_hosts);
	alone_section(out);
	buf_append_str(out, passphrase);
	script_section(out);
	environment_section(out);
	status_section(out);
	describe_roff(out);
	buf_append_str(out, ".SH SEE ALSO\n.BR virtmuxd (8),\n"
			    ".BR virtmux\\-pki (1)\n");
}
