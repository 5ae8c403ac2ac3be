/*
 * A domain's definition and its live double (verbs of definition.h): one libvirt
 * call each, on the object that was looked up. What holds: a new name lies in the
 * caller's scope, and metadata are one plain element, before libvirt sees them.
 */
#include "daemon/virt/definition.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "base/glob.h"
#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/job.h"
#include "daemon/virt/titles.h"
#include "daemon/virt/xml.h"
#include "daemon/virt/xml_clone.h"

static const struct flag_pair affects[] = {
	{VIRT_AFFECT_LIVE, VIR_DOMAIN_AFFECT_LIVE},
	{VIRT_AFFECT_CONFIG, VIR_DOMAIN_AFFECT_CONFIG},
};

static int affect(const struct job *job, unsigned *flags, struct error *err)
{
	return flags_translate(job->request->flags, affects,
			       array_size(affects), flags, err);
}

int run_autostart(struct job *job, struct error *err)
{
	job->acting = true;
	if (virDomainSetAutostart(job->domain, job->request->numbers[0] != 0) <
	    0)
		return failure_set(job, err);
	return 0;
}

/* libvirt's event may come later than our own next list. */
static void forget_title(struct job *job)
{
	unsigned char uuid[VIR_UUID_BUFLEN];

	if (virDomainGetUUID(job->domain, uuid) == 0)
		titles_drop(job->titles, uuid);
}

int run_rename(struct job *job, struct error *err)
{
	const char *name = job->request->names[0];
	autofree char *shown = NULL;

	if (job->request->scope && !glob_match_any(job->request->scope, name))
		return error_set(err, ERROR_DENIED,
				 "you have no right to a domain of the name "
				 "'%s'",
				 name);
	job->acting = true;
	if (virDomainRename(job->domain, name, 0) < 0)
		return failure_set(job, err);
	shown = strdup(name);
	if (!shown)
		return error_set_no_memory(err);
	free(job->reply->domain.name);
	job->reply->domain.name = steal(&shown);
	return 0;
}

/* -- title, description, metadata ------------------------------------------ */

static void free_description(void *data)
{
	struct virt_description *d = data;

	free(d->title);
	free(d->description);
	free(d);
}

/* NULL in *TEXT: it has none. */
static int get_text(struct job *job, int type, unsigned flags, char **text,
		    struct error *err)
{
	*text = virDomainGetMetadata(job->domain, type, NULL, flags);
	if (*text || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA)
		return 0;
	return failure_set(job, err);
}

int run_description(struct job *job, struct error *err)
{
	struct virt_description *d;
	unsigned flags;

	if (affect(job, &flags, err) < 0)
		return -1;
	d = reply_make(job->reply, sizeof(*d), free_description, err);
	if (!d)
		return -1;
	if (get_text(job, VIR_DOMAIN_METADATA_TITLE, flags, &d->title, err) < 0)
		return -1;
	return get_text(job, VIR_DOMAIN_METADATA_DESCRIPTION, flags,
			&d->description, err);
}

int run_set_text(struct job *job, struct error *err)
{
	bool title = job->request->numbers[0] == VIRT_TEXT_TITLE;
	const char *text = job->request->text;
	unsigned flags;

	if (affect(job, &flags, err) < 0)
		return -1;
	if (title && strchr(text, '\n'))
		return error_set(err, ERROR_INVALID_PARAMS,
				 "a title is one line: put the rest into the "
				 "description");
	job->acting = true;
	if (virDomainSetMetadata(job->domain,
				 title ? VIR_DOMAIN_METADATA_TITLE
				       : VIR_DOMAIN_METADATA_DESCRIPTION,
				 *text ? text : NULL, NULL, NULL, flags) < 0)
		return failure_set(job, err);
	forget_title(job);
	return 0;
}

static int no_metadata(struct job *job, struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND,
			 "domain '%s' has no metadata of the URI '%s'",
			 job->reply->domain.name, job->request->names[0]);
}

int run_metadata(struct job *job, struct error *err)
{
	unsigned flags;
	char *xml;

	if (affect(job, &flags, err) < 0)
		return -1;
	xml = virDomainGetMetadata(job->domain, VIR_DOMAIN_METADATA_ELEMENT,
				   job->request->names[0], flags);
	if (!xml && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA)
		return no_metadata(job, err);
	if (!xml)
		return failure_set(job, err);
	reply_own(job->reply, xml, free);
	return 0;
}

int run_set_metadata(struct job *job, struct error *err)
{
	const struct request *request = job->request;
	unsigned flags;

	if (affect(job, &flags, err) < 0 ||
	    (request->text && xml_check_element(request->text, err) < 0))
		return -1;
	job->own_xml = request->text != NULL;
	job->acting = true;
	if (virDomainSetMetadata(job->domain, VIR_DOMAIN_METADATA_ELEMENT,
				 request->text, request->names[1],
				 request->names[0], flags) < 0)
		return failure_set(job, err);
	return 0;
}

/* -- clones ---------------------------------------------------------------- */

int run_clone(struct job *job, struct error *err)
{
	autofree char *xml = virDomainGetXMLDesc(
		job->domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
	autofree char *copy = NULL;

	if (!xml)
		return failure_set(job, err);
	if (xml_clone(xml, job->request->data, &copy, err) < 0)
		return error_prefix(err, "domain '%s' could not be cloned",
				    job->reply->domain.name);
	return define_text(job, copy, err);
}

/* -- processors and memory ------------------------------------------------- */

int run_set_vcpus(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_AFFECT_LIVE, VIR_DOMAIN_VCPU_LIVE},
		{VIRT_AFFECT_CONFIG, VIR_DOMAIN_VCPU_CONFIG},
		{VIRT_VCPU_MAXIMUM, VIR_DOMAIN_VCPU_MAXIMUM},
		{VIRT_VCPU_GUEST, VIR_DOMAIN_VCPU_GUEST},
		{VIRT_VCPU_HOTPLUGGABLE, VIR_DOMAIN_VCPU_HOTPLUGGABLE},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	job->acting = true;
	if (virDomainSetVcpusFlags(
		    job->domain, (unsigned)job->request->numbers[0], flags) < 0)
		return failure_set(job, err);
	return 0;
}

int run_set_memory(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_AFFECT_LIVE, VIR_DOMAIN_MEM_LIVE},
		{VIRT_AFFECT_CONFIG, VIR_DOMAIN_MEM_CONFIG},
		{VIRT_MEMORY_MAXIMUM, VIR_DOMAIN_MEM_MAXIMUM},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	job->acting = true;
	if (virDomainSetMemoryFlags(job->domain, job->request->numbers[0],
				    flags) < 0)
		return failure_set(job, err);
	return 0;
}
