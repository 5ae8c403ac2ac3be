/*
 * Talking to sessions that run: which there are, what one says of itself, its end
 * (session.h). A channel to the session's socket carries the request; the
 * :authority makes it one for the session.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "client/connect/channel.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session.h"

#define ASK_MS      5000 /* for an answer from the same machine */
#define SUFFIX      ".sock"
#define STATUS_MAX  (64 * 1024) /* bytes */
#define NAMES_MAX   1024
#define END_TRIES   200
#define END_WAIT_US 10000 /* between two looks whether it has gone */

static struct profile profile_of(const char *name)
{
	return (struct profile){
		.name = (char *)name,
		.address = (char *)SESSION_AUTHORITY,
		.timeout = ASK_MS,
		.connect_timeout = ASK_MS,
		.session = true,
	};
}

static int reach(struct channel **channel, const struct profile *profile,
		 struct error *err)
{
	const struct channel_options options = {
		.profile = profile,
		.route = CHANNEL_ROUTE_SESSION,
	};
	autoerror why = {0};

	if (channel_open(channel, &options, &why) == 0)
		return 0;
	if (why.code == ERROR_CONNECT)
		return error_set(err, ERROR_NOT_FOUND,
				 "no session to host '%s' is open",
				 profile->name);
	return error_move(err, &why);
}

/* -- one session ----------------------------------------------------------- */

static int gather(void *context, const uint8_t *data, size_t len,
		  struct error *err)
{
	struct buf *body = context;

	if (body->len + len > STATUS_MAX)
		return error_set(err, ERROR_TOO_LARGE,
				 "what answers is no session of virtmux");
	if (buf_append(body, data, len) < 0)
		return error_set_no_memory(err);
	return 0;
}

int session_status(const char *name, struct json_object **status,
		   struct error *err)
{
	const struct profile profile = profile_of(name);
	autoptr(channel) channel = NULL;
	autobuf body = {0};

	if (reach(&channel, &profile, err) < 0 ||
	    channel_get(channel, "/status", gather, &body, NULL, err) < 0)
		return -1;
	return json_parse((const char *)buf_bytes(&body), body.len,
			  &json_response_limits, status, err);
}

/* Its answer comes before its last steps: the lock's end would tell more. */
static int await_end(const struct profile *profile, struct error *err)
{
	autofree char *path = NULL;

	if (channel_session_path(&path, profile, err) < 0)
		return -1;
	for (int i = 0; i < END_TRIES; i++) {
		if (access(path, F_OK) < 0)
			return 0;
		usleep(END_WAIT_US);
	}
	return error_set(err, ERROR_TIMED_OUT,
			 "the session to host '%s' has not ended in time",
			 profile->name);
}

int session_end(const char *name, struct error *err)
{
	const struct profile profile = profile_of(name);
	autoptr(channel) channel = NULL;
	autojson answer = NULL;

	if (reach(&channel, &profile, err) < 0 ||
	    channel_put(channel, "/end", NULL, NULL, &answer, err) < 0)
		return -1;
	return await_end(&profile, err);
}

/* -- all of them ----------------------------------------------------------- */

/* The host that "NAME.sock" belongs to, to free(); NULL for other files. */
static char *host_of(const char *file)
{
	size_t n = strlen(file);
	autofree char *name = NULL;

	if (n <= strlen(SUFFIX) || strcmp(file + n - strlen(SUFFIX), SUFFIX))
		return NULL;
	name = strndup(file, n - strlen(SUFFIX));
	return name ? local_unescape(name) : NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_names(DIR *dir, char **names, size_t room)
{
	struct dirent *entry;
	size_t n = 0;

	while (n < room && (entry = readdir(dir)))
		if ((names[n] = host_of(entry->d_name)))
			n++;
	qsort(names, n, sizeof(*names), compare);
}

int session_names(char ***names, struct error *err)
{
	autofree char *folder = NULL;
	DIR *dir;

	if (local_folder(&folder, err) < 0)
		return -1;
	*names = calloc(NAMES_MAX + 1, sizeof(**names));
	if (!*names)
		return error_set_no_memory(err);
	dir = opendir(folder);
	if (!dir) {
		free(steal(names));
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot read %s", folder);
	}
	read_names(dir, *names, NAMES_MAX);
	closedir(dir);
	return 0;
}
