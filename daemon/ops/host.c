/*
 * The host itself: handlers of host.info and host.version. host.info asks virt
 * for three things at once and answers when the last has come.
 *
 * What always holds: a struct survey lives until all of its requests have come
 * back; the first error is the answer.
 */
#include "daemon/ops/room.h"

#include <string.h>

#include "base/clock.h"

/* -- host.info ------------------------------------------------------------ */

struct survey {
	struct call *call;
	unsigned open; /* requests without a reply, and the handler itself */
	struct error error;
	struct virt_host_info host;
	char *hypervisor;
	uint64_t active;
	uint64_t inactive;
};

static void answer_survey(struct survey *s)
{
	const struct virt_host_info *host = &s->host;
	const struct ops_core *core = &ops_of(s->call)->core;
	char certificate[CLOCK_TEXT_SIZE];
	char crl[CLOCK_TEXT_SIZE];
	struct ops_trust trust = {0};
	struct host_info result = {
		.hostname = host->hostname,
		.uri = ops_of(s->call)->uri,
		.hypervisor = s->hypervisor,
		.arch = host->model,
		.cpus = host->cpus,
		.cpu_mhz = host->mhz,
		.numa_nodes = host->nodes,
		.sockets = host->sockets,
		.cores = host->cores,
		.threads = host->threads,
		.memory = ops_bytes(host->memory_kib),
		.memory_free = ops_bytes(host->free_memory_kib),
		.has_memory_free = host->free_memory_kib != 0,
		.domains_active = s->active,
		.domains_inactive = s->inactive,
		.certificate_not_after = certificate,
		.crl_next_update = crl,
	};

	if (core->trust)
		core->trust(core->context, &trust);
	result.has_certificate_not_after =
		ops_time(trust.certificate, certificate);
	result.has_crl_next_update = ops_time(trust.crl, crl);
	call_return(s->call, &result);
}

/* One request less; the last one answers and frees S. */
static void release_survey(struct survey *s)
{
	if (--s->open)
		return;
	if (error_is_set(&s->error))
		call_fail(s->call, &s->error);
	else
		answer_survey(s);
	error_clear(&s->error);
	free(s->host.hostname);
	free(s->host.model);
	free(s->hypervisor);
	free(s);
}

static bool survey_may_go_on(struct survey *s, struct virt_reply *reply)
{
	if (!error_is_set(&reply->error))
		return true;
	if (!error_is_set(&s->error))
		error_move(&s->error, &reply->error);
	return false;
}

static void on_host(void *context, struct virt_reply *reply)
{
	struct survey *s = context;

	if (survey_may_go_on(s, reply)) {
		s->host = reply->value.host;
		reply->value.host.hostname = NULL;
		reply->value.host.model = NULL;
	}
	release_survey(s);
}

static void on_hypervisor(void *context, struct virt_reply *reply)
{
	struct survey *s = context;

	if (survey_may_go_on(s, reply))
		s->hypervisor = steal(&reply->value.versions.hypervisor);
	release_survey(s);
}

static void on_domains(void *context, struct virt_reply *reply)
{
	struct survey *s = context;

	if (survey_may_go_on(s, reply)) {
		for (size_t i = 0; i < reply->value.list.count; i++)
			if (reply->value.list.rows[i].id >= 0)
				s->active++;
			else
				s->inactive++;
	}
	release_survey(s);
}

static struct virt_done survey_then(struct survey *s, virt_done_fn *fn)
{
	s->open++;
	return (struct virt_done){.fn = fn, .context = s};
}

/* RC of a verb whose done was made by survey_then(). */
static void survey_submitted(struct survey *s, int rc, struct error *err)
{
	if (rc == 0)
		return;
	s->open--;
	if (error_is_set(&s->error))
		error_clear(err);
	else
		error_move(&s->error, err);
}

void op_host_info(struct call *call, const struct host_info_params *params)
{
	struct virt *virt = ops_virt(call);
	struct survey *s = calloc(1, sizeof(*s));
	autoerror err = {0};

	if (!s) {
		error_set_no_memory(&err);
		call_fail(call, &err);
		return;
	}
	s->call = call;
	s->open = 1;
	survey_submitted(s, virt_host_info(virt, survey_then(s, on_host), &err),
			 &err);
	survey_submitted(s,
			 virt_host_versions(virt, survey_then(s, on_hypervisor),
					    &err),
			 &err);
	survey_submitted(s,
			 virt_domain_list(virt, call_scope(call),
					  survey_then(s, on_domains), &err),
			 &err);
	release_survey(s);
}

/* -- host.version --------------------------------------------------------- */

static void on_versions(void *context, struct virt_reply *reply)
{
	struct virt_versions *v = &reply->value.versions;
	struct host_version result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct host_version){
		.agent = ops_borrow(VIRTMUX_VERSION),
		.libvirt = v->libvirt,
		.client_library = v->library,
		.hypervisor = v->hypervisor,
		.hypervisor_version = v->hypervisor_version,
		.has_hypervisor_version = v->hypervisor_version != NULL,
	};
	call_return(context, &result);
}

void op_host_version(struct call *call,
		     const struct host_version_params *params)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_host_versions(ops_virt(call),
					 ops_then(call, on_versions), &err),
		      &err);
}
