/*
 * What a worker has while it runs one request: the connection, the domain that
 * the request names, and where the reply goes. Each run_* of verbs.def takes a
 * job, calls libvirt, and fills job->reply; it returns 0, or -1 with ERR set.
 *
 * Thread: one worker; it may block.
 */
#ifndef VIRTMUX_VIRT_JOB_H
#define VIRTMUX_VIRT_JOB_H

#include <libvirt/libvirt.h>

#include "base/error.h"
#include "daemon/virt/request.h"

struct connection;
struct hubs;
struct inventory;
struct titles;
struct xml_identity;

struct job {
	const struct request *request;
	const struct verb *verb;
	struct virt_reply *reply;
	virConnectPtr conn;  /* a reference of the job's own */
	virDomainPtr domain; /* of a domain verb; another reference */
	bool remote;         /* each call crosses to another process */
	struct connection *connection;
	struct inventory *inventory;
	struct titles *titles;
	struct hubs *hubs; /* where serial lines live */
	const char
		*name; /* of a domain yet to be made, or of a KIND; borrowed */
	const char *kind; /* "network"; NULL: a domain. For errors */
	bool own_xml; /* the caller's own text may be at fault: tell of it */
	bool acting;  /* from here on a change may have happened */
};

static inline void cleanup_domain(virDomainPtr *domain)
{
	if (*domain)
		virDomainFree(*domain);
}

#define autodomain cleanup(cleanup_domain) virDomainPtr

#define VERB(id, lane, change, subject, run, deed)                             \
	int run(struct job *job, struct error *err);
#include "daemon/virt/verbs.def"
#undef VERB

/*
 * lookup.c: sets job->domain and reply->domain from the request's name or UUID
 * and scope. ERROR_NOT_FOUND.
 */
int lookup_domain(struct job *job, struct error *err);

/* Sets reply->domain from DOMAIN. ERROR_NO_MEMORY. */
int lookup_identify(struct job *job, virDomainPtr domain, struct error *err);

/*
 * define.c: whether the caller may have to do with a domain of IDENTITY, by its
 * name and by the name of the domain that has its UUID. ERROR_DENIED.
 */
int define_check_scope(struct job *job, const struct xml_identity *identity,
		       struct error *err);

/*
 * define.c: defines a new domain by XML, which is the agent's own, with the checks
 * of the verb define; reply->domain names it.
 */
int define_text(struct job *job, const char *xml, struct error *err);

/* Whether TEXT has the form of a UUID with its hyphens. */
bool lookup_is_uuid(const char *text);

/*
 * inspect.c: state (not its reason), vcpus and memory of DOMAIN by one call on
 * it; CPU_TIME may be NULL. ERR is set with failure_set().
 */
int inspect_sizes(struct job *job, virDomainPtr domain, struct virt_domain *row,
		  uint64_t *cpu_time, struct error *err);

/* Sets row->uuid, name, id and title. */
int inspect_names(struct job *job, virDomainPtr domain, struct virt_domain *row,
		  struct error *err);

/* graphics.c: whether paths and addresses that libvirt tells are this host's. */
bool job_is_this_host(const struct job *job);

/* state.c: virsh's words for why a domain is in STATE; never NULL. */
const char *state_reason(int state, int reason);

#endif
