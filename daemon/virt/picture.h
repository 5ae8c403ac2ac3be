/*
 * Pictures of a guest's screen: what QEMU writes (PPM, or PNG where it can) into
 * PNG. Bytes in, bytes out; no libvirt here. The input is a hypervisor's, but
 * its sizes are not believed. Any thread.
 */
#ifndef VIRTMUX_VIRT_PICTURE_H
#define VIRTMUX_VIRT_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct picture {
	uint8_t *png; /* to free() */
	size_t len;
	unsigned width, height; /* pixels */
};

/*
 * From binary PPM (P6, 8 bits) or PNG, known by its first bytes.
 * ERROR_UNSUPPORTED for another form, ERROR_TOO_LARGE above
 * VIRT_SCREENSHOT_SIDE_MAX, ERROR_FAILED where it is cut short.
 */
int picture_from_screenshot(const uint8_t *data, size_t len,
			    struct picture *picture, struct error *err);

#endif
