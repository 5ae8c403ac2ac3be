#!/usr/bin/env python3
"""objects.py BUILD: fails on writable static data in any object file of the
programs (nothing may outlive or escape the context that is passed in), and on x86
on an object without the marks of indirect branch tracking and shadow stack. The
objects are those of BUILD's compile_commands.json, so that leftovers of deleted
sources do not count."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import tree
from tree import Finding

# objdump -t: value, seven columns of flags, section, size, name.
SYMBOL = re.compile(r"^[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+ +(?:\.hidden )?(\S+)$", re.MULTILINE)
WRITABLE = re.compile(r"\.(data|bss|tdata|tbss)(\.|$)|\*COM\*")
CONSTANT = re.compile(r"\.data\.rel\.ro(\.|$)")
MARKS = ("IBT", "SHSTK")


def objects(root, build):
    """(source relative to the root, object) of every file of the programs' rooms."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["directory"], entry["file"]).resolve()
        if not source.is_relative_to(root) or not source.exists():
            continue
        source = source.relative_to(root)
        if source.parts[0] in tree.PROGRAM_ROOMS:
            words = shlex.split(entry["command"])
            yield source, Path(entry["directory"], words[words.index("-o") + 1])


def output_of(*command):
    return subprocess.run(command, text=True, check=True, stdout=subprocess.PIPE).stdout


def writable_symbols(file):
    for flags, section, name in SYMBOL.findall(output_of("objdump", "-t", file)):
        names_section = "d" in flags
        if WRITABLE.match(section) and not CONSTANT.match(section) and not names_section:
            yield name, section


def line_of_symbol(root, source, name):
    """The line of the source where the name stands first, or 1."""
    word = re.compile(rf"\b{re.escape(name.split('.')[0])}\b")
    lines = tree.without_comments(tree.read(root, source)).splitlines()
    return next((number for number, line in enumerate(lines, 1) if word.search(line)), 1)


def check_object(root, source, file):
    for name, section in writable_symbols(file):
        yield Finding(source, line_of_symbol(root, source, name),
                      f"{name} is writable static data ({section}): make it const or "
                      "pass it in")
    if "X86-64" in output_of("readelf", "-hW", file):
        notes = output_of("readelf", "-nW", file)
        for mark in MARKS:
            if mark not in notes:
                yield Finding(source, 1, f"its object is compiled without {mark} "
                              "(-fcf-protection)")


def check(root, build):
    build = Path(build).resolve()
    count = 0
    for source, file in objects(root, build):
        count += 1
        if not file.exists():
            yield Finding(source, 1, f"{file} does not exist: build first")
            continue
        yield from check_object(root, source, file)
    if count == 0:
        yield Finding("CMakeLists.txt", 1, f"{build} has no objects to look at")


if __name__ == "__main__":
    tree.main(check)
