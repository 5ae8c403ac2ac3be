/*
 * The page's server: where its files are, the listener, the gate in front of every
 * request, and the loop from the first connection to the last (web_private.h).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "base/file.h"
#include "client/connect/local.h"
#include "client/output.h"
#include "client/web/limits.h"
#include "client/web_private.h"

#define HTML "text/html; charset=utf-8"

/* Of a refused request: plain, since nothing else is served to it. */
#define REFUSED                                                                \
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"            \
	"<meta name=\"color-scheme\" content=\"light dark\">"                  \
	"<meta name=\"viewport\" content=\"width=device-width\">"              \
	"<link rel=\"icon\" "                                                  \
	"href=\"data:,\"><title>virtmux</title><h1>virtmux</h1><p>%s</p></"    \
	"html>\n"

/*
 * The browser goes on from here by itself: a redirection would count as asked by
 * whoever gave the link, and the cookie would not be sent.
 */
static const char entered[] =
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
	"<meta name=\"color-scheme\" content=\"light dark\">"
	"<meta http-equiv=\"refresh\" content=\"0;url=/\">"
	"<link rel=\"icon\" href=\"data:,\"><title>virtmux</title><p><a "
	"href=\"/\">Go on</a></p></html>\n";

/* -- the page's files ------------------------------------------------------ */

/* FOLDER/REST where a page is in it, to free(). */
static char *page_in(const char *folder, const char *rest)
{
	autofree char *path = file_join(folder, rest);
	autofree char *index = path ? file_join(path, "index.html") : NULL;

	return index && access(index, R_OK) == 0 ? steal(&path) : NULL;
}

/* Beside the program in its build, below its prefix, or where it was to go. */
static char *find_page(void)
{
	char program[4096];
	size_t size = sizeof(program);
	autofree char *folder = NULL;
	char *page = NULL;

	if (uv_exepath(program, &size) == 0)
		folder = file_folder(program);
	if (folder)
		page = page_in(folder, "web/page");
	if (!page && folder)
		page = page_in(folder, "../share/virtmux/web");
	if (!page)
		page = page_in(VIRTMUX_DATA, "virtmux/web");
	return page;
}

static bool has_libraries(const struct assets *assets)
{
	return assets_find(assets, "/lib/novnc/core/rfb.js") &&
	       assets_find(assets, "/lib/xterm/xterm.mjs") &&
	       assets_find(assets, "/lib/xterm/addon-fit.mjs");
}

int web_load_page(struct web *web, struct error *err)
{
	autofree char *page = find_page();

	if (!page)
		return error_set(err, ERROR_NOT_FOUND,
				 "the page's files are neither beside virtmux "
				 "nor in " VIRTMUX_DATA
				 "/virtmux/web: install virtmux anew");
	if (assets_load(&web->assets, page, err) < 0)
		return -1;
	if (!has_libraries(web->assets))
		return error_set(err, ERROR_NOT_FOUND,
				 "the page's libraries (noVNC and xterm.js) "
				 "are not in %s/lib: in virtmux's source tree "
				 "type \"etc/web-fetch %s/lib\", which needs "
				 "npm, and start virtmux web again",
				 page, page);
	log_debug(web->log, "the page is %s", page);
	return 0;
}

/* -- requests -------------------------------------------------------------- */

static void answer_refused(struct http_request *request,
			   enum gate_verdict verdict)
{
	struct http_answer answer = {.status = 403, .type = HTML};
	autobuf body = {0};

	buf_appendf(&body, REFUSED, gate_words(verdict));
	answer.body = &body;
	http_answer(request, &answer);
}

static void answer_entered(struct web *web, struct http_request *request)
{
	autobuf cookie = {0};
	autofree char *value = NULL;
	struct http_answer answer = {
		.status = 200,
		.type = HTML,
		.name = "set-cookie",
		.data = entered,
		.len = sizeof(entered) - 1,
	};

	gate_cookie(web->gate, &cookie);
	value = buf_steal_str(&cookie);
	answer.value = value ? value : "";
	http_answer(request, &answer);
}

static void on_request(void *context, struct http_request *request)
{
	struct web *web = context;
	const struct gate_request r = {
		.method = http_method(request),
		.path = http_path(request),
		.host = http_header(request, "host"),
		.origin = http_header(request, "origin"),
		.fetch_site = http_header(request, "sec-fetch-site"),
		.cookie = http_header(request, "cookie"),
		.token = http_query(request, GATE_PARAMETER),
		.upgrade = http_header(request, "upgrade") != NULL,
	};
	enum gate_verdict verdict = gate_judge(web->gate, &r);

	log_debug(web->log, "%s %s: %s", r.method, r.path,
		  gate_words(verdict) ? gate_words(verdict) : "let in");
	if (verdict == GATE_IN)
		web_serve_request(web, request);
	else if (verdict == GATE_ENTER)
		answer_entered(web, request);
	else
		answer_refused(request, verdict);
}

/* -- the listener ---------------------------------------------------------- */

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct web *web = poll->data;
	int fd = -1;

	while (!web->ending && local_accept(web->listener, web->log, &fd))
		http_add(web->http, fd);
}

static int listen_somewhere(struct web *web, struct error *err)
{
	int rc = web->socket ? local_listen(&web->listener, web->socket,
					    WEB_BACKLOG, err)
			     : local_listen_port(&web->listener, &web->port,
						 WEB_BACKLOG, err);

	if (rc < 0)
		return -1;
	rc = uv_poll_init(&web->uv, &web->poll, web->listener);
	if (rc < 0)
		return error_set(err, ERROR_SYSTEM, "cannot listen: %s",
				 uv_strerror(rc));
	web->poll.data = web;
	uv_poll_start(&web->poll, UV_READABLE, on_listener);
	return 0;
}

/* -- where it is ----------------------------------------------------------- */

static char *make_url(const struct web *web)
{
	autobuf text = {0};

	if (web->socket)
		buf_appendf(&text, "http://localhost/?" GATE_PARAMETER "=%s",
			    gate_token(web->gate));
	else
		buf_appendf(&text, "http://127.0.0.1:%u/?" GATE_PARAMETER "=%s",
			    web->port, gate_token(web->gate));
	return buf_steal_str(&text);
}

static void tell_where(struct web *web, const char *url)
{
	struct output *o = call_output(web->call);
	autojson json = NULL;

	if (!output_is_text(o)) {
		json = json_object_new_object();
		json_object_object_add(json, "url",
				       json_object_new_string(url));
		if (web->socket)
			json_object_object_add(
				json, "socket",
				json_object_new_string(web->socket));
		output_json(o, json, NULL);
		return;
	}
	output_say(o, "The page is open for one browser, once, at");
	output_say(o, "%s", url);
	if (web->socket)
		output_say(o,
			   "on the Unix socket %s. From another machine: ssh "
			   "-L 8080:%s THIS-MACHINE, then the same address "
			   "with localhost:8080.",
			   web->socket, web->socket);
	output_say(o, "Ctrl-C ends it.");
}

static void on_browser_closed(uv_handle_t *handle)
{
}

static void on_browser_gone(uv_process_t *process, int64_t status, int number)
{
	struct web *web = process->data;

	if (status || number)
		log_info(web->log, "xdg-open has failed");
	uv_close((uv_handle_t *)process, on_browser_closed);
}

/* Without a desktop xdg-open would take the terminal. */
static void open_browser(struct web *web, char *url)
{
	char *arguments[] = {"xdg-open", url, NULL};
	const uv_process_options_t options = {
		.exit_cb = on_browser_gone,
		.file = arguments[0],
		.args = arguments,
		.flags = UV_PROCESS_DETACHED,
	};

	if (call_flag(web->call, "no-browser") || web->socket ||
	    (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")))
		return;
	web->browser.data = web;
	if (uv_spawn(&web->uv, &web->browser, &options) < 0)
		uv_close((uv_handle_t *)&web->browser, on_browser_closed);
	else
		uv_unref((uv_handle_t *)&web->browser);
}

/* -- begin and end --------------------------------------------------------- */

static void end(struct web *web)
{
	if (web->ending)
		return;
	web->ending = true;
	if (web->poll.data)
		uv_close((uv_handle_t *)&web->poll, NULL);
	if (web->listener >= 0)
		close(steal_fd(&web->listener));
	if (web->socket && web->poll.data)
		unlink(web->socket);
	web_forget_requests(web);
	web_console_end_all(web);
	http_close(steal(&web->http));
	for (size_t i = 0; i < web->count; i++)
		web_host_end(&web->hosts[i]);
	if (web->conn_loop)
		conn_loop_close(web->conn_loop);
	for (size_t i = 0; i < array_size(web->signals); i++)
		if (web->signals[i].data)
			uv_close((uv_handle_t *)&web->signals[i], NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
	end(handle->data);
}

static void watch_signals(struct web *web)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < array_size(web->signals); i++) {
		uv_signal_init(&web->uv, &web->signals[i]);
		web->signals[i].data = web;
		uv_signal_start(&web->signals[i], on_signal, numbers[i]);
	}
}

static int begin(struct web *web, struct error *err)
{
	static const struct http_events events = {.on_request = on_request};
	autofree char *url = NULL;

	watch_signals(web);
	if (conn_loop_new(&web->conn_loop, &web->uv, &conn_limits_default,
			  web->log, err) < 0 ||
	    http_new(&web->http, &web->uv, &events, web, web->log, err) < 0 ||
	    listen_somewhere(web, err) < 0 ||
	    gate_new(&web->gate, web->socket ? 0 : web->port, err) < 0)
		return -1;
	for (size_t i = 0; i < web->count; i++) {
		web->hosts[i].retry.data = &web->hosts[i];
		uv_timer_init(&web->uv, &web->hosts[i].retry);
		web_host_begin(&web->hosts[i]);
	}
	url = make_url(web);
	if (!url)
		return error_set_no_memory(err);
	tell_where(web, url);
	fflush(output_file(call_output(web->call)));
	open_browser(web, url);
	return 0;
}

int web_run(struct web *web, struct error *err)
{
	int rc = uv_loop_init(&web->uv);

	if (rc < 0)
		return error_set(err, ERROR_SYSTEM, "cannot make a loop: %s",
				 uv_strerror(rc));
	rc = begin(web, err);
	if (rc < 0)
		end(web);
	/* Channels stop the loop for those who wait on it; nobody does here. */
	while (uv_run(&web->uv, UV_RUN_DEFAULT))
		continue;
	conn_loop_free(web->conn_loop);
	if (web->browser.data && !uv_is_closing((uv_handle_t *)&web->browser))
		uv_close((uv_handle_t *)&web->browser, on_browser_closed);
	uv_run(&web->uv, UV_RUN_DEFAULT);
	uv_loop_close(&web->uv);
	return rc;
}
