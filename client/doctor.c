/*
 * The verb `doctor`: walks from the configuration to the guests' displays, tells
 * one line a step, and ends with the status that any other verb would have. What
 * each step looks at stands in doctor_own.c, doctor_reach.c and doctor_host.c.
 */
#include <stdlib.h>

#include "client/connect/channel.h"
#include "client/doctor_private.h"
#include "client/connect/profile.h"
#include "client/verbs.h"
#include "wire/tls.h"

static int walk(struct doctor *d, struct error *err)
{
	autoerror why = {0};

	if (call_profile_of(d->call, call_argument(d->call, 0), &d->profile,
			    &why) < 0) {
		doctor_fail(d, DOCTOR_CONFIGURATION, &why);
		doctor_skip(d, DOCTOR_CONFIGURATION + 1, DOCTOR_STEPS - 1);
		return 0;
	}
	if (d->profile->known)
		doctor_add(d, DOCTOR_CONFIGURATION, DOCTOR_OK,
			   "host '%s' of %s", d->profile->name,
			   d->profile->file);
	else
		doctor_add(d, DOCTOR_CONFIGURATION, DOCTOR_OK,
			   "%s, which no section of %s names", d->profile->name,
			   d->profile->file);
	if (doctor_walk_own(d, err) < 0 || doctor_walk_reach(d, err) < 0)
		return -1;
	if (d->channel)
		return doctor_walk_host(d, err);
	doctor_skip(d, DOCTOR_CLOCKS, DOCTOR_STEPS - 1);
	return 0;
}

static void clear(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->findings[i].text);
	free(d->findings);
	tls_key_free(d->key);
	channel_free(d->channel);
}

int verb_doctor(struct command_call *call, struct error *err)
{
	struct doctor d = {.call = call, .output = call_output(call)};
	int rc = walk(&d, err);

	if (rc == 0)
		rc = doctor_end(&d, err);
	if (rc == 0 && d.first != ERROR_NONE)
		call_told(call, d.first);
	clear(&d);
	return rc;
}
