/*
 * Statistics and devices in daemon/virt against libvirt's test driver, and the
 * reading of disks and interfaces from XML.
 */
#include "daemon/test_virt_support.h"

#include "daemon/virt/block.h"
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

/* -- changed XML ----------------------------------------------------------- */

#define DEVICES(inner) "<domain><devices>" inner "</devices></domain>"

static void test_drives(void **state)
{
	static const char drives[] = DEVICES(
		"<disk type='file' device='disk'><target dev='vda'/></disk>"
		"<disk type='block' device='cdrom'><source dev='/dev/sr0'/>"
		"<backingStore/><target dev='sda'/></disk>"
		"<disk type='file' device='floppy'><target dev='fda'/></disk>");
	const struct xml_medium file = {.file = "/a'&\"<b>.iso"};
	const struct xml_medium none = {NULL, NULL};
	enum xml_drive drive;
	struct error err = {0};
	char *out = NULL;
	bool loaded;

	assert_int_equal(
		xml_device_drive(drives, "d", "sda", &drive, &loaded, &err), 0);
	assert_true(loaded && drive == XML_DRIVE_CDROM);
	assert_int_equal(
		xml_device_drive(drives, "d", "fda", &drive, &loaded, &err), 0);
	assert_true(!loaded && drive == XML_DRIVE_FLOPPY);
	assert_int_equal(xml_device_drive(drives, "d", "vda", &drive, &loaded,
					  &err),
			 -1);
	assert_int_equal(err.code, ERROR_UNSUPPORTED);
	error_clear(&err);
	assert_int_equal(
		xml_device_drive(drives, "d", "x", &drive, &loaded, &err), -1);
	assert_string_equal(error_words(&err), "domain 'd' has no disk 'x'");
	error_clear(&err);
	assert_int_equal(xml_device_media(drives, "d", "/dev/sr0", &file, &out,
					  &err),
			 0);
	assert_string_equal(out,
			    "<disk type=\"file\" device=\"cdrom\">"
			    "<target dev=\"sda\"/><source "
			    "file=\"/a'&amp;&quot;&lt;b&gt;.iso\"/></disk>");
	free(out);
	assert_int_equal(
		xml_device_media(drives, "d", "sda", &none, &out, &err), 0);
	assert_string_equal(out, "<disk type=\"block\" device=\"cdrom\">"
				 "<target dev=\"sda\"/></disk>");
	free(out);
}

static void test_links(void **state)
{
	static const char nics[] =
		DEVICES("<interface><mac address='52:54:00:0A:00:01'/>"
			"<link state='down'/></interface>"
			"<interface><target dev='vnet1'/><alias name='net1'/>"
			"</interface>");
	struct error err = {0};
	char *out = NULL;

	assert_int_equal(xml_device_link(nics, "d", "52:54:00:0a:00:01", true,
					 &out, &err),
			 0);
	assert_non_null(strstr(out, "<link state=\"up\"/>"));
	free(out);
	assert_int_equal(xml_device_link(nics, "d", "net1", false, &out, &err),
			 0);
	assert_non_null(strstr(out, "<link state=\"down\"/>"));
	assert_non_null(strstr(out, "vnet1"));
	free(out);
	assert_int_equal(xml_device_link(nics, "d", "vnet2", true, &out, &err),
			 -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	error_clear(&err);
}

static void test_uses(void **state)
{
	static const char chain[] = DEVICES(
		"<disk><source file='/a'/><backingStore><source file='/b'/>"
		"<backingStore/></backingStore></disk>"
		"<disk><source pool='p' volume='v'/></disk>"
		"<hostdev><source><address/></source></hostdev>");

	assert_true(xml_device_uses(chain, "/a", "q", "q"));
	assert_true(xml_device_uses(chain, "/b", "q", "q"));
	assert_true(xml_device_uses(chain, "/c", "p", "v"));
	assert_false(xml_device_uses(chain, "/c", "p", "w"));
	assert_false(xml_device_uses(chain, "/c", "q", "v"));
	assert_false(xml_device_uses("<domain/>", "/a", "p", "v"));
	assert_true(xml_device_uses("<domain", "/a", "p", "v"));
	assert_true(xml_device_has_disk(chain, "/a"));
	assert_false(xml_device_has_disk(chain, "/b"));
}

static void test_check(void **state)
{
	struct error err = {0};

	assert_int_equal(
		xml_device_check("<disk><target dev='a'/></disk>", &err), 0);
	assert_int_equal(xml_device_check("<interface/>", &err), 0);
	assert_int_equal(xml_device_check("<disk><target/></disk>", &err), -1);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	error_clear(&err);
}

/* The test driver changes no device: the words are what counts here. */
static void test_refusals(void **state)
{
	struct virt *v = *state;
	const struct virt_media eject = {VIRT_MEDIA_EJECT, "vda", NULL, NULL,
					 NULL};
	struct answer a = {0};

	ask(v, &a,
	    virt_device_attach(v, &test, "<input type='tablet'/>", 0, done,
			       &err));
	assert_failed(&a, UNSUPPORTED);
	ask(v, &a, virt_device_attach(v, &test, "<input", 0, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	ask(v, &a, virt_device_detach(v, &test, "<disk/>", 0, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	ask(v, &a,
	    virt_device_detach_alias(v, &test, "x", 1u << 30, done, &err));
	assert_failed(&a, INVALID_PARAMS);
	ask(v, &a, virt_device_change_media(v, &test, &eject, 0, done, &err));
	assert_failed(&a, UNSUPPORTED);
	ask(v, &a, virt_device_set_link(v, &test, "x", true, 0, done, &err));
	assert_words(&a, "domain 'test' has no interface 'x'");
	ask(v, &a, virt_block_resize(v, &test, "vdz", 1, done, &err));
	assert_words(&a, "domain 'test' has no disk 'vdz'");
	ask(v, &a, virt_block_job(v, &test, "vda", done, &err));
	assert_failed(&a, UNSUPPORTED);
	reply_clear(&a.reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices, setup, teardown),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_drives),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_check),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
