/*
 * A listener of its own at a libvirtd: prints what happens to domains, a line each,
 * for tests that count. It knows nothing of virtmux. Each line of the standard input
 * lets it connect, once the connection before has ended; it ends with the input.
 *
 *	libvirt_events URI
 *
 *	connected                 events are registered; the list follows
 *	domain NAME STATE         of each domain that there is now: its number
 *	listed
 *	event NAME EVENT          virDomainEventType, its number
 *	closed
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void ignore(void *context, virErrorPtr error)
{
}

static int on_event(virConnectPtr conn, virDomainPtr domain, int event,
		    int detail, void *context)
{
	printf("event %s %d\n", virDomainGetName(domain), event);
	return 0;
}

static void on_closed(virConnectPtr conn, int reason, void *context)
{
	bool *closed = context;

	*closed = true;
}

static void on_timer(int timer, void *context)
{
	virEventUpdateTimeout(timer, -1);
}

static void list_domains(virConnectPtr conn)
{
	virDomainPtr *all = NULL;
	int n = virConnectListAllDomains(conn, &all, 0);

	for (int i = 0; i < n; i++) {
		int state = 0;

		if (virDomainGetState(all[i], &state, NULL, 0) == 0)
			printf("domain %s %d\n", virDomainGetName(all[i]),
			       state);
		virDomainFree(all[i]);
	}
	free(all);
}

/* Until the connection has ended. -1 where it tells of no events. */
static int listen_to(virConnectPtr conn)
{
	bool closed = false;

	virConnectRegisterCloseCallback(conn, on_closed, &closed, NULL);
	if (virConnectDomainEventRegister(conn, on_event, NULL, NULL) < 0)
		return -1;
	printf("connected\n");
	list_domains(conn);
	printf("listed\n");
	while (!closed && virEventRunDefaultImpl() == 0)
		continue;
	printf("closed\n");
	virConnectDomainEventDeregister(conn, on_event);
	virConnectUnregisterCloseCallback(conn, on_closed);
	return 0;
}

int main(int argc, char **argv)
{
	char line[8];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2 || virEventRegisterDefaultImpl() < 0 ||
	    virInitialize() < 0)
		return EXIT_FAILURE;
	virSetErrorFunc(NULL, ignore);
	virEventAddTimeout(-1, on_timer, NULL, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		virConnectPtr conn = virConnectOpen(argv[1]);

		if (!conn || listen_to(conn) < 0) {
			fprintf(stderr, "libvirt_events: %s\n",
				virGetLastErrorMessage());
			return EXIT_FAILURE;
		}
		virConnectClose(conn);
	}
	return EXIT_SUCCESS;
}
