/*
 * The answer to a WebSocket's key, RFC 6455 4.2.2. No state; any thread.
 */
#ifndef VIRTMUX_CLIENT_WEB_ACCEPT_H
#define VIRTMUX_CLIENT_WEB_ACCEPT_H

#include <stdbool.h>

#define ACCEPT_SIZE 29 /* base64 of 20 bytes, and NUL */

/* Whether KEY stands for 16 bytes in base64. */
bool accept_is_key(const char *key);

/* 0, or -1 where OpenSSL has no SHA-1. */
int accept_of_key(const char *key, char out[ACCEPT_SIZE]);

#endif
