/*
 * Loading libmicrohttpd (http_library.h), by the name that a linker would have noted.
 */
#include "client/web/http_library.h"

#include <dlfcn.h>
#include <string.h>

/* TARGET: a pointer to a function of SIZE bytes. */
static int find(void *library, const char *name, void *target, size_t size,
		struct error *err)
{
	void *symbol = dlsym(library, name);

	if (!symbol)
		return error_set(err, ERROR_UNSUPPORTED,
				 "%s on this machine has no %s: it is not the "
				 "one that virtmux was built with",
				 HTTP_LIBRARY_NAME, name);
	/* POSIX lets a function be kept in a void *, which C cannot convert. */
	memcpy(target, &symbol, size);
	return 0;
}

int http_library_load(struct http_library *library, struct error *err)
{
	void *l = dlopen(HTTP_LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);

	if (!l)
		return error_set(err, ERROR_UNSUPPORTED,
				 "virtmux web needs libmicrohttpd, which "
				 "cannot be loaded (%s): install its package",
				 dlerror());
#define FUNCTION(name)                                                         \
	if (find(l, "MHD_" #name, &library->name, sizeof(library->name),       \
		 err) < 0)                                                     \
		return -1;
	HTTP_LIBRARY(FUNCTION)
#undef FUNCTION
	return 0;
}
