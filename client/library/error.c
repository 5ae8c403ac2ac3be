/*
 * Errors of the library: a struct error behind an opaque type, and the numbers of the
 * header held against the table.
 */
#include <stdlib.h>

#include "client/library/library_private.h"

/* A number that the header lacks, or has otherwise, does not compile. */
#define ERROR_CODE(id, name, status, number, retry, doc)                       \
	_Static_assert(VIRTMUX_ERROR_##id == (number), "VIRTMUX_ERROR_" #id);
#include "base/errors.def"
#undef ERROR_CODE

static const struct virtmux_error no_memory = {
	.inner = {.code = ERROR_NO_MEMORY}};

int error_give(virtmux_error **out, struct error *why)
{
	struct virtmux_error *e = out ? calloc(1, sizeof(*e)) : NULL;

	if (e)
		error_move(&e->inner, why);
	error_clear(why);
	if (out)
		*out = e ? e : (struct virtmux_error *)&no_memory;
	return -1;
}

void virtmux_error_free(virtmux_error *e)
{
	if (!e || e == &no_memory)
		return;
	error_clear(&e->inner);
	free(e);
}

int virtmux_error_number(const virtmux_error *e)
{
	return error_code_rpc_number(e->inner.code);
}

const char *virtmux_error_name(const virtmux_error *e)
{
	return error_code_name(e->inner.code);
}

const char *virtmux_error_words(const virtmux_error *e)
{
	return error_words(&e->inner);
}

int virtmux_error_exit_status(const virtmux_error *e)
{
	return error_code_exit_status(e->inner.code);
}

int virtmux_error_may_retry(const virtmux_error *e)
{
	return error_code_may_retry(e->inner.code);
}
