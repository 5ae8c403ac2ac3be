/*
 * Migration (verbs of verbs/migrate.def): libvirt here talks to libvirt there, and a
 * worker of the long lane waits. What holds: the words for a failure never carry the
 * destination's own, which may name what the caller may not see; the log has them.
 */
#include "daemon/virt/migrate.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/job.h"
#include "daemon/virt/migrate_private.h"

struct params {
	virTypedParameterPtr list;
	int count;
	int room;
};

static void cleanup_params(struct params *p)
{
	virTypedParamsFree(p->list, p->count);
}

static int add_text(struct params *p, const char *name, const char *text)
{
	return text ? virTypedParamsAddString(&p->list, &p->count, &p->room,
					      name, text)
		    : 0;
}

static int add_all(struct params *p, const struct migration *m)
{
	static const char *const names[MIGRATION_TEXTS] = {
		[MIGRATION_MIGRATE_URI] = VIR_MIGRATE_PARAM_URI,
		[MIGRATION_LISTEN] = VIR_MIGRATE_PARAM_LISTEN_ADDRESS,
		[MIGRATION_NAME] = VIR_MIGRATE_PARAM_DEST_NAME,
		[MIGRATION_XML] = VIR_MIGRATE_PARAM_DEST_XML,
		[MIGRATION_PERSISTENT_XML] = VIR_MIGRATE_PARAM_PERSIST_XML,
	};

	for (size_t i = MIGRATION_URI + 1; i < MIGRATION_TEXTS; i++)
		if (add_text(p, names[i], m->texts[i]) < 0)
			return -1;
	for (size_t i = 0; i < m->disks_count; i++)
		if (add_text(p, VIR_MIGRATE_PARAM_MIGRATE_DISKS, m->disks[i]) <
		    0)
			return -1;
	if (m->bandwidth &&
	    virTypedParamsAddULLong(&p->list, &p->count, &p->room,
				    VIR_MIGRATE_PARAM_BANDWIDTH,
				    m->bandwidth) < 0)
		return -1;
	if (m->parallel &&
	    virTypedParamsAddInt(&p->list, &p->count, &p->room,
				 VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS,
				 (int)m->parallel) < 0)
		return -1;
	return 0;
}

static int libvirts_flags(const struct request *request, unsigned *flags,
			  struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_MIGRATE_LIVE, VIR_MIGRATE_LIVE},
		{VIRT_MIGRATE_OFFLINE, VIR_MIGRATE_OFFLINE},
		{VIRT_MIGRATE_TUNNELLED, VIR_MIGRATE_TUNNELLED},
		{VIRT_MIGRATE_PERSISTENT, VIR_MIGRATE_PERSIST_DEST},
		{VIRT_MIGRATE_UNDEFINE_SOURCE, VIR_MIGRATE_UNDEFINE_SOURCE},
		{VIRT_MIGRATE_PAUSED, VIR_MIGRATE_PAUSED},
		{VIRT_MIGRATE_COPY_ALL, VIR_MIGRATE_NON_SHARED_DISK},
		{VIRT_MIGRATE_COPY_INC, VIR_MIGRATE_NON_SHARED_INC},
		{VIRT_MIGRATE_SYNCHRONOUS,
		 VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES},
		{VIRT_MIGRATE_PROTECT, VIR_MIGRATE_CHANGE_PROTECTION},
		{VIRT_MIGRATE_UNSAFE, VIR_MIGRATE_UNSAFE},
		{VIRT_MIGRATE_ABORT_ON_ERROR, VIR_MIGRATE_ABORT_ON_ERROR},
		{VIRT_MIGRATE_AUTO_CONVERGE, VIR_MIGRATE_AUTO_CONVERGE},
		{VIRT_MIGRATE_POSTCOPY, VIR_MIGRATE_POSTCOPY},
		{VIRT_MIGRATE_COMPRESSED, VIR_MIGRATE_COMPRESSED},
		{VIRT_MIGRATE_TLS, VIR_MIGRATE_TLS},
	};
	const struct migration *m = request->data;

	if (flags_translate(request->flags, pairs, array_size(pairs), flags,
			    err) < 0)
		return -1;
	*flags |= VIR_MIGRATE_PEER2PEER;
	if (m->parallel)
		*flags |= VIR_MIGRATE_PARALLEL;
	return 0;
}

/* What libvirt says of a migration, by its code or by its words. */
static const struct reason {
	int number;       /* virErrorNumber, or 0: any */
	const char *text; /* in its words; NULL: any */
	enum error_code code;
	const char *words;
} reasons[] = {
	{VIR_ERR_MIGRATE_UNSAFE, NULL, ERROR_STATE,
	 "libvirt holds it for unsafe, as its disks are cached here and seem "
	 "not to be shared: copy them, use cache='none', or say unsafe"},
	{VIR_ERR_OPERATION_ABORTED, NULL, ERROR_FAILED,
	 "it was aborted, and the domain is where it was"},
	{VIR_ERR_DOM_EXIST, NULL, ERROR_EXISTS,
	 "the destination has a domain of that name or UUID"},
	{0, "already exists with uuid", ERROR_EXISTS,
	 "the destination has a domain of that name"},
	{0, "is already active", ERROR_EXISTS,
	 "the destination runs a domain of that name or UUID"},
	{0, "is already defined with uuid", ERROR_EXISTS,
	 "the destination has a domain of that UUID by another name"},
	{0, "Attempt to migrate guest to the same host", ERROR_INVALID_PARAMS,
	 "the URI leads to this very host"},
	{VIR_ERR_NO_CONNECT, NULL, ERROR_INVALID_PARAMS,
	 "the URI names no driver that libvirt has"},
	{0, "ailed to connect", ERROR_FAILED,
	 "this host cannot reach the destination's libvirt: check the URI, and "
	 "that libvirt listens there"},
	{0, "nable to connect", ERROR_FAILED,
	 "this host cannot reach the destination's libvirt or its migration "
	 "port: check the URI and the firewall"},
	{0, "annot recv data", ERROR_FAILED,
	 "the destination's libvirt closed the connection: check that this "
	 "host may log in there"},
	{0, "End of file while reading", ERROR_FAILED,
	 "the destination's libvirt closed the connection: check that this "
	 "host may log in there"},
	{0, "annot access storage file", ERROR_STATE,
	 "the destination cannot open one of its disk images: share the "
	 "storage, or copy it to images that exist there"},
	{0, "offline migration", ERROR_STATE,
	 "a domain that is off moves with offline and persistent, one that "
	 "runs "
	 "without offline"},
};

static const struct reason *find_reason(const virError *error)
{
	for (size_t i = 0; i < array_size(reasons); i++) {
		const struct reason *r = &reasons[i];

		if (r->number
			    ? error->code == r->number
			    : error->message && strstr(error->message, r->text))
			return r;
	}
	return NULL;
}

static int migrate_failed(struct job *job, struct error *err)
{
	virErrorPtr error = virSaveLastError();
	const struct reason *reason = error ? find_reason(error) : NULL;

	if (reason && virConnectIsAlive(job->conn) != 0) {
		error_set(err, reason->code,
			  "domain '%s' could not be migrated: %s",
			  job->reply->domain.name, reason->words);
		error_set_cause(err, "libvirt error %d of %d: %s", error->code,
				error->domain,
				error->message ? error->message : "");
	} else {
		failure_from(job, error, err);
	}
	virFreeError(error);
	virResetLastError();
	return -1;
}

int run_migrate(struct job *job, struct error *err)
{
	const struct migration *m = job->request->data;
	cleanup(cleanup_params) struct params p = {0};
	unsigned flags;

	if (libvirts_flags(job->request, &flags, err) < 0)
		return -1;
	if (add_all(&p, m) < 0)
		return failure_set(job, err);
	job->own_xml =
		m->texts[MIGRATION_XML] || m->texts[MIGRATION_PERSISTENT_XML];
	if (virDomainMigrateToURI3(job->domain, m->texts[MIGRATION_URI], p.list,
				   (unsigned)p.count, flags) < 0)
		return migrate_failed(job, err);
	return 0;
}

static int give(struct job *job, uint64_t value, struct error *err)
{
	struct virt_migrate_number *n =
		reply_make(job->reply, sizeof(*n), free, err);

	if (!n)
		return -1;
	n->value = value;
	return 0;
}

int run_migrate_speed(struct job *job, struct error *err)
{
	unsigned long mib = 0;

	if (virDomainMigrateGetMaxSpeed(job->domain, &mib, 0) < 0)
		return failure_set(job, err);
	return give(job, mib, err);
}

int run_migrate_downtime(struct job *job, struct error *err)
{
	unsigned long long ms = 0;

	if (virDomainMigrateGetMaxDowntime(job->domain, &ms, 0) < 0)
		return failure_set(job, err);
	return give(job, ms, err);
}

int run_migrate_set_speed(struct job *job, struct error *err)
{
	unsigned long mib = (unsigned long)job->request->numbers[0];

	return virDomainMigrateSetMaxSpeed(job->domain, mib, 0) < 0
		       ? failure_set(job, err)
		       : 0;
}

int run_migrate_set_downtime(struct job *job, struct error *err)
{
	uint64_t ms = job->request->numbers[0];

	return virDomainMigrateSetMaxDowntime(job->domain, ms, 0) < 0
		       ? failure_set(job, err)
		       : 0;
}

int run_migrate_postcopy(struct job *job, struct error *err)
{
	return virDomainMigrateStartPostCopy(job->domain, 0) < 0
		       ? failure_set(job, err)
		       : 0;
}
