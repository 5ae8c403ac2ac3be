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

/* The domain that the parameters name, or NULL. */
static const char *domain_of(const struct method *m, const void *params)
{
	for (unsigned i = 0; i < m->params_count; i++) {
		const struct member *p = &m->params[i];

		if (p->type == &api_type_DOMAIN && p->count == 0)
			return *(char *const *)(const void *)((const char *)
								      params +
							      p->offset);
	}
	return NULL;
}

void ops_unknown(struct call *call, const void *params, struct error *err)
{
	const char *domain = domain_of(call_method(call), params);
	struct virt_done done = {.fn = on_state};
	struct virt_domain_ref ref;
	struct asked *a = calloc(1, sizeof(*a));

	if (!a || !domain) {
		free(a);
		call_fail(call, err);
		return;
	}
	a->call = call;
	a->domain = strdup(domain);
	error_move(&a->error, err);
	done.context = a;
	ref = ops_ref(call, domain);
	if (!a->domain ||
	    virt_domain_info(ops_virt(call), &ref, done, NULL) < 0)
		answer(a, "Look at it before trying again");
}
