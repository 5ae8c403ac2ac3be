/*
 * Domains from XML: define (persistent) and create (transient). What holds: the
 * name that the XML gives is in the caller's scope, and so is the name of any
 * domain whose UUID the XML claims, before libvirt sees the XML.
 */
#include "daemon/virt/job.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "base/glob.h"
#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/titles.h"
#include "daemon/virt/xml.h"

static bool name_in_scope(const struct job *job, const char *name)
{
	return !job->request->scope ||
	       glob_match_any(job->request->scope, name);
}

/* *EXISTS: a domain has the XML's UUID, *PERSISTENT: and a definition. */
static int check_uuid(struct job *job, const struct xml_identity *identity,
		      bool *persistent, struct error *err)
{
	autodomain domain = NULL;
	int answer;

	if (!*identity->uuid)
		return 0;
	domain = virDomainLookupByUUIDString(job->conn, identity->uuid);
	if (!domain) {
		if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
			return 0;
		return failure_set(job, err);
	}
	if (!name_in_scope(job, virDomainGetName(domain)))
		return error_set(err, ERROR_DENIED,
				 "you have no right to a domain with the UUID "
				 "of this XML: leave the <uuid> out to get a "
				 "new one");
	answer = virDomainIsPersistent(domain);
	if (answer < 0)
		return failure_set(job, err);
	*persistent = answer > 0;
	return 0;
}

static int check_scope(struct job *job, const struct xml_identity *identity,
		       bool *persistent, struct error *err)
{
	if (!name_in_scope(job, identity->name))
		return error_set(err, ERROR_DENIED,
				 "you have no right to a domain of the name "
				 "'%s'",
				 identity->name);
	return check_uuid(job, identity, persistent, err);
}

int define_check_scope(struct job *job, const struct xml_identity *identity,
		       struct error *err)
{
	bool persistent;

	return check_scope(job, identity, &persistent, err);
}

/* Whether a domain of that name, or else of that UUID, is there. */
static bool is_taken(struct job *job, const struct xml_identity *identity)
{
	autodomain domain = virDomainLookupByName(job->conn, identity->name);

	if (!domain && *identity->uuid)
		domain = virDomainLookupByUUIDString(job->conn, identity->uuid);
	return domain;
}

/* libvirt reports a name or UUID in use under several codes. */
static int failure_of_xml(struct job *job, const struct xml_identity *identity,
			  struct error *err)
{
	virErrorPtr error = virSaveLastError();
	int code = error ? error->code : VIR_ERR_OK;

	if ((code == VIR_ERR_OPERATION_FAILED ||
	     code == VIR_ERR_OPERATION_INVALID || code == VIR_ERR_DOM_EXIST) &&
	    is_taken(job, identity)) {
		error_set(err, ERROR_EXISTS,
			  "domain '%s' could not be %s: a domain of that name "
			  "or UUID exists already; another one needs a name "
			  "and a UUID of its own",
			  identity->name, job->verb->deed);
		error_set_cause(err, "%s", error->message);
	} else {
		failure_from(job, error, err);
	}
	virFreeError(error);
	return -1;
}

/* libvirt's event may come later than our own next list. */
static int identify_new(struct job *job, virDomainPtr domain, struct error *err)
{
	unsigned char uuid[VIR_UUID_BUFLEN];

	if (virDomainGetUUID(domain, uuid) == 0)
		titles_drop(job->titles, uuid);
	return lookup_identify(job, domain, err);
}

static int define(struct job *job, const struct xml_identity *identity,
		  struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_DEFINE_VALIDATE, VIR_DOMAIN_DEFINE_VALIDATE},
	};
	autodomain domain = NULL;
	bool persistent = false;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    check_scope(job, identity, &persistent, err) < 0)
		return -1;
	job->acting = true;
	domain = virDomainDefineXMLFlags(job->conn, job->request->text, flags);
	if (!domain)
		return failure_of_xml(job, identity, err);
	job->reply->kind = VIRT_VALUE_DEFINED;
	job->reply->value.defined.replaced = persistent;
	return identify_new(job, domain, err);
}

static int create(struct job *job, const struct xml_identity *identity,
		  struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_CREATE_PAUSED, VIR_DOMAIN_START_PAUSED},
		{VIRT_CREATE_VALIDATE, VIR_DOMAIN_START_VALIDATE},
		{VIRT_CREATE_RESET_NVRAM, VIR_DOMAIN_START_RESET_NVRAM},
	};
	autodomain domain = NULL;
	bool persistent = false;
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0 ||
	    check_scope(job, identity, &persistent, err) < 0)
		return -1;
	job->acting = true;
	domain = virDomainCreateXML(job->conn, job->request->text, flags);
	if (!domain)
		return failure_of_xml(job, identity, err);
	return identify_new(job, domain, err);
}

int define_text(struct job *job, const char *xml, struct error *err)
{
	cleanup(xml_identity_clear) struct xml_identity identity = {0};
	autodomain domain = NULL;

	if (xml_identify(xml, &identity, err) < 0 ||
	    define_check_scope(job, &identity, err) < 0)
		return -1;
	job->acting = true;
	domain = virDomainDefineXMLFlags(job->conn, xml, 0);
	if (!domain)
		return failure_of_xml(job, &identity, err);
	free(steal(&job->reply->domain.name));
	return identify_new(job, domain, err);
}

int run_define(struct job *job, struct error *err)
{
	cleanup(xml_identity_clear) struct xml_identity identity = {0};

	if (xml_identify(job->request->text, &identity, err) < 0)
		return -1;
	job->name = identity.name;
	return define(job, &identity, err);
}

int run_create(struct job *job, struct error *err)
{
	cleanup(xml_identity_clear) struct xml_identity identity = {0};

	if (xml_identify(job->request->text, &identity, err) < 0)
		return -1;
	job->name = identity.name;
	return create(job, &identity, err);
}
