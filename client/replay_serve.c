/*
 * A display's recording as a VNC server for one viewer of this user
 * (replay_private.h). What the server once said was made for the viewer that was
 * recorded: the new one is told of its pixels by ServerInit, and what else it must be
 * able to take is compared, before a byte is sent, with what it says of itself.
 *
 * What always holds: only this user can connect, and what was made is removed; a
 * viewer never gets pixels of another form than it takes them for.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "client/connect/local.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/replay_private.h"
#include "client/consoles/viewer.h"
#include "record/capture.h"

#define NS_PER_US 1000u
#define PATIENCE_NS                                                            \
	(60u * CLOCK_NS_PER_S) /* for a viewer to say what it must */
#define VIEWER_END_MS 3000u    /* for it to end when told to */
#define BACKLOG       1
#define TITLE_MAX     200 /* bytes of the screen's name that are shown */

struct serve {
	struct command_call *call;
	struct replay_scan scan;
	struct replay_clock *clock;
	struct pace *pace;
	struct viewer *viewer; /* NULL: none is started */
	char *socket;          /* its file, or NULL */
	char *file;            /* the .vv file, or NULL */
	char *folder;          /* a temporary one, or NULL */
	unsigned port;
	int listener, fd;
	bool over; /* the viewer has gone */
	struct rfb_messages messages;
	/* the recording, as it is read a second time */
	struct capture_reader *reader;
	uint64_t seen;     /* bytes of the server's */
	uint64_t first_us; /* of the first picture */
	bool begun;
};

/* -- the viewer's connection ----------------------------------------------- */

static int protest(struct error *err)
{
	return error_set(err, ERROR_DISCONNECTED,
			 "the viewer left before the recording was shown");
}

/* Waits for the viewer's descriptor; s->over where it has gone. */
static int await(struct serve *s, bool writes, uint64_t until, bool *ready,
		 struct error *err)
{
	enum pace_event event;

	if (pace_wait(s->pace, s->fd, writes, until, &event, err) < 0)
		return -1;
	*ready = event == PACE_READY;
	s->over |= event == PACE_GONE;
	return 0;
}

static int send_all(struct serve *s, const uint8_t *data, size_t n,
		    struct error *err)
{
	while (n > 0 && !s->over) {
		ssize_t done = send(s->fd, data, n, MSG_NOSIGNAL);
		bool ready;

		if (done > 0) {
			data += done;
			n -= (size_t)done;
		} else if (errno != EAGAIN && errno != EINTR) {
			s->over = true;
		} else if (await(s, true, PACE_FOR_EVER, &ready, err) < 0) {
			return -1;
		}
	}
	return 0;
}

/* What there is, at most N bytes; 0 and s->over where the viewer has gone. */
static size_t receive_some(struct serve *s, uint8_t *to, size_t n)
{
	ssize_t got = recv(s->fd, to, n, 0);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		s->over = true;
	return got > 0 ? (size_t)got : 0;
}

static int receive(struct serve *s, uint8_t *to, size_t n, struct error *err)
{
	uint64_t until = clock_monotonic_ns() + PATIENCE_NS;
	bool ready;

	while (n > 0) {
		size_t got = receive_some(s, to, n);

		to += got;
		n -= got;
		if (s->over && n > 0)
			return protest(err);
		if (got > 0 || n == 0)
			continue;
		if (await(s, false, until, &ready, err) < 0)
			return -1;
		if (!ready && !s->over)
			return error_set(err, ERROR_TIMED_OUT,
					 "the viewer says nothing");
	}
	return 0;
}

/* -- the handshake (RFC 6143 section 7.1 to 7.3) --------------------------- */

static void put(struct buf *out, uint32_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buf_append_char(out, (char)(value >> 8 * bytes));
}

static int send_init(struct serve *s, struct error *err)
{
	size_t n = strnlen(s->scan.name, TITLE_MAX);
	autobuf init = {0};

	put(&init, s->scan.width, 2);
	put(&init, s->scan.height, 2);
	buf_append(&init, s->scan.format, RFB_FORMAT_SIZE);
	put(&init, (uint32_t)n, 4);
	if (buf_append(&init, s->scan.name, n) < 0)
		return error_set_no_memory(err);
	return send_all(s, buf_bytes(&init), init.len, err);
}

/*
 * Version 3.7: from 3.8 on TigerVNC takes a slow recording for a slow line, and asks
 * for fewer colours in the middle of it.
 */
static int shake_hands(struct serve *s, struct error *err)
{
	static const uint8_t types[] = {1, 1}, none[] = {0, 0, 0, 1};
	uint8_t version[12], byte;
	bool old;

	if (send_all(s, (const uint8_t *)"RFB 003.007\n", 12, err) < 0 ||
	    receive(s, version, sizeof(version), err) < 0)
		return -1;
	if (memcmp(version, "RFB 003.", 8) != 0)
		return error_set(err, ERROR_UNSUPPORTED,
				 "what has connected is no viewer of VNC");
	old = memcmp(version + 8, "007", 3) < 0;
	if (old && send_all(s, none, sizeof(none), err) < 0)
		return -1;
	if (!old && (send_all(s, types, sizeof(types), err) < 0 ||
		     receive(s, &byte, 1, err) < 0))
		return -1;
	if (receive(s, &byte, 1, err) < 0)
		return -1;
	return send_init(s, err);
}

static int hear(struct serve *s, struct error *err)
{
	uint8_t data[4096];
	size_t n = receive_some(s, data, sizeof(data));

	if (rfb_messages_feed(&s->messages, data, n) < 0)
		return error_set_no_memory(err);
	return 0;
}

static int check_format(const struct serve *s, struct error *err)
{
	const uint8_t *has = s->messages.format;
	const uint8_t *want = s->scan.format;

	/* The last three bytes are padding. */
	if (!s->messages.changed &&
	    (!s->messages.has_format ||
	     memcmp(has, want, RFB_FORMAT_SIZE - 3) == 0))
		return 0;
	return error_set(err, ERROR_UNSUPPORTED,
			 "the viewer wants pixels of another form (%u bits, "
			 "depth %u) than were recorded (%u bits, depth %u), "
			 "and these cannot be changed: show it with a viewer "
			 "of the kind that was recorded, and with its colours",
			 has[0], has[1], want[0], want[1]);
}

static int check_encodings(const struct serve *s, struct error *err)
{
	int32_t encoding;

	if (call_flag(s->call, "any-viewer") ||
	    !rfb_encodings_lack(&s->scan.encodings, &s->messages.encodings,
				&encoding))
		return 0;
	return error_set(err, ERROR_UNSUPPORTED,
			 "the viewer cannot take encoding %" PRId32 ", which "
			 "the one that was recorded could: show it with a "
			 "viewer of that kind, or --any-viewer tries it",
			 encoding);
}

/* Until the viewer asks for a picture: then it has said what it takes. */
static int judge_viewer(struct serve *s, struct error *err)
{
	uint64_t until = clock_monotonic_ns() + PATIENCE_NS;
	bool ready = true;

	while (!s->messages.asked) {
		if (s->messages.lost)
			return error_set(err, ERROR_UNSUPPORTED,
					 "the viewer says what is not known "
					 "here");
		if (await(s, false, until, &ready, err) < 0)
			return -1;
		if (s->over)
			return protest(err);
		if (!ready)
			return error_set(err, ERROR_TIMED_OUT,
					 "the viewer asks for no picture");
		if (hear(s, err) < 0)
			return -1;
	}
	return check_format(s, err) < 0 ? -1 : check_encodings(s, err);
}

/* -- the recording --------------------------------------------------------- */

/* Hears the viewer until the moment. */
static int wait_until(struct serve *s, uint64_t until, struct error *err)
{
	bool ready = true;

	while (ready && !s->over) {
		if (await(s, false, until, &ready, err) < 0)
			return -1;
		if (!ready)
			break;
		if (hear(s, err) < 0 || check_format(s, err) < 0)
			return -1;
	}
	return 0;
}

static int on_record(void *context, const struct capture_record *record,
		     struct error *err)
{
	struct serve *s = context;
	uint64_t before = s->seen;
	size_t skip;

	if (record->kind != CAPTURE_SERVER || s->over ||
	    record->us >= s->scan.until_us)
		return 0;
	s->seen += record->len;
	if (s->seen <= s->scan.begin)
		return 0;
	skip = before < s->scan.begin ? (size_t)(s->scan.begin - before) : 0;
	if (!s->begun)
		s->first_us = record->us;
	s->begun = true;
	if (wait_until(s,
		       replay_due(s->clock,
				  (record->us - s->first_us) * NS_PER_US),
		       err) < 0)
		return -1;
	return send_all(s, record->data + skip, record->len - skip, err);
}

static int feed(void *context, const uint8_t *data, size_t n, struct error *err)
{
	struct serve *s = context;

	return capture_reader_feed(s->reader, data, n, on_record, s, err);
}

static void say(const struct serve *s, const char *words)
{
	if (!call_flag(s->call, "quiet"))
		fprintf(stderr, "%s\n", words);
}

static void tell_end(const struct serve *s)
{
	if (s->over)
		return;
	if (s->scan.until_us != UINT64_MAX)
		say(s, "The recording cannot be shown further: its viewer "
		       "changed the form of the pixels then");
	else if (s->scan.cut)
		say(s, "The recording was cut off here");
	else
		say(s, "The recording has ended");
}

/* The last picture stays as long as the viewer does. */
static int show(struct serve *s, FILE *file, const char *path,
		struct error *err)
{
	if (shake_hands(s, err) < 0 || judge_viewer(s, err) < 0)
		return -1;
	rewind(file);
	s->reader = capture_reader_new();
	if (!s->reader)
		return error_set_no_memory(err);
	if (replay_read(file, path, feed, s, err) < 0)
		return -1;
	tell_end(s);
	return wait_until(s, PACE_FOR_EVER, err);
}

/* -- where ----------------------------------------------------------------- */

/* FOLDER/replay-PID.SUFFIX, to free(). */
static char *file_name(const char *folder, const char *suffix)
{
	autobuf path = {0};

	buf_appendf(&path, "%s/replay-%ld.%s", folder, (long)getpid(), suffix);
	return buf_steal_str(&path);
}

static int name_socket(struct serve *s, struct error *err)
{
	autofree char *folder = NULL;

	if (local_folder(&folder, err) < 0)
		return -1;
	s->socket = file_name(folder, "vnc");
	if (s->socket && local_fits(s->socket))
		return 0;
	free(steal(&s->socket));
	if (local_temporary(&s->folder, err) < 0)
		return -1;
	s->socket = file_name(s->folder, "vnc");
	return s->socket ? 0 : error_set_no_memory(err);
}

static int write_file(struct serve *s, struct error *err)
{
	const struct viewer_display display = {.domain = s->scan.name,
					       .port = s->port};
	autofree char *folder = NULL;
	autofree char *file = NULL;
	autobuf text = {0};

	if (local_folder(&folder, err) < 0)
		return -1;
	file = file_name(folder, "vv");
	if (!file || viewer_file_text(&display, &text) < 0)
		return error_set_no_memory(err);
	if (file_write_atomic(file, buf_bytes(&text), text.len, 0600, err) < 0)
		return -1;
	s->file = steal(&file);
	return 0;
}

static int offer(struct serve *s, enum viewer_way way, struct error *err)
{
	const char *socket = call_text(s->call, "socket", NULL);

	s->port = (unsigned)call_number(s->call, "port", 0);
	if (way != VIEWER_SOCKET) {
		if (local_listen_port(&s->listener, &s->port, BACKLOG, err) < 0)
			return -1;
		return way == VIEWER_FILE ? write_file(s, err) : 0;
	}
	if (socket)
		s->socket = strdup(socket);
	else if (name_socket(s, err) < 0)
		return -1;
	if (!s->socket)
		return error_set_no_memory(err);
	if (local_listen(&s->listener, s->socket, BACKLOG, err) == 0)
		return 0;
	free(steal(&s->socket)); /* it is not ours to remove */
	return -1;
}

static void tell_json(const struct serve *s)
{
	autojson o = json_object_new_object();

	if (s->socket)
		json_object_object_add(o, "socket",
				       json_object_new_string(s->socket));
	else
		json_object_object_add(o, "port",
				       json_object_new_int64(s->port));
	output_json(call_output(s->call), o, NULL);
}

static void tell_where(const struct serve *s)
{
	struct output *o = call_output(s->call);

	if (!output_is_text(o))
		tell_json(s);
	else if (s->socket)
		output_say(o,
			   "The recording is offered on %s\n"
			   "Show it with TigerVNC: vncviewer '%s'\n"
			   "Ctrl-C ends it.",
			   s->socket, s->socket);
	else
		output_say(o,
			   "The recording is offered on port %u of 127.0.0.1, "
			   "to you alone\n"
			   "Show it with: vncviewer 127.0.0.1::%u\n"
			   "Ctrl-C ends it.",
			   s->port, s->port);
	fflush(output_file(o));
}

static int start_viewer(struct serve *s, struct error *err)
{
	const struct viewer_display display = {.domain = s->scan.name,
					       .socket = s->socket,
					       .port = s->port,
					       .file = s->file};
	char **arguments = NULL;
	int rc;

	if (viewer_arguments(s->viewer, &display, &arguments, err) < 0)
		return -1;
	rc = pace_start(s->pace, arguments, err);
	viewer_free_arguments(arguments);
	return rc;
}

static int await_viewer(struct serve *s, struct error *err)
{
	enum pace_event event;

	while (!local_accept(s->listener, call_log(s->call), &s->fd)) {
		if (pace_wait(s->pace, s->listener, false, PACE_FOR_EVER,
			      &event, err) < 0)
			return -1;
		if (event == PACE_GONE)
			return error_set(err, ERROR_FAILED,
					 "the viewer '%s' ended with status %d "
					 "before it was connected; --no-viewer "
					 "offers the recording to any other",
					 viewer_program(s->viewer),
					 pace_status(s->pace));
	}
	close(steal_fd(&s->listener));
	if (file_set_nonblock(s->fd, true) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "the viewer's connection");
	return 0;
}

/* -- begin and end --------------------------------------------------------- */

static int choose_viewer(struct serve *s, struct error *err)
{
	struct viewer_world world = viewer_world_here();
	const char *command = call_text(s->call, "viewer", NULL);
	const struct profile *profile = NULL;
	bool placed =
		call_given(s->call, "socket") || call_given(s->call, "port");

	if (call_flag(s->call, "no-viewer") || (!command && placed))
		return 0;
	/* Which viewer is a wish; without a configuration there is none. */
	if (!command && call_profile(s->call, &profile, NULL) == 0)
		command = profile->viewer;
	return viewer_choose(&s->viewer, command, false, &world, err);
}

static int choose_way(struct serve *s, enum viewer_way *way, struct error *err)
{
	bool socket = call_given(s->call, "socket");
	bool port = call_given(s->call, "port");

	*way = port ? VIEWER_PORT : VIEWER_SOCKET;
	if (socket && port)
		return error_set(err, ERROR_USAGE,
				 "--socket and --port exclude each other");
	if (!s->viewer)
		return 0;
	*way = viewer_way(s->viewer);
	if ((socket && *way != VIEWER_SOCKET) ||
	    (port && *way == VIEWER_SOCKET))
		return error_set(err, ERROR_USAGE, "the viewer '%s' takes %s",
				 viewer_program(s->viewer),
				 socket ? "a port, no socket"
					: "a socket, no port");
	return 0;
}

static int serve(struct serve *s, FILE *file, const char *path,
		 struct error *err)
{
	enum viewer_way way;
	int rc;

	if (choose_viewer(s, err) < 0 || choose_way(s, &way, err) < 0 ||
	    pace_new(&s->pace, err) < 0 || offer(s, way, err) < 0)
		return -1;
	call_begun(s->call);
	if (!s->viewer)
		tell_where(s);
	else if (start_viewer(s, err) < 0)
		return -1;
	rc = await_viewer(s, err);
	if (rc == 0)
		rc = show(s, file, path, err);
	pace_end_process(s->pace, VIEWER_END_MS);
	return rc;
}

static void clear(struct serve *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->listener >= 0)
		close(s->listener);
	if (s->socket)
		unlink(s->socket);
	if (s->file)
		unlink(s->file);
	if (s->folder)
		rmdir(s->folder);
	free(s->socket);
	free(s->file);
	free(s->folder);
	viewer_free(s->viewer);
	pace_free(s->pace);
	capture_reader_free(s->reader);
	rfb_messages_clear(&s->messages);
	replay_scan_clear(&s->scan);
}

int replay_display(struct command_call *call, FILE *file, const char *path,
		   struct replay_clock *clock, struct error *err)
{
	struct serve s = {
		.call = call, .clock = clock, .listener = -1, .fd = -1};
	int rc = replay_scan(&s.scan, file, path, err);

	if (rc == 0 && !s.scan.handshake)
		rc = error_set(err, ERROR_UNSUPPORTED,
			       "'%s' has no display of VNC that can be "
			       "followed: a SPICE display, one that is "
			       "encrypted within, or one that was never shown",
			       path);
	if (rc == 0)
		rc = serve(&s, file, path, err);
	clear(&s);
	return rc;
}
