/*
 * libvirt's events as values, from the test driver: words, order, and what is told
 * of networks, pools and the connection.
 */
#include "daemon/test_virt_support.h"

#include <libvirt/libvirt.h>

#include "daemon/virt/event.h"

#define HEARD_MAX 64

/* Events as text: "lifecycle test suspended paused". */
struct rig {
	struct virt *v;
	virConnectPtr conn;
	size_t count;
	char heard[HEARD_MAX][128];
};

static const char *const types[VIRT_EVENTS] = {
	[VIRT_EVENT_LIFECYCLE] = "lifecycle",
	[VIRT_EVENT_METADATA_CHANGE] = "metadata",
	[VIRT_EVENT_DEVICE_ADDED] = "added",
	[VIRT_EVENT_DEVICE_REMOVED] = "removed",
	[VIRT_EVENT_BALLOON_CHANGE] = "balloon",
	[VIRT_EVENT_NETWORK_LIFECYCLE] = "network",
	[VIRT_EVENT_POOL_LIFECYCLE] = "pool",
	[VIRT_EVENT_POOL_REFRESH] = "refresh",
	[VIRT_EVENT_LIBVIRT] = "libvirt",
	[VIRT_EVENT_MISSED] = "missed",
};

static const char *or_none(const char *text)
{
	return text ? text : "-";
}

static void on_event(void *context, const struct virt_event *event)
{
	struct rig *rig = context;

	assert_true(rig->count < HEARD_MAX);
	assert_true(event->time_us > 0);
	snprintf(rig->heard[rig->count++], sizeof(rig->heard[0]),
		 "%s %s %s %s %s", or_none(types[event->type]),
		 or_none(event->name), or_none(event->event),
		 or_none(event->detail), or_none(event->subject));
	if (event->type <= VIRT_EVENT_DOMAIN_LAST)
		assert_int_equal(strlen(event->uuid), VIRT_UUID_SIZE - 1);
}

static bool has_heard(const struct rig *rig, const char *text)
{
	for (size_t i = 0; i < rig->count; i++)
		if (strcmp(rig->heard[i], text) == 0)
			return true;
	return false;
}

static void hear(struct rig *rig, const char *text)
{
	uint64_t deadline = clock_monotonic_ns() + REPLY_MS * CLOCK_NS_PER_MS;

	while (!has_heard(rig, text)) {
		struct pollfd fd = {virt_completion_fd(rig->v), POLLIN, 0};

		if (clock_monotonic_ns() > deadline)
			fail_msg("%s was not heard of", text);
		poll(&fd, 1, 100);
		virt_dispatch(rig->v);
	}
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->v = open_virt("test:///default", NULL);
	virt_listen(rig->v, on_event, rig);
	rig->conn = virConnectOpen("test:///default");
	assert_non_null(rig->conn);
	hear(rig, "libvirt - connected - -");
	rig->count = 0;
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	virConnectClose(rig->conn);
	virt_free(rig->v);
	free(rig);
	return 0;
}

static void the_life_of_a_domain(void **state)
{
	static const char xml[] =
		"<domain type='test'><name>web</name><memory>1024</memory>"
		"<vcpu>1</vcpu><os><type>hvm</type></os></domain>";
	struct rig *rig = *state;
	virDomainPtr domain = virDomainDefineXML(rig->conn, xml);

	assert_non_null(domain);
	assert_int_equal(virDomainCreate(domain), 0);
	assert_int_equal(virDomainSuspend(domain), 0);
	assert_int_equal(virDomainResume(domain), 0);
	assert_int_equal(virDomainDestroy(domain), 0);
	assert_int_equal(virDomainUndefine(domain), 0);
	hear(rig, "lifecycle web undefined removed -");
	assert_int_equal(rig->count, 6);
	assert_string_equal(rig->heard[0], "lifecycle web defined added -");
	assert_string_equal(rig->heard[1], "lifecycle web started booted -");
	assert_string_equal(rig->heard[2], "lifecycle web suspended paused -");
	assert_string_equal(rig->heard[3], "lifecycle web resumed unpaused -");
	assert_string_equal(rig->heard[4], "lifecycle web stopped destroyed -");
	virDomainFree(domain);
}

static void metadata(void **state)
{
	struct rig *rig = *state;
	virDomainPtr domain = virDomainLookupByName(rig->conn, "test");

	assert_int_equal(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_TITLE,
					      "A title", NULL, NULL, 0),
			 0);
	hear(rig, "metadata test title - -");
	virDomainFree(domain);
}

static void networks_and_pools(void **state)
{
	struct rig *rig = *state;
	virNetworkPtr network = virNetworkLookupByName(rig->conn, "default");
	virStoragePoolPtr pool =
		virStoragePoolLookupByName(rig->conn, "default-pool");

	assert_int_equal(virNetworkDestroy(network), 0);
	hear(rig, "network default stopped - -");
	assert_int_equal(virNetworkCreate(network), 0);
	hear(rig, "network default started - -");
	assert_int_equal(virStoragePoolRefresh(pool, 0), 0);
	hear(rig, "refresh default-pool refreshed - -");
	assert_int_equal(virStoragePoolDestroy(pool), 0);
	hear(rig, "pool default-pool stopped - -");
	assert_int_equal(virStoragePoolCreate(pool, 0), 0);
	hear(rig, "pool default-pool started - -");
	virStoragePoolFree(pool);
	virNetworkFree(network);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_life_of_a_domain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(networks_and_pools, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
