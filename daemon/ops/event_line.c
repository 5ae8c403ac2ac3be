/*
 * Events as lines of JSON: virt's values into the table's object. Called by event.c
 * alone. What always holds: a line is encoded once, however many hear it.
 */
#include "daemon/ops/room.h"

#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "base/clock.h"
#include "base/random.h"
#include "daemon/virt/event.h"

static enum event_type type_of(enum virt_event_type type)
{
	static const enum event_type types[VIRT_EVENTS] = {
		[VIRT_EVENT_LIFECYCLE] = EVENT_LIFECYCLE,
		[VIRT_EVENT_REBOOT] = EVENT_REBOOT,
		[VIRT_EVENT_WATCHDOG] = EVENT_WATCHDOG,
		[VIRT_EVENT_IO_ERROR] = EVENT_IO_ERROR,
		[VIRT_EVENT_CONTROL_ERROR] = EVENT_CONTROL_ERROR,
		[VIRT_EVENT_GRAPHICS] = EVENT_GRAPHICS,
		[VIRT_EVENT_BLOCK_JOB] = EVENT_BLOCK_JOB,
		[VIRT_EVENT_BLOCK_THRESHOLD] = EVENT_BLOCK_THRESHOLD,
		[VIRT_EVENT_DISK_CHANGE] = EVENT_DISK_CHANGE,
		[VIRT_EVENT_TRAY_CHANGE] = EVENT_TRAY_CHANGE,
		[VIRT_EVENT_DEVICE_ADDED] = EVENT_DEVICE_ADDED,
		[VIRT_EVENT_DEVICE_REMOVED] = EVENT_DEVICE_REMOVED,
		[VIRT_EVENT_DEVICE_REMOVAL_FAILED] =
			EVENT_DEVICE_REMOVAL_FAILED,
		[VIRT_EVENT_BALLOON_CHANGE] = EVENT_BALLOON_CHANGE,
		[VIRT_EVENT_AGENT_LIFECYCLE] = EVENT_AGENT_LIFECYCLE,
		[VIRT_EVENT_JOB_COMPLETED] = EVENT_JOB_COMPLETED,
		[VIRT_EVENT_METADATA_CHANGE] = EVENT_METADATA_CHANGE,
		[VIRT_EVENT_NETWORK_LIFECYCLE] = EVENT_NETWORK_LIFECYCLE,
		[VIRT_EVENT_POOL_LIFECYCLE] = EVENT_POOL_LIFECYCLE,
		[VIRT_EVENT_POOL_REFRESH] = EVENT_POOL_REFRESH,
		[VIRT_EVENT_LIBVIRT] = EVENT_LIBVIRT,
		[VIRT_EVENT_MISSED] = EVENT_MISSED,
	};

	return types[type];
}

static enum event_audience audience_of(enum virt_event_type type)
{
	if (type <= VIRT_EVENT_DOMAIN_LAST)
		return EVENT_FOR_DOMAIN;
	return type == VIRT_EVENT_LIBVIRT || type == VIRT_EVENT_MISSED
		       ? EVENT_FOR_ALL
		       : EVENT_FOR_HOST;
}

static int append(struct buf *out, const struct event *event)
{
	object_encode(&api_type_event, event, out);
	return buf_append_char(out, '\n') < 0 || !buf_ok(out) ? -1 : 0;
}

/* The one of the three names that the type has. */
static void set_name(struct event *line, enum virt_event_type type, char *name)
{
	line->domain = line->network = line->pool = name;
	line->has_domain = name && type <= VIRT_EVENT_DOMAIN_LAST;
	line->has_network = name && type == VIRT_EVENT_NETWORK_LIFECYCLE;
	line->has_pool = name && (type == VIRT_EVENT_POOL_LIFECYCLE ||
				  type == VIRT_EVENT_POOL_REFRESH);
}

static int append_event(struct buf *out, const struct virt_event *event,
			char *word)
{
	char time[CLOCK_TEXT_SIZE];
	struct event line = {
		.after = word,
		.time = time,
		.type = type_of(event->type),
		.uuid = ops_borrow(event->uuid),
		.has_uuid = event->uuid[0] != '\0',
		.event = ops_borrow(event->event),
		.has_event = event->event != NULL,
		.detail = ops_borrow(event->detail),
		.has_detail = event->detail != NULL,
		.device = event->subject,
		.has_device = event->subject != NULL,
		.size = event->number,
		/* How many were missed tells of domains that one may not see. */
		.has_size =
			event->has_number && event->type != VIRT_EVENT_MISSED,
	};

	clock_format_us(event->time_us, time);
	set_name(&line, event->type, event->name);
	return append(out, &line);
}

static char *copy_if(bool wanted, const char *text)
{
	return wanted && text ? strdup(text) : NULL;
}

int event_make_entry(const struct virt_event *event, struct event_entry *entry)
{
	bool of_domain = event->type <= VIRT_EVENT_DOMAIN_LAST;

	memset(entry, 0, sizeof(*entry));
	random_name(entry->word, sizeof(entry->word));
	entry->audience = audience_of(event->type);
	entry->type = type_of(event->type);
	entry->name = copy_if(of_domain, event->name);
	entry->uuid = copy_if(of_domain, event->uuid);
	if (append_event(&entry->line, event, entry->word) == 0 &&
	    (!of_domain || (entry->name && entry->uuid)))
		return 0;
	free(steal(&entry->name));
	free(steal(&entry->uuid));
	buf_free(&entry->line);
	return -1;
}

int event_append_line(struct buf *out, enum event_type type, const char *word,
		      const char *text)
{
	char time[CLOCK_TEXT_SIZE];
	const struct event line = {
		.after = ops_borrow(word),
		.time = time,
		.type = type,
		.event = ops_borrow(text),
		.has_event = text != NULL,
	};

	clock_format_us(clock_realtime_us(), time);
	return append(out, &line);
}
