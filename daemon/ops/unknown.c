/*
 * A retry of a call whose outcome is not known: what the host shows now is added to
 * the words, so that the caller need not guess. Called by rpc with the remembered
 * error. What always holds: nothing is done a second time, and the call fails with
 * the remembered code, whatever libvirt answers.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/ops/room.h"

/* The state is being asked for. */
struct asked {
	struct call *call;
	struct error error; /* the remembered one */
	char *domain;       /* as the caller named it */
};

static const char *state_text(enum virt_state state)
{
	return enum_text(&api_type_domain_state,
			 (unsigned)ops_domain_state(state));
}

static void answer(struct asked *a, const char *now)
{
	autoerror err = {0};

	error_set(&err, a->error.code, "%s. %s", error_words(&a->error), now);
	call_fail(a->call, &err);
	error_clear(&a->error);
	free(a->domain);
	free(a);
}

static void on_state(void *context, struct virt_reply *reply)
{
	struct asked *a = context;
	autobuf text = {0};
	autofree char *now = NULL;

	if (reply->domain.name)
		call_set_target(a->call, reply->domain.uuid,
				reply->domain.name);
	if (!error_is_set(&reply->error))
		buf_appendf(&text, "Now '%s' (%s) is %s on this host",
			    reply->domain.name, reply->domain.uuid,
			    state_text(reply->value.info.domain.state));
	else if (reply->error.code == ERROR_NOT_FOUND)
		buf_appendf(&text, "Now this host shows no domain '%s'",
			    a->domain);
	else
		buf_appendf(&text, "What '%s' is now cannot be told: %s",
			    a->domain, error_words(&reply->error));
	now = buf_steal_str(&text);
	answer(a, now ? now : "Look at it before trying again");
}

/* The parameter of that type, or NULL. */
static const char *text_of(const struct method *m, const void *params,
			   const struct type *type)
{
	for (unsigned i = 0; i < m->params_count; i++) {
		const struct member *p = &m->params[i];
		const void *at = (const char *)params + p->offset;

		if (p->type == type && p->count == 0)
			return *(char *const *)at;
	}
	return NULL;
}

/* The domain that the parameters name, or that their XML makes; or NULL. */
static char *domain_of(const struct method *m, const void *params)
{
	const char *domain = text_of(m, params, &api_type_DOMAIN);
	const char *xml = text_of(m, params, &api_type_XML);

	if (domain)
		return strdup(domain);
	if (xml && strncmp(m->name, "domain.", strlen("domain.")) == 0)
		return virt_xml_name(xml);
	return NULL;
}

void ops_unknown(struct call *call, const void *params, struct error *err)
{
	struct virt_done done = {.fn = on_state};
	struct virt_domain_ref ref;
	struct asked *a = calloc(1, sizeof(*a));

	if (a)
		a->domain = domain_of(call_method(call), params);
	if (!a || !a->domain) {
		free(a);
		call_fail(call, err);
		return;
	}
	a->call = call;
	error_move(&a->error, err);
	done.context = a;
	ref = ops_ref(call, a->domain);
	if (virt_domain_info(ops_virt(call), &ref, done, NULL) < 0)
		answer(a, "Look at it before trying again");
}
