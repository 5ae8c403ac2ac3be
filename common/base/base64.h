/*
 * Base64 (RFC 4648 section 4) into bytes, by OpenSSL's decoder. Any thread.
 */
#ifndef VIRTMUX_BASE_BASE64_H
#define VIRTMUX_BASE_BASE64_H

#include <stdint.h>

#include "base/buf.h"

/*
 * Appends the bytes that TEXT stands for to OUT. 0, or -1: it is no base64 with its
 * padding, or memory ran out (OUT has failed then).
 */
int base64_decode(const char *text, struct buf *out);

#endif
