/*
 * The verb `top`: asks for domain.stats again and again and shows the live table of
 * top.h, on a terminal that it takes and gives back (terminal.h), or frame by frame
 * where there is none. What always holds: keys are heard while an answer is awaited;
 * a call that fails is told in the frame and tried again, unless it is the first.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "client/connect/channel.h"
#include "client/output.h"
#include "client/consoles/terminal.h"
#include "client/top.h"
#include "client/verbs.h"

#define DELAY_MS   3000 /* between two frames, unless told otherwise */
#define NOTE_SIZE  256
#define TAKE       "\033[?1049h\033[?25l\033[H\033[2J" /* other screen, no cursor */
#define GIVE       "\033[?25h\033[?1049l"
#define HOME       "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

struct top {
	struct command_call *call;
	struct channel *channel;
	struct terminal *terminal; /* NULL: no screen */
	struct host_info host;
	struct top_rows rows;
	struct top_view view;
	char note[NOTE_SIZE];
	uint64_t delay_ms;
	int64_t frames;              /* left to show; -1: no end */
	struct channel_call *asking; /* or NULL */
	unsigned handles;            /* of the loop, open ones */
	int tty; /* the terminal, opened anew: the loop makes it non-blocking,
		    which the shell's own descriptor must not become */
	bool quit;
	struct error why; /* that ends it */
	uv_timer_t timer;
	uv_poll_t keys;
	uv_signal_t resized;
};

static void ask(struct top *t);

/* -- showing --------------------------------------------------------------- */

static void measure(struct top *t)
{
	struct winsize size;

	if (!t->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	t->view.width = size.ws_col;
	t->view.height = size.ws_row;
}

/* Each line erases what stood behind it; a whole screen does not flicker then. */
static void put_on_screen(const struct buf *frame)
{
	const char *at = (const char *)buf_bytes(frame);
	size_t left = frame->len;
	autobuf out = {0};

	buf_append_str(&out, HOME);
	while (left > 0) {
		const char *end = memchr(at, '\n', left);
		size_t n = end ? (size_t)(end - at) : left;

		buf_append(&out, at, n);
		buf_append_str(&out, CLEAR_LINE "\r\n");
		at += n + (end ? 1 : 0);
		left -= n + (end ? 1 : 0);
	}
	buf_append_str(&out, CLEAR_REST);
	file_write_all(STDOUT_FILENO, buf_bytes(&out), out.len, NULL);
}

static int show_frame(struct top *t, const struct top_head *head)
{
	struct output *output = call_output(t->call);
	autobuf frame = {0};
	autojson json = NULL;

	if (!output_is_text(output)) {
		top_sort(&t->rows, t->view.sort, t->view.reverse);
		json = top_json(&t->rows, head);
		return output_value(output, json, &t->why);
	}
	if (top_frame(&frame, &t->rows, head, &t->view) < 0)
		return error_set_no_memory(&t->why);
	if (t->terminal) {
		put_on_screen(&frame);
		return 0;
	}
	fwrite(buf_bytes(&frame), 1, frame.len, output_file(output));
	if (t->frames != 1)
		fputc('\n', output_file(output));
	return 0;
}

static void end(struct top *t)
{
	t->quit = true;
	channel_stop(t->channel);
}

static void show(struct top *t)
{
	char clock[16];
	time_t now = time(NULL);
	struct tm local;
	const struct top_head head = {
		.host = t->host.hostname,
		.cpus = t->host.cpus,
		.memory = t->host.memory,
		.time = clock,
		.note = t->note[0] ? t->note : NULL,
	};

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &local));
	measure(t);
	if (show_frame(t, &head) < 0 ||
	    fflush(output_file(call_output(t->call))) != 0)
		end(t);
}

/* -- asking ---------------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
	ask(timer->data);
}

static void take_answer(struct top *t, struct json_object *result)
{
	const struct method *m = method_by_id(METHOD_domain_stats);
	struct domain_stats_list list = {0};

	if (result_decode(m, result, &list, &t->why) < 0) {
		end(t);
		return;
	}
	t->note[0] = '\0';
	if (top_take(&t->rows, &list, clock_monotonic_ns(), t->host.cpus) < 0)
		error_set_no_memory(&t->why);
	result_free(m, &list);
}

static void on_answer(void *context, struct json_object *result,
		      const struct error *why)
{
	struct top *t = context;

	t->asking = NULL;
	if (why && !t->rows.when_ns) {
		error_set(&t->why, why->code, "%s", error_words(why));
		end(t);
		return;
	}
	if (why)
		snprintf(t->note, sizeof(t->note), "%s", error_words(why));
	else
		take_answer(t, result);
	show(t);
	if (error_is_set(&t->why) || (t->frames > 0 && --t->frames == 0))
		end(t);
	else if (!t->quit)
		uv_timer_start(&t->timer, on_time, t->delay_ms, 0);
}

static void ask(struct top *t)
{
	bool all = call_flag(t->call, "all");
	static const char groups[] = "\"groups\":[\"state\",\"cpu-total\","
				     "\"balloon\",\"interface\",\"block\"],"
				     "\"nowait\":true";
	char params[160];

	if (t->asking)
		return;
	uv_timer_stop(&t->timer);
	snprintf(params, sizeof(params), "{%s%s}", groups,
		 all ? "" : ",\"active\":true");
	if (channel_call_start(t->channel, "domain.stats", params, on_answer, t,
			       &t->asking, &t->why) < 0)
		end(t);
}

/* -- keys ------------------------------------------------------------------ */

static void sort_by(struct top *t, char key)
{
	static const char keys[TOP_SORTS + 1] = "PMBXTN";
	const char *at = strchr(keys, key);

	if (!at || !*at)
		return;
	t->view.sort = (enum top_sort)(at - keys);
	t->view.reverse = false;
	t->view.first = 0;
}

static void on_key(struct top *t, char key)
{
	switch (key) {
	case 'q':
	case 'Q':
	case 3: /* Ctrl-C, as a byte in raw mode */
		end(t);
		return;
	case 'h':
	case '?':
		t->view.help = !t->view.help;
		break;
	case 'R':
		t->view.reverse = !t->view.reverse;
		break;
	case 'j':
		t->view.first++;
		break;
	case 'k':
		t->view.first -= t->view.first > 0;
		break;
	case ' ':
		ask(t);
		break;
	case 26: /* Ctrl-Z */
		raise(SIGTSTP);
		break;
	default:
		sort_by(t, key);
	}
}

/* Arrow keys come as ESC [ A and so on. */
static void on_keys(uv_poll_t *poll, int status, int events)
{
	struct top *t = poll->data;
	char keys[64];
	ssize_t n = read(t->tty, keys, sizeof(keys));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		end(t);
		return;
	}
	for (ssize_t i = 0; i < n && !t->quit; i++) {
		if (keys[i] != 27) {
			on_key(t, keys[i]);
			continue;
		}
		if (i + 2 < n && keys[i + 1] == '[') {
			on_key(t, keys[i + 2] == 'A'   ? 'k'
				  : keys[i + 2] == 'B' ? 'j'
						       : 0);
			i += 2;
		}
	}
	if (!t->quit && t->rows.when_ns)
		show(t);
}

static void on_resized(uv_signal_t *handle, int number)
{
	struct top *t = handle->data;

	if (t->rows.when_ns)
		show(t);
}

/* -- begin and end --------------------------------------------------------- */

static int host_of(struct top *t, struct error *err)
{
	const struct method *m = method_by_id(METHOD_host_info);
	autojson result = NULL;

	if (channel_call(t->channel, m->name, "{}", &result, err) < 0)
		return -1;
	return result_decode(m, result, &t->host, err);
}

static void opened(struct top *t, uv_handle_t *handle)
{
	handle->data = t;
	t->handles++;
}

static int watch(struct top *t, uv_loop_t *loop, struct error *err)
{
	uv_timer_init(loop, &t->timer);
	opened(t, (uv_handle_t *)&t->timer);
	if (!t->terminal)
		return 0;
	if (terminal_watch(t->terminal, loop, err) < 0 ||
	    terminal_raw(t->terminal, err) < 0)
		return -1;
	uv_signal_init(loop, &t->resized);
	opened(t, (uv_handle_t *)&t->resized);
	uv_signal_start(&t->resized, on_resized, SIGWINCH);
	t->tty = open("/dev/tty", O_RDONLY | O_CLOEXEC);
	if (t->tty < 0 || uv_poll_init(loop, &t->keys, t->tty) < 0)
		return error_set(err, ERROR_SYSTEM,
				 "cannot read keys from the terminal");
	opened(t, (uv_handle_t *)&t->keys);
	uv_poll_start(&t->keys, UV_READABLE, on_keys);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct top *t = handle->data;

	t->handles--;
}

static void close_all(struct top *t)
{
	uv_handle_t *const all[] = {(uv_handle_t *)&t->timer,
				    (uv_handle_t *)&t->keys,
				    (uv_handle_t *)&t->resized};

	if (t->asking)
		channel_call_cancel(t->asking);
	for (size_t i = 0; i < array_size(all); i++)
		if (all[i]->data)
			uv_close(all[i], on_closed);
	while (t->handles > 0)
		uv_run(channel_loop(t->channel), UV_RUN_NOWAIT);
	if (t->tty >= 0)
		close(steal_fd(&t->tty));
}

static int run(struct top *t, struct error *err)
{
	int rc = watch(t, channel_loop(t->channel), err);

	if (rc == 0) {
		ask(t);
		rc = t->quit ? 0 : channel_run(t->channel, err);
	}
	close_all(t);
	if (rc < 0)
		return -1;
	return error_is_set(&t->why) ? error_move(err, &t->why) : 0;
}

static bool wants_screen(const struct command_call *call)
{
	return !call_flag(call, "batch") && output_is_text(call_output(call)) &&
	       output_is_terminal(call_output(call)) && isatty(STDIN_FILENO);
}

int verb_top(struct command_call *call, struct error *err)
{
	struct top t = {
		.call = call,
		.tty = -1,
		.delay_ms = (uint64_t)call_number(call, "delay", DELAY_MS),
		.frames = call_number(call, "iterations", -1),
		.view.sort =
			(enum top_sort)call_choice(call, "sort", TOP_SORT_CPU),
	};
	int rc = 0;

	/* before a key is unlocked: its guard is a fork */
	if (wants_screen(call) &&
	    terminal_new_screen(&t.terminal, STDIN_FILENO, TAKE, GIVE, err) < 0)
		return -1;
	t.view.colour = t.terminal != NULL;
	rc = call_channel(call, &t.channel, err);
	if (rc == 0)
		rc = host_of(&t, err);
	if (rc == 0)
		rc = run(&t, err);
	terminal_free(t.terminal);
	top_clear(&t.rows);
	result_free(method_by_id(METHOD_host_info), &t.host);
	error_clear(&t.why);
	return rc;
}
