/*
 * The bytes that stand for themselves in a JSON string, found eight at a time.
 * Private to the room; read by json_scalar.c and json_write.c, which both spend
 * most of their time here.
 */
#ifndef VIRTMUX_API_JSON_PLAIN_H
#define VIRTMUX_API_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ASCII without controls, quote and backslash. */
static inline bool json_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define JSON_EACH_BYTE(c) ((uint64_t)0x0101010101010101 * (c))

/* The high bit of each byte of X that is zero (and perhaps of later ones). */
static inline uint64_t json_zero_bytes(uint64_t x)
{
	return (x - JSON_EACH_BYTE(0x01)) & ~x;
}

/* How many of the N bytes at S are plain before the first that is not. */
static inline size_t json_plain_run(const uint8_t *s, size_t n)
{
	size_t at = 0;

	for (; at + 8 <= n; at += 8) {
		uint64_t w, special;

		memcpy(&w, s + at, 8);
		special = w | ((w - JSON_EACH_BYTE(0x20)) & ~w) |
			  json_zero_bytes(w ^ JSON_EACH_BYTE('"')) |
			  json_zero_bytes(w ^ JSON_EACH_BYTE('\\')) |
			  json_zero_bytes(w ^ JSON_EACH_BYTE(0x7f));
		if ((special & JSON_EACH_BYTE(0x80)) != 0)
			break;
	}
	while (at < n && json_is_plain(s[at]))
		at++;
	return at;
}

#endif
