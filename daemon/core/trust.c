/*
 * Warnings before certificates and lists end; see trust.h. What always holds: what
 * has ended already is an error, since nobody gets in.
 */
#include "daemon/core/trust.h"

#include "base/clock.h"
#include "daemon/core/limits.h"

static void warn_of(struct log *log, const char *what, const char *cure,
		    int64_t end, int64_t now)
{
	char text[CLOCK_TEXT_SIZE];

	if (!end || end > now + CORE_TRUST_DAYS * CLOCK_S_PER_DAY)
		return;
	clock_format_s(end, text);
	if (end <= now)
		log_error(log, "%s has ended (%s), so that nobody gets in: %s",
			  what, text, cure);
	else
		log_warning(log, "%s ends in %u days (%s): %s", what,
			    (unsigned)((end - now) / CLOCK_S_PER_DAY), text,
			    cure);
}

void trust_warn(struct log *log, const struct tls_dates *dates, int64_t now)
{
	warn_of(log, "[tls] certificate: the host's certificate",
		"issue a new one with virtmux-pki renew, put it in place and "
		"reload",
		dates->certificate, now);
	warn_of(log, "[tls] ca: the CA's certificate",
		"make a new CA and issue all certificates anew", dates->ca,
		now);
	warn_of(log, "[tls] crl: the time of the revocation list",
		"make a new one with virtmux-pki crl, and send it with virtmux "
		"host push-crl",
		dates->crl, now);
}

static void warn_now(const struct trust *trust)
{
	trust_warn(trust->log, &trust->dates, clock_realtime_us() / 1000000);
}

static void on_daily(uv_timer_t *timer)
{
	warn_now(timer->data);
}

void trust_init(struct trust *trust, uv_loop_t *uv, struct log *log)
{
	trust->log = log;
	uv_timer_init(uv, &trust->daily);
	uv_unref((uv_handle_t *)&trust->daily);
	trust->daily.data = trust;
}

void trust_set(struct trust *trust, const struct tls_context *tls)
{
	tls_context_dates(tls, &trust->dates);
	warn_now(trust);
	uv_timer_start(&trust->daily, on_daily, CLOCK_S_PER_DAY * 1000,
		       CLOCK_S_PER_DAY * 1000);
}

void trust_close(struct trust *trust)
{
	uv_close((uv_handle_t *)&trust->daily, NULL);
}
