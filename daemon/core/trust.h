/*
 * How long the host's certificate, the CA and the revocation list still last: told in
 * the log at start, at each reload and once a day, from 30 days before the end. Called
 * by service.c and reload.c. Loop thread only.
 */
#ifndef VIRTMUX_DAEMON_CORE_TRUST_H
#define VIRTMUX_DAEMON_CORE_TRUST_H

#include <uv.h>

#include "base/log.h"
#include "wire/tls.h"

struct trust {
	struct log *log; /* borrowed */
	struct tls_dates dates;
	uv_timer_t daily;
};

void trust_init(struct trust *trust, uv_loop_t *uv, struct log *log);

/* The context that is used from now on. */
void trust_set(struct trust *trust, const struct tls_context *tls);

/* Closes the timer: run the loop until it ends. */
void trust_close(struct trust *trust);

/* Writes what DATES give cause for at NOW, seconds since 1970. */
void trust_warn(struct log *log, const struct tls_dates *dates, int64_t now);

#endif
