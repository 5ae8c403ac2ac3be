/*
 * The verbs about secrets: each makes a request of copies and submits it (as verbs.c
 * does for domains). Called on the caller's thread; nothing here blocks.
 */
#include "daemon/virt/secret.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

static struct request *make(enum verb_id id, const char *secret,
			    struct virt_done done, struct error *err)
{
	autoptr(request) request = request_new(id, NULL, NULL, done, err);

	if (!request || request_set_name(request, 0, secret,
					 "the UUID of a secret", err) < 0)
		return NULL;
	return steal(&request);
}

int virt_secret_list(struct virt *v, struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_SECRET_LIST, NULL, done, err), err);
}

int virt_secret_define(struct virt *v, const char *xml, bool validate,
		       struct virt_done done, struct error *err)
{
	autoptr(request) request = make(VERB_SECRET_DEFINE, NULL, done, err);

	if (!request || request_set_text(request, xml, VIRT_XML_MAX,
					 "the secret's XML", err) < 0)
		return -1;
	request->force = validate;
	return virt_submit(v, steal(&request), err);
}

int virt_secret_undefine(struct virt *v, const char *secret,
			 struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_SECRET_UNDEFINE, secret, done, err),
			   err);
}

int virt_secret_set_value(struct virt *v, const char *secret,
			  const char *base64, struct virt_done done,
			  struct error *err)
{
	autoptr(request) request =
		make(VERB_SECRET_SET_VALUE, secret, done, err);

	if (!request || request_set_text(request, base64, VIRT_SECRET_TEXT_MAX,
					 "a secret's value", err) < 0)
		return -1;
	return virt_submit(v, steal(&request), err);
}
