/*
 * Talking to sessions that run: which there are, what one says of itself, its end
 * (session.h). A channel to the session's socket carries the request; the
 * :authority makes it one for the session.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "base/file.h"
#include "client/connect/channel.h"
#include "client/connect/local.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"

#define ASK_MS       5000        /* for an answer from the same machine */
#define STATUS_MAX   (64 * 1024) /* bytes */
#define PLACES_MAX   1024
#define GONE_TRIES   200
#define GONE_WAIT_US 10000 /* between two looks whether it has gone */

/* A channel to a session, for one question. */
struct question {
	struct profile profile;
	struct channel *channel;
};

static int no_session(const char *host, struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND,
			 "no session to host '%s' is open", host);
}

static int reach(struct question *q, const struct session_place *place,
		 struct error *err)
{
	const struct channel_options options = {
		.profile = &q->profile,
		.socket = place->path,
		.route = CHANNEL_ROUTE_SESSION,
	};
	autoerror why = {0};

	q->profile = (struct profile){
		.name = place->host,
		.address = (char *)SESSION_AUTHORITY,
		.timeout = ASK_MS,
		.connect_timeout = ASK_MS,
		.session = true,
	};
	if (channel_open(&q->channel, &options, &why) == 0)
		return 0;
	if (why.code == ERROR_CONNECT && !local_answers(place->path))
		return no_session(place->host, err);
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

int session_ask_status(const struct session_place *place,
		       struct json_object **status, struct error *err)
{
	struct question q = {0};
	autobuf body = {0};
	int rc = reach(&q, place, err);

	if (rc == 0)
		rc = channel_get(q.channel, "/status", gather, &body, NULL,
				 err);
	channel_free(q.channel);
	if (rc < 0)
		return -1;
	return json_parse((const char *)buf_bytes(&body), body.len,
			  &json_response_limits, status, err);
}

static bool is_there(const struct session_place *place, ino_t inode)
{
	struct stat st;

	return lstat(place->path, &st) == 0 && st.st_ino == inode;
}

/*
 * Its answer comes before its last steps; the next command is to find it gone. Where
 * another one takes its place at once, that is not it.
 */
static int await_gone(const struct session_place *place, ino_t inode,
		      struct error *err)
{
	for (int i = 0; i < GONE_TRIES; i++) {
		if (!is_there(place, inode))
			return 0;
		usleep(GONE_WAIT_US);
	}
	return error_set(err, ERROR_TIMED_OUT,
			 "the session to host '%s' has not ended in time",
			 place->host);
}

static int tell(const struct session_place *place, const char *what,
		struct error *err)
{
	struct question q = {0};
	autojson answer = NULL;
	struct stat st;
	int rc;

	if (lstat(place->path, &st) < 0)
		return no_session(place->host, err);
	rc = reach(&q, place, err);
	if (rc == 0)
		rc = channel_put(q.channel, what, NULL, NULL, &answer, err);
	channel_free(q.channel);
	return rc < 0 ? -1 : await_gone(place, st.st_ino, err);
}

int session_ask_lock(const struct session_place *place, struct error *err)
{
	return tell(place, "/lock", err);
}

int session_ask_end(const struct session_place *place, struct error *err)
{
	return tell(place, "/end", err);
}

/* -- all of them ----------------------------------------------------------- */

/* The length of TEXT without SUFFIX, or 0. */
static size_t without(const char *text, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && memcmp(text + len - n, suffix, n) == 0 ? len - n : 0;
}

/* The length of the host's name in "NAME.sock" or "NAME.PID.drain"; 0: neither. */
static size_t name_length(const char *file, bool *draining)
{
	size_t len = strlen(file);
	size_t n = without(file, len, SESSION_SUFFIX);
	size_t digits;

	*draining = n == 0;
	if (n > 0)
		return n;
	n = digits = without(file, len, SESSION_ASIDE_SUFFIX);
	while (n > 0 && isdigit((unsigned char)file[n - 1]))
		n--;
	return n > 1 && n < digits && file[n - 1] == '.' ? n - 1 : 0;
}

/* 1 where FILE is one, 0 where it is not. */
static int read_place(struct session_place *place, const char *folder,
		      const char *file, struct error *err)
{
	bool draining = false;
	size_t n = name_length(file, &draining);
	autofree char *name = n ? strndup(file, n) : NULL;
	struct session_place found = {.draining = draining};

	if (n == 0)
		return 0;
	found.host = name ? local_unescape(name) : NULL;
	found.path = file_join(folder, file);
	if (found.host && found.path) {
		*place = found;
		return 1;
	}
	free(found.host);
	free(found.path);
	return error_set_no_memory(err);
}

static int compare(const void *a, const void *b)
{
	const struct session_place *x = a;
	const struct session_place *y = b;
	int order = strcmp(x->host, y->host);

	if (order == 0)
		order = (int)x->draining - (int)y->draining;
	return order ? order : strcmp(x->path, y->path);
}

static int read_places(DIR *dir, const char *folder, const char *host,
		       struct session_place *places, size_t *count,
		       struct error *err)
{
	struct dirent *entry;

	while (*count < PLACES_MAX && (entry = readdir(dir))) {
		struct session_place *place = &places[*count];
		int rc = read_place(place, folder, entry->d_name, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		++*count;
		if (host && strcmp(place->host, host) != 0) {
			--*count;
			free(place->host);
			free(place->path);
		}
	}
	qsort(places, *count, sizeof(*places), compare);
	return 0;
}

int session_places(const char *host, struct session_place **places,
		   size_t *count, struct error *err)
{
	autofree char *folder = NULL;
	DIR *dir;
	int rc;

	*count = 0;
	if (local_folder(&folder, err) < 0)
		return -1;
	*places = calloc(PLACES_MAX, sizeof(**places));
	if (!*places)
		return error_set_no_memory(err);
	dir = opendir(folder);
	rc = dir ? read_places(dir, folder, host, *places, count, err)
		 : error_set_errno(err, ERROR_SYSTEM, errno, "cannot read %s",
				   folder);
	if (dir)
		closedir(dir);
	if (rc < 0)
		session_places_free(steal(places), *count);
	return rc;
}

void session_places_free(struct session_place *places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(places[i].host);
		free(places[i].path);
	}
	free(places);
}
