/* daemon/virt/xml_clone.c: what a clone keeps, gets anew, and cannot share. */
#include "daemon/test_virt_support.h"

#include "daemon/virt/xml.h"
#include "daemon/virt/xml_clone.h"

static const char original[] =
	"<domain type='kvm'><name>web</name>"
	"<uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><genid>1-2</genid>"
	"<sysinfo type='smbios'><system><entry name='uuid'>6695</entry>"
	"<entry name='product'>kept</entry></system></sysinfo>"
	"<os><nvram template='/t' type='file'>/nvram/web.fd</nvram></os>"
	"<devices><disk type='network' device='disk'><driver type='qcow2'/>"
	"<source protocol='rbd' name='web'/><backingStore/>"
	"<target dev='vda'/><wwn>1</wwn></disk>"
	"<disk type='file' device='disk'><source file='/shared'/>"
	"<target dev='vdb'/><shareable/></disk>"
	"<disk type='file' device='cdrom'><source file='/iso'/>"
	"<target dev='sda'/><readonly/></disk>"
	"<disk type='file' device='cdrom'><target dev='sdb'/></disk>"
	"<interface type='network'><mac address='52:54:00:11:22:33'/>"
	"<target dev='tap-web'/><source network='n'/></interface>"
	"<channel type='unix'><source mode='bind' path='/c/web'/></channel>"
	"<graphics type='vnc' port='5901' websocket='5701' autoport='no'/>"
	"<vsock><cid auto='no' address='7'/></vsock></devices></domain>";

static char *clone_of(const struct virt_clone *clone)
{
	struct error err = {0};
	char *xml = NULL;

	if (xml_clone(original, clone, &xml, &err) < 0)
		fail_msg("%s", error_words(&err));
	return xml;
}

static void test_what_is_made_anew(void **state)
{
	static const char *const gone[] = {
		"6695",        "1-2",  "/nvram/web.fd", "52:54:00:11:22:33",
		"tap-web",     "5901", "5701",          "/c/web",
		"address='7'", "rbd",  "backingStore",  "wwn",
	};
	static const char *const kept[] = {
		"<name>a&lt;b&gt;&amp;c</name>",
		"template=\"/t\"",
		"<entry name=\"product\">kept</entry>",
		"<source file=\"/shared\"/>",
		"<source file=\"/iso\"/>",
		"<target dev=\"sdb\"/>",
		"<source network=\"n\"/>",
		"autoport=\"yes\"",
		"port=\"-1\"",
		"auto=\"yes\"",
		"<genid/>",
		"<driver type=\"qcow2\"/>",
		"<source file=\"/img/a&amp;b\"/>",
	};
	const struct virt_clone_disk disk = {"vda", "/img/a&b"};
	const struct virt_clone clone = {"a<b>&c", false, &disk, 1};
	char *xml = clone_of(&clone);
	struct xml_identity identity = {0};

	for (size_t i = 0; i < array_size(gone); i++)
		if (strstr(xml, gone[i]))
			fail_msg("%s is in %s", gone[i], xml);
	for (size_t i = 0; i < array_size(kept); i++)
		if (!strstr(xml, kept[i]))
			fail_msg("%s is not in %s", kept[i], xml);
	assert_int_equal(xml_identify(xml, &identity, NULL), 0);
	assert_string_equal(identity.name, "a<b>&c");
	assert_string_equal(identity.uuid, "");
	xml_identity_clear(&identity);
	free(xml);
}

static void test_without_disks(void **state)
{
	const struct virt_clone clone = {"b", true, NULL, 0};
	char *xml = clone_of(&clone);

	assert_null(strstr(xml, "vda"));
	assert_non_null(strstr(xml, "vdb"));
	assert_non_null(strstr(xml, "sda"));
	free(xml);
}

static void test_block_device(void **state)
{
	const struct virt_clone_disk disk = {"vda", "/dev/vg/b"};
	const struct virt_clone clone = {"b", false, &disk, 1};
	char *xml = clone_of(&clone);

	assert_non_null(strstr(xml, "<disk type=\"block\""));
	assert_non_null(strstr(xml, "<source dev=\"/dev/vg/b\"/>"));
	free(xml);
}

static void expect_refusal(const struct virt_clone_disk *disks, size_t n,
			   const char *words)
{
	const struct virt_clone clone = {"b", false, disks, n};
	struct error err = {0};
	char *xml = NULL;

	assert_int_equal(xml_clone(original, &clone, &xml, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	assert_null(xml);
	if (!strstr(error_words(&err), words))
		fail_msg("%s", error_words(&err));
	error_clear(&err);
}

static void test_refusals(void **state)
{
	const struct virt_clone_disk none = {"vdz", "/a"};
	const struct virt_clone_disk relative = {"vda", "a"};
	const struct virt_clone_disk own = {"vda", "/shared"};
	const struct virt_clone_disk twice[] = {{"vda", "/a"}, {"vdb", "/a"}};
	const struct virt_clone_disk same[] = {{"vda", "/a"}, {"vda", "/b"}};

	expect_refusal(NULL, 0, "'vda' cannot belong to two domains");
	expect_refusal(&none, 1, "no disk 'vdz'");
	expect_refusal(&relative, 1, "not absolute");
	expect_refusal(&own, 1, "of the domain itself");
	expect_refusal(twice, 2, "named twice");
	expect_refusal(same, 2, "named twice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_made_anew),
		cmocka_unit_test(test_without_disks),
		cmocka_unit_test(test_block_device),
		cmocka_unit_test(test_refusals),
	};

	xml_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
