/*
 * A hostile VNC server: the first byte says how the rest is cut into pieces. Finds
 * memory errors, endless work, and broken promises of rfb.h.
 */
#include <stdlib.h>
#include <string.h>

#include "client/consoles/rfb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Also where assert() is compiled away. */
static void promise(bool kept)
{
	if (!kept)
		abort();
}

/* All events of one piece; false after an error. */
static bool take(struct rfb *r, const uint8_t *piece, size_t n)
{
	struct rfb_event e = {.type = RFB_READY};
	size_t events = 0, most = n + 3;

	while (e.type != RFB_NOTHING) {
		autoerror err = {0};

		if (rfb_next(r, &piece, &n, &e, &err) < 0) {
			promise(error_is_set(&err));
			return false;
		}
		promise(events++ <= most);
		promise(e.type == RFB_NOTHING || (e.width > 0 && e.height > 0));
	}
	promise(n == 0);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autoptr(rfb) r = rfb_new();
	size_t step = size > 0 && data[0] > 0 ? data[0] : size + 1;

	if (!r)
		return 0;
	for (size_t at = 1; at < size;) {
		size_t n = size - at < step ? size - at : step;
		autofree uint8_t *copy = malloc(n);

		if (!copy)
			return 0;
		memcpy(copy, data + at, n);
		if (!take(r, copy, n))
			return 0;
		at += n;
	}
	promise(rfb_output(r)->len < 64);
	return 0;
}
