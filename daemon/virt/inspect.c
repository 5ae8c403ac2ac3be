/*
 * One domain seen closely: what virsh dominfo and dumpxml show (verbs of
 * verbs.def), and the pieces of it that the list shares.
 */
#include "daemon/virt/job.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/flags.h"
#include "daemon/virt/titles.h"
#include "daemon/virt/xml.h"

static void format_uuid(const unsigned char *bytes, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < VIR_UUID_BUFLEN; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}

/* One call for the UUID: libvirt's own formatting is slow in a long list. */
int inspect_names(struct job *job, virDomainPtr domain, struct virt_domain *row,
		  struct error *err)
{
	unsigned char uuid[VIR_UUID_BUFLEN] = {0};
	unsigned id = virDomainGetID(domain);

	virDomainGetUUID(domain, uuid);
	format_uuid(uuid, row->uuid);
	row->id = id == (unsigned)-1 ? -1 : (int)id;
	row->name = strdup(virDomainGetName(domain));
	row->title = titles_get(job->titles, domain, uuid);
	row->reason = "unknown";
	return row->name ? 0 : error_set_no_memory(err);
}

int inspect_sizes(struct job *job, virDomainPtr domain, struct virt_domain *row,
		  uint64_t *cpu_time, struct error *err)
{
	virDomainInfo info;

	if (virDomainGetInfo(domain, &info) < 0)
		return failure_set(job, err);
	row->state = (enum virt_state)info.state;
	row->vcpus = info.nrVirtCpu;
	row->memory_kib = info.memory;
	row->max_memory_kib = info.maxMem;
	if (cpu_time)
		*cpu_time = info.cpuTime;
	return 0;
}

static int inspect_state(struct job *job, struct virt_domain *row,
			 struct error *err)
{
	int state, reason;

	if (virDomainGetState(job->domain, &state, &reason, 0) < 0)
		return failure_set(job, err);
	row->state = (enum virt_state)state;
	row->reason = state_reason(state, reason);
	return 0;
}

/* What a driver does not know is left out: dominfo is not a single answer. */
static int inspect_security(struct job *job, struct virt_domain_info *info,
			    struct error *err)
{
	virSecurityModel model = {"", ""};
	autofree virSecurityLabelPtr label = NULL;

	if (virNodeGetSecurityModel(job->conn, &model) < 0 || !model.model[0])
		return 0;
	info->security_model = strndup(model.model, sizeof(model.model));
	info->security_doi = strndup(model.doi, sizeof(model.doi));
	if (!info->security_model || !info->security_doi)
		return error_set_no_memory(err);
	if (info->domain.id < 0)
		return 0;
	label = calloc(1, sizeof(*label));
	if (!label)
		return error_set_no_memory(err);
	if (virDomainGetSecurityLabel(job->domain, label) < 0 ||
	    !label->label[0])
		return 0;
	info->security_label = strndup(label->label, sizeof(label->label));
	info->security_enforcing = label->enforcing != 0;
	return info->security_label ? 0 : error_set_no_memory(err);
}

static void inspect_messages(struct job *job, struct virt_domain_info *info)
{
	int count = virDomainGetMessages(job->domain, &info->messages, 0);

	if (count <= 0 && info->messages)
		free(steal(&info->messages));
}

static int inspect_consoles(struct job *job, struct virt_domain_info *info,
			    struct error *err)
{
	autofree char *xml = virDomainGetXMLDesc(job->domain, 0);

	if (!xml)
		return failure_set(job, err);
	return xml_list_consoles(xml, &info->consoles, err);
}

int run_info(struct job *job, struct error *err)
{
	struct virt_domain_info *info = &job->reply->value.info;
	int persistent, autostart;

	job->reply->kind = VIRT_VALUE_INFO;
	if (inspect_names(job, job->domain, &info->domain, err) < 0 ||
	    inspect_sizes(job, job->domain, &info->domain, &info->cpu_time_ns,
			  err) < 0 ||
	    inspect_state(job, &info->domain, err) < 0)
		return -1;
	persistent = virDomainIsPersistent(job->domain);
	if (persistent < 0)
		return failure_set(job, err);
	info->domain.persistent = persistent > 0;
	if (virDomainGetAutostart(job->domain, &autostart) == 0)
		info->domain.autostart = autostart != 0;
	info->os_type = virDomainGetOSType(job->domain);
	if (!info->os_type)
		return failure_set(job, err);
	info->managed_save = virDomainHasManagedSaveImage(job->domain, 0) > 0;
	inspect_messages(job, info);
	if (inspect_consoles(job, info, err) < 0)
		return -1;
	return inspect_security(job, info, err);
}

int run_xml(struct job *job, struct error *err)
{
	static const struct flag_pair pairs[] = {
		{VIRT_XML_SECURE, VIR_DOMAIN_XML_SECURE},
		{VIRT_XML_INACTIVE, VIR_DOMAIN_XML_INACTIVE},
		{VIRT_XML_UPDATE_CPU, VIR_DOMAIN_XML_UPDATE_CPU},
		{VIRT_XML_MIGRATABLE, VIR_DOMAIN_XML_MIGRATABLE},
	};
	unsigned flags;

	if (flags_translate(job->request->flags, pairs, array_size(pairs),
			    &flags, err) < 0)
		return -1;
	job->reply->kind = VIRT_VALUE_XML;
	job->reply->value.xml = virDomainGetXMLDesc(job->domain, flags);
	return job->reply->value.xml ? 0 : failure_set(job, err);
}
