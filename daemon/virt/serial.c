/*
 * Opens a guest's serial line and hands it to a pump (pump.h). The domain's
 * object, not its name, is what the line is opened on. Runs in the slow lane.
 */
#include "daemon/virt/job.h"

#include <ctype.h>
#include <string.h>

#include "daemon/virt/error.h"
#include "daemon/virt/far.h"
#include "daemon/virt/pump.h"
#include "daemon/virt/xml.h"

static bool is_index(const char *device)
{
	return *device && strlen(device) <= 4 &&
	       strspn(device, "0123456789") == strlen(device);
}

/* *ALIAS is NULL where libvirt is to take the first line by itself. */
static int alias_by_index(struct job *job, unsigned index, char **alias,
			  struct error *err)
{
	autofree char *xml = virDomainGetXMLDesc(job->domain, 0);
	unsigned count = 0;

	if (!xml)
		return failure_set(job, err);
	if (xml_find_serial(xml, index, alias, &count, err) < 0)
		return -1;
	if (count == 0)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no serial line: add <serial "
				 "type='pty'/> to its definition",
				 job->reply->domain.name);
	if (index >= count)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no serial line %u: it has "
				 "%u, counted from 0",
				 job->reply->domain.name, index, count);
	return 0;
}

static int find_device(struct job *job, char **alias, struct error *err)
{
	const char *device = job->request->text;

	if (!device || !*device)
		return 0;
	if (is_index(device))
		return alias_by_index(job, (unsigned)strtoul(device, NULL, 10),
				      alias, err);
	*alias = strdup(device);
	return *alias ? 0 : error_set_no_memory(err);
}

int run_serial(struct job *job, struct error *err)
{
	autofree char *alias = NULL;
	autoptr(far) far = NULL;
	int fd;

	if (virDomainIsActive(job->domain) == 0)
		return error_set(err, ERROR_STATE,
				 "domain '%s' is not running: start it first",
				 job->reply->domain.name);
	if (find_device(job, &alias, err) < 0)
		return -1;
	far = far_open_console(job, alias, err);
	if (!far)
		return -1;
	if (pump_start(job->pumps, &far, job->reply->domain.name, &fd, err) < 0)
		return -1;
	job->reply->kind = VIRT_VALUE_SERIAL;
	job->reply->value.serial.fd = fd;
	return 0;
}
