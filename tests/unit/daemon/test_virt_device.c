/*
 * Statistics and devices in daemon/virt against libvirt's test driver, and the
 * reading of disks and interfaces from XML.
 */
#include "daemon/test_virt_support.h"

#include "daemon/virt/device.h"
#include "daemon/virt/stats.h"
#include "daemon/virt/xml_device.h"

static const struct virt_domain_ref test = {"test", NULL};

static int setup(void **state)
{
	*state = open_virt("test:///default", NULL);
	return 0;
}

static int teardown(void **state)
{
	virt_free(*state);
	return 0;
}

static const struct virt_records *records_of(const struct answer *a)
{
	assert_int_equal(a->reply.kind, VIRT_VALUE_NOUN);
	return a->reply.value.noun.data;
}

/* The value of that NAME; NULL: there is none. */
static const struct virt_field *field(const struct virt_record *record,
				      const char *name)
{
	for (size_t i = 0; i < record->count; i++)
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	return NULL;
}

static uint64_t number(const struct virt_record *record, const char *name)
{
	const struct virt_field *f = field(record, name);

	assert_non_null(f);
	assert_null(f->text);
	return f->number;
}

static const char *text(const struct virt_record *record, const char *name)
{
	const struct virt_field *f = field(record, name);

	return f ? f->text : NULL;
}

static void test_stats(void **state)
{
	struct virt *v = *state;
	const struct virt_domain_ref all = {NULL, NULL};
	char *const scope[] = {(char *)"web-*", NULL};
	const struct virt_domain_ref scoped = {NULL, scope};
	const struct virt_domain_ref hidden = {"test", scope};
	const struct virt_record *r;
	struct answer a = {0};

	ask(v, &a, virt_domain_stats(v, &all, 0, 0, done, &err));
	assert_done(&a);
	assert_int_equal(records_of(&a)->count, 1);
	r = records_of(&a)->list;
	assert_string_equal(r->name, "test");
	assert_int_equal(number(r, "state.state"), VIRT_STATE_RUNNING);
	assert_non_null(text(r, "state.reason"));
	assert_true(number(r, "balloon.current") == 2ull << 30);
	assert_int_equal(number(r, "vcpu.current"), 2);
	ask(v, &a,
	    virt_domain_stats(v, &test, VIRT_STATS_STATE, VIRT_STATS_NOWAIT,
			      done, &err));
	assert_done(&a);
	assert_string_equal(a.reply.domain.name, "test");
	assert_null(field(records_of(&a)->list, "vcpu.current"));
	ask(v, &a, virt_domain_stats(v, &scoped, 0, 0, done, &err));
	assert_done(&a);
	assert_int_equal(records_of(&a)->count, 0);
	ask(v, &a, virt_domain_stats(v, &hidden, 0, 0, done, &err));
	assert_words(&a, "there is no domain 'test' on this host");
	ask(v, &a, virt_domain_stats(v, &all, 1u << 30, 0, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	ask(v, &a,
	    virt_domain_stats(v, &all, VIRT_STATS_PERF, VIRT_STATS_ENFORCE,
			      done, &err));
	assert_failed(&a, UNSUPPORTED);
	reply_clear(&a.reply);
}

static void test_devices(void **state)
{
	struct virt *v = *state;
	const struct virt_record *r;
	struct answer a = {0};

	ask(v, &a, virt_device_list(v, &test, true, done, &err));
	assert_done(&a);
	r = records_of(&a)->list;
	assert_string_equal(r->name, "test");
	assert_string_equal(text(r, "disk.0.source"), "/guest/diskimage1");
	assert_string_equal(text(r, "interface.0.source"), "default");
	ask(v, &a,
	    virt_device_addresses(v, &test, VIRT_ADDRESS_LEASE, done, &err));
	assert_done(&a);
	r = records_of(&a)->list;
	assert_string_equal(text(r, "interface.0.addrs.0.addr"),
			    "192.168.122.3");
	assert_int_equal(number(r, "interface.0.addrs.0.prefix"), 24);
	reply_clear(&a.reply);
}

static void clear(struct virt_record *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->fields[i].name);
		free(r->fields[i].text);
	}
	free(r->fields);
}

static void test_xml(void **state)
{
	static const char xml[] =
		"<domain><devices>"
		"<disk type='volume' device='cdrom'>"
		"<source pool='p' volume='v.iso'/><target dev='sda'/>"
		"<readonly/></disk>"
		"<disk type='network'><source protocol='rbd' name='pool/i'/>"
		"<target dev='vdb' bus='virtio'/></disk>"
		"<disk type='file' device='floppy'><target dev='fda'/></disk>"
		"<interface type='bridge'><source bridge='br0'/>"
		"<link state='down'/></interface>"
		"<interface type='user'/></devices></domain>";
	struct virt_record r = {0};
	struct error err = {0};

	assert_int_equal(xml_device_list(xml, &r, &err), 0);
	assert_string_equal(text(&r, "disk.0.source"), "p/v.iso");
	assert_int_equal(number(&r, "disk.0.readonly"), 1);
	assert_string_equal(text(&r, "disk.1.source"), "pool/i");
	assert_null(field(&r, "disk.1.readonly"));
	assert_null(field(&r, "disk.2.source"));
	assert_string_equal(text(&r, "interface.0.source"), "br0");
	assert_int_equal(number(&r, "interface.0.link"), 0);
	assert_int_equal(number(&r, "interface.1.link"), 1);
	assert_null(field(&r, "interface.1.source"));
	clear(&r);
	r = (struct virt_record){0};
	assert_int_equal(xml_device_list("<domain", &r, &err), -1);
	assert_int_equal(err.code, ERROR_INTERNAL);
	error_clear(&err);
	assert_int_equal(xml_device_list("<domain/>", &r, NULL), 0);
	assert_int_equal(r.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices, setup, teardown),
		cmocka_unit_test(test_xml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
