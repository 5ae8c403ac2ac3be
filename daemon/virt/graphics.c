/*
 * Opens a connection to a guest's display: a descriptor from libvirt where it
 * can give one (no password, no port), else the display's own Unix socket or
 * loopback address from the live XML. Runs in the slow lane.
 *
 * What always holds: what is given away is a display of the run that is told with it.
 */
#include "daemon/virt/job.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "daemon/virt/connection.h"
#include "daemon/virt/error.h"
#include "daemon/virt/rpc.h"
#include "daemon/virt/xml.h"

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to;
	socklen_t len;
};

static bool unix_address(const char *path, struct address *address)
{
	size_t len = strlen(path);

	if (len >= sizeof(address->to.un.sun_path))
		return false;
	address->to.un.sun_family = AF_UNIX;
	memcpy(address->to.un.sun_path, path, len + 1);
	address->len = sizeof(address->to.un);
	return true;
}

/* Only what is this host: loopback, or a wildcard, then by loopback. */
static bool loopback_address(const char *text, int port,
			     struct address *address)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, text, &in) == 1) {
		if (in.s_addr != htonl(INADDR_ANY) &&
		    (ntohl(in.s_addr) >> 24) != 127)
			return false;
		if (in.s_addr == htonl(INADDR_ANY))
			in.s_addr = htonl(INADDR_LOOPBACK);
		address->to.in = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr = in,
		};
		address->len = sizeof(address->to.in);
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6) != 1 ||
	    (!IN6_IS_ADDR_LOOPBACK(&in6) && !IN6_IS_ADDR_UNSPECIFIED(&in6)))
		return false;
	address->to.in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_addr = in6addr_loopback,
	};
	address->len = sizeof(address->to.in6);
	return true;
}

/* 0, or an errno. */
static int finish_connect(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int errnum = 0, n;
	socklen_t len = sizeof(errnum);

	do {
		n = poll(&ready, 1, VIRT_GRAPHICS_CONNECT_MS);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		return errno;
	return errnum;
}

static int connect_to(const struct address *address, int *out,
		      struct error *err)
{
	autoclose int fd =
		socket(address->to.any.sa_family,
		       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int errnum = 0;

	if (fd < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a socket");
	if (connect(fd, &address->to.any, address->len) < 0)
		errnum = errno == EINPROGRESS ? finish_connect(fd) : errno;
	if (errnum)
		return error_set_errno(err, ERROR_SYSTEM, errnum,
				       "its display does not answer");
	*out = steal_fd(&fd);
	return 0;
}

/* The way around libvirt; only displays of this very host. */
static int connect_by_address(const struct xml_graphics *graphics, int *fd,
			      struct error *err)
{
	struct address address = {0};

	if (graphics->socket && unix_address(graphics->socket, &address))
		return connect_to(&address, fd, err);
	if (graphics->port && graphics->address &&
	    loopback_address(graphics->address, graphics->port, &address))
		return connect_to(&address, fd, err);
	return error_set(err, ERROR_UNSUPPORTED,
			 "neither libvirt nor an address on this host leads to "
			 "its display");
}

/*
 * Another transport cannot carry a descriptor: asking for one ends the whole
 * connection. And its loopback would be another host's.
 */
bool job_is_this_host(const struct job *job)
{
	autofree char *path = NULL;
	autofree char *name = NULL;

	return !job->remote ||
	       rpc_locate(connection_uri(job->connection), &path, &name);
}

static int open_display(struct job *job, const struct xml_graphics *graphics,
			int *fd, struct error *err)
{
	autoerror first = {0};

	*fd = virDomainOpenGraphicsFD(job->domain, job->request->number,
				      VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH);
	if (*fd >= 0)
		return 0;
	failure_set(job, &first);
	if (first.code != ERROR_UNSUPPORTED)
		return error_move(err, &first);
	if (connect_by_address(graphics, fd, err) < 0)
		return error_prefix(err, "domain '%s' could not be shown",
				    job->reply->domain.name);
	return 0;
}

/* -- the run --------------------------------------------------------------- */

static void name_run(const struct job *job, virDomainPtr domain,
		     char run[VIRT_RUN_SIZE])
{
	char epoch[CONNECTION_EPOCH_SIZE];

	connection_epoch(job->connection, epoch);
	snprintf(run, VIRT_RUN_SIZE, "%s-%u", epoch, virDomainGetID(domain));
}

static int refuse_run(const struct job *job, struct error *err)
{
	return error_set(err, ERROR_STATE,
			 "domain '%s' is not in that run any more: it was "
			 "started anew, or libvirt was; open its display again",
			 job->reply->domain.name);
}

/*
 * The handle has the number that it had when it was looked up, and libvirt opened the
 * display of what runs under the UUID: the same, unless it was started in between.
 */
static int check_run(struct job *job, struct error *err)
{
	autodomain now =
		virDomainLookupByUUIDString(job->conn, job->reply->domain.uuid);

	if (!now)
		return failure_set(job, err);
	if (virDomainGetID(now) != virDomainGetID(job->domain))
		return refuse_run(job, err);
	return 0;
}

/* -- the whole ------------------------------------------------------------- */

static int find_display(struct job *job, struct xml_graphics *graphics,
			struct error *err)
{
	autofree char *xml = virDomainGetXMLDesc(job->domain, 0);
	unsigned index = job->request->number, count = 0;

	if (!xml)
		return failure_set(job, err);
	if (xml_find_graphics(xml, index, graphics, &count, err) < 0)
		return -1;
	if (count == 0)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no display: add <graphics> "
				 "to its definition",
				 job->reply->domain.name);
	if (index >= count)
		return error_set(err, ERROR_NOT_FOUND,
				 "domain '%s' has no display %u: it has %u, "
				 "counted from 0",
				 job->reply->domain.name, index, count);
	if (!graphics->known)
		return error_set(err, ERROR_UNSUPPORTED,
				 "display %u of domain '%s' is neither VNC nor "
				 "SPICE",
				 index, job->reply->domain.name);
	return 0;
}

int run_graphics(struct job *job, struct error *err)
{
	cleanup(xml_graphics_clear) struct xml_graphics graphics = {0};
	char run[VIRT_RUN_SIZE];
	autoclose int fd = -1;

	if (virDomainIsActive(job->domain) == 0)
		return error_set(err, ERROR_STATE,
				 "domain '%s' is not running: start it first",
				 job->reply->domain.name);
	if (!job_is_this_host(job))
		return error_set(
			err, ERROR_UNSUPPORTED,
			"domain '%s' could not be shown: displays need "
			"a virtmuxd that reaches libvirt by its Unix "
			"socket, as with qemu:///system",
			job->reply->domain.name);
	name_run(job, job->domain, run);
	if (job->request->text && strcmp(job->request->text, run) != 0)
		return refuse_run(job, err);
	if (find_display(job, &graphics, err) < 0 ||
	    open_display(job, &graphics, &fd, err) < 0 ||
	    check_run(job, err) < 0)
		return -1;
	if (file_set_nonblock(fd, true) < 0 || file_set_cloexec(fd, true) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot set up a display's descriptor");
	job->reply->kind = VIRT_VALUE_GRAPHICS;
	job->reply->value.graphics.fd = steal_fd(&fd);
	job->reply->value.graphics.type = graphics.type;
	memcpy(job->reply->value.graphics.run, run, sizeof(run));
	return 0;
}
