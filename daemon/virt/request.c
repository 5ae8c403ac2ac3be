/*
 * Requests: deep copies of arguments with their limits, and the table of verbs
 * (request.h). Nothing here knows libvirt.
 */
#include "daemon/virt/request.h"

#include <string.h>

#include "base/secret.h"
#include "daemon/virt/job.h"

#define LANE_OF_QUICK     LANE_QUICK
#define LANE_OF_SLOW      LANE_SLOW
#define LANE_OF_LONG      LANE_LONG
#define CHANGES_OF_READ   false
#define CHANGES_OF_CHANGE true
#define DOMAIN_OF_HOST    false
#define DOMAIN_OF_DOMAIN  true

const struct verb *verb_get(enum verb_id id)
{
	static const struct verb table[] = {
#define VERB(id_, lane_, change_, subject_, run_, deed_)                       \
	[VERB_##id_] = {LANE_OF_##lane_, CHANGES_OF_##change_,                 \
			DOMAIN_OF_##subject_, deed_, run_},
#include "daemon/virt/verbs.def"
#undef VERB
	};

	return &table[id];
}

static char **copy_scope(char *const *scope)
{
	size_t count = 0;
	char **copy;

	while (scope[count])
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(scope[i]);
		if (!copy[i]) {
			while (i > 0)
				free(copy[--i]);
			free(steal(&copy));
		}
	}
	return copy;
}

struct request *request_new(enum verb_id id, const char *domain,
			    char *const *scope, struct virt_done done,
			    struct error *err)
{
	autoptr(request) request = NULL;

	if (domain && (!*domain || strlen(domain) > VIRT_NAME_MAX)) {
		error_set(err, ERROR_INVALID_PARAMS,
			  "a domain's name has 1 to %d bytes", VIRT_NAME_MAX);
		return NULL;
	}
	request = calloc(1, sizeof(*request));
	if (request) {
		list_init(&request->node);
		request->id = id;
		for (size_t i = 0; i < REQUEST_FDS; i++)
			request->fds[i] = -1;
		request->done = done;
		request->domain = domain ? strdup(domain) : NULL;
		request->scope = scope ? copy_scope(scope) : NULL;
	}
	if (!request || (domain && !request->domain) ||
	    (scope && !request->scope)) {
		error_set_no_memory(err);
		return NULL;
	}
	return steal(&request);
}

int request_set_text(struct request *request, const char *text, size_t limit,
		     const char *what, struct error *err)
{
	if (!text)
		return 0;
	if (strnlen(text, limit + 1) > limit)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "%s has more than %zu bytes", what, limit);
	request->text = strdup(text);
	return request->text ? 0 : error_set_no_memory(err);
}

int request_set_name(struct request *request, unsigned i, const char *name,
		     const char *what, struct error *err)
{
	if (!name)
		return 0;
	if (!*name || strnlen(name, VIRT_NAME_MAX + 1) > VIRT_NAME_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "%s has 1 to %d bytes", what, VIRT_NAME_MAX);
	request->names[i] = strdup(name);
	return request->names[i] ? 0 : error_set_no_memory(err);
}

void request_free(struct request *request)
{
	if (!request)
		return;
	for (char **s = request->scope; s && *s; s++)
		free(*s);
	free(request->scope);
	free(request->domain);
	if (request->text) /* it may be a secret's value */
		secret_wipe(request->text, strlen(request->text));
	free(request->text);
	for (size_t i = 0; i < REQUEST_NAMES; i++)
		free(request->names[i]);
	if (request->data)
		request->data_free(request->data);
	for (size_t i = 0; i < REQUEST_FDS; i++)
		cleanup_close(&request->fds[i]);
	reply_clear(&request->reply);
	free(request);
}
