/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. Any thread, no state.
 */
#ifndef VIRTMUX_BASE_UTF8_H
#define VIRTMUX_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length in bytes of the valid sequence at S (N bytes), 0 where invalid. */
size_t utf8_sequence(const uint8_t *s, size_t n, uint32_t *code_point);

bool utf8_valid(const uint8_t *s, size_t n);

/* Offset of the first invalid byte, N where all is valid. */
size_t utf8_valid_prefix(const uint8_t *s, size_t n);

/*
 * Terminal columns that the valid string S takes (wcwidth(3)'s idea without a
 * locale: combining 0, East Asian wide 2, else 1).
 */
size_t utf8_columns(const char *s);

#endif
