/*
 * Names on the channel: percent-escaped path segments, and where the socket of a
 * user's session lies and whether it can be trusted (channel.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/channel_private.h"
#include "client/connect/profile.h"
#include "client/connect/session_private.h"

#define SESSION_FOLDER "virtmux"

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* RFC 3986 section 2.1; everything but its unreserved characters. */
char *channel_escape(const char *text)
{
	autobuf out = {0};

	for (const char *p = text; *p; p++) {
		if (unreserved(*p))
			buf_append_char(&out, *p);
		else
			buf_appendf(&out, "%%%02X", (unsigned char)*p);
	}
	return buf_steal_str(&out);
}

/* The folder of the user's sessions, to free(). */
static char *session_folder(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char name[64];

	if (runtime && runtime[0] == '/')
		return file_join(runtime, SESSION_FOLDER);
	snprintf(name, sizeof(name), "/tmp/" SESSION_FOLDER "-%lu",
		 (unsigned long)getuid());
	return strdup(name);
}

bool channel_wants_session(const struct profile *profile)
{
	const char *log = getenv("SSLKEYLOGFILE");

	/* Secrets of a connection that was made long ago are in no file. */
	return profile->session && !profile->overridden && !(log && *log);
}

int channel_session_path(char **path, const struct profile *profile,
			 struct error *err)
{
	autofree char *folder = session_folder();
	autofree char *name = channel_escape(profile->name);
	autobuf out = {0};
	autofree char *full = NULL;

	if (!folder || !name)
		return error_set_no_memory(err);
	buf_appendf(&out, "%s/%s" SESSION_SUFFIX, folder, name);
	full = buf_steal_str(&out);
	if (!full)
		return error_set_no_memory(err);
	if (strlen(full) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return error_set(err, ERROR_SYSTEM,
				 "%s is too long for a socket's path", full);
	*path = steal(&full);
	return 0;
}

/* 0 where PATH is ours alone or does not exist. */
static int check_ours(const char *path, mode_t type, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return error_set_errno(err, ERROR_SYSTEM, errno, "%s", path);
	}
	if ((st.st_mode & S_IFMT) != type)
		return error_set(err, ERROR_DENIED, "%s is not a %s: remove it",
				 path, type == S_IFDIR ? "folder" : "socket");
	if (st.st_uid != getuid())
		return error_set(err, ERROR_DENIED,
				 "%s belongs to another user (uid %lu) and is "
				 "not used; remove it, or set XDG_RUNTIME_DIR "
				 "to a folder of your own",
				 path, (unsigned long)st.st_uid);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return error_set(err, ERROR_DENIED,
				 "others can reach %s: chmod go= '%s'", path,
				 path);
	return 0;
}

int channel_session_check(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	autofree char *folder = NULL;

	if (!slash)
		return error_set(err, ERROR_DENIED, "%s names no folder", path);
	folder = strndup(path, (size_t)(slash - path));
	if (!folder)
		return error_set_no_memory(err);
	if (check_ours(folder, S_IFDIR, err) < 0)
		return -1;
	return check_ours(path, S_IFSOCK, err);
}
