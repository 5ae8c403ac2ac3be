/*
 * The manual page of virtmuxd and of its two files. Called by main.c. What always
 * holds: whatever a table knows comes from the table.
 */
#include "daemon/core/manual.h"

#include <string.h>

#include "daemon/core/config.h"
#include "daemon/rpc/access.h"

static const char head[] =
	".TH VIRTMUXD 8 \"\" \"virtmux " VIRTMUX_VERSION "\" virtmux\n"
	".SH NAME\n"
	"virtmuxd \\- the agent on a host of virtual machines\n"
	".SH SYNOPSIS\n"
	".B virtmuxd\n"
	"[\\fIOPTION\\fR]...\n"
	".SH DESCRIPTION\n"
	"virtmuxd drives the local libvirt for users with the client virtmux. "
	"It listens on TCP, speaks TLS 1.3 with certificates on both sides, "
	"and "
	"carries calls, consoles and transfers as streams of one HTTP/2 "
	"connection. It stays in the foreground and logs to standard error.\n"
	".SH OPTIONS\n";

static const char config_head[] =
	".SH CONFIGURATION\n"
	"The file has lines KEY = VALUE in sections. A line that begins with # "
	"or ; is a comment. An unknown section or key is an error. Sizes take "
	"K, M, G; times ms, s, m, h, d; lists are separated by commas or "
	"blanks.\n";

static const char access_head[] =
	".SH ACCESS\n"
	"The file of rights has a section for each identity, which is its name "
	"or a pattern (*, ?, [a-z]). One section counts for an identity: the "
	"one "
	"with exactly its name, else the first pattern of the file that "
	"matches. Without one there is no access. The role admin equals root "
	"on "
	"this host: who may define a domain may give it any file as a disk.\n";

static const char tail[] =
	".SH SIGNALS\n"
	".TP\n"
	".B SIGHUP\n"
	"Reads configuration, certificate, key, authorities, revocation list "
	"and rights anew, all or nothing, and opens the audit file anew. "
	"Connections that lose rights are ended.\n"
	".TP\n"
	".B SIGTERM, SIGINT\n"
	"Takes no new connections, lets calls and streams finish until "
	"drain-timeout, and ends with status 0. A second one ends it at once.\n"
	".SH ENVIRONMENT\n"
	".TP\n"
	".B NOTIFY_SOCKET\n"
	"READY=1, RELOADING=1 and STOPPING=1 are told there, as sd_notify(3) "
	"has it.\n"
	".TP\n"
	".B LISTEN_FDS, LISTEN_PID\n"
	"Listening sockets from the service manager, as sd_listen_fds(3) has "
	"it; then listen is not used.\n"
	".SH EXIT STATUS\n"
	"0 after an orderly end; 1 after a failure or a second signal; 2 for a "
	"wrong command line or configuration; 6 for a key or certificate that "
	"cannot be used.\n"
	".SH FILES\n" CONFIG_PATH ", /etc/virtmux/access.conf, "
	"/var/log/virtmux/audit.jsonl\n"
	".SH SEE ALSO\n"
	"virtmux(1), virtmux\\-pki(1)\n";

static const struct {
	const char *name;
	char letter;
	const char *value;
	const char *doc;
} arguments[] = {
#define ARGUMENT(id, name, letter, value, doc) {name, letter, value, doc},
#include "daemon/core/arguments.def"
};

static void print_arguments(struct buf *out)
{
	for (size_t i = 0; i < array_size(arguments); i++) {
		buf_append_str(out, ".TP\n.B ");
		if (arguments[i].letter)
			buf_appendf(out, "\\-%c, ", arguments[i].letter);
		buf_appendf(out, "\\-\\-%s%s%s\n%s.\n", arguments[i].name,
			    arguments[i].value ? "=" : "",
			    arguments[i].value ? arguments[i].value : "",
			    arguments[i].doc);
	}
}

int manual_print(struct buf *out)
{
	buf_append_str(out, head);
	print_arguments(out);
	buf_append_str(out, config_head);
	config_describe_roff(out);
	buf_append_str(out, access_head);
	access_describe_roff(out);
	buf_append_str(out, tail);
	return buf_ok(out) ? 0 : -1;
}
