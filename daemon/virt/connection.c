/*
 * The supervised connection to libvirt (connection.h). One thread opens it,
 * waits until somebody says that it broke (the close callback on the event
 * thread, or a worker), closes it and opens it again.
 *
 * What holds: `conn` is set exactly while state is UP; the log tells each change
 * once, however many attempts fail between.
 */
#include "daemon/virt/connection.h"

#include <errno.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "daemon/virt/crew.h"
#include "daemon/virt/limits.h"
#include "daemon/virt/watch.h"

enum state {
	CONNECTION_FIRST, /* the first attempt goes on */
	CONNECTION_UP,
	CONNECTION_DOWN,
	CONNECTION_STOPPED,
};

struct connection {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *uri;
	char *shown; /* the URI without its parameters: they may hold paths */
	unsigned retry_ms;
	struct log *log; /* NULL after stop */
	enum state state;
	bool broken; /* the supervisor is to rebuild it */
	virConnectPtr conn;
	bool remote;    /* conn leads to another process */
	uint32_t epoch; /* of conn: random */
	struct watch *watch;
	const char *reason; /* why it is down, for people; constant */
	uint64_t first_deadline;
};

static void set_state(struct connection *connection, enum state state)
{
	connection->state = state;
	pthread_cond_broadcast(&connection->changed);
}

void connection_lost(struct connection *connection, virConnectPtr conn)
{
	pthread_mutex_lock(&connection->lock);
	if (connection->conn == conn) {
		connection->broken = true;
		pthread_cond_broadcast(&connection->changed);
	}
	pthread_mutex_unlock(&connection->lock);
}

static void on_close(virConnectPtr conn, int reason, void *opaque)
{
	connection_lost(opaque, conn);
}

/* Words for people: no path, no libvirt internals. */
static const char *open_reason(const virError *error)
{
	if (!error)
		return "the attempt failed";
	switch (error->code) {
	case VIR_ERR_SYSTEM_ERROR:
		if (error->int1 == ENOENT || error->int1 == ECONNREFUSED)
			return "it is not running";
		if (error->int1 == EACCES || error->int1 == EPERM)
			return "it does not let virtmuxd in";
		return "the connection failed";
	case VIR_ERR_AUTH_FAILED:
	case VIR_ERR_AUTH_CANCELLED:
	case VIR_ERR_AUTH_UNAVAILABLE:
	case VIR_ERR_ACCESS_DENIED:
		return "it does not let virtmuxd in";
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_INVALID_ARG:
		return "no driver of it serves this URI";
	default:
		return "the attempt failed";
	}
}

static uint32_t new_epoch(void)
{
	uint32_t epoch;

	if (random_bytes(&epoch, sizeof(epoch), NULL) < 0)
		epoch = (uint32_t)clock_realtime_us();
	return epoch;
}

/* Supervisor, without the lock. NULL: libvirt's last error says why. */
static virConnectPtr open_connection(struct connection *connection)
{
	virConnectPtr conn = virConnectOpen(connection->uri);
	bool remote;

	if (!conn)
		return NULL;
	/* Known before the callback can come. */
	pthread_mutex_lock(&connection->lock);
	connection->conn = conn;
	connection->epoch = new_epoch();
	connection->broken = false;
	pthread_mutex_unlock(&connection->lock);
	/* Drivers inside this process know neither: they cannot break. */
	virConnectRegisterCloseCallback(conn, on_close, connection, NULL);
	remote = virConnectSetKeepAlive(conn, VIRT_KEEPALIVE_S,
					VIRT_KEEPALIVE_COUNT) == 0;
	watch_begin(connection->watch, conn, remote);
	if (virConnectIsAlive(conn) == 0)
		connection_lost(connection, conn);
	pthread_mutex_lock(&connection->lock);
	connection->remote = remote;
	pthread_mutex_unlock(&connection->lock);
	return conn;
}

static void close_connection(struct connection *connection, virConnectPtr conn)
{
	watch_end(connection->watch, conn);
	virConnectUnregisterCloseCallback(conn, on_close);
	virConnectClose(conn);
}

/* With the lock held. */
static void set_down(struct connection *connection, const char *reason,
		     const char *detail)
{
	if (connection->state == CONNECTION_STOPPED)
		return;
	if (connection->state != CONNECTION_DOWN ||
	    connection->reason != reason)
		log_warning(connection->log,
			    "libvirt at %s cannot be reached: %s (%s)",
			    connection->uri, reason, detail);
	connection->reason = reason;
	set_state(connection, CONNECTION_DOWN);
}

/* Serves the open connection until it breaks or all ends. */
static void serve(struct connection *connection)
{
	pthread_mutex_lock(&connection->lock);
	if (connection->state != CONNECTION_STOPPED) {
		set_state(connection, CONNECTION_UP);
		watch_up(connection->watch);
		log_info(connection->log, "connected to libvirt at %s",
			 connection->uri);
	}
	while (connection->state == CONNECTION_UP && !connection->broken)
		pthread_cond_wait(&connection->changed, &connection->lock);
	connection->conn = NULL;
	set_down(connection, "the connection was lost", "it was closed");
	watch_down(connection->watch);
	pthread_mutex_unlock(&connection->lock);
}

static void tell_failure(struct connection *connection)
{
	const virError *error = virGetLastError();

	pthread_mutex_lock(&connection->lock);
	set_down(connection, open_reason(error),
		 error && error->message ? error->message : "no detail");
	pthread_mutex_unlock(&connection->lock);
}

/* Between two attempts, also after a success: libvirtd may die in a loop. */
static bool rest(struct connection *connection)
{
	uint64_t deadline =
		clock_monotonic_ns() + connection->retry_ms * CLOCK_NS_PER_MS;
	bool stopped;

	pthread_mutex_lock(&connection->lock);
	while (connection->state != CONNECTION_STOPPED)
		if (!crew_wait_until(&connection->changed, &connection->lock,
				     deadline))
			break;
	stopped = connection->state == CONNECTION_STOPPED;
	pthread_mutex_unlock(&connection->lock);
	return !stopped;
}

static void supervise(void *context)
{
	struct connection *connection = context;

	do {
		virConnectPtr conn = open_connection(connection);

		if (conn) {
			serve(connection);
			close_connection(connection, conn);
		} else {
			tell_failure(connection);
		}
	} while (rest(connection));
}

int connection_new(struct connection **out, const char *uri, unsigned retry_ms,
		   struct watch *watch, struct crew *crew, struct log *log,
		   struct error *err)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return error_set_no_memory(err);
	pthread_mutex_init(&connection->lock, NULL);
	crew_cond_init(&connection->changed);
	connection->uri = strdup(uri);
	connection->shown = strndup(uri, strcspn(uri, "?"));
	connection->retry_ms = retry_ms;
	connection->log = log;
	connection->watch = watch;
	connection->reason = "the first attempt has not ended";
	connection->first_deadline =
		clock_monotonic_ns() + VIRT_FIRST_CONNECT_MS * CLOCK_NS_PER_MS;
	if (!connection->uri || !connection->shown) {
		connection_free(connection);
		return error_set_no_memory(err);
	}
	if (crew_start(crew, CREW_SUPERVISOR, "virt-connect", supervise,
		       connection, err) < 0) {
		connection_free(connection);
		return -1;
	}
	*out = connection;
	return 0;
}

void connection_free(struct connection *connection)
{
	if (!connection)
		return;
	pthread_cond_destroy(&connection->changed);
	pthread_mutex_destroy(&connection->lock);
	free(connection->shown);
	free(connection->uri);
	free(connection);
}

/* With the lock held. */
static int set_unavailable(struct connection *connection, struct error *err)
{
	return error_set(err, ERROR_UNAVAILABLE,
			 "libvirt at %s cannot be reached: %s; virtmuxd tries "
			 "again by itself",
			 connection->shown, connection->reason);
}

virConnectPtr connection_get(struct connection *connection, bool *remote,
			     struct error *err)
{
	virConnectPtr conn = NULL;

	pthread_mutex_lock(&connection->lock);
	while (connection->state == CONNECTION_FIRST)
		if (!crew_wait_until(&connection->changed, &connection->lock,
				     connection->first_deadline))
			break;
	if (connection->state == CONNECTION_STOPPED)
		error_set(err, ERROR_DRAINING, "virtmuxd is shutting down");
	else if (connection->state != CONNECTION_UP || connection->broken)
		set_unavailable(connection, err);
	else if (virConnectRef(connection->conn) == 0)
		conn = connection->conn;
	else
		error_set_no_memory(err);
	*remote = connection->remote;
	pthread_mutex_unlock(&connection->lock);
	return conn;
}

void connection_epoch(struct connection *connection,
		      char epoch[CONNECTION_EPOCH_SIZE])
{
	pthread_mutex_lock(&connection->lock);
	snprintf(epoch, CONNECTION_EPOCH_SIZE, "%08" PRIx32, connection->epoch);
	pthread_mutex_unlock(&connection->lock);
}

const char *connection_uri(const struct connection *connection)
{
	return connection->uri;
}

bool connection_is_up(struct connection *connection)
{
	bool up;

	pthread_mutex_lock(&connection->lock);
	up = connection->state == CONNECTION_UP && !connection->broken;
	pthread_mutex_unlock(&connection->lock);
	return up;
}

int connection_unavailable(struct connection *connection, struct error *err)
{
	pthread_mutex_lock(&connection->lock);
	if (connection->state == CONNECTION_UP)
		connection->reason = "the connection was lost";
	set_unavailable(connection, err);
	pthread_mutex_unlock(&connection->lock);
	return -1;
}

void connection_stop(struct connection *connection)
{
	pthread_mutex_lock(&connection->lock);
	set_state(connection, CONNECTION_STOPPED);
	connection->log = NULL;
	pthread_mutex_unlock(&connection->lock);
}
