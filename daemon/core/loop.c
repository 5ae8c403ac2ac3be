/*
 * libuv's signal pipe on high descriptors. libuv closes that pipe, by number, in
 * every forked child (pthread_atfork); libvirt's QEMU driver, within this
 * process, closes all descriptors in its child, opens pipes of its own on the
 * lowest numbers and forks once more: libuv would then close libvirt's pipe, and
 * no domain could start ("Unable to notify child process"). What always holds
 * afterwards: the numbers below CORE_LOW_DESCRIPTORS are free again.
 */
#include "daemon/core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/core/limits.h"

int loop_init(uv_loop_t *uv, struct error *err)
{
	int taken[CORE_LOW_DESCRIPTORS];
	int count = 0;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int rc;

	while (fd >= 0 && fd < CORE_LOW_DESCRIPTORS) {
		taken[count++] = fd;
		fd = fcntl(taken[0], F_DUPFD_CLOEXEC, 0);
	}
	rc = fd < 0 ? UV_EMFILE : uv_loop_init(uv);
	if (fd >= 0)
		close(fd);
	while (count > 0)
		close(taken[--count]);
	if (rc == 0)
		return 0;
	return error_set(err, ERROR_SYSTEM, "there is no event loop: %s",
			 uv_strerror(rc));
}
