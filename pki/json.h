/*
 * Printing JSON: strings and times, by hand, since pki/ needs no more than
 * that. Called by report and describe. What always holds: what is printed is
 * valid JSON in UTF-8, whatever the string holds.
 */
#ifndef VIRTMUX_PKI_JSON_H
#define VIRTMUX_PKI_JSON_H

#include <time.h>

#include "base/buf.h"

/* TEXT in quotes; bytes that are no UTF-8 become U+FFFD. */
void json_string(struct buf *out, const char *text);

/* "2026-11-21T08:45:12Z" in quotes. */
void json_time(struct buf *out, time_t seconds);

#endif
