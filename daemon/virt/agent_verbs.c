/* The requests of agent.h. Called on the caller's thread; nothing blocks. */
#include "daemon/virt/agent.h"

#include "base/buf.h"

#include "daemon/virt/internal.h"
#include "daemon/virt/request.h"

static struct request *make(enum verb_id id, const struct virt_domain_ref *ref,
			    struct virt_done done, struct error *err)
{
	return request_new(id, ref->name_or_uuid, ref->scope, done, err);
}

int virt_agent_command(struct virt *v, const struct virt_domain_ref *ref,
		       const char *command, unsigned pause_ms,
		       struct virt_done done, struct error *err)
{
	autoptr(request) request = make(VERB_AGENT_COMMAND, ref, done, err);

	if (!request || request_set_text(request, command, VIRT_XML_MAX,
					 "a command for the agent", err) < 0)
		return -1;
	request->number =
		pause_ms < VIRT_AGENT_PAUSE_MS ? pause_ms : VIRT_AGENT_PAUSE_MS;
	return virt_submit(v, steal(&request), err);
}

int virt_agent_ping(struct virt *v, const struct virt_domain_ref *ref,
		    struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_AGENT_PING, ref, done, err), err);
}

int virt_agent_time(struct virt *v, const struct virt_domain_ref *ref,
		    struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_AGENT_TIME, ref, done, err), err);
}

int virt_agent_set_time(struct virt *v, const struct virt_domain_ref *ref,
			uint64_t seconds, uint32_t nanoseconds, bool sync,
			struct virt_done done, struct error *err)
{
	struct request *request = make(VERB_AGENT_SET_TIME, ref, done, err);

	if (request) {
		request->numbers[0] = seconds;
		request->numbers[1] = nanoseconds;
		request->force = sync;
	}
	return virt_submit(v, request, err);
}

int virt_agent_info(struct virt *v, const struct virt_domain_ref *ref,
		    unsigned groups, struct virt_done done, struct error *err)
{
	struct request *request = make(VERB_AGENT_INFO, ref, done, err);

	if (request)
		request->flags = groups;
	return virt_submit(v, request, err);
}

int virt_agent_filesystems(struct virt *v, const struct virt_domain_ref *ref,
			   struct virt_done done, struct error *err)
{
	return virt_submit(v, make(VERB_AGENT_FILESYSTEMS, ref, done, err),
			   err);
}

int virt_agent_hostname(struct virt *v, const struct virt_domain_ref *ref,
			enum virt_hostname_source source, struct virt_done done,
			struct error *err)
{
	struct request *request = make(VERB_AGENT_HOSTNAME, ref, done, err);

	if (request)
		request->number = source;
	return virt_submit(v, request, err);
}

/* Mount points, a line each. */
static int freeze(struct virt *v, enum verb_id id,
		  const struct virt_domain_ref *ref, char *const *mountpoints,
		  size_t n, struct virt_done done, struct error *err)
{
	autoptr(request) request = make(id, ref, done, err);
	autobuf lines = {0};
	autofree char *text = NULL;

	if (!request)
		return -1;
	for (size_t i = 0; i < n; i++)
		buf_appendf(&lines, "%s\n", mountpoints[i]);
	text = buf_steal_str(&lines);
	if (!text)
		return error_set_no_memory(err);
	if (request_set_text(request, text, VIRT_XML_MAX,
			     "the list of mount points", err) < 0)
		return -1;
	request->numbers[0] = n;
	return virt_submit(v, steal(&request), err);
}

int virt_agent_freeze(struct virt *v, const struct virt_domain_ref *ref,
		      char *const *mountpoints, size_t n, struct virt_done done,
		      struct error *err)
{
	return freeze(v, VERB_AGENT_FREEZE, ref, mountpoints, n, done, err);
}

int virt_agent_thaw(struct virt *v, const struct virt_domain_ref *ref,
		    char *const *mountpoints, size_t n, struct virt_done done,
		    struct error *err)
{
	return freeze(v, VERB_AGENT_THAW, ref, mountpoints, n, done, err);
}

int virt_agent_trim(struct virt *v, const struct virt_domain_ref *ref,
		    uint64_t minimum, struct virt_done done, struct error *err)
{
	struct request *request = make(VERB_AGENT_TRIM, ref, done, err);

	if (request)
		request->numbers[0] = minimum;
	return virt_submit(v, request, err);
}

int virt_agent_set_password(struct virt *v, const struct virt_domain_ref *ref,
			    const char *user, const char *password,
			    bool encrypted, struct virt_done done,
			    struct error *err)
{
	autoptr(request) request = make(VERB_AGENT_PASSWORD, ref, done, err);

	if (!request ||
	    request_set_name(request, 0, user, "the name of a user", err) < 0 ||
	    request_set_text(request, password, VIRT_PATH_MAX, "a password",
			     err) < 0)
		return -1;
	request->force = encrypted;
	return virt_submit(v, steal(&request), err);
}
