/*
 * The verbs of the public header: each makes a request of copies and submits it.
 * Called on the caller's thread; nothing here blocks.
 */
#include "daemon/virt/virt.h"

#include <string.h>

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

static int host_verb(struct virt *v, enum verb_id id, struct virt_done done,
		     struct error *err)
{
	return virt_submit(v, request_new(id, NULL, NULL, done, err), err);
}

static int domain_verb(struct virt *v, enum verb_id id,
		       const struct virt_domain_ref *ref, unsigned flags,
		       struct virt_done done, struct error *err)
{
	struct request *request =
		request_new(id, ref->name_or_uuid, ref->scope, done, err);

	if (request)
		request->flags = flags;
	return virt_submit(v, request, err);
}

static int xml_verb(struct virt *v, enum verb_id id, const char *xml,
		    char *const *scope, unsigned flags, struct virt_done done,
		    struct error *err)
{
	autoptr(request) request = request_new(id, NULL, scope, done, err);

	if (!request || request_set_text(request, xml, VIRT_XML_MAX,
					 "the domain's XML", err) < 0)
		return -1;
	request->flags = flags;
	return virt_submit(v, steal(&request), err);
}

int virt_host_info(struct virt *v, struct virt_done done, struct error *err)
{
	return host_verb(v, VERB_HOST_INFO, done, err);
}

int virt_host_versions(struct virt *v, struct virt_done done, struct error *err)
{
	return host_verb(v, VERB_HOST_VERSIONS, done, err);
}

int virt_domain_list(struct virt *v, char *const *scope, struct virt_done done,
		     struct error *err)
{
	return virt_submit(v, request_new(VERB_LIST, NULL, scope, done, err),
			   err);
}

int virt_domain_define(struct virt *v, const char *xml, char *const *scope,
		       unsigned flags, struct virt_done done, struct error *err)
{
	return xml_verb(v, VERB_DEFINE, xml, scope, flags, done, err);
}

int virt_domain_create(struct virt *v, const char *xml, char *const *scope,
		       unsigned flags, struct virt_done done, struct error *err)
{
	return xml_verb(v, VERB_CREATE, xml, scope, flags, done, err);
}

int virt_domain_info(struct virt *v, const struct virt_domain_ref *ref,
		     struct virt_done done, struct error *err)
{
	return domain_verb(v, VERB_INFO, ref, 0, done, err);
}

int virt_domain_xml(struct virt *v, const struct virt_domain_ref *ref,
		    unsigned flags, struct virt_done done, struct error *err)
{
	return domain_verb(v, VERB_XML, ref, flags, done, err);
}

int virt_domain_undefine(struct virt *v, const struct virt_domain_ref *ref,
			 unsigned flags, struct virt_done done,
			 struct error *err)
{
	return domain_verb(v, VERB_UNDEFINE, ref, flags, done, err);
}

int virt_domain_start(struct virt *v, const struct virt_domain_ref *ref,
		      unsigned flags, struct virt_done done, struct error *err)
{
	return domain_verb(v, VERB_START, ref, flags, done, err);
}

int virt_domain_shutdown(struct virt *v, const struct virt_domain_ref *ref,
			 unsigned modes, struct virt_done done,
			 struct error *err)
{
	return domain_verb(v, VERB_SHUTDOWN, ref, modes, done, err);
}

int virt_domain_reboot(struct virt *v, const struct virt_domain_ref *ref,
		       unsigned modes, struct virt_done done, struct error *err)
{
	return domain_verb(v, VERB_REBOOT, ref, modes, done, err);
}

int virt_domain_destroy(struct virt *v, const struct virt_domain_ref *ref,
			unsigned flags, struct virt_done done,
			struct error *err)
{
	return domain_verb(v, VERB_DESTROY, ref, flags, done, err);
}

int virt_domain_suspend(struct virt *v, const struct virt_domain_ref *ref,
			struct virt_done done, struct error *err)
{
	return domain_verb(v, VERB_SUSPEND, ref, 0, done, err);
}

int virt_domain_resume(struct virt *v, const struct virt_domain_ref *ref,
		       struct virt_done done, struct error *err)
{
	return domain_verb(v, VERB_RESUME, ref, 0, done, err);
}

int virt_domain_screenshot(struct virt *v, const struct virt_domain_ref *ref,
			   unsigned screen, struct virt_done done,
			   struct error *err)
{
	struct request *request = request_new(
		VERB_SCREENSHOT, ref->name_or_uuid, ref->scope, done, err);

	if (request)
		request->number = screen;
	return virt_submit(v, request, err);
}

int virt_domain_open_graphics(struct virt *v, const struct virt_domain_ref *ref,
			      unsigned index, const char *run,
			      struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_GRAPHICS, ref->name_or_uuid,
					       ref->scope, done, err);

	if (!request || request_set_text(request, run, VIRT_NAME_MAX,
					 "the run of a domain", err) < 0)
		return -1;
	request->number = index;
	return virt_submit(v, steal(&request), err);
}

/* -- serial lines ----------------------------------------------------------- */

static void free_ask(void *data)
{
	struct virt_serial_ask *ask = data;

	free((char *)ask->line);
	free((char *)ask->token);
	free((char *)ask->who);
	free((char *)ask->from);
	free(ask);
}

static char *copy(const char *text, bool *failed)
{
	char *copied = text ? strdup(text) : NULL;

	*failed |= text && !copied;
	return copied;
}

/* To free_ask(); NULL without memory. The device is the request's text. */
static struct virt_serial_ask *copy_ask(const struct virt_serial_ask *from)
{
	struct virt_serial_ask *ask = calloc(1, sizeof(*ask));
	bool failed = false;

	if (!ask)
		return NULL;
	*ask = *from;
	ask->device = NULL;
	ask->line = copy(from->line, &failed);
	ask->token = copy(from->token, &failed);
	ask->who = copy(from->who ? from->who : "somebody", &failed);
	ask->from = copy(from->from ? from->from : "somewhere", &failed);
	if (!failed)
		return ask;
	free_ask(ask);
	return NULL;
}

int virt_domain_open_serial(struct virt *v, const struct virt_domain_ref *ref,
			    const struct virt_serial_ask *ask,
			    struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(VERB_SERIAL, ref->name_or_uuid,
					       ref->scope, done, err);
	const char *device = ask->device && *ask->device ? ask->device : NULL;

	if (!request || request_set_text(request, device, VIRT_NAME_MAX,
					 "the name of a serial line", err) < 0)
		return -1;
	if (ask->token && strlen(ask->token) >= VIRT_TOKEN_SIZE)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "a writer's token has at most %d bytes",
				 VIRT_TOKEN_SIZE - 1);
	request->data = copy_ask(ask);
	request->data_free = free_ask;
	if (!request->data)
		return error_set_no_memory(err);
	request->force = ask->force;
	return virt_submit(v, steal(&request), err);
}
