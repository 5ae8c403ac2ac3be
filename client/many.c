/*
 * The processes of a run on many hosts and the loop that reads from them (many.h).
 * All are forked before the loop is made, so that no process inherits one.
 */
#include "client/many_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/json.h"
#include "base/file.h"
#include "client/connect/config.h"
#include "client/connect/hosts.h"
#include "client/guard.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

bool many_wanted(const struct command_call *call)
{
	const char *text = command_host_text(call);

	return text && !command_gathers(call->command) &&
	       hosts_are_several(text);
}

/* -- a host's process ------------------------------------------------------ */

static void close_streams(struct many_host *host, int end)
{
	for (size_t i = 0; i < MANY_PIPES; i++)
		if (host->streams[i].ends[end] >= 0)
			close(steal_fd(&host->streams[i].ends[end]));
}

/* What all were given on standard input, each from its beginning; else nothing. */
static int set_input(const struct many *many)
{
	autofclose FILE *file = many->input ? tmpfile() : NULL;
	autoclose int null = open("/dev/null", O_RDONLY);
	int fd = file ? fileno(file) : null;

	if (many->input &&
	    (!file ||
	     fwrite(many->input, 1, many->input_len, file) != many->input_len ||
	     fflush(file) != 0 || lseek(fd, 0, SEEK_SET) < 0))
		return -1;
	return dup2(fd, STDIN_FILENO) < 0 ? -1 : 0;
}

static int take_place(struct many_host *host, struct error *err)
{
	struct many_stream *s = host->streams;

	if (dup2(s[MANY_RESULT].ends[1], STDOUT_FILENO) < 0 ||
	    dup2(s[MANY_MESSAGES].ends[1], STDERR_FILENO) < 0 ||
	    set_input(host->many) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot prepare the host's process");
	close(steal_fd(&s[MANY_RESULT].ends[1]));
	close(steal_fd(&s[MANY_MESSAGES].ends[1]));
	return 0;
}

static void report(struct many_host *host, const struct error *why)
{
	autobuf text = {0};

	buf_appendf(&text, "%d %s", (int)why->code, error_words(why));
	if (buf_ok(&text))
		file_write_all(host->streams[MANY_REPORT].ends[1],
			       buf_bytes(&text), text.len, NULL);
}

/* The verb for this host alone. Does not return. */
static void serve_host(struct many_host *host, command_fn *run)
{
	struct command_call *call = host->many->call;
	autoerror why = {0};
	int status = 0;
	int rc = -1;

	/* those to write, of the hosts before, were closed already */
	for (size_t i = 0; i < host->many->count; i++)
		close_streams(&host->many->hosts[i], 0);
	sigprocmask(SIG_SETMASK, &host->many->mask, NULL);
	call->passphrase = host->passphrase;
	call->opened = host->opened;
	call->one_of_many = true;
	if (take_place(host, &why) == 0 &&
	    command_set_host(call, host->name, &why) == 0 &&
	    command_remake_output(call, &why) == 0)
		rc = run(call, &why);
	fflush(stdout);
	if (rc < 0) {
		status = error_code_exit_status(why.code);
		report(host, &why);
	} else {
		status = call->told;
	}
	guard_told(call->guard, status);
	command_clear(call);
	error_clear(&why);
	_exit(status);
}

static int make_pipes(struct many_host *host, struct error *err)
{
	for (size_t i = 0; i < MANY_PIPES; i++) {
		struct many_stream *s = &host->streams[i];

		if (pipe(s->ends) < 0)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot make a pipe");
		file_set_cloexec(s->ends[0], true);
		file_set_cloexec(s->ends[1], true);
	}
	return 0;
}

static int begin_host(struct many_host *host, command_fn *run,
		      struct error *err)
{
	int rc = make_pipes(host, err);

	if (rc == 0) {
		host->pid = fork();
		if (host->pid == 0)
			serve_host(host, run);
		if (host->pid < 0)
			rc = error_set_errno(err, ERROR_SYSTEM, errno,
					     "cannot start a process");
	}
	close_streams(host, 1);
	if (rc < 0)
		close_streams(host, 0);
	return rc;
}

/* Signals wait meanwhile, until there is a loop that ends what was begun. */
static void begin_all(struct many *many, command_fn *run)
{
	sigset_t later;

	sigemptyset(&later);
	for (size_t i = 0; i < array_size(signals); i++)
		sigaddset(&later, signals[i]);
	sigprocmask(SIG_BLOCK, &later, &many->mask);
	fflush(stdout);
	for (size_t i = 0; i < many->count; i++) {
		struct many_host *host = &many->hosts[i];

		if (!host->refused)
			host->refused = begin_host(host, run, &host->why) < 0;
	}
}

/* -- the loop -------------------------------------------------------------- */

static void end_all(struct many *many, int signal)
{
	for (size_t i = 0; i < many->count; i++)
		if (many->hosts[i].open > 0)
			kill(many->hosts[i].pid, signal);
}

static void on_patience(uv_timer_t *timer)
{
	end_all(timer->data, SIGKILL);
}

/* They have it, too, where it came from the terminal; it makes no difference. */
static void on_signal(uv_signal_t *handle, int signal)
{
	struct many *many = handle->data;

	many->interrupted = true;
	end_all(many, SIGTERM);
	uv_timer_start(&many->patience, on_patience, MANY_PATIENCE_MS, 0);
}

/* Ctrl-C goes to all of us, and its process may be the first to know. */
static bool ended_by_hand(const struct many_host *host, int signal)
{
	bool ours = false;

	for (size_t i = 0; i < array_size(signals); i++)
		ours = ours || signals[i] == signal;
	return ours || host->many->interrupted;
}

/* Its last words, and where it has none, what its end says. */
static void judge(struct many_host *host)
{
	struct buf *text = &host->streams[MANY_REPORT].text;
	autofree char *line = NULL;
	int status = 0;

	while (waitpid(host->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	host->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	line = text->len ? buf_steal_str(text) : NULL;
	if (line)
		many_read_error(line, &host->why);
	else if (host->status < 0 && ended_by_hand(host, WTERMSIG(status)))
		error_set(&host->why, ERROR_INTERRUPTED, "it was interrupted");
	else if (host->status < 0)
		error_set(&host->why, ERROR_INTERNAL,
			  "the process for this host was ended by signal %d",
			  WTERMSIG(status));
}

static void all_ended(struct many *many)
{
	for (size_t i = 0; i < array_size(many->signals); i++)
		uv_close((uv_handle_t *)&many->signals[i], NULL);
	uv_close((uv_handle_t *)&many->patience, NULL);
	uv_close((uv_handle_t *)&many->tick, NULL);
	many_progress_hide(many);
}

static void on_pipe_closed(uv_handle_t *handle)
{
	struct many_stream *s = handle->data;
	struct many_host *host = s->host;

	if (--host->open > 0)
		return;
	judge(host);
	many_show_host(host);
	if (--host->many->running == 0)
		all_ended(host->many);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct many_stream *s = handle->data;
	bool ok = buf_reserve(&s->text, suggested) == 0;

	*room = uv_buf_init(ok ? (char *)buf_end(&s->text) : NULL,
			    ok ? (unsigned)suggested : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room)
{
	struct many_stream *s = stream->data;

	if (n > 0)
		buf_added(&s->text, (size_t)n);
	if (n < 0 || s->text.len > MANY_OUTPUT_MAX) {
		uv_read_stop(stream);
		many_show_part(s);
		uv_close((uv_handle_t *)stream, on_pipe_closed);
	} else {
		many_show_part(s);
	}
	/* the reader of our results has gone: nobody needs more of them */
	if (ferror(stdout) && !s->host->many->interrupted)
		on_signal(&s->host->many->signals[0], SIGPIPE);
}

static void watch_host(struct many_host *host)
{
	for (size_t i = 0; i < MANY_PIPES; i++) {
		struct many_stream *s = &host->streams[i];

		uv_pipe_init(&host->many->loop, &s->pipe, 0);
		s->pipe.data = s;
		uv_pipe_open(&s->pipe, steal_fd(&s->ends[0]));
		uv_read_start((uv_stream_t *)&s->pipe, on_room, on_read);
		host->open++;
	}
	host->many->running++;
}

static int run_loop(struct many *many, struct error *err)
{
	int rc = uv_loop_init(&many->loop);

	if (rc < 0)
		return error_set(err, ERROR_SYSTEM, "cannot make a loop: %s",
				 uv_strerror(rc));
	for (size_t i = 0; i < array_size(signals); i++) {
		uv_signal_init(&many->loop, &many->signals[i]);
		many->signals[i].data = many;
		uv_signal_start(&many->signals[i], on_signal, signals[i]);
	}
	sigprocmask(SIG_SETMASK, &many->mask, NULL);
	uv_timer_init(&many->loop, &many->patience);
	many->patience.data = many;
	many_progress_begin(many);
	for (size_t i = 0; i < many->count; i++)
		if (many->hosts[i].refused)
			many_show_host(&many->hosts[i]);
		else
			watch_host(&many->hosts[i]);
	if (many->running == 0)
		all_ended(many);
	uv_run(&many->loop, UV_RUN_DEFAULT);
	uv_loop_close(&many->loop);
	return 0;
}

/* -- before and behind ----------------------------------------------------- */

static int refuse(const struct command_call *call, struct error *err)
{
	const char *why = command_alone(call->command);

	if (why)
		return error_set(err, ERROR_USAGE,
				 "%s runs on one host at a time, since %s: "
				 "name one with -H",
				 call->command->verb, why);
	if (command_global_given(call, "address"))
		return error_set(err, ERROR_USAGE,
				 "--address is of one host, and -H names "
				 "several");
	return 0;
}

/* Standard input can be read once; each host gets a copy. */
static int read_input(struct many *many, struct error *err)
{
	const struct command_call *call = many->call;
	const struct command_item *items = call->command->items;
	autobuf text = {0};
	bool wanted = false;

	for (size_t i = 0; items[i].kind != COMMAND_END; i++)
		if (items[i].type == COMMAND_FILE && call->values[i].count &&
		    strcmp(call->values[i].text, "-") == 0)
			wanted = true;
	if (!wanted)
		return 0;
	if (file_read_fd(STDIN_FILENO, "standard input", JSON_REQUEST_SIZE_MAX,
			 &text, err) < 0)
		return -1;
	many->input_len = text.len;
	many->input = buf_steal_str(&text);
	return many->input ? 0 : error_set_no_memory(err);
}

int many_find_hosts(struct many *many, const char *text, struct error *err)
{
	autoptr(config) config = NULL;
	autohosts found = {0};

	if (config_load(&config, call_config_file(many->call),
			CONFIG_SYSTEM_FILE, err) < 0 ||
	    hosts_find(&found, config, text, MANY_HOSTS_MAX, err) < 0)
		return -1;
	many->count = found.count;
	many->names = steal(&found.names);
	found.count = 0;
	return 0;
}

int many_make_hosts(struct many *many, struct error *err)
{
	many->hosts = calloc(many->count, sizeof(*many->hosts));
	if (!many->hosts)
		return error_set_no_memory(err);
	for (size_t i = 0; i < many->count; i++) {
		struct many_host *host = &many->hosts[i];

		host->many = many;
		host->name = many->names[i];
		for (int k = 0; k < MANY_PIPES; k++)
			host->streams[k] = (struct many_stream){
				.host = host,
				.kind = (enum many_pipe)k,
				.ends = {-1, -1},
			};
	}
	return 0;
}

void many_clear(struct many *many)
{
	for (size_t i = 0; many->hosts && i < many->count; i++) {
		error_clear(&many->hosts[i].why);
		for (size_t k = 0; k < MANY_PIPES; k++)
			buf_free(&many->hosts[i].streams[k].text);
	}
	for (size_t i = 0; i < many->count; i++)
		free(many->names[i]);
	for (size_t i = 0; i < many->locks_count; i++)
		many_lock_free(&many->locks[i]);
	free(many->locks);
	free(many->names);
	free(many->hosts);
	free(many->input);
}

static int run_all(struct many *many, command_fn *run, struct error *err)
{
	struct command_call *call = many->call;

	if (refuse(call, err) < 0 ||
	    many_find_hosts(many, command_host_text(call), err) < 0 ||
	    many_make_hosts(many, err) < 0 || many_unlock(many, err) < 0 ||
	    read_input(many, err) < 0)
		return -1;
	begin_all(many, run);
	if (run_loop(many, err) < 0)
		return -1;
	return many_show_all(many, err);
}

int many_run(struct command_call *call, command_fn *run, struct error *err)
{
	struct many many = {
		.call = call,
		.format = output_format(call->output),
		.live = command_is_live(call->command),
	};
	int rc = run_all(&many, run, err);

	many_clear(&many);
	return rc;
}
