/*
 * Getting and keeping pictures of screens (screen.h).
 */
#include "client/consoles/screen.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/codec.h"
#include "base/file.h"
#include "client/connect/channel.h"

struct getting {
	struct buf *png;
	size_t before; /* bytes that stood there already */
	const char *given;
	struct console_domain *names;
};

static int gather(void *context, const uint8_t *data, size_t len,
		  struct error *err)
{
	struct getting *g = context;

	if (g->png->len - g->before + len > SCREEN_PNG_MAX)
		return error_set(err, ERROR_TOO_LARGE,
				 "the picture is larger than %d MiB",
				 SCREEN_PNG_MAX / (1024 * 1024));
	if (buf_append(g->png, data, len) < 0)
		return error_set_no_memory(err);
	return 0;
}

static void on_response(void *context, struct h2_stream *s)
{
	struct getting *g = context;

	if (g->names && h2_stream_status(s) == 200)
		console_domain_read(g->names, s, g->given, NULL);
}

int screen_get(struct channel *channel, const char *domain, int64_t screen,
	       struct buf *png, struct console_domain *names, struct error *err)
{
	const struct method *m = method_by_id(METHOD_domain_screenshot);
	struct domain_screenshot_params params = {
		.domain = (char *)domain,
		.screen = screen < 0 ? 0 : (uint64_t)screen,
		.has_screen = screen >= 0,
	};
	struct getting g = {png, png->len, domain, names};
	struct channel_transfer request = {
		.method = "GET",
		.sink = gather,
		.sink_context = &g,
		.on_response = on_response,
	};
	autobuf text = {0};
	autofree char *path = NULL;

	if (params_encode_path(m, &params, &text) < 0)
		return error_set_no_memory(err);
	path = buf_steal_str(&text);
	if (!path)
		return error_set_no_memory(err);
	request.path = path;
	if (channel_transfer(channel, &request, NULL, err) < 0)
		return -1;
	if (names && (!names->name || !names->uuid))
		return error_set_no_memory(err);
	return 0;
}

char *screen_file(const char *name)
{
	time_t now = time(NULL);
	struct tm local;
	char stamp[SCREEN_TIME_MAX];
	autobuf file = {0};

	localtime_r(&now, &local);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d-%H-%M-%S", &local);
	for (const char *p = name; *p; p++)
		buf_append_char(&file, *p == '/' ? '_' : *p);
	buf_appendf(&file, "-%s.png", stamp);
	return buf_steal_str(&file);
}

int screen_save(const char *file, const struct buf *png, struct error *err)
{
	return file_write_atomic(file, buf_bytes(png), png->len, 0600, err);
}
