/*
 * daemon/virt/xml.c: what is read from a caller's XML and from live XML, and all
 * that is refused before libvirt sees it.
 */
#include "daemon/test_virt_support.h"

#include "base/buf.h"
#include "daemon/virt/xml.h"

static void expect_identity(const char *xml, const char *name, const char *uuid)
{
	struct xml_identity identity = {0};
	struct error err = {0};

	if (xml_identify(xml, &identity, &err) < 0)
		fail_msg("%s", error_words(&err));
	assert_string_equal(identity.name, name);
	assert_string_equal(identity.uuid, uuid);
	xml_identity_clear(&identity);
}

static void expect_refusal(const char *xml)
{
	struct xml_identity identity = {0};
	struct error err = {0};

	if (xml_identify(xml, &identity, &err) == 0)
		fail_msg("taken: %.200s", xml);
	assert_int_equal(err.code, ERROR_INVALID_PARAMS);
	assert_null(identity.name);
	error_clear(&err);
}

static void test_identity(void **state)
{
	expect_identity("<domain><name>web</name></domain>", "web", "");
	expect_identity("<?xml version='1.0'?><!-- c --><domain type='kvm'>"
			"<devices><name>not this</name></devices>"
			"<name>a&amp;b</name></domain>",
			"a&b", "");
	expect_identity("<domain><name><![CDATA[web]]></name></domain>", "web",
			"");
	expect_identity("<domain><uuid> 6695EB01f6a48304-79aa97f2502e193f\n"
			"</uuid><name>x</name></domain>",
			"x", "6695eb01-f6a4-8304-79aa-97f2502e193f");
	/* Not trimmed: libvirt does not either. */
	expect_identity("<domain><name> web</name></domain>", " web", "");
}

static void test_refusals(void **state)
{
	expect_refusal("");
	expect_refusal("web");
	expect_refusal("<domain>");
	expect_refusal("<domain></domain>");
	expect_refusal("<domain><name></name></domain>");
	expect_refusal("<network><name>x</name></network>");
	expect_refusal("<domain><name>x</name></domain><domain/>");
	expect_refusal("<domain><name>x</name><name>y</name></domain>");
	expect_refusal("<domain><name>x<b>y</b></name></domain>");
	expect_refusal("<domain><name>x<!-- c -->y</name></domain>");
	expect_refusal("<domain><name>x</name><uuid>1</uuid></domain>");
	expect_refusal("<!DOCTYPE domain><domain><name>x</name></domain>");
	expect_refusal("<!DOCTYPE d [<!ENTITY e 'web'>]>"
		       "<domain><name>&e;</name></domain>");
	expect_refusal("<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
		       "<domain><name>&e;</name></domain>");
	expect_refusal("<domain><name>&e;</name></domain>");
	expect_refusal("<domain><name>\xff</name></domain>");
}

static void test_limits(void **state)
{
	autobuf xml = {0};

	buf_append_str(&xml, "<domain><name>x</name>");
	for (int i = 0; i <= VIRT_XML_DEPTH; i++)
		buf_append_str(&xml, "<a>");
	for (int i = 0; i <= VIRT_XML_DEPTH; i++)
		buf_append_str(&xml, "</a>");
	buf_append_str(&xml, "</domain>");
	buf_append_char(&xml, '\0');
	expect_refusal((char *)buf_bytes(&xml));
	buf_reset(&xml);
	buf_append_str(&xml, "<domain><name>x</name>");
	while (xml.len <= VIRT_XML_MAX)
		buf_append_str(&xml, "<a>                              </a>");
	buf_append_str(&xml, "</domain>");
	buf_append_char(&xml, '\0');
	expect_refusal((char *)buf_bytes(&xml));
	buf_reset(&xml);
	buf_append_str(&xml, "<domain><name>");
	for (int i = 0; i <= VIRT_NAME_MAX; i++)
		buf_append_char(&xml, 'x');
	buf_append_str(&xml, "</name></domain>");
	buf_append_char(&xml, '\0');
	expect_refusal((char *)buf_bytes(&xml));
}

static const char live[] =
	"<domain><devices>"
	"<graphics type='vnc' port='5901' listen='127.0.0.1'>"
	"<listen type='address' address='127.0.0.1'/></graphics>"
	"<graphics type='spice'><listen type='socket' socket='/s'/></graphics>"
	"<graphics type='sdl'/><graphics type='vnc' port='-1'/>"
	"<serial type='pty'><source path='/dev/pts/1'/>"
	"<alias name='serial0'/></serial>"
	"<serial type='file'><source path='/f'/><alias "
	"name='serial1'/></serial>"
	"<console type='pty'><alias name='console7'/></console>"
	"</devices></domain>";

static void test_graphics(void **state)
{
	struct xml_graphics g = {0};
	struct error err = {0};
	unsigned count;

	assert_int_equal(xml_find_graphics(live, 0, &g, &count, &err), 0);
	assert_int_equal(count, 4);
	assert_true(g.known);
	assert_int_equal(g.type, VIRT_GRAPHICS_VNC);
	assert_int_equal(g.port, 5901);
	assert_string_equal(g.address, "127.0.0.1");
	xml_graphics_clear(&g);
	assert_int_equal(xml_find_graphics(live, 1, &g, &count, &err), 0);
	assert_int_equal(g.type, VIRT_GRAPHICS_SPICE);
	assert_string_equal(g.socket, "/s");
	xml_graphics_clear(&g);
	assert_int_equal(xml_find_graphics(live, 2, &g, &count, &err), 0);
	assert_false(g.known);
	xml_graphics_clear(&g);
	assert_int_equal(xml_find_graphics(live, 3, &g, &count, &err), 0);
	assert_int_equal(g.port, 0);
	xml_graphics_clear(&g);
	assert_int_equal(xml_find_graphics(live, 4, &g, &count, &err), 0);
	assert_false(g.known);
}

static void expect_serial(const char *xml, const char *by, unsigned index,
			  const char *alias, const char *path, unsigned count)
{
	struct xml_serial serial = {0};
	struct error err = {0};
	unsigned found;

	assert_int_equal(xml_find_serial(xml, by, index, &serial, &found, &err),
			 0);
	assert_int_equal(found, count);
	assert_int_equal(serial.found, alias || path);
	if (alias)
		assert_string_equal(serial.alias, alias);
	if (path)
		assert_string_equal(serial.path, path);
	xml_serial_clear(&serial);
}

static void test_serial(void **state)
{
	const char *console = "<domain><devices><console type='pty'><alias "
			      "name='console0'/></console></devices></domain>";

	expect_serial(live, NULL, 0, "serial0", "/dev/pts/1", 2);
	expect_serial(live, NULL, 1, "serial1", NULL, 2);
	expect_serial(live, NULL, 2, NULL, NULL, 2);
	expect_serial(live, "console7", 0, "console7", NULL, 1);
	expect_serial(live, "serial'", 0, NULL, NULL, 0);
	expect_serial(console, NULL, 0, "console0", NULL, 1);
	expect_serial("<domain/>", NULL, 0, NULL, NULL, 0);
}

static void test_all_consoles(void **state)
{
	struct virt_consoles c = {0};
	struct error err = {0};

	assert_int_equal(xml_list_consoles(live, &c, &err), 0);
	assert_int_equal(c.displays_count, 4);
	assert_string_equal(c.displays[0].type, "vnc");
	assert_string_equal(c.displays[0].listen, "address");
	assert_string_equal(c.displays[0].address, "127.0.0.1");
	assert_int_equal(c.displays[0].port, 5901);
	assert_string_equal(c.displays[1].listen, "socket");
	assert_string_equal(c.displays[1].socket, "/s");
	assert_string_equal(c.displays[2].type, "sdl");
	assert_string_equal(c.displays[2].listen, "none");
	assert_string_equal(c.displays[3].listen, "address");
	assert_int_equal(c.displays[3].port, 0);
	/* <console> counts only where there is no <serial>. */
	assert_int_equal(c.lines_count, 2);
	assert_string_equal(c.lines[1].type, "file");
	assert_string_equal(c.lines[1].alias, "serial1");
	assert_false(c.lines[1].console);
	xml_consoles_clear(&c);
	assert_int_equal(
		xml_list_consoles(
			"<domain><devices><graphics type='vnc' port='70000'>"
			"<listen type='none'/></graphics><console type='pty'>"
			"<target type='virtio'/></console></devices></domain>",
			&c, &err),
		0);
	assert_string_equal(c.displays[0].listen, "none");
	assert_int_equal(c.displays[0].port, 0);
	assert_true(c.lines[0].console);
	assert_string_equal(c.lines[0].target, "virtio");
	xml_consoles_clear(&c);
	assert_int_equal(xml_list_consoles("<domain/>", &c, &err), 0);
	assert_int_equal(c.displays_count + c.lines_count, 0);
	assert_int_equal(xml_list_consoles("<domain>", &c, &err), -1);
	error_clear(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_graphics),
		cmocka_unit_test(test_all_consoles),
		cmocka_unit_test(test_serial),
	};

	xml_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
