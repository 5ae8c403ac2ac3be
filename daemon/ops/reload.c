/*
 * What an administrator changes about the running agent: handlers of host.reload,
 * host.push-crl and host.drain. core does it, through struct ops_core, and is done when it returns;
 * libvirt has no part in it.
 */
#include "daemon/ops/room.h"

#include <string.h>

#include "base/clock.h"

void op_host_reload(struct call *call, const struct host_reload_params *params)
{
	const struct ops_core *core = &ops_of(call)->core;
	char certificate[CLOCK_TEXT_SIZE];
	char crl[CLOCK_TEXT_SIZE];
	struct ops_trust trust = {0};
	autobuf restart = {0};
	autofree char *names = NULL;
	autoerror err = {0};
	struct host_reloaded result;

	if (core->reload(core->context, &restart, &err) < 0) {
		call_fail(call, &err);
		return;
	}
	core->trust(core->context, &trust);
	result = (struct host_reloaded){
		.has_restart = restart.len > 0,
		.has_certificate_not_after =
			ops_time(trust.certificate, certificate),
		.certificate_not_after = certificate,
		.has_crl_next_update = ops_time(trust.crl, crl),
		.crl_next_update = crl,
	};
	names = buf_steal_str(&restart);
	result.restart = names;
	call_return(call, &result);
}

void op_host_push_crl(struct call *call,
		      const struct host_push_crl_params *params)
{
	const struct ops_core *core = &ops_of(call)->core;
	char this_update[CLOCK_TEXT_SIZE];
	char next_update[CLOCK_TEXT_SIZE];
	struct ops_crl crl = {0};
	autoerror err = {0};
	struct revocation_list result = {
		.issuer = crl.issuer,
		.number = crl.number,
		.this_update = this_update,
		.next_update = next_update,
	};

	if (core->push_crl(core->context, params->crl, strlen(params->crl),
			   &crl, &err) < 0) {
		call_fail(call, &err);
		return;
	}
	result.revoked = crl.revoked;
	ops_time(crl.this_update, this_update);
	ops_time(crl.next_update, next_update);
	call_return(call, &result);
}

void op_host_drain(struct call *call, const struct host_drain_params *params)
{
	const struct ops_core *core = &ops_of(call)->core;
	struct ops_drained left = {0};
	autoerror err = {0};

	if (core->drain(core->context, &left, &err) < 0) {
		call_fail(call, &err);
		return;
	}
	call_return(call, &(const struct host_drained){.connections =
							       left.connections,
						       .calls = left.calls});
}
