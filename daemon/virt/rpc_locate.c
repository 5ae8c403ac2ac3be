/*
 * Where libvirtd's Unix socket is for a libvirt URI, as libvirt itself finds it
 * (src/remote/remote_sockets.c): the parameter `socket`, else the socket of the
 * driver's own daemon where there is one, else libvirtd's.
 */
#include "daemon/virt/rpc.h"

#include <libxml/uri.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void cleanup_uri(xmlURIPtr *uri)
{
	if (*uri)
		xmlFreeURI(*uri);
}

/* The value of "socket=" in a query; to free(). */
static char *socket_parameter(const char *query)
{
	static const char key[] = "socket=";

	while (query && *query) {
		size_t len = strcspn(query, "&");

		if (strncmp(query, key, sizeof(key) - 1) == 0) {
			size_t at = sizeof(key) - 1;

			return xmlURIUnescapeString(query + at, (int)(len - at),
						    NULL);
		}
		query += len + (query[len] == '&');
	}
	return NULL;
}

static char *in_directory(const char *format_dir, const char *prefix,
			  const char *driver)
{
	char *path;

	if (asprintf(&path, "%s/libvirt/%s%s-sock", format_dir, prefix,
		     driver) < 0)
		return NULL;
	return path;
}

static char *default_socket(const char *driver, bool session)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *dir = "/run";
	autofree char *own_daemon = NULL;
	char name[32];

	if (session && geteuid() != 0) {
		if (!runtime)
			return NULL;
		dir = runtime;
	}
	snprintf(name, sizeof(name), "%sd", driver);
	own_daemon = in_directory(dir, "virt", name);
	if (own_daemon && access(own_daemon, F_OK) == 0)
		return steal(&own_daemon);
	return in_directory(dir, "libvirt", "");
}

bool rpc_locate(const char *text, char **path, char **name)
{
	cleanup(cleanup_uri) xmlURIPtr uri = xmlParseURI(text);
	char driver[16];
	size_t len;

	*path = *name = NULL;
	if (!uri || !uri->scheme || !uri->path || (uri->server && *uri->server))
		return false;
	len = strcspn(uri->scheme, "+");
	if (len >= sizeof(driver) ||
	    (uri->scheme[len] && strcmp(uri->scheme + len, "+unix") != 0))
		return false;
	memcpy(driver, uri->scheme, len);
	driver[len] = '\0';
	*path = socket_parameter(uri->query_raw);
	if (!*path)
		*path = default_socket(driver,
				       strcmp(uri->path, "/session") == 0);
	if (asprintf(name, "%s://%s", driver, uri->path) < 0)
		*name = NULL;
	if (*path && *name)
		return true;
	free(steal(path));
	free(steal(name));
	return false;
}
