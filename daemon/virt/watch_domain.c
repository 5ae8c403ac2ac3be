/*
 * The callbacks of domain events (watch.h): libvirt's numbers into virsh's words.
 * Called by libvirt alone, on its event thread.
 */
#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/virt/event.h"
#include "daemon/virt/watch.h"

static const char *word_of(const char *const *words, size_t count, int number)
{
	return number >= 0 && (size_t)number < count ? words[number] : NULL;
}

#define WORD(words, number) word_of(words, array_size(words), number)

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* -- lifecycle ------------------------------------------------------------- */

static const char *detail_of(int event, int detail)
{
	static const char *const defined[] = {"added", "updated", "renamed",
					      "from snapshot"};
	static const char *const undefined[] = {"removed", "renamed"};
	static const char *const started[] = {"booted", "migrated", "restored",
					      "from snapshot", "wakeup"};
	static const char *const suspended[] = {
		"paused",    "migrated",  "I/O error",
		"watchdog",  "restored",  "from snapshot",
		"API error", "post-copy", "post-copy error"};
	static const char *const resumed[] = {"unpaused", "migrated",
					      "from snapshot", "post-copy"};
	static const char *const stopped[] = {"shutdown",     "destroyed",
					      "crashed",      "migrated",
					      "saved",        "failed",
					      "from snapshot"};
	static const char *const shutdown[] = {
		"finished", "after guest request", "after host request"};
	static const char *const pmsuspended[] = {"memory", "disk"};
	static const char *const crashed[] = {"panicked", "crashloaded"};

	switch (event) {
	case VIR_DOMAIN_EVENT_DEFINED:
		return WORD(defined, detail);
	case VIR_DOMAIN_EVENT_UNDEFINED:
		return WORD(undefined, detail);
	case VIR_DOMAIN_EVENT_STARTED:
		return WORD(started, detail);
	case VIR_DOMAIN_EVENT_SUSPENDED:
		return WORD(suspended, detail);
	case VIR_DOMAIN_EVENT_RESUMED:
		return WORD(resumed, detail);
	case VIR_DOMAIN_EVENT_STOPPED:
		return WORD(stopped, detail);
	case VIR_DOMAIN_EVENT_SHUTDOWN:
		return WORD(shutdown, detail);
	case VIR_DOMAIN_EVENT_PMSUSPENDED:
		return WORD(pmsuspended, detail);
	case VIR_DOMAIN_EVENT_CRASHED:
		return WORD(crashed, detail);
	default:
		return NULL;
	}
}

static void on_lifecycle(virConnectPtr conn, virDomainPtr domain, int event,
			 int detail, void *opaque)
{
	static const char *const words[] = {
		"defined", "undefined", "started",     "suspended", "resumed",
		"stopped", "shutdown",  "pmsuspended", "crashed"};
	struct virt_event told = {.type = VIRT_EVENT_LIFECYCLE,
				  .event = WORD(words, event),
				  .detail = detail_of(event, detail)};

	if (event == VIR_DOMAIN_EVENT_STARTED)
		watch_lifecycle(opaque, domain, NULL);
	else if (event == VIR_DOMAIN_EVENT_STOPPED)
		watch_lifecycle(opaque, domain,
				told.detail ? told.detail : "unknown");
	watch_tell(opaque, domain, &told);
}

/* -- those that are about the domain as a whole ------------------------------ */

static void on_reboot(virConnectPtr conn, virDomainPtr domain, void *opaque)
{
	struct virt_event told = {.type = VIRT_EVENT_REBOOT};

	watch_tell(opaque, domain, &told);
}

static void on_control_error(virConnectPtr conn, virDomainPtr domain,
			     void *opaque)
{
	struct virt_event told = {.type = VIRT_EVENT_CONTROL_ERROR};

	watch_tell(opaque, domain, &told);
}

static void on_watchdog(virConnectPtr conn, virDomainPtr domain, int action,
			void *opaque)
{
	static const char *const words[] = {"none",      "pause",    "reset",
					    "poweroff",  "shutdown", "debug",
					    "inject-nmi"};
	struct virt_event told = {.type = VIRT_EVENT_WATCHDOG,
				  .event = WORD(words, action)};

	watch_tell(opaque, domain, &told);
}

static void on_balloon(virConnectPtr conn, virDomainPtr domain,
		       unsigned long long actual, void *opaque)
{
	struct virt_event told = {.type = VIRT_EVENT_BALLOON_CHANGE,
				  .number = actual * 1024,
				  .has_number = true};

	watch_tell(opaque, domain, &told);
}

static void on_agent(virConnectPtr conn, virDomainPtr domain, int state,
		     int reason, void *opaque)
{
	static const char *const states[] = {NULL, "connected", "disconnected"};
	static const char *const reasons[] = {NULL, "domain started",
					      "channel event"};
	struct virt_event told = {.type = VIRT_EVENT_AGENT_LIFECYCLE,
				  .event = WORD(states, state),
				  .detail = WORD(reasons, reason)};

	watch_tell(opaque, domain, &told);
}

static void on_job(virConnectPtr conn, virDomainPtr domain,
		   virTypedParameterPtr params, int count, void *opaque)
{
	static const char *const operations[] = {
		NULL,       "start",           "save",
		"restore",  "migration in",    "migration out",
		"snapshot", "snapshot revert", "dump",
		"backup",   "snapshot delete"};
	int operation = 0, success = 1;
	struct virt_event told = {.type = VIRT_EVENT_JOB_COMPLETED};

	virTypedParamsGetInt(params, count, VIR_DOMAIN_JOB_OPERATION,
			     &operation);
	virTypedParamsGetBoolean(params, count, VIR_DOMAIN_JOB_SUCCESS,
				 &success);
	told.event = success ? "completed" : "failed";
	told.detail = WORD(operations, operation);
	watch_tell(opaque, domain, &told);
}

static void on_metadata(virConnectPtr conn, virDomainPtr domain, int type,
			const char *uri, void *opaque)
{
	static const char *const words[] = {"description", "title", "element"};
	struct virt_event told = {.type = VIRT_EVENT_METADATA_CHANGE,
				  .event = WORD(words, type),
				  .subject = copy(uri)};

	watch_tell(opaque, domain, &told);
}

static void on_graphics(virConnectPtr conn, virDomainPtr domain, int phase,
			const virDomainEventGraphicsAddress *local,
			const virDomainEventGraphicsAddress *remote,
			const char *scheme,
			const virDomainEventGraphicsSubject *subject,
			void *opaque)
{
	static const char *const words[] = {"connected", "initialized",
					    "disconnected"};
	struct virt_event told = {.type = VIRT_EVENT_GRAPHICS,
				  .event = WORD(words, phase)};

	watch_tell(opaque, domain, &told);
}

/* -- those that are about a device ------------------------------------------- */

static void tell_device(void *opaque, virDomainPtr domain,
			enum virt_event_type type, const char *event,
			const char *device)
{
	struct virt_event told = {
		.type = type, .event = event, .subject = copy(device)};

	watch_tell(opaque, domain, &told);
}

static void on_added(virConnectPtr conn, virDomainPtr domain, const char *alias,
		     void *opaque)
{
	tell_device(opaque, domain, VIRT_EVENT_DEVICE_ADDED, "added", alias);
}

static void on_removed(virConnectPtr conn, virDomainPtr domain,
		       const char *alias, void *opaque)
{
	tell_device(opaque, domain, VIRT_EVENT_DEVICE_REMOVED, "removed",
		    alias);
}

static void on_removal_failed(virConnectPtr conn, virDomainPtr domain,
			      const char *alias, void *opaque)
{
	tell_device(opaque, domain, VIRT_EVENT_DEVICE_REMOVAL_FAILED, "failed",
		    alias);
}

static void on_tray(virConnectPtr conn, virDomainPtr domain, const char *alias,
		    int reason, void *opaque)
{
	static const char *const words[] = {"opened", "closed"};

	tell_device(opaque, domain, VIRT_EVENT_TRAY_CHANGE, WORD(words, reason),
		    alias);
}

/* The image's path is the host's own: the alias names the disk. */
static void on_disk(virConnectPtr conn, virDomainPtr domain,
		    const char *old_path, const char *new_path,
		    const char *alias, int reason, void *opaque)
{
	static const char *const words[] = {"changed at start",
					    "dropped at start"};

	tell_device(opaque, domain, VIRT_EVENT_DISK_CHANGE, WORD(words, reason),
		    alias);
}

static void on_io_error(virConnectPtr conn, virDomainPtr domain,
			const char *path, const char *alias, int action,
			const char *reason, void *opaque)
{
	static const char *const words[] = {"none", "paused", "reported"};
	struct virt_event told = {.type = VIRT_EVENT_IO_ERROR,
				  .event = WORD(words, action),
				  .subject = copy(alias)};

	if (reason && strcmp(reason, "enospc") == 0)
		told.detail = "no space left";
	watch_tell(opaque, domain, &told);
}

static void on_block_job(virConnectPtr conn, virDomainPtr domain,
			 const char *disk, int type, int status, void *opaque)
{
	static const char *const states[] = {"completed", "failed", "canceled",
					     "ready"};
	static const char *const types[] = {
		NULL, "pull", "copy", "commit", "active commit", "backup"};
	struct virt_event told = {.type = VIRT_EVENT_BLOCK_JOB,
				  .event = WORD(states, status),
				  .detail = WORD(types, type),
				  .subject = copy(disk)};

	watch_tell(opaque, domain, &told);
}

static void on_threshold(virConnectPtr conn, virDomainPtr domain,
			 const char *disk, const char *path,
			 unsigned long long threshold,
			 unsigned long long excess, void *opaque)
{
	struct virt_event told = {.type = VIRT_EVENT_BLOCK_THRESHOLD,
				  .event = "exceeded",
				  .subject = copy(disk),
				  .number = threshold + excess,
				  .has_number = true};

	watch_tell(opaque, domain, &told);
}

/* -- all of them ------------------------------------------------------------- */

void watch_domain_register(struct watch *watch, virConnectPtr conn,
			   int ids[WATCH_DOMAIN_EVENTS])
{
	/* libvirt's own way to pass callbacks of several types. */
	const struct {
		int id;
		virConnectDomainEventGenericCallback callback;
	} events[] = {
#define EVENT(id, function)                                                    \
	{VIR_DOMAIN_EVENT_ID_##id, VIR_DOMAIN_EVENT_CALLBACK(function)}
		EVENT(LIFECYCLE, on_lifecycle),
		EVENT(REBOOT, on_reboot),
		EVENT(WATCHDOG, on_watchdog),
		EVENT(IO_ERROR_REASON, on_io_error),
		EVENT(CONTROL_ERROR, on_control_error),
		EVENT(GRAPHICS, on_graphics),
		EVENT(BLOCK_JOB_2, on_block_job),
		EVENT(BLOCK_THRESHOLD, on_threshold),
		EVENT(DISK_CHANGE, on_disk),
		EVENT(TRAY_CHANGE, on_tray),
		EVENT(DEVICE_ADDED, on_added),
		EVENT(DEVICE_REMOVED, on_removed),
		EVENT(DEVICE_REMOVAL_FAILED, on_removal_failed),
		EVENT(BALLOON_CHANGE, on_balloon),
		EVENT(AGENT_LIFECYCLE, on_agent),
		EVENT(JOB_COMPLETED, on_job),
		EVENT(METADATA_CHANGE, on_metadata),
#undef EVENT
	};

	_Static_assert(array_size(events) == WATCH_DOMAIN_EVENTS,
		       "a place for each");
	for (size_t i = 0; i < array_size(events); i++)
		ids[i] = virConnectDomainEventRegisterAny(conn, NULL,
							  events[i].id,
							  events[i].callback,
							  watch, NULL);
}
