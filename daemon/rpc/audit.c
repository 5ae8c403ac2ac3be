/*
 * The audit's lines and where they go. rpc adds a record a call; records of reads
 * gather here until there are many, a mutation comes, or rpc's timer ends. What
 * always holds: `lines` begins at a line's begin unless a file took a part of
 * one, and grows to RPC_AUDIT_BUFFER at most.
 */
#include "daemon/rpc/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/rpc/limits.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define JOURNAL_HEAD   "SYSLOG_IDENTIFIER=virtmuxd-audit\nPRIORITY=6\nMESSAGE="
#define TEXT_SHOWN     512 /* bytes of one value; a peer chose some of them */
#define FILE_MODE      0600
#define RECORD_MAX     2048 /* bytes of most records: one reservation */

enum sink { SINK_FILE, SINK_STDERR, SINK_JOURNAL };

struct audit {
	enum sink sink;
	int fd;
	char *path; /* SINK_FILE */
	struct log *log;
	struct buf lines;
	uint64_t lost;  /* records that found no room */
	bool failing;   /* it was logged that writing fails */
	int64_t second; /* that `time` was made for */
	char time[CLOCK_TEXT_SIZE];
};

/* -1 with errno, too. */
static int open_file(const char *path, struct error *err)
{
	int fd = open(path,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
			      O_NONBLOCK,
		      FILE_MODE);
	int errnum = errno;

	if (fd < 0)
		error_set_errno(err, ERROR_SYSTEM, errnum,
				"the audit file %s cannot be opened for "
				"writing",
				path);
	errno = errnum;
	return fd;
}

static int open_journal(struct error *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX,
				 .sun_path = JOURNAL_SOCKET};
	autoclose int fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return error_set_errno(
			err, ERROR_SYSTEM, errno,
			"the journal at %s cannot be reached for "
			"the audit; `audit = /path/of/a/file` "
			"does without it",
			JOURNAL_SOCKET);
	return steal_fd(&fd);
}

static int choose_sink(struct audit *audit, const char *where,
		       struct error *err)
{
	if (strcmp(where, "stderr") == 0) {
		audit->sink = SINK_STDERR;
		audit->fd = STDERR_FILENO;
		return 0;
	}
	if (strcmp(where, "journal") == 0) {
		audit->sink = SINK_JOURNAL;
		audit->fd = open_journal(err);
	} else if (*where == '/') {
		audit->sink = SINK_FILE;
		audit->path = strdup(where);
		if (!audit->path)
			return error_set_no_memory(err);
		audit->fd = open_file(where, err);
	} else {
		return error_set(
			err, ERROR_CONFIG,
			"\"audit\" must be an absolute path, stderr or "
			"journal, not \"%s\"",
			where);
	}
	return audit->fd < 0 ? -1 : 0;
}

int audit_open(struct audit **out, const char *where, struct log *log,
	       struct error *err)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return error_set_no_memory(err);
	audit->fd = -1;
	audit->log = log;
	if (choose_sink(audit, where, err) < 0) {
		audit_free(audit);
		return -1;
	}
	*out = audit;
	return 0;
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	if (audit->fd >= 0)
		audit_flush(audit, NULL);
	if (audit->fd >= 0 && audit->sink != SINK_STDERR)
		close(audit->fd);
	buf_free(&audit->lines);
	free(audit->path);
	free(audit);
}

int audit_reopen(struct audit *audit, struct error *err)
{
	int fd;

	if (audit->sink != SINK_FILE)
		return 0;
	fd = open_file(audit->path, err);
	if (fd < 0)
		return -1;
	audit_flush(audit, NULL);
	close(audit->fd);
	audit->fd = fd;
	return 0;
}

/*
 * As a JSON string, cut at TEXT_SHOWN, and with U+0080 to U+009F escaped too: some terminals
 * take them for the begin of a command.
 */
static void append_text(struct buf *out, const char *text)
{
	size_t start = out->len;
	size_t written;

	if (json_append_string_len(out, text, strnlen(text, TEXT_SHOWN)) < 0)
		return;
	for (size_t i = start; i + 1 < out->len; i++) {
		uint8_t *at = buf_bytes(out) + i;
		char escape[sizeof("\\u0080")];

		if (at[0] != 0xc2 || at[1] >= 0xa0)
			continue;
		snprintf(escape, sizeof(escape), "\\u%04x", at[1]);
		written = sizeof(escape) - 1;
		if (buf_reserve(out, written) < 0)
			return;
		at = buf_bytes(out) + i;
		memmove(at + written, at + 2, out->len - i - 2);
		memcpy(at, escape, written);
		out->len += written - 2;
		i += written - 1;
	}
}

/* Bytes before the first that might have to be escaped; most texts are plain. */
static size_t plain_prefix(const char *text)
{
	size_t n = 0;

	while (text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' &&
	       text[n] != '\\')
		n++;
	return n;
}

static void append_member(struct buf *out, const char *key, const char *text)
{
	size_t n;

	if (!text)
		return;
	buf_append_str(out, key);
	n = plain_prefix(text);
	if (text[n] || n > TEXT_SHOWN) {
		append_text(out, text);
		return;
	}
	buf_append_char(out, '"');
	buf_append(out, text, n);
	buf_append_char(out, '"');
}

static void append_number(struct buf *out, const char *key, uint64_t number)
{
	buf_append_str(out, key);
	json_append_uint(out, number);
}

int audit_caller(struct buf *out, const char *identity, const char *serial,
		 const char *address)
{
	append_member(out, "\"identity\":", identity);
	append_member(out, ",\"serial\":", serial);
	append_member(out, ",\"address\":", address);
	return buf_ok(out) ? 0 : -1;
}

/* Breaking a time down costs more than the rest of a line: once a second. */
static void append_time(struct audit *audit, struct buf *out)
{
	int64_t now = clock_realtime_us();
	int64_t second = now / 1000000;
	unsigned ms = (unsigned)(now / 1000 % 1000);
	char *fraction;

	if (second != audit->second) {
		clock_format_us(second * 1000000, audit->time);
		audit->second = second;
	}
	fraction = strchr(audit->time, '.');
	if (fraction) {
		fraction[1] = (char)('0' + ms / 100);
		fraction[2] = (char)('0' + ms / 10 % 10);
		fraction[3] = (char)('0' + ms % 10);
	}
	buf_append_str(out, "{\"time\":\"");
	buf_append_str(out, audit->time);
	buf_append_char(out, '"');
}

static void append_end(struct buf *out, const struct audit_record *record)
{
	append_member(out, ",\"outcome\":", record->outcome);
	append_member(out, ",\"words\":", record->words);
	if (record->replayed)
		buf_append_str(out, ",\"replayed\":true");
	append_member(out, ",\"recording\":", record->recording);
	if (record->stream) {
		append_number(out, ",\"bytes_in\":", record->bytes_in);
		append_number(out, ",\"bytes_out\":", record->bytes_out);
	}
	append_number(out, ",\"duration_us\":", record->duration_ns / 1000);
}

static void append_record(struct audit *audit, struct buf *out,
			  const struct audit_record *record)
{
	append_time(audit, out);
	buf_append_str(out, record->event == AUDIT_BEGIN
				    ? ",\"event\":\"begin\""
				    : ",\"event\":\"end\"");
	append_member(out, ",\"call\":", record->id);
	if (record->caller) {
		buf_append_char(out, ',');
		buf_append_str(out, record->caller);
	}
	append_member(out, ",\"method\":", record->method);
	append_member(out, ",\"target\":", record->target);
	append_member(out, ",\"uuid\":", record->uuid);
	append_member(out, ",\"name\":", record->name);
	if (record->event == AUDIT_END)
		append_end(out, record);
	buf_append_str(out, "}\n");
}

/* Whether a pipe or terminal takes bytes now: a blocking one would stop us. */
static bool writable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT);
}

/* The bytes that one write(2) of the sink takes: a pipe's are atomic to 4096. */
static size_t write_size(const struct audit *audit)
{
	const uint8_t *newline;
	size_t n = audit->lines.len;

	if (audit->sink == SINK_FILE)
		return n;
	newline = memchr(buf_bytes(&audit->lines), '\n', n);
	return newline ? (size_t)(newline - buf_bytes(&audit->lines)) + 1 : n;
}

static ssize_t send_journal(const struct audit *audit, const uint8_t *line,
			    size_t n)
{
	static const char head[] = JOURNAL_HEAD;
	struct iovec parts[] = {
		{(void *)head, sizeof(head) - 1},
		{(void *)line, n},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	if (sendmsg(audit->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -1;
	return (ssize_t)n;
}

/* The journal was restarted: its socket is another one. */
static ssize_t send_anew(struct audit *audit, const uint8_t *line, size_t n)
{
	int fd = open_journal(NULL);

	if (fd < 0)
		return -1;
	close(audit->fd);
	audit->fd = fd;
	return send_journal(audit, line, n);
}

static ssize_t write_some(struct audit *audit)
{
	ssize_t sent;
	const uint8_t *line = buf_bytes(&audit->lines);
	size_t n = write_size(audit);

	if (audit->sink == SINK_JOURNAL) {
		sent = send_journal(audit, line, n);
		if (sent < 0 && (errno == ECONNREFUSED || errno == ENOTCONN))
			sent = send_anew(audit, line, n);
		return sent;
	}
	if (audit->sink == SINK_STDERR && !writable(audit->fd)) {
		errno = EAGAIN;
		return -1;
	}
	return write(audit->fd, line, n);
}

static const char *sink_name(const struct audit *audit)
{
	if (audit->sink == SINK_FILE)
		return audit->path;
	return audit->sink == SINK_STDERR ? "standard error" : "the journal";
}

static int failed(struct audit *audit, int errnum, struct error *err)
{
	if (!audit->failing)
		log_error(audit->log,
			  "the audit cannot be written to %s: %s; calls that "
			  "change something are refused until it can",
			  sink_name(audit), strerror(errnum));
	audit->failing = true;
	return error_set_errno(err, ERROR_SYSTEM, errnum,
			       "the host cannot write its audit");
}

static void recovered(struct audit *audit)
{
	if (!audit->failing && audit->lost == 0)
		return;
	log_warning(audit->log,
		    "the audit can be written to %s again; %llu records of "
		    "reads were lost meanwhile",
		    sink_name(audit), (unsigned long long)audit->lost);
	audit->failing = false;
	audit->lost = 0;
}

/*
 * Somebody removed the file, or its folder: what is written to it nobody can read.
 * A file that was renamed is still there. -1 with errno.
 */
static int find_again(struct audit *audit)
{
	struct stat st;
	int fd;

	if (audit->sink != SINK_FILE || fstat(audit->fd, &st) < 0 ||
	    st.st_nlink > 0)
		return 0;
	fd = open_file(audit->path, NULL);
	if (fd < 0)
		return -1;
	log_warning(audit->log, "the audit %s was removed: it is made anew",
		    audit->path);
	close(audit->fd);
	audit->fd = fd;
	return 0;
}

int audit_flush(struct audit *audit, struct error *err)
{
	if (audit->lines.len > 0 && find_again(audit) < 0)
		return failed(audit, errno, err);
	while (audit->lines.len > 0) {
		ssize_t n = write_some(audit);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(audit, errno, err);
		buf_consume(&audit->lines, (size_t)n);
	}
	if (audit->lines.cap > RPC_AUDIT_BATCH * 2)
		buf_free(&audit->lines);
	recovered(audit);
	return 0;
}

size_t audit_waiting(const struct audit *audit)
{
	return audit->lines.len;
}

int audit_add(struct audit *audit, const struct audit_record *record, bool now,
	      struct error *err)
{
	struct buf *lines = &audit->lines;
	size_t before = lines->len;

	if (before > RPC_AUDIT_BUFFER && audit_flush(audit, err) < 0) {
		audit->lost++;
		return -1;
	}
	before = lines->len;
	if (buf_reserve(lines, RECORD_MAX) == 0)
		append_record(audit, lines, record);
	if (!buf_ok(lines)) {
		lines->failed = false;
		lines->len = before;
		audit->lost++;
		return error_set_no_memory(err);
	}
	if (now || lines->len >= RPC_AUDIT_BATCH)
		return audit_flush(audit, now ? err : NULL);
	return 0;
}
