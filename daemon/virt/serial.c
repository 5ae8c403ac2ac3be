/*
 * Opens a guest's serial line and hands it to a pump (pump.h). The domain's
 * object, not its name, is what the line is opened on. Runs in the slow lane.
 */
#include "daemon/virt/job.h"

#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/far.h"
#include "daemon/virt/pump.h"
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

/* The line that the request names, in the domain's live XML. */
static int find_line(struct job *job, struct xml_serial *serial,
		     struct error *err)
{
	autofree char *xml = virDomainGetXMLDesc(job->domain, 0);
	const char *device = job->request->text;
	const char *alias = device && !is_index(device) ? device : NULL;
	unsigned index = 0, count = 0;

	if (!xml)
		return failure_set(job, err);
	if (device && !alias)
		index = (unsigned)strtoul(device, NULL, 10);
	if (xml_find_serial(xml, alias, index, serial, &count, err) < 0)
		return -1;
	return serial->found ? 0 : not_found(job, index, count, err);
}

/*
 * The path was read before the terminal was opened: had the domain been
 * restarted in between, it could be another's by then.
 */
static int check_unchanged(struct job *job, const char *path, struct error *err)
{
	cleanup(xml_serial_clear) struct xml_serial now = {0};

	if (job->remote)
		return 0;
	if (find_line(job, &now, err) < 0)
		return -1;
	if (now.path && path && strcmp(now.path, path) == 0)
		return 0;
	return error_set(err, ERROR_STATE,
			 "domain '%s' was restarted just now: try again",
			 job->reply->domain.name);
}

static int open_line(struct job *job, const struct xml_serial *serial,
		     struct error *err)
{
	struct far_line line = {serial->alias, serial->path};
	autoptr(far) far = far_open(job, &line, err);
	struct pump_line shown = {
		.name = job->reply->domain.name,
		/* libvirtd knows who holds a line; in this process we do. */
		.key = job->remote ? NULL : serial->path,
		.force = job->request->force,
	};
	int fd;

	if (!far || check_unchanged(job, serial->path, err) < 0 ||
	    pump_start(job->pumps, &far, &shown, &fd, err) < 0)
		return -1;
	job->reply->kind = VIRT_VALUE_SERIAL;
	job->reply->value.serial.fd = fd;
	return 0;
}

int run_serial(struct job *job, struct error *err)
{
	cleanup(xml_serial_clear) struct xml_serial serial = {0};

	if (virDomainIsActive(job->domain) == 0)
		return error_set(err, ERROR_STATE,
				 "domain '%s' is not running: start it first",
				 job->reply->domain.name);
	if (find_line(job, &serial, err) < 0)
		return -1;
	return open_line(job, &serial, err);
}
