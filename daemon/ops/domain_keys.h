/*
 * Keys as domain.send-key names them. Called by domain_guest.c.
 */
#ifndef VIRTMUX_OPS_DOMAIN_KEYS_H
#define VIRTMUX_OPS_DOMAIN_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The number of TEXT: decimal, 0x…, or with NAMES one of Linux's names, such as
 * KEY_ENTER. ERROR_INVALID_PARAMS.
 */
int domain_key(const char *text, bool names, uint16_t *number,
	       struct error *err);

#endif
