/*
 * For the tests of daemon/virt: a libvirtd of the test's own, with sockets in a
 * directory of its own. libvirtd's fixed paths are hidden by a mount namespace
 * for root, and moved by the XDG variables for an ordinary user.
 */
#ifndef VIRTMUX_TEST_VIRT_SERVER_H
#define VIRTMUX_TEST_VIRT_SERVER_H

#include "daemon/test_virt_support.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 30000

struct server {
	char dir[64];
	char uri[128]; /* of its test driver */
	char qemu_uri[128];
	pid_t pid;
};

static void write_config(const struct server *s)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/conf", s->dir);
	f = fopen(path, "w");
	fprintf(f,
		"unix_sock_dir = \"%s\"\nauth_unix_rw = \"none\"\n"
		"auth_unix_ro = \"none\"\nlog_outputs = \"3:file:%s/log\"\n",
		s->dir, s->dir);
	fclose(f);
}

/*
 * Root's QEMU as another user would be probed for a minute, for want of KVM; and a
 * container need not have what libvirt's name space of mounts needs.
 */
static void write_qemu_config(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		_exit(77);
	if (geteuid() == 0)
		fputs("user = \"root\"\ngroup = \"root\"\nnamespaces = []\n",
		      f);
	fputs("stdio_handler = \"file\"\n", f);
	fclose(f);
}

/* In the child: nothing of the host's libvirt is seen. */
static void hide_host(const struct server *s)
{
	static const char *const paths[] = {"/run/libvirt", "/var/lib/libvirt",
					    "/var/cache/libvirt",
					    "/etc/libvirt"};

	if (geteuid() != 0) {
		setenv("XDG_RUNTIME_DIR", s->dir, 1);
		setenv("XDG_CONFIG_HOME", s->dir, 1);
		setenv("XDG_CACHE_HOME", s->dir, 1);
		return;
	}
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(77);
	for (size_t i = 0; i < array_size(paths); i++) {
		mkdir(paths[i], 0755);
		if (mount("tmpfs", paths[i], "tmpfs", 0, NULL) < 0)
			_exit(77);
	}
	write_qemu_config("/etc/libvirt/qemu.conf");
}

static void run_libvirtd(const struct server *s)
{
	char config[128], pid_file[128];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hide_host(s);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(config, sizeof(config), "%s/conf", s->dir);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", s->dir);
	execlp("libvirtd", "libvirtd", "-f", config, "-p", pid_file, NULL);
	execl("/usr/sbin/libvirtd", "libvirtd", "-f", config, "-p", pid_file,
	      NULL);
	_exit(77);
}

static bool answers(const struct server *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool connected;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/libvirt-sock",
		 s->dir);
	connected =
		connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return connected;
}

/* False: there can be none here. */
static bool start_server(struct server *s)
{
	uint64_t deadline = clock_monotonic_ns() + START_MS * CLOCK_NS_PER_MS;
	int status;

	s->pid = fork();
	if (s->pid == 0)
		run_libvirtd(s);
	while (!answers(s)) {
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			print_message("no private libvirtd here\n");
			return false;
		}
		assert_true(clock_monotonic_ns() < deadline);
		usleep(5000);
	}
	return true;
}

static void kill_server(struct server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static struct server *new_server(void)
{
	struct server *s = calloc(1, sizeof(*s));

	snprintf(s->dir, sizeof(s->dir), "/tmp/virtmux-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->uri, sizeof(s->uri),
		 "test+unix:///default?socket=%s/libvirt-sock", s->dir);
	snprintf(s->qemu_uri, sizeof(s->qemu_uri),
		 "qemu:///%s?socket=%s/libvirt-sock",
		 geteuid() == 0 ? "system" : "session", s->dir);
	write_config(s);
	return s;
}

static void free_server(struct server *s)
{
	char command[128];

	kill_server(s);
	snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	assert_int_equal(system(command), 0);
	free(s);
}

#endif
