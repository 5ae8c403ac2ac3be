/*
 * virsh's words for why a domain is in its state, by libvirt's numbers. Used by
 * the list and by info.
 */
#include "daemon/virt/job.h"

/* virDomainNostateReason … virDomainPMSuspendedReason, in their order. */
static const char *const running[] = {
	"unknown",       "booted",   "migrated",           "restored",
	"from snapshot", "unpaused", "migration canceled", "save canceled",
	"event wakeup",  "crashed",  "post-copy",          "post-copy failed",
};
static const char *const paused[] = {
	"unknown",       "user",
	"migrating",     "saving",
	"dumping",       "I/O error",
	"watchdog",      "from snapshot",
	"shutting down", "creating snapshot",
	"crashed",       "starting up",
	"post-copy",     "post-copy failed",
};
static const char *const in_shutdown[] = {"unknown", "user"};
static const char *const shut_off[] = {
	"unknown", "shutdown", "destroyed",     "crashed", "migrated",
	"saved",   "failed",   "from snapshot", "daemon",
};
static const char *const crashed[] = {"unknown", "panicked"};

struct reasons {
	const char *const *words;
	size_t count;
};

#define REASONS(words)                                                         \
	{                                                                      \
		words, array_size(words)                                       \
	}

static const struct reasons reasons[] = {
	[VIR_DOMAIN_RUNNING] = REASONS(running),
	[VIR_DOMAIN_PAUSED] = REASONS(paused),
	[VIR_DOMAIN_SHUTDOWN] = REASONS(in_shutdown),
	[VIR_DOMAIN_SHUTOFF] = REASONS(shut_off),
	[VIR_DOMAIN_CRASHED] = REASONS(crashed),
	[VIR_DOMAIN_PMSUSPENDED] = {NULL, 0},
};

const char *state_reason(int state, int reason)
{
	if (state < 0 || (size_t)state >= array_size(reasons) || reason < 0 ||
	    (size_t)reason >= reasons[state].count)
		return "unknown";
	return reasons[state].words[reason];
}
