/*
 * One domain: the handlers of domain.info and domain.xml, which only read. What
 * always holds: the domain is looked up once, by virt, and named in the answer;
 * strings are borrowed from the reply.
 */
#include "daemon/ops/room.h"

static struct domain_info describe(const struct virt_domain_info *info)
{
	const struct virt_domain *d = &info->domain;

	return (struct domain_info){
		.uuid = ops_borrow(d->uuid),
		.name = d->name,
		.id = d->id >= 0 ? (uint64_t)d->id : 0,
		.has_id = d->id >= 0,
		.state = ops_domain_state(d->state),
		.reason = ops_borrow(d->reason),
		.has_reason = true,
		.os_type = info->os_type,
		.title = d->title,
		.has_title = d->title != NULL,
		.vcpus = d->vcpus,
		.cpu_time = info->cpu_time_ns,
		.memory = ops_bytes(d->memory_kib),
		.memory_max = ops_bytes(d->max_memory_kib),
		.persistent = d->persistent,
		.autostart = d->autostart,
		.managed_save = info->managed_save,
		.security_model = info->security_model,
		.has_security_model = info->security_model != NULL,
		.security_label = info->security_label,
		.has_security_label = info->security_label != NULL,
	};
}

static void describe_display(const struct virt_display *from, size_t n,
			     struct graphics_info *to)
{
	*to = (struct graphics_info){
		.n = n,
		.type = from->type,
		.listen = from->listen,
		.address = from->address,
		.has_address = from->address != NULL,
		.port = from->port,
		.has_port = from->port != 0,
		.tls_port = from->tls_port,
		.has_tls_port = from->tls_port != 0,
		.socket = from->socket,
		.has_socket = from->socket != NULL,
	};
}

static void describe_line(const struct virt_line *from, size_t n,
			  struct serial_info *to)
{
	*to = (struct serial_info){
		.n = n,
		.device = ops_borrow(from->console ? "console" : "serial"),
		.type = from->type,
		.target = from->target,
		.has_target = from->target != NULL,
		.alias = from->alias,
		.has_alias = from->alias != NULL,
	};
}

static void answer_info(struct call *call, const struct virt_domain_info *info)
{
	const struct virt_consoles *c = &info->consoles;
	struct domain_info result = describe(info);
	autofree struct graphics_info *graphics =
		calloc(c->displays_count + 1, sizeof(*graphics));
	autofree struct serial_info *serial =
		calloc(c->lines_count + 1, sizeof(*serial));
	autoerror err = {0};

	if (!graphics || !serial) {
		error_set_no_memory(&err);
		call_fail(call, &err);
		return;
	}
	for (size_t i = 0; i < c->displays_count; i++)
		describe_display(&c->displays[i], i, &graphics[i]);
	for (size_t i = 0; i < c->lines_count; i++)
		describe_line(&c->lines[i], i, &serial[i]);
	result.graphics = graphics;
	result.graphics_count = c->displays_count;
	result.serial = serial;
	result.serial_count = c->lines_count;
	call_return(call, &result);
}

static void on_info(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		answer_info(context, &reply->value.info);
}

void op_domain_info(struct call *call, const struct domain_info_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_info(ops_virt(call), &ref,
				       ops_then(call, on_info), &err),
		      &err);
}

static void on_xml(void *context, struct virt_reply *reply)
{
	struct domain_xml_text result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct domain_xml_text){
		.uuid = reply->domain.uuid,
		.name = reply->domain.name,
		.xml = reply->value.xml,
	};
	call_return(context, &result);
}

static unsigned xml_flags(const struct domain_xml_params *p)
{
	return (p->secure ? VIRT_XML_SECURE : 0u) |
	       (p->inactive ? VIRT_XML_INACTIVE : 0u) |
	       (p->update_cpu ? VIRT_XML_UPDATE_CPU : 0u) |
	       (p->migratable ? VIRT_XML_MIGRATABLE : 0u);
}

void op_domain_xml(struct call *call, const struct domain_xml_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_xml(ops_virt(call), &ref, xml_flags(params),
				      ops_then(call, on_xml), &err),
		      &err);
}
