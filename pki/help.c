/*
 * Help for the terminal and roff for man(1). Called by main and the command
 * "help". What always holds: text is wrapped at 78 columns, and in roff nothing
 * of it can be taken for a request.
 */
#include "pki/help.h"

#include <string.h>

#include "base/ini.h"
#include "pki/arguments.h"

#define COLUMNS     78
#define WORD_INDENT 2
#define DOC_INDENT  28
#define PROGRAM_DOC                                                            \
	"The private certificate authority of virtmux: certificates for "      \
	"hosts "                                                               \
	"and users that trust each other and nobody else. It runs on a "       \
	"machine "                                                             \
	"of its own or on a laptop, never on a VM host."

static const struct {
	int status;
	const char *meaning;
} statuses[] = {
	{0, "done"},
	{1, "the operation failed"},
	{2, "the command line or a file of the authority is wrong"},
	{3, "not found"},
	{6, "a key or passphrase is wrong, or a key file is open to others"},
	{130, "interrupted"},
};

static const struct {
	const char *name;
	const char *doc;
} files[] = {
	{"ca.crt, ca.key", "the authority; the key is encrypted"},
	{"hosts/NAME.crt, hosts/NAME.key", "hosts; the key is not encrypted"},
	{"users/NAME.crt, users/NAME.key", "users; the key is encrypted"},
	{"crl.pem", "the revocation list, with a number that grows"},
	{"index.tsv", "every certificate that was issued, one a line"},
	{"pending/, lock", "for the moment of issuing"},
};

static void spaces(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_append_char(out, ' ');
}

/* DOC from COLUMN on, wrapped, further lines indented by INDENT. */
static void wrap(struct buf *out, const char *doc, size_t column, size_t indent)
{
	if (column > indent - 2 && indent) {
		buf_append_char(out, '\n');
		column = 0;
	}
	spaces(out, indent - (column < indent ? column : indent));
	column = indent;
	while (*doc) {
		size_t len = strcspn(doc, " ");

		if (column > indent && column + 1 + len > COLUMNS) {
			buf_append_char(out, '\n');
			spaces(out, indent);
			column = indent;
		} else if (column > indent) {
			buf_append_char(out, ' ');
			column++;
		}
		buf_append(out, doc, len);
		column += len;
		doc += len + strspn(doc + len, " ");
	}
	buf_append_char(out, '\n');
}

static void print_row(struct buf *out, struct buf *label, const char *doc)
{
	spaces(out, WORD_INDENT);
	buf_append(out, buf_bytes(label), label->len);
	wrap(out, doc, WORD_INDENT + label->len, DOC_INDENT);
}

static void option_label(const struct argument_spec *spec, struct buf *label)
{
	if (spec->letter)
		buf_appendf(label, "-%c, ", spec->letter);
	buf_appendf(label, "--%s%s%s", spec->name, spec->value ? "=" : "",
		    spec->value ? spec->value : "");
}

/* Those that a command in COMMANDS (bits) takes. */
static void print_options(struct buf *out, unsigned commands)
{
	buf_append_str(out, "\nOptions:\n");
	for (unsigned i = 0; i < ARGUMENTS; i++) {
		const struct argument_spec *spec =
			argument_spec((enum argument_id)i);
		autobuf label = {0};

		if (!(spec->commands & commands))
			continue;
		option_label(spec, &label);
		if (buf_ok(&label))
			print_row(out, &label, spec->doc);
	}
}

static void command_label(const struct command *command, struct buf *label)
{
	buf_appendf(label, "%s%s%s", command->name, *command->words ? " " : "",
		    command->words);
}

void help_program(struct buf *out)
{
	buf_append_str(out, "Usage: virtmux-pki [OPTION]... COMMAND "
			    "[WORD]...\n\n");
	wrap(out, PROGRAM_DOC, 0, 0);
	buf_append_str(out, "\nCommands:\n");
	for (unsigned i = 0; i < COMMANDS; i++) {
		const struct command *command =
			command_spec((enum command_id)i);
		autobuf label = {0};

		command_label(command, &label);
		if (buf_ok(&label))
			print_row(out, &label, command->summary);
	}
	print_options(out, ~0u);
	buf_append_str(out, "\nExit status:\n");
	for (size_t i = 0; i < array_size(statuses); i++)
		buf_appendf(out, "  %-3d  %s\n", statuses[i].status,
			    statuses[i].meaning);
}

void help_command(enum command_id id, struct buf *out)
{
	const struct command *command = command_spec(id);
	autobuf label = {0};

	command_label(command, &label);
	buf_append_str(out, "Usage: virtmux-pki [OPTION]... ");
	if (buf_ok(&label))
		buf_append(out, buf_bytes(&label), label.len);
	buf_append_str(out, "\n\n");
	wrap(out, command->doc, 0, 0);
	print_options(out, 1u << id);
}

int help_unknown_command(const char *name, struct error *err)
{
	const char *names[COMMANDS];
	const char *nearest;

	for (unsigned i = 0; i < COMMANDS; i++)
		names[i] = command_spec((enum command_id)i)->name;
	nearest = nearest_name(name, names, COMMANDS);
	return error_set(err, ERROR_USAGE,
			 "there is no command '%s'%s%s%s. See 'virtmux-pki "
			 "--help'",
			 name, nearest ? ", but there is '" : "",
			 nearest ? nearest : "", nearest ? "'" : "");
}

int help_write(const struct buf *text, FILE *file, struct error *err)
{
	if (!buf_ok(text))
		return error_set_no_memory(err);
	fwrite(buf_bytes(text), 1, text->len, file);
	return 0;
}

int command_help(const struct command_call *call, struct error *err)
{
	const char *name = arguments_word(call->arguments, 1);
	enum command_id id = name ? command_find(name) : COMMANDS;
	autobuf text = {0};

	if (name && id == COMMANDS)
		return help_unknown_command(name, err);
	if (name)
		help_command(id, &text);
	else
		help_program(&text);
	return help_write(&text, call->out, err);
}

/* A hyphen that is to be copied, a backslash, and a dot that begins a line. */
static void roff(struct buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		buf_append_str(out, "\\&");
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			buf_append_str(out, *text == '-' ? "\\-" : "\\e");
		else
			buf_append_char(out, *text);
	}
}

static void roff_line(struct buf *out, const char *before, const char *text)
{
	buf_append_str(out, before);
	roff(out, text);
	buf_append_char(out, '\n');
}

static void manual_commands(struct buf *out)
{
	buf_append_str(out, ".SH COMMANDS\n");
	for (unsigned i = 0; i < COMMANDS; i++) {
		const struct command *command =
			command_spec((enum command_id)i);

		buf_append_str(out, ".TP\n\\fB");
		roff(out, command->name);
		roff_line(out, "\\fR ", command->words);
		roff_line(out, "", command->doc);
	}
}

static void manual_options(struct buf *out)
{
	buf_append_str(out, ".SH OPTIONS\n");
	for (unsigned i = 0; i < ARGUMENTS; i++) {
		const struct argument_spec *spec =
			argument_spec((enum argument_id)i);
		const char *between = "";
		autobuf label = {0};
		autofree char *text = NULL;

		option_label(spec, &label);
		text = buf_steal_str(&label);
		roff_line(out, ".TP\n\\fB", text ? text : "");
		roff(out, spec->doc);
		if (spec->commands != ~0u) {
			buf_append_str(out, "\n.br\nTaken by: ");
			for (unsigned id = 0; id < COMMANDS; id++) {
				if (!(spec->commands & (1u << id)))
					continue;
				buf_append_str(out, between);
				roff(out,
				     command_spec((enum command_id)id)->name);
				between = ", ";
			}
		}
		buf_append_char(out, '\n');
	}
}

static void manual_rest(struct buf *out)
{
	buf_append_str(out, ".SH FILES\n");
	roff_line(out, "", "In the folder of the authority:");
	for (size_t i = 0; i < array_size(files); i++) {
		roff_line(out, ".TP\n\\fI", files[i].name);
		roff_line(out, "\\fR", files[i].doc);
	}
	buf_append_str(out, ".SH ENVIRONMENT\n.TP\n\\fBVIRTMUX_PKI\\fR\n");
	roff_line(out, "", "folder of the authority, unless --dir names one");
	buf_append_str(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < array_size(statuses); i++) {
		buf_appendf(out, ".TP\n%d\n", statuses[i].status);
		roff_line(out, "", statuses[i].meaning);
	}
	buf_append_str(out, ".SH SEE ALSO\n\\fBvirtmux\\fR(1), "
			    "\\fBvirtmuxd\\fR(8), \\fBopenssl\\fR(1)\n");
}

void help_manual(struct buf *out)
{
	buf_append_str(out, ".\\\" Printed by virtmux-pki --print-manual.\n");
	buf_append_str(out,
		       ".TH VIRTMUX\\-PKI 1 \"\" \"virtmux " VIRTMUX_VERSION
		       "\" \"virtmux\"\n");
	buf_append_str(out, ".SH NAME\nvirtmux\\-pki \\- private certificate "
			    "authority of virtmux\n");
	buf_append_str(out, ".SH SYNOPSIS\n\\fBvirtmux\\-pki\\fR "
			    "[\\fIOPTION\\fR]... \\fICOMMAND\\fR "
			    "[\\fIWORD\\fR]...\n");
	roff_line(out, ".SH DESCRIPTION\n", PROGRAM_DOC);
	manual_commands(out);
	manual_options(out);
	manual_rest(out);
}
