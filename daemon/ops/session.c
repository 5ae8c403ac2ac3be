/*
 * The caller's own session. Handlers that rpc calls for session.*; answered at
 * once, without libvirt and, but for the list of methods, without allocation:
 * everything is borrowed from the call.
 */
#include "daemon/ops/room.h"

#include "base/clock.h"

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Methods that the caller may use; LIST has METHODS places. */
static size_t list_methods(const struct call *call, char **list)
{
	size_t n = 0;

	for (unsigned i = 0; i < METHODS; i++)
		if (call_may(call, (enum method_id)i))
			list[n++] = ops_borrow(
				method_by_id((enum method_id)i)->name);
	return n;
}

void op_session_whoami(struct call *call,
		       const struct session_whoami_params *params)
{
	const struct caller *caller = call_caller(call);
	char *every_domain[] = {ops_borrow("*"), NULL};
	char *const *scope = caller->scope ? caller->scope : every_domain;
	char *methods[METHODS];
	char not_after[CLOCK_TEXT_SIZE];
	char now[CLOCK_TEXT_SIZE];
	struct session_info info = {
		.identity = ops_borrow(caller->identity),
		.role = caller->role,
		.domains = (char **)scope,
		.domains_count = count(scope),
		.allow = (char **)caller->allow,
		.allow_count = count(caller->allow),
		.deny = (char **)caller->deny,
		.deny_count = count(caller->deny),
		.methods = methods,
		.methods_count =
			params->methods ? list_methods(call, methods) : 0,
		.serial = ops_borrow(caller->serial),
		.fingerprint = ops_borrow(caller->fingerprint),
		.not_after = not_after,
		.has_not_after = caller->not_after != 0,
		.address = ops_borrow(caller->address),
		.tls = ops_borrow(caller->tls),
		.has_tls = caller->tls != NULL,
		.host = ops_of(call)->hostname,
		.agent = ops_borrow(VIRTMUX_VERSION),
		.time = now,
		.has_time = true,
	};

	clock_format_us(clock_realtime_us(), now);
	clock_format_us(caller->not_after * 1000000, not_after);
	call_return(call, &info);
}
