/*
 * Asking a domain to shut down or reboot, and waiting until it has: for --wait of the
 * verbs that otherwise end once the guest was asked. One thread.
 */
#ifndef VIRTMUX_CLIENT_AWAIT_END_H
#define VIRTMUX_CLIENT_AWAIT_END_H

#include "client/command.h"

enum await_goal {
	AWAIT_STOPPED, /* it is off, or gone */
	AWAIT_REBOOT,  /* its guest has begun anew */
};

/*
 * Calls METHOD with PARAMS (JSON text, which name DOMAIN), as call_method() would, and
 * waits for GOAL. ERROR_TIMED_OUT: it was asked, and has not done it within --timeout.
 */
int await_end(struct command_call *call, const char *domain,
	      enum await_goal goal, const char *method, const char *params,
	      struct json_object **result, struct error *err);

#endif
