/*
 * Changes to a domain's devices (device.h). XML of the caller goes to libvirt as
 * it came; the changes without XML take the device's own XML from libvirt, change
 * one thing in it and give it back.
 */
#include "daemon/virt/device.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/media.h"
#include "daemon/virt/xml_device.h"
#include "daemon/virt/xml_select.h"

/* -- what it affects ------------------------------------------------------- */

/* PERSISTENT as CONFIG, and LIVE where it runs. -1 with ERR. */
static int resolve_affect(struct job *job, unsigned flags, unsigned *affect,
			  struct error *err)
{
	int active = 0;

	*affect = flags & (VIRT_AFFECT_LIVE | VIRT_AFFECT_CONFIG);
	if (*affect && !(flags & VIRT_AFFECT_PERSISTENT))
		return 0;
	active = virDomainIsActive(job->domain);
	if (active < 0)
		return failure_set(job, err);
	if (flags & VIRT_AFFECT_PERSISTENT)
		*affect |= VIRT_AFFECT_CONFIG | (active ? VIRT_AFFECT_LIVE : 0);
	else
		*affect = active ? VIRT_AFFECT_LIVE : VIRT_AFFECT_CONFIG;
	return 0;
}

static int translate(struct job *job, unsigned *flags, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_AFFECT_LIVE, VIR_DOMAIN_AFFECT_LIVE},
		{VIRT_AFFECT_CONFIG, VIR_DOMAIN_AFFECT_CONFIG},
		{VIRT_AFFECT_FORCE, VIR_DOMAIN_DEVICE_MODIFY_FORCE},
	};
	unsigned given = job->request->flags, affect;

	if (resolve_affect(job, given, &affect, err) < 0)
		return -1;
	given &= ~(unsigned)VIRT_AFFECT_PERSISTENT;
	return flags_translate(given | affect, pairs, array_size(pairs), flags,
			       err);
}

/* -- by XML ---------------------------------------------------------------- */

static int admit(struct job *job, unsigned *flags, struct error *err)
{
	job->own_xml = true;
	if (xml_admit(job->request->text, NULL, "the device's XML", err) < 0 ||
	    xml_device_check(job->request->text, err) < 0)
		return -1;
	return translate(job, flags, err);
}

int run_attach(struct job *job, struct error *err)
{
	unsigned flags;

	if (admit(job, &flags, err) < 0)
		return -1;
	if (virDomainAttachDeviceFlags(job->domain, job->request->text, flags) <
	    0)
		return failure_set(job, err);
	return 0;
}

int run_detach(struct job *job, struct error *err)
{
	const char *alias = job->request->names[0];
	unsigned flags;
	int rc;

	if (alias ? translate(job, &flags, err) < 0
		  : admit(job, &flags, err) < 0)
		return -1;
	if (alias)
		rc = virDomainDetachDeviceAlias(job->domain, alias, flags);
	else
		rc = virDomainDetachDeviceFlags(job->domain, job->request->text,
						flags);
	return rc < 0 ? failure_set(job, err) : 0;
}

int run_update(struct job *job, struct error *err)
{
	unsigned flags;

	if (admit(job, &flags, err) < 0)
		return -1;
	if (virDomainUpdateDeviceFlags(job->domain, job->request->text, flags) <
	    0)
		return failure_set(job, err);
	return 0;
}

/* -- without XML ----------------------------------------------------------- */

/* The domain's XML, running or (CONFIG) defined; NULL with ERR. */
static char *xml_of(struct job *job, unsigned affect, struct error *err)
{
	unsigned flags =
		affect & VIRT_AFFECT_CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0;
	char *xml = virDomainGetXMLDesc(job->domain, flags);

	if (!xml)
		failure_set(job, err);
	return xml;
}

static int update(struct job *job, unsigned affect, const char *xml,
		  struct error *err)
{
	unsigned flags = affect & VIRT_AFFECT_CONFIG ? VIR_DOMAIN_AFFECT_CONFIG
						     : VIR_DOMAIN_AFFECT_LIVE;

	if (job->request->flags & VIRT_AFFECT_FORCE)
		flags |= VIR_DOMAIN_DEVICE_MODIFY_FORCE;
	if (virDomainUpdateDeviceFlags(job->domain, xml, flags) < 0)
		return failure_set(job, err);
	return 0;
}

/* CHANGE for the running domain, then for the definition, as far as wanted. */
static int for_each_affected(struct job *job,
			     int (*change)(struct job *job, unsigned affect,
					   void *context, struct error *err),
			     void *context, struct error *err)
{
	unsigned affect;

	if (resolve_affect(job, job->request->flags, &affect, err) < 0)
		return -1;
	if (affect & VIRT_AFFECT_LIVE &&
	    change(job, VIRT_AFFECT_LIVE, context, err) < 0)
		return -1;
	if (affect & VIRT_AFFECT_CONFIG)
		return change(job, VIRT_AFFECT_CONFIG, context, err);
	return 0;
}

static int check_drive(struct job *job, const char *xml, enum xml_drive *drive,
		       struct error *err)
{
	const char *domain = job->reply->domain.name;
	const char *name = job->request->names[0];
	bool loaded;

	if (xml_device_drive(xml, domain, name, drive, &loaded, err) < 0)
		return -1;
	if (job->request->number == VIRT_MEDIA_INSERT && loaded)
		return error_set(err, ERROR_STATE,
				 "drive '%s' of domain '%s' has a medium: "
				 "eject it first, or update it",
				 name, domain);
	if (job->request->number == VIRT_MEDIA_EJECT && !loaded)
		return error_set(err, ERROR_STATE,
				 "drive '%s' of domain '%s' is empty", name,
				 domain);
	return 0;
}

static int change_media(struct job *job, unsigned affect, void *context,
			struct error *err)
{
	autofree char *xml = xml_of(job, affect, err);
	cleanup(media_clear) struct media media = {0};
	struct xml_medium medium = {0};
	autofree char *device = NULL;
	enum xml_drive drive;

	if (!xml || check_drive(job, xml, &drive, err) < 0)
		return -1;
	if (job->request->number != VIRT_MEDIA_EJECT &&
	    media_find(job, drive, &media, err) < 0)
		return -1;
	if (media.path && media.block)
		medium.block = media.path;
	else
		medium.file = media.path;
	if (xml_device_media(xml, job->reply->domain.name,
			     job->request->names[0], &medium, &device, err) < 0)
		return -1;
	return update(job, affect, device, err);
}

int run_media(struct job *job, struct error *err)
{
	return for_each_affected(job, change_media, NULL, err);
}

static int change_link(struct job *job, unsigned affect, void *context,
		       struct error *err)
{
	autofree char *xml = xml_of(job, affect, err);
	autofree char *device = NULL;

	if (!xml || xml_device_link(xml, job->reply->domain.name,
				    job->request->names[0], job->request->force,
				    &device, err) < 0)
		return -1;
	return update(job, affect, device, err);
}

int run_link(struct job *job, struct error *err)
{
	return for_each_affected(job, change_link, NULL, err);
}
