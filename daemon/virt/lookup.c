/*
 * Finds the domain that a request names, once, and judges it against the
 * caller's scope (job.h). What holds: outside of the scope and not existing give
 * the same words, and the action is done on the very object that was judged.
 */
#include "daemon/virt/job.h"

#include <ctype.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "base/glob.h"
#include "daemon/virt/error.h"

bool lookup_is_uuid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '-' && text[i] != '-')
			return false;
		if (form[i] == 'x' && !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

/* NULL for none and for one outside of the scope; -1 in *RESULT: a failure. */
static virDomainPtr in_scope(struct job *job, virDomainPtr domain, int *result,
			     struct error *err)
{
	const struct request *request = job->request;

	if (!domain) {
		if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
			*result = failure_set(job, err);
		return NULL;
	}
	if (!request->scope ||
	    glob_match_any(request->scope, virDomainGetName(domain)))
		return domain;
	virDomainFree(domain);
	return NULL;
}

int lookup_identify(struct job *job, virDomainPtr domain, struct error *err)
{
	struct virt_reply *reply = job->reply;

	virDomainGetUUIDString(domain, reply->domain.uuid);
	reply->domain.name = strdup(virDomainGetName(domain));
	return reply->domain.name ? 0 : error_set_no_memory(err);
}

int lookup_domain(struct job *job, struct error *err)
{
	const char *text = job->request->domain;
	int result = 0;

	if (lookup_is_uuid(text))
		job->domain =
			in_scope(job,
				 virDomainLookupByUUIDString(job->conn, text),
				 &result, err);
	if (!job->domain && result == 0)
		job->domain =
			in_scope(job, virDomainLookupByName(job->conn, text),
				 &result, err);
	if (result < 0)
		return -1;
	if (!job->domain)
		return failure_no_domain(err, text);
	return lookup_identify(job, job->domain, err);
}
