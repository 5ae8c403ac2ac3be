#!/usr/bin/env python3
"""The checks are checked: each is fed a sample that breaks its rule and must say so,
at the right line, and a sample that keeps it and must stay silent."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import form
import hardening
import methods
import objects
import rooms
import sizes
import tree
import words

HEAD = "/*\n * What this is.\n */\n"


class Sample(unittest.TestCase):
    """A temporary tree of files, and what a check finds in it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def found(self, check, *arguments):
        """"path:line" of each finding."""
        return [f"{f.path}:{f.line}" for f in check(self.root, *arguments)]

    def compile(self, text, *flags):
        self.write("daemon/core/a.c", text)
        subprocess.run(["cc", "-O2", *flags, "-o", "a.out", "daemon/core/a.c"],
                       cwd=self.root, check=True)


class Rooms(Sample):
    def finds(self, path, line, text="{}"):
        self.write(path, HEAD + text.format(line) + "\n")
        return self.found(rooms.check)

    def test_allowed(self):
        self.assertEqual(self.finds("daemon/ops/a.c", '#include "daemon/virt/virt.h"'), [])
        self.assertEqual(self.finds("daemon/virt/a.c", "#include <libvirt/libvirt.h>"), [])
        self.assertEqual(self.finds("common/wire/conn_a.c", "#include <uv.h>"), [])
        self.assertEqual(self.finds("common/base/a.c", "#ifdef __linux__\n#endif"), [])
        self.assertEqual(self.finds("client/a.c", '/* #include "daemon/core/x.h" */'), [])

    def test_upward(self):
        for room, name in (("common/wire", "api/method.h"), ("common/api", "wire/h2.h"),
                           ("common/base", "wire/h2.h"), ("client", "daemon/rpc/call.h"),
                           ("daemon/virt", "daemon/rpc/call.h"), ("pki", "wire/tls.h"),
                           ("daemon/rpc", "daemon/ops/domain.h"),
                           ("daemon/relay", "api/method.h")):
            with self.subTest(room=room, name=name):
                self.assertIn(f"{room}/a.c:4", self.finds(f"{room}/a.c", f'#include "{name}"'))

    def test_not_from_the_top(self):
        self.assertEqual(self.finds("client/a.c", '#include "a.h"'), ["client/a.c:4"])

    def test_library_out_of_place(self):
        for path, name in (("daemon/ops/a.c", "libvirt/libvirt.h"), ("daemon/ops/a.c", "png.h"),
                           ("client/a.c", "nghttp2/nghttp2.h"), ("client/a.c", "openssl/ssl.h"),
                           ("common/wire/h2.c", "uv.h"),
                           ("common/wire/conn.c", "openssl/ssl.h")):
            with self.subTest(path=path, name=name):
                self.assertIn(f"{path}:4", self.finds(path, f"# include <{name}>"))

    def test_platform(self):
        self.assertEqual(self.finds("client/a.c", "#include <sys/epoll.h>"), ["client/a.c:4"])
        self.assertEqual(self.finds("client/b.c", "#if defined(__APPLE__)\n#endif"),
                         ["client/a.c:4", "client/b.c:4"])

    def test_outside_the_rooms(self):
        self.assertEqual(self.finds("daemon/new/a.c", "int a;"), ["daemon/new/a.c:1"])

    def test_link(self):
        self.write("common/wire/CMakeLists.txt", "# x\nroom(wire SOURCES a.c LINKS base api)\n")
        self.assertEqual(self.found(rooms.check), ["common/wire/CMakeLists.txt:2"])

    def test_ring(self):
        self.assertEqual(rooms.rings({"a": {"b"}, "b": {"c"}, "c": {"b"}}), ["b", "c"])
        self.assertEqual(rooms.rings(rooms.ARROWS), [])


class Sizes(Sample):
    def function(self, lines, head="int f(void)"):
        return HEAD + head + "\n{\n" + "\ta();\n" * (lines - 3) + "}\n"

    def test_function(self):
        self.write("client/a.c", self.function(80))
        self.assertEqual(self.found(sizes.check), [])
        self.write("client/a.c", self.function(81))
        self.assertEqual(self.found(sizes.check), ["client/a.c:4"])

    def test_function_is_measured_in_spite_of_macros(self):
        macro = "#define OPEN(x) \\\n\tif (x) {\n"
        tricks = 'static const char *brace = "{", c = \'}\'; /* { */\n'
        self.write("client/a.c", HEAD + macro + tricks + "static const int t[] = {\n\t1,\n};\n"
                   + self.function(81, "static TEST(f)")[len(HEAD):])
        self.assertEqual(self.found(sizes.check), ["client/a.c:10"])

    def test_table_is_no_function(self):
        self.write("client/a.c", HEAD + "static const int t[] = {\n" + "\t1,\n" * 200 + "};\n")
        self.assertEqual(self.found(sizes.check), [])

    def test_unbalanced(self):
        self.write("client/a.c", HEAD + "int f(void)\n{\n")
        self.assertEqual(self.found(sizes.check), ["client/a.c:5"])

    def test_file(self):
        self.write("client/a.c", HEAD + "int x;\n" * 897)
        self.assertEqual(self.found(sizes.check), [])
        self.write("client/a.c", HEAD + "int x;\n" * 898)
        self.assertEqual(self.found(sizes.check), ["client/a.c:901"])

    def test_line(self):
        self.write("client/a.c", HEAD + "\t" + "x" * 92 + "\n\t" + "x" * 93 + "\n")
        self.assertEqual(self.found(sizes.check), ["client/a.c:5"])


class Words(Sample):
    def test_header(self):
        self.write("client/a.c", HEAD)
        self.write("etc/run", "#!/bin/sh\n# Runs.\n")
        self.write("tests/a.py", '#!/usr/bin/env python3\n"""Tests."""\n')
        self.assertEqual(self.found(words.check), [])
        self.write("client/a.c", "int a;\n")
        self.write("etc/run", "#!/bin/sh\nset -e\n")
        self.write("tests/a.py", "import os\n")
        self.assertEqual(self.found(words.check), ["client/a.c:1", "tests/a.py:1", "etc/run:1"])

    def test_document(self):
        self.write("common/api/methods/host.def", HEAD)
        self.write("doc/A.md", "[b](B.md) [web](https://example.org) `api/methods/NOUN.def`\n"
                   "`common/api/` `/etc/passwd` `build/virtmux` `a/b`\n")
        self.assertEqual(self.found(words.check), ["doc/A.md:1"])
        self.write("doc/B.md", "`common/api/gone.c` and\n`client/`\n")
        self.assertEqual(self.found(words.check), ["doc/B.md:1", "doc/B.md:2"])


class Methods(Sample):
    def found_in(self, text):
        self.write("common/api/methods/a.def", HEAD + text)
        return self.found(methods.check)

    def test_role(self):
        good = 'METHOD(a_b, "a.b", {}, CALL, "x",\n       "y")\nEND(a_b)\n'
        self.assertEqual(self.found_in(good.format("VIEWER")), [])
        for role in ("", "NONE", "CALL", "viewer"):
            with self.subTest(role=role):
                self.assertEqual(self.found_in(good.format(role)), ["common/api/methods/a.def:4"])

    def test_role_left_out(self):
        self.assertEqual(self.found_in('METHOD(a_b, "a.b", CALL, "x", "y")\nEND(a_b)\n'),
                         ["common/api/methods/a.def:4"])

    def test_bracket(self):
        opened = 'METHOD(a_b, "a.b", ADMIN, CALL, "x", "y")\n'
        self.assertEqual(self.found_in(opened), ["common/api/methods/a.def:4"])
        self.assertEqual(self.found_in(opened + "PARAM(a_c, x, BOOL)\nEND(a_b)\n"),
                         ["common/api/methods/a.def:5"])

    def test_nothing(self):
        self.assertEqual(self.found(methods.check), ["common/api/methods:1"])


class Form(Sample):
    def test_c(self):
        self.write(".clang-format", (tree.ROOT / ".clang-format").read_text())
        self.write("client/a.c", "int f(void)\n{\n\treturn 1;\n}\n")
        self.assertEqual(self.found(form.check), [])
        self.write("client/a.c", "int f(void) {\n\treturn 1;\n}\n")
        self.assertEqual(self.found(form.check), ["client/a.c:1"])

    def test_shell(self):
        self.write("etc/run", "#!/bin/sh\n# Runs.\necho \"$1\"\n")
        self.assertEqual(self.found(form.check), [])
        self.write("etc/run", "#!/bin/sh\n# Runs.\necho $1\n")
        self.assertEqual(self.found(form.check), ["etc/run:3"])

    def test_tool_that_fails(self):
        self.write("client/a.c", "int a;\n")
        self.assertEqual(list(form.run(self.root, form.FORMAT, ["false"], ["client/a.c"]))[0].path,
                         "false")


class Objects(Sample):
    def found_in(self, text, *flags):
        self.compile(text, "-c", *flags)
        self.write("build/compile_commands.json", json.dumps([{
            "directory": str(self.root), "file": "daemon/core/a.c",
            "command": "cc -c -o a.out daemon/core/a.c"}]))
        return self.found(objects.check, self.root / "build")

    def test_constant(self):
        self.assertEqual(self.found_in("static const char *const t[] = {\"a\"};\n"
                                       "const char *f(int i) { return t[i]; }\n",
                                       "-fPIE", "-fcf-protection"), [])

    def test_writable(self):
        for text in ("static int n;\nint f(void) { return n++; }\n",
                     "int n = 3;\n", "int n;\n", "const char *n = \"a\";\n",
                     "_Thread_local int n;\n",
                     "int f(void) { static int n = 7; return n++; }\n"):
            for flag in ("-fcommon", "-fno-common"):
                with self.subTest(text=text, flag=flag):
                    self.assertEqual(self.found_in(text, "-fcf-protection", flag),
                                     ["daemon/core/a.c:1"])

    def test_without_cet(self):
        if "X86-64" not in objects.output_of("readelf", "-hW", "/proc/self/exe"):
            self.skipTest("x86 only")
        self.assertEqual(self.found_in("int f(void) { return 1; }\n", "-fcf-protection=none"),
                         ["daemon/core/a.c:1"] * 2)

    def test_nothing(self):
        self.write("build/compile_commands.json", "[]")
        self.assertEqual(self.found(objects.check, self.root / "build"), ["CMakeLists.txt:1"])


class Hardening(Sample):
    PROGRAM = ("#include <stdio.h>\n#include <string.h>\n"
               "int main(int c, char **v)\n{\n\tchar b[64];\n\tstrcpy(b, v[c - 1]);\n"
               "\treturn puts(b);\n}\n")
    FLAGS = ("-fPIE", "-pie", "-Wl,-z,relro,-z,now,-z,noexecstack", "-D_FORTIFY_SOURCE=2",
             "-fstack-protector-strong")

    def lacks(self, *more):
        self.compile(self.PROGRAM, "-U_FORTIFY_SOURCE", *self.FLAGS, *more)
        return [f.rule for f in hardening.check(self.root, self.root / "a.out")]

    def test_hardened(self):
        self.assertEqual(self.lacks(), [])

    def test_each_flag(self):
        for flags, word in ((("-fno-pie", "-no-pie"), "-pie"), (("-Wl,-z,norelro",), "relro"),
                            (("-Wl,-z,lazy",), "-z now"), (("-Wl,-z,execstack",), "noexecstack"),
                            (("-fno-stack-protector",), "stack-protector"),
                            (("-U_FORTIFY_SOURCE",), "_FORTIFY_SOURCE")):
            with self.subTest(flags=flags):
                self.assertTrue(any(word in rule for rule in self.lacks(*flags)))

    def test_nothing(self):
        self.assertEqual(len(list(hardening.check(self.root))), 1)


if __name__ == "__main__":
    unittest.main()
