/*
 * Reading the page's folder (assets.h).
 */
#include "client/web/assets.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "client/web/limits.h"

struct assets {
	struct asset *items;
	size_t count;
	size_t bytes;
};

static const struct {
	const char *suffix;
	const char *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".mjs", "text/javascript; charset=utf-8"},
	{".svg", "image/svg+xml"},
	{".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < array_size(types); i++) {
		size_t m = strlen(types[i].suffix);

		if (n > m && strcmp(path + n - m, types[i].suffix) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

static int add(struct assets *a, const char *file, const char *path,
	       struct error *err)
{
	autobuf content = {0};
	struct asset *item;

	if (a->count == WEB_ASSETS)
		return error_set(err, ERROR_TOO_LARGE,
				 "the page has more than %u files", WEB_ASSETS);
	if (file_read(file, WEB_ASSET_BYTES, &content, err) < 0)
		return -1;
	if (a->bytes + content.len > WEB_ASSETS_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
				 "the page has more than %u bytes",
				 WEB_ASSETS_BYTES);
	item = &a->items[a->count];
	item->path = strdup(path);
	item->len = content.len;
	item->type = type_of(path);
	a->bytes += content.len;
	/* NUL-terminated, so that an empty file is no NULL. */
	item->data = buf_steal_str(&content);
	a->count++;
	return item->path && item->data ? 0 : error_set_no_memory(err);
}

static int add_folder(struct assets *a, const char *folder, const char *path,
		      unsigned depth, struct error *err);

static int add_entry(struct assets *a, const char *folder, const char *path,
		     const char *name, unsigned depth, struct error *err)
{
	autofree char *file = file_join(folder, name);
	autofree char *inner = file_join(path, name);
	struct stat st;

	if (!file || !inner)
		return error_set_no_memory(err);
	if (lstat(file, &st) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot read %s", file);
	if (S_ISDIR(st.st_mode))
		return add_folder(a, file, inner, depth + 1, err);
	return S_ISREG(st.st_mode) ? add(a, file, inner, err) : 0;
}

/* Each level has its stream open: the depth has a limit. */
static int add_folder(struct assets *a, const char *folder, const char *path,
		      unsigned depth, struct error *err)
{
	DIR *dir = depth <= WEB_ASSETS_DEPTH ? opendir(folder) : NULL;
	struct dirent *entry;
	int rc = 0;

	if (depth > WEB_ASSETS_DEPTH)
		return error_set(err, ERROR_TOO_LARGE,
				 "%s: more than %u folders within each other",
				 folder, WEB_ASSETS_DEPTH);
	if (!dir)
		return error_set_errno(
			err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM,
			errno, "cannot read %s", folder);
	while (rc == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			rc = add_entry(a, folder, path, entry->d_name, depth,
				       err);
	closedir(dir);
	return rc;
}

int assets_load(struct assets **assets, const char *folder, struct error *err)
{
	autoptr(assets) a = calloc(1, sizeof(*a));

	if (!a)
		return error_set_no_memory(err);
	a->items = calloc(WEB_ASSETS, sizeof(*a->items));
	if (!a->items)
		return error_set_no_memory(err);
	if (add_folder(a, folder, "/", 0, err) < 0)
		return -1;
	*assets = steal(&a);
	return 0;
}

void assets_free(struct assets *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++) {
		free(a->items[i].path);
		free(a->items[i].data);
	}
	free(a->items);
	free(a);
}

const struct asset *assets_find(const struct assets *a, const char *path)
{
	if (strcmp(path, "/") == 0)
		path = "/index.html";
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].path, path) == 0)
			return &a->items[i];
	return NULL;
}
