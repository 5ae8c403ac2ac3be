/*
 * A program with a loop of its own, by poll(): joins standard input and output to the
 * serial line of a domain, and says on standard error what happens on the host meanwhile.
 *
 *	cc library_watch.c $(pkg-config --cflags --libs virtmux-client) -o library_watch
 *	./library_watch myhost web1
 *
 * It reads no more from its input than the line takes. It ends with the line.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <virtmux-client.h>

struct watch {
	virtmux_connection *connection;
	virtmux_stream *line;
	char typed[4096]; /* has been read, but not been taken by the line */
	size_t typed_length;
	int input_ended;
	int over;
	int status;
};

static int fail(struct watch *w, virtmux_error *error)
{
	fprintf(stderr, "%s: %s\n", virtmux_error_name(error),
		virtmux_error_words(error));
	w->over = 1;
	w->status = virtmux_error_exit_status(error);
	virtmux_error_free(error);
	return -1;
}

static void on_event(void *context, const char *event, const char *after)
{
	(void)context;
	(void)after;
	fprintf(stderr, "%s\n", event);
}

static void show_output(struct watch *w)
{
	char bytes[16384];
	virtmux_error *error = NULL;
	ssize_t n;

	while ((n = virtmux_stream_read(w->line, bytes, sizeof(bytes),
					&error)) > 0)
		fwrite(bytes, 1, (size_t)n, stdout);
	fflush(stdout);
	if (n == -1)
		fail(w, error);
	else if (n == 0)
		w->over = 1;
}

static void send_input(struct watch *w)
{
	virtmux_error *error = NULL;
	size_t sent = 0;
	ssize_t n = 0;

	while (sent < w->typed_length &&
	       (n = virtmux_stream_write(w->line, w->typed + sent,
					 w->typed_length - sent, &error)) > 0)
		sent += (size_t)n;
	if (n == -1)
		fail(w, error);
	if (sent == w->typed_length)
		w->typed_length = 0;
	else if (sent > 0) {
		size_t i;

		for (i = sent; i < w->typed_length; i++)
			w->typed[i - sent] = w->typed[i];
		w->typed_length -= sent;
	}
}

static void on_ready(void *context, virtmux_stream *stream, unsigned ready)
{
	struct watch *w = context;

	(void)stream;
	if (ready & VIRTMUX_READABLE)
		show_output(w);
	if ((ready & VIRTMUX_WRITABLE) && !w->over)
		send_input(w);
}

static void read_input(struct watch *w)
{
	ssize_t n = read(STDIN_FILENO, w->typed, sizeof(w->typed));

	if (n > 0) {
		w->typed_length = (size_t)n;
		send_input(w);
	} else {
		w->input_ended = 1;
	}
}

static void loop(struct watch *w)
{
	virtmux_error *error = NULL;
	struct pollfd fds[2];

	fds[0].fd = virtmux_fd(w->connection);
	fds[0].events = POLLIN;
	fds[1].events = POLLIN;
	while (!w->over) {
		fds[1].fd =
			w->input_ended || w->typed_length ? -1 : STDIN_FILENO;
		fds[1].revents = 0;
		if (poll(fds, 2, virtmux_timeout_ms(w->connection)) < 0)
			break;
		if (virtmux_dispatch(w->connection, &error) < 0) {
			fail(w, error);
			break;
		}
		if (fds[1].revents && !w->over)
			read_input(w);
	}
}

int main(int argc, char **argv)
{
	static struct watch w;
	virtmux_error *error = NULL;

	if (argc < 3) {
		fprintf(stderr, "usage: %s HOST DOMAIN\n", argv[0]);
		return 2;
	}
	w.connection = virtmux_connect(argv[1], NULL, &error);
	if (!w.connection) {
		fail(&w, error);
		return w.status;
	}
	w.line = virtmux_console_open(w.connection, argv[2],
				      VIRTMUX_CONSOLE_SERIAL, 0, &error);
	if (!w.line || !virtmux_events_start(w.connection, NULL, on_event, NULL,
					     &w, &error)) {
		fail(&w, error);
	} else {
		virtmux_stream_on_ready(w.line, on_ready, &w);
		loop(&w);
		if (w.status == 0 && virtmux_stream_end_words(w.line))
			fprintf(stderr, "the line has ended: %s\n",
				virtmux_stream_end_words(w.line));
	}
	virtmux_close(w.connection);
	return w.status;
}
