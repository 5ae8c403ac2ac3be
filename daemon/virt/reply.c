/*
 * Replies: releasing what their values own, and the words for a domain's state
 * (virt.h, request.h). What done() has taken is NULL or -1 by then.
 */
#include "daemon/virt/request.h"

#include <string.h>

#include "daemon/virt/rows.h"
#include "daemon/virt/xml.h"

void domain_clear(struct virt_domain *domain)
{
	free(domain->name);
	free(domain->title);
	memset(domain, 0, sizeof(*domain));
}

static void clear_info(struct virt_domain_info *info)
{
	domain_clear(&info->domain);
	free(info->os_type);
	free(info->security_model);
	free(info->security_doi);
	free(info->security_label);
	for (char **m = info->messages; m && *m; m++)
		free(*m);
	free(info->messages);
	xml_consoles_clear(&info->consoles);
}

/* The rows' strings are those of the shared list. */
static void clear_list(struct virt_domain *rows, struct rows *shared)
{
	if (rows && (!shared || rows != shared->list))
		free(rows);
	rows_unref(shared);
}

static void clear_versions(struct virt_versions *versions)
{
	free(versions->library);
	free(versions->libvirt);
	free(versions->hypervisor);
	free(versions->hypervisor_version);
	free(versions->driver);
}

void reply_clear_value(struct virt_reply *reply)
{
	switch (reply->kind) {
	case VIRT_VALUE_NONE:
	case VIRT_VALUE_DEFINED:
		break;
	case VIRT_VALUE_HOST:
		free(reply->value.host.hostname);
		free(reply->value.host.model);
		break;
	case VIRT_VALUE_VERSIONS:
		clear_versions(&reply->value.versions);
		break;
	case VIRT_VALUE_LIST:
		clear_list(reply->value.list.rows, reply->value.list.shared);
		break;
	case VIRT_VALUE_INFO:
		clear_info(&reply->value.info);
		break;
	case VIRT_VALUE_XML:
		free(reply->value.xml);
		break;
	case VIRT_VALUE_PICTURE:
		free(reply->value.picture.png);
		break;
	case VIRT_VALUE_GRAPHICS:
		cleanup_close(&reply->value.graphics.fd);
		break;
	case VIRT_VALUE_SERIAL:
		cleanup_close(&reply->value.serial.fd);
		virt_console_free(reply->value.serial.console);
		break;
	case VIRT_VALUE_NOUN:
		if (reply->value.noun.data)
			reply->value.noun.free(reply->value.noun.data);
		break;
	}
	memset(&reply->value, 0, sizeof(reply->value));
	reply->kind = VIRT_VALUE_NONE;
}

void reply_clear(struct virt_reply *reply)
{
	error_clear(&reply->error);
	free(reply->domain.name);
	reply_clear_value(reply);
	memset(reply, 0, sizeof(*reply));
}

void reply_own(struct virt_reply *reply, void *data,
	       void (*free_data)(void *data))
{
	reply->kind = VIRT_VALUE_NOUN;
	reply->value.noun.data = data;
	reply->value.noun.free = free_data;
}

void *reply_make(struct virt_reply *reply, size_t size,
		 void (*free_data)(void *data), struct error *err)
{
	void *data = calloc(1, size);

	if (data)
		reply_own(reply, data, free_data);
	else
		error_set_no_memory(err);
	return data;
}

const char *virt_state_name(enum virt_state state)
{
	static const char *const names[] = {
		[VIRT_STATE_NONE] = "no state",
		[VIRT_STATE_RUNNING] = "running",
		[VIRT_STATE_BLOCKED] = "idle",
		[VIRT_STATE_PAUSED] = "paused",
		[VIRT_STATE_IN_SHUTDOWN] = "in shutdown",
		[VIRT_STATE_SHUT_OFF] = "shut off",
		[VIRT_STATE_CRASHED] = "crashed",
		[VIRT_STATE_SUSPENDED] = "pmsuspended",
	};

	if ((size_t)state >= array_size(names))
		return "no state";
	return names[state];
}
