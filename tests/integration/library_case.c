/*
 * What test_library.py does with libvirtmux-client, one case a run:
 *
 *	library_case call HOST METHOD [PARAMS]     the answer; with $WAIT after a line
 *	library_case leak HOST TIMES               connects and closes; descriptors then
 *	library_case two HOST HOST                 two connections in one poll() loop
 *	library_case events HOST                   every line, over cuts, until "undefined"
 *	library_case volume HOST POOL VOLUME SIZE  writes it, reads it, compares
 *	library_case refused HOST POOL VOLUME      what an upload that is refused says
 *
 * $ROUTE is a number of enum virtmux_route, $PASSPHRASE what it answers. A failure is
 * "NUMBER NAME RETRY: WORDS" on standard error, and its exit status.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/library/virtmux-client.h"

#define CALLS 50 /* of each connection, at once */

static int fail(virtmux_error *error)
{
	int status = virtmux_error_exit_status(error);

	fprintf(stderr, "%d %s %d: %s\n", virtmux_error_number(error),
		virtmux_error_name(error), virtmux_error_may_retry(error),
		virtmux_error_words(error));
	virtmux_error_free(error);
	return status;
}

static int fault(const char *words)
{
	fprintf(stderr, "library_case: %s\n", words);
	return 99;
}

static int ask(void *context, const char *what, const char *name, int again,
	       char *to, size_t size)
{
	const char *answer = getenv("PASSPHRASE");
	int *asked = context;

	++*asked;
	if (!answer || strcmp(what, "passphrase") != 0 || !name[0])
		return -1;
	return snprintf(to, size, "%s", answer) < (int)size ? 0 : -1;
}

/* ON_CONNECTED: not to be waited for. */
static virtmux_connection *begin_host(const char *host, int *asked,
				      virtmux_connected_fn *on_connected,
				      void *context)
{
	virtmux_options *options = virtmux_options_new();
	const char *route = getenv("ROUTE");
	virtmux_connection *connection;
	virtmux_error *error = NULL;

	virtmux_options_set_passphrase(options, ask, asked);
	if (route)
		virtmux_options_set_route(options,
					  (enum virtmux_route)atoi(route));
	connection = on_connected ? virtmux_connect_start(host, options,
							  on_connected, context,
							  &error)
				  : virtmux_connect(host, options, &error);
	virtmux_options_free(options);
	if (!connection)
		exit(fail(error));
	return connection;
}

static virtmux_connection *open_host(const char *host, int *asked)
{
	return begin_host(host, asked, NULL, NULL);
}

static int case_call(char **words)
{
	int asked = 0;
	virtmux_connection *c = open_host(words[0], &asked);
	virtmux_error *error = NULL;
	char *result = NULL;
	int status = 0;
	char line[8];

	fprintf(stderr, "asked %d, session %d, host %s\n", asked,
		virtmux_is_session(c), virtmux_host(c));
	if (getenv("WAIT") && !fgets(line, sizeof(line), stdin))
		return fault("no line to go on");
	if (virtmux_call(c, words[1], words[2], &result, &error) < 0)
		status = fail(error);
	else
		puts(result);
	virtmux_free(result);
	virtmux_close(c);
	return status;
}

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	while (folder && readdir(folder))
		n++;
	if (folder)
		closedir(folder);
	return n;
}

/* The first connection may leave what the process has once: libuv's, OpenSSL's. */
static int case_leak(char **words)
{
	int asked = 0;
	int before = 0;

	for (int i = 0; i < atoi(words[1]); i++) {
		virtmux_connection *c = open_host(words[0], &asked);
		char *result = NULL;

		if (virtmux_call(c, "session.whoami", NULL, &result, NULL) < 0)
			return fault("no answer");
		virtmux_free(result);
		/* A stream and a call that are under way go with it. */
		if (!virtmux_get(c, "/openrpc.json", NULL))
			return fault("no stream");
		if (!virtmux_events_start(c, NULL, NULL, NULL, NULL, NULL))
			return fault("no events");
		virtmux_close(c);
		if (i == 0)
			before = count_descriptors();
	}
	printf("%d\n", count_descriptors() - before);
	return 0;
}

struct side {
	virtmux_connection *connection;
	int answers;
	int events;
};

static void on_answer(void *context, const char *result,
		      const virtmux_error *error)
{
	struct side *side = context;

	if (result && !error)
		side->answers++;
}

static void on_begin(void *context, const char *event, const char *after)
{
	struct side *side = context;

	if (strstr(event, "\"begin\"") && after[0])
		side->events++;
}

/* All begins when it is there. */
static void on_connected(void *context, const virtmux_error *error)
{
	struct side *side = context;

	if (error)
		return;
	virtmux_events_start(side->connection, NULL, on_begin, NULL, side,
			     NULL);
	for (int k = 0; k < CALLS; k++)
		virtmux_call_start(side->connection, "domain.list", NULL,
				   on_answer, side, NULL);
}

static int case_two(char **words)
{
	struct side sides[2] = {{0}};
	struct pollfd fds[2] = {{0}};
	int asked = 0;

	for (int i = 0; i < 2; i++) {
		sides[i].connection =
			begin_host(words[i], &asked, on_connected, &sides[i]);
		fds[i].fd = virtmux_fd(sides[i].connection);
		fds[i].events = POLLIN;
	}
	while (sides[0].answers + sides[1].answers < 2 * CALLS ||
	       sides[0].events + sides[1].events < 2) {
		int first = virtmux_timeout_ms(sides[0].connection);
		int second = virtmux_timeout_ms(sides[1].connection);
		int least = first < 0 || (second >= 0 && second < first)
				    ? second
				    : first;

		if (poll(fds, 2, least) < 0 && errno != EINTR)
			return fault("poll");
		for (int i = 0; i < 2; i++) {
			virtmux_error *error = NULL;
			int status = 0;

			if (virtmux_dispatch(sides[i].connection, &error) == 0)
				continue;
			status = fail(error);
			virtmux_close(sides[0].connection);
			virtmux_close(sides[1].connection);
			return status;
		}
	}
	printf("%s %d %d, %s %d %d\n", virtmux_host(sides[0].connection),
	       sides[0].answers, sides[0].events,
	       virtmux_host(sides[1].connection), sides[1].answers,
	       sides[1].events);
	virtmux_close(sides[0].connection);
	virtmux_close(sides[1].connection);
	return 0;
}

static void on_line(void *context, const char *event, const char *after)
{
	virtmux_connection *c = context;

	puts(event);
	fflush(stdout);
	if (strstr(event, "\"undefined\""))
		virtmux_stop(c);
}

static int come_back(virtmux_connection *c)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	virtmux_error *error = NULL;

	while (virtmux_reconnect(c, &error) < 0) {
		if (virtmux_error_number(error) != VIRTMUX_ERROR_CONNECT)
			return fail(error);
		virtmux_error_free(error);
		error = NULL;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int case_events(char **words)
{
	int asked = 0;
	virtmux_connection *c = open_host(words[0], &asked);
	virtmux_error *error = NULL;
	int status = 0;

	if (!virtmux_events_start(c, "{\"type\":[\"lifecycle\"]}", on_line,
				  NULL, c, &error))
		return fail(error);
	while (status == 0 && virtmux_run(c, &error) < 0) {
		fprintf(stderr, "cut\n");
		virtmux_error_free(error);
		error = NULL;
		status = come_back(c);
	}
	fprintf(stderr, "asked %d\n", asked);
	virtmux_close(c);
	return status;
}

static unsigned char pattern(size_t at)
{
	return (unsigned char)(at * 31 + (at >> 12));
}

/* All of SIZE, in pieces of an odd size. */
static int write_all(virtmux_stream *s, size_t size)
{
	unsigned char piece[10007];
	size_t done = 0;

	while (done < size) {
		size_t n = size - done < sizeof(piece) ? size - done
						       : sizeof(piece);
		virtmux_error *error = NULL;
		ssize_t taken;

		for (size_t i = 0; i < n; i++)
			piece[i] = pattern(done + i);
		taken = virtmux_stream_write(s, piece, n, &error);
		if (taken == -1 ||
		    (taken == VIRTMUX_AGAIN &&
		     virtmux_stream_wait(s, VIRTMUX_WRITABLE, -1, &error) < 0))
			return fail(error);
		if (taken > 0)
			done += (size_t)taken;
	}
	virtmux_stream_finish(s);
	return 0;
}

/* To the end; CHECK: it must be the pattern, else it is printed. */
static int read_all(virtmux_stream *s, int check, size_t *size)
{
	unsigned char piece[30011];
	virtmux_error *error = NULL;

	for (;;) {
		ssize_t n =
			virtmux_stream_read(s, piece, sizeof(piece), &error);

		if (n == 0)
			return 0;
		if (n == -1 ||
		    (n == VIRTMUX_AGAIN &&
		     virtmux_stream_wait(s, VIRTMUX_READABLE, -1, &error) < 0))
			return fail(error);
		if (n < 0)
			continue;
		for (ssize_t i = 0; check && i < n; i++)
			if (piece[i] != pattern(*size + (size_t)i))
				return fault("another byte was read than was "
					     "written");
		if (!check)
			fwrite(piece, 1, (size_t)n, stdout);
		*size += (size_t)n;
	}
}

static int case_volume(char **words)
{
	int asked = 0;
	virtmux_connection *c = open_host(words[0], &asked);
	size_t size = strtoul(words[3], NULL, 10);
	size_t got = 0, ignored = 0;
	virtmux_stream *s =
		virtmux_volume_write(c, words[1], words[2], 0, size, NULL);
	int status = s ? write_all(s, size) : fault("no stream");

	if (status == 0)
		status = read_all(s, 0, &ignored);
	virtmux_stream_free(s);
	s = virtmux_volume_read(c, words[1], words[2], 0, size, NULL);
	if (status == 0)
		status = s ? read_all(s, 1, &got) : fault("no stream");
	if (status == 0 && got != size)
		status = fault("the volume was not read to its end");
	if (status == 0 &&
	    atol(virtmux_stream_header(s, "content-length")) != (long)size)
		status = fault("the wrong content-length");
	virtmux_close(c);
	return status;
}

static int case_refused(char **words)
{
	int asked = 0;
	virtmux_connection *c = open_host(words[0], &asked);
	virtmux_stream *s =
		virtmux_volume_write(c, words[1], words[2], 0, 1 << 30, NULL);
	int status = s ? write_all(s, 1 << 30) : fault("no stream");

	virtmux_close(c);
	return status ? status : fault("it was not refused");
}

static const struct {
	const char *name;
	int words;
	int (*run)(char **words);
} cases[] = {
	{"call", 2, case_call},     {"leak", 2, case_leak},
	{"two", 2, case_two},       {"events", 1, case_events},
	{"volume", 4, case_volume}, {"refused", 3, case_refused},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]);
	     i++)
		if (strcmp(argv[1], cases[i].name) == 0 &&
		    argc >= cases[i].words + 2)
			return cases[i].run(argv + 2);
	return fault("which case?");
}
