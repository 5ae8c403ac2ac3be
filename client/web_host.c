/*
 * A host of the page: its session is opened by a process of its own (virtmux session
 * open), since that asks, blocks and forks; then the channel attaches to the session.
 * When either fails it is tried again, less and less often. A session stays while its
 * host is away, and is asked for that.
 *
 * What always holds: there is a channel, or an opener, or the timer runs; a key that
 * could not be opened at the start is never tried again here, but a session that the
 * user opens elsewhere is found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/file.h"
#include "client/connect/session.h"
#include "client/connect/profile.h"
#include "client/web_private.h"

#define KEY_FD 3 /* of the opener */

const char *web_host_state_name(const struct web_host *host)
{
	static const char *const names[] = {"connecting", "open", "away"};

	return names[host->state];
}

/* -- again ----------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer)
{
	web_host_begin(timer->data);
}

/* WHY is moved. */
static void note_away(struct web_host *h, struct error *why)
{
	if (h->state != WEB_HOST_AWAY)
		log_info(h->web->log, "host '%s': %s", h->name,
			 error_words(why));
	h->state = WEB_HOST_AWAY;
	if (why != &h->why) {
		error_clear(&h->why);
		error_move(&h->why, why);
	}
}

/* As note_away(), and it is tried again. */
static void set_away(struct web_host *h, struct error *why)
{
	note_away(h, why);
	if (h->web->ending)
		return;
	h->pause_ms = h->pause_ms ? 2 * h->pause_ms : WEB_RETRY_MS;
	if (h->pause_ms > WEB_RETRY_MOST_MS)
		h->pause_ms = WEB_RETRY_MOST_MS;
	uv_timer_start(&h->retry, on_retry, h->pause_ms, 0);
}

static void set_open(struct web_host *h)
{
	if (h->state != WEB_HOST_OPEN)
		log_info(h->web->log, "host '%s' is connected", h->name);
	h->state = WEB_HOST_OPEN;
	h->pause_ms = 0;
}

/* -- whether its session reaches it ---------------------------------------- */

static void on_look(uv_timer_t *timer);

static void take_status(struct web_host *h)
{
	autojson status = NULL;
	autoerror why = {0};
	const char *away;

	if (json_parse((const char *)buf_bytes(&h->about), h->about.len,
		       &json_response_limits, &status, NULL) < 0)
		return;
	away = json_text(status, "away");
	if (!away) {
		set_open(h);
		return;
	}
	error_set(&why, ERROR_CONNECT, "%s", away);
	note_away(h, &why);
}

static void on_status_data(void *context, struct h2_stream *s,
			   const uint8_t *data, size_t len)
{
	struct web_host *h = context;

	if (h->about.len + len <= WEB_STATUS_BYTES)
		buf_append(&h->about, data, len);
	h2_stream_consume(s, len);
}

static void on_status_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct web_host *h = context;

	if (!h->channel || h->web->ending)
		return;
	if (code == H2_NO_ERROR)
		take_status(h);
	uv_timer_start(&h->retry, on_look, WEB_LOOK_MS, 0);
}

/* An end of the channel is told of by the channel. */
static void look(struct web_host *h)
{
	static const struct h2_handler handler = {
		.on_data = on_status_data,
		.on_closed = on_status_closed,
	};
	struct h2_stream *stream = NULL;

	buf_reset(&h->about);
	if (channel_follow_session(h->channel, "/status", &handler, h, &stream,
				   NULL) < 0)
		uv_timer_start(&h->retry, on_look, WEB_LOOK_MS, 0);
}

static void on_look(uv_timer_t *timer)
{
	struct web_host *h = timer->data;

	if (h->channel)
		look(h);
}

/* -- the channel ----------------------------------------------------------- */

static void on_open(void *context)
{
	struct web_host *h = context;

	h->pause_ms = 0;
	look(h);
}

static void on_closed(void *context, const struct error *why)
{
	struct web_host *h = context;
	autoerror copy = {0};

	channel_detach(steal(&h->channel));
	error_copy(&copy, why);
	set_away(h, &copy);
}

static void attach(struct web_host *h)
{
	static const struct channel_events events = {
		.on_open = on_open,
		.on_closed = on_closed,
	};
	autoerror why = {0};

	if (channel_attach(&h->channel, h->web->conn_loop, h->profile,
			   h->web->log, &events, h, &why) < 0)
		set_away(h, &why);
}

/* -- the opener ------------------------------------------------------------ */

/* What it said, without "virtmux: " before it and the end of line behind. */
static void read_words(struct web_host *h, struct error *why)
{
	static const char prefix[] = "virtmux: ";
	autofree char *text = buf_steal_str(&h->said);
	char *words = text;
	size_t n;

	if (words && strncmp(words, prefix, sizeof(prefix) - 1) == 0)
		words += sizeof(prefix) - 1;
	n = words ? strcspn(words, "\n") : 0;
	if (n == 0)
		error_set(why, ERROR_CONNECT,
			  "the session could not be opened (status %lld)",
			  (long long)h->status);
	else
		error_set(why, ERROR_CONNECT, "%.*s", (int)n, words);
}

static void on_opener_gone(struct web_host *h)
{
	autoerror why = {0};

	if (--h->open > 0 || h->web->ending)
		return;
	if (h->status == 0) {
		buf_free(&h->said);
		attach(h);
		return;
	}
	read_words(h, &why);
	set_away(h, &why);
}

static void on_handle_closed(uv_handle_t *handle)
{
	on_opener_gone(handle->data);
}

static void on_exit_of_opener(uv_process_t *process, int64_t status, int number)
{
	struct web_host *h = process->data;

	h->status = number ? -number : status;
	uv_close((uv_handle_t *)process, on_handle_closed);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct web_host *h = handle->data;
	bool ok = buf_reserve(&h->said, suggested) == 0;

	*room = uv_buf_init(ok ? (char *)buf_end(&h->said) : NULL,
			    ok ? (unsigned)suggested : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room)
{
	struct web_host *h = stream->data;

	if (n > 0)
		buf_added(&h->said, (size_t)n);
	if (n < 0 || h->said.len > WEB_OPENER_BYTES)
		uv_close((uv_handle_t *)stream, on_handle_closed);
}

static void on_key_written(uv_write_t *write, int status)
{
	uv_close((uv_handle_t *)write->handle, on_handle_closed);
}

static void watch_opener(struct web_host *h)
{
	uv_buf_t text;

	uv_read_start((uv_stream_t *)&h->words, on_room, on_read);
	if (!h->opened && !h->passphrase) {
		uv_close((uv_handle_t *)&h->key, on_handle_closed);
		return;
	}
	text = h->opened ? uv_buf_init((char *)h->opened->der,
				       (unsigned)h->opened->len)
			 : uv_buf_init((char *)h->passphrase->text,
				       (unsigned)h->passphrase->len);
	if (uv_write(&h->writing, (uv_stream_t *)&h->key, &text, 1,
		     on_key_written) < 0)
		uv_close((uv_handle_t *)&h->key, on_handle_closed);
}

static size_t fill_arguments(struct web_host *h, char *program,
			     const char **arguments)
{
	const char *config = call_config_file(h->web->call);
	const struct key_sources *sources = call_key_sources(h->web->call);
	size_t n = 0;

	arguments[n++] = program;
	if (config) {
		arguments[n++] = "--config";
		arguments[n++] = config;
	}
	if (h->passphrase) { /* of a token */
		arguments[n++] = "--passphrase-fd";
		arguments[n++] = "3";
	} else if (sources->passphrase_file) {
		arguments[n++] = "--passphrase-file";
		arguments[n++] = sources->passphrase_file;
	}
	arguments[n++] = "--batch";
	arguments[n++] = "--quiet";
	arguments[n++] = "session";
	arguments[n++] = "open";
	if (h->opened) {
		arguments[n++] = "--key-fd";
		arguments[n++] = "3";
	}
	arguments[n++] = h->name;
	arguments[n] = NULL;
	return n;
}

static int spawn(struct web_host *h, struct error *err)
{
	const char *arguments[16];
	char program[4096];
	size_t size = sizeof(program);
	uv_stdio_container_t stdio[KEY_FD + 1] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&h->words},
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
		 .data.stream = (uv_stream_t *)&h->key},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of_opener,
		.file = program,
		.args = (char **)arguments,
		.stdio = stdio,
		.stdio_count = h->opened || h->passphrase ? KEY_FD + 1 : KEY_FD,
	};
	int rc = uv_exepath(program, &size);

	if (rc < 0)
		return error_set(err, ERROR_SYSTEM, "no path of virtmux: %s",
				 uv_strerror(rc));
	fill_arguments(h, program, arguments);
	uv_pipe_init(&h->web->uv, &h->words, 0);
	uv_pipe_init(&h->web->uv, &h->key, 0);
	h->words.data = h->key.data = h->opener.data = h;
	h->open = 3;
	rc = uv_spawn(&h->web->uv, &h->opener, &options);
	if (rc == 0) {
		watch_opener(h);
		return 0;
	}
	/* on_opener_gone() tells of it. */
	h->status = rc;
	buf_appendf(&h->said, "cannot start %s: %s", program, uv_strerror(rc));
	uv_close((uv_handle_t *)&h->opener, on_handle_closed);
	uv_close((uv_handle_t *)&h->words, on_handle_closed);
	uv_close((uv_handle_t *)&h->key, on_handle_closed);
	return 0;
}

/* -- begin and end --------------------------------------------------------- */

void web_host_begin(struct web_host *h)
{
	autoerror why = {0};

	if (h->web->ending || h->channel || h->open)
		return;
	if (session_serves(h->profile)) {
		attach(h);
		return;
	}
	if (h->locked) {
		set_away(h, &h->why);
		return;
	}
	if (spawn(h, &why) < 0)
		set_away(h, &why);
}

void web_host_end(struct web_host *h)
{
	channel_detach(steal(&h->channel));
	if (h->retry.data)
		uv_close((uv_handle_t *)&h->retry, NULL);
	/* Its session stays, as every command's does. */
	if (h->open && uv_is_active((uv_handle_t *)&h->opener))
		uv_process_kill(&h->opener, SIGTERM);
}

void web_host_clear(struct web_host *h)
{
	profile_free(h->profile);
	buf_free(&h->said);
	buf_free(&h->about);
	error_clear(&h->why);
}
