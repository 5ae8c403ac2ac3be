/*
 * Opens a guest's serial line and hands it to its hub (hubs.h). The domain's
 * object, not its name, is what the line is opened on. Runs in the slow lane.
 */
#include "daemon/virt/job.h"

#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/far.h"
#include "daemon/virt/hubs.h"
#include "daemon/virt/serial.h"
#include "daemon/virt/xml.h"

static bool is_index(const char *device)
{
	return strlen(device) <= 4 &&
	       strspn(device, "0123456789") == strlen(device);
}

static int not_found(struct job *job, unsigned index, unsigned count,
		     struct error *err)
{
	const char *name = job->reply->domain.name;
	const char *device = job->request->text;

	if (device && !is_index(device))
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no serial line '%s'", name,
				 device);
	if (count == 0)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no serial line: add <serial "
				 "type='pty'/> to its definition",
				 name);
	return error_set(err, ERROR_NOT_FOUND,
			 "domain '%s' has no serial line %u: it has %u, "
			 "counted from 0",
			 name, index, count);
}

/* Behind all that an index can name. */
#define UNLISTED 256u

/*
 * The place of the line with that alias; a <console> beside <serial>s has none, but a
 * number of its own.
 */
static unsigned place_of(const char *xml, const char *alias)
{
	unsigned count = 1;

	for (unsigned i = 0; i < count; i++) {
		cleanup(xml_serial_clear) struct xml_serial one = {0};

		if (xml_find_serial(xml, NULL, i, &one, &count, NULL) < 0)
			break;
		if (one.alias && strcmp(one.alias, alias) == 0)
			return i;
	}
	return UNLISTED +
	       (unsigned)strtoul(alias + strcspn(alias, "0123456789"), NULL,
				 10);
}

/* The line that the request names, in the domain's live XML. */
static int find_line(struct job *job, struct xml_serial *serial,
		     unsigned *index, struct error *err)
{
	autofree char *xml = virDomainGetXMLDesc(job->domain, 0);
	const char *device = job->request->text;
	const char *alias = device && !is_index(device) ? device : NULL;
	unsigned count = 0;

	if (!xml)
		return failure_set(job, err);
	*index = device && !alias ? (unsigned)strtoul(device, NULL, 10) : 0;
	if (xml_find_serial(xml, alias, *index, serial, &count, err) < 0)
		return -1;
	if (!serial->found)
		return not_found(job, *index, count, err);
	if (alias)
		*index = place_of(xml, alias);
	return 0;
}

/*
 * The path was read before the terminal was opened: had the domain been
 * restarted in between, it could be another's by then.
 */
int serial_check_unchanged(struct job *job, const struct far_line *line,
			   struct error *err)
{
	cleanup(xml_serial_clear) struct xml_serial now = {0};
	unsigned index;

	if (job->remote)
		return 0;
	if (find_line(job, &now, &index, err) < 0)
		return -1;
	if (now.path && line->path && strcmp(now.path, line->path) == 0)
		return 0;
	return error_set(err, ERROR_STATE,
			 "domain '%s' was restarted just now: try again",
			 job->reply->domain.name);
}

int serial_open(struct job *job, const struct virt_serial_ask *ask,
		struct error *err)
{
	cleanup(xml_serial_clear) struct xml_serial serial = {0};
	struct far_line line;
	unsigned index;

	if (virDomainIsActive(job->domain) == 0)
		return error_set(err, ERROR_STATE,
				 "domain '%s' is not running: start it first",
				 job->reply->domain.name);
	if (find_line(job, &serial, &index, err) < 0)
		return -1;
	line = (struct far_line){serial.alias, serial.path};
	return hubs_open(job->hubs, job, index, &line, ask, err);
}

int run_serial(struct job *job, struct error *err)
{
	return serial_open(job, job->request->data, err);
}
