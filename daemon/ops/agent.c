/*
 * The guest agent: the handlers of agent.*. Each is one verb of virt; what the
 * agent tells becomes the result by its names (fields.h).
 */
#include "daemon/virt/agent.h"

#include "daemon/ops/fields.h"

#define NANOSECONDS 1000000000u /* of a second */

static struct virt_done then_show(struct call *call)
{
	return ops_then(call, fields_answer);
}

static struct virt_done then_answer(struct call *call)
{
	return ops_then(call, fields_answer_ref);
}

void op_agent_ping(struct call *call, const struct agent_ping_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_ping(ops_virt(call), &ref, then_show(call),
				      &err),
		      &err);
}

void op_agent_time(struct call *call, const struct agent_time_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_time(ops_virt(call), &ref, then_show(call),
				      &err),
		      &err);
}

void op_agent_set_time(struct call *call,
		       const struct agent_set_time_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	if (params->sync == params->has_seconds ||
	    params->nanoseconds >= NANOSECONDS) {
		error_set(&err, ERROR_INVALID_PARAMS,
			  "give a time (seconds, and nanoseconds below "
			  "1000000000) or sync, and not both");
		call_fail(call, &err);
		return;
	}
	ops_submitted(call,
		      virt_agent_set_time(ops_virt(call), &ref, params->seconds,
					  (uint32_t)params->nanoseconds,
					  params->sync, then_answer(call),
					  &err),
		      &err);
}

static unsigned group_bits(const struct agent_info_params *p)
{
	static const unsigned bits[] = {
		[AGENT_GROUP_USER] = VIRT_AGENT_USERS,
		[AGENT_GROUP_OS] = VIRT_AGENT_OS,
		[AGENT_GROUP_TIMEZONE] = VIRT_AGENT_TIMEZONE,
		[AGENT_GROUP_HOSTNAME] = VIRT_AGENT_HOSTNAME,
		[AGENT_GROUP_FILESYSTEM] = VIRT_AGENT_FILESYSTEM,
		[AGENT_GROUP_DISK] = VIRT_AGENT_DISKS,
		[AGENT_GROUP_INTERFACE] = VIRT_AGENT_INTERFACES,
	};
	unsigned groups = 0;

	for (size_t i = 0; i < p->groups_count; i++)
		groups |= bits[p->groups[i]];
	return groups;
}

void op_agent_info(struct call *call, const struct agent_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_info(ops_virt(call), &ref, group_bits(params),
				      then_show(call), &err),
		      &err);
}

void op_agent_fs_info(struct call *call,
		      const struct agent_fs_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_filesystems(ops_virt(call), &ref,
					     then_show(call), &err),
		      &err);
}

void op_agent_hostname(struct call *call,
		       const struct agent_hostname_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	enum virt_hostname_source source = VIRT_HOSTNAME_ANY;
	autoerror err = {0};

	if (params->has_source)
		source = params->source == HOSTNAME_SOURCE_LEASE
				 ? VIRT_HOSTNAME_LEASE
				 : VIRT_HOSTNAME_AGENT;
	ops_submitted(call,
		      virt_agent_hostname(ops_virt(call), &ref, source,
					  then_show(call), &err),
		      &err);
}

void op_agent_fs_freeze(struct call *call,
			const struct agent_fs_freeze_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_freeze(
			      ops_virt(call), &ref, params->mountpoints,
			      params->mountpoints_count, then_show(call), &err),
		      &err);
}

void op_agent_fs_thaw(struct call *call,
		      const struct agent_fs_thaw_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_thaw(ops_virt(call), &ref, params->mountpoints,
				      params->mountpoints_count,
				      then_show(call), &err),
		      &err);
}

void op_agent_fs_trim(struct call *call,
		      const struct agent_fs_trim_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_trim(ops_virt(call), &ref, params->minimum,
				      then_answer(call), &err),
		      &err);
}

void op_agent_set_password(struct call *call,
			   const struct agent_set_password_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_agent_set_password(ops_virt(call), &ref,
					      params->user, params->password,
					      params->encrypted,
					      then_answer(call), &err),
		      &err);
}
