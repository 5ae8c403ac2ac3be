#!/usr/bin/env python3
"""hardening.py PROGRAM…: fails on a linked program or shared object that lacks a protection which
cmake/flags.cmake asks for: position independent, full RELRO, no executable stack,
stack protector, fortified libc calls. (objects.py looks for CET.)"""

import re
import subprocess

import tree
from tree import Finding


def readelf(program):
    return subprocess.run(["readelf", "-hldWs", program], text=True, check=True,
                          stdout=subprocess.PIPE).stdout


# What is asked for: a pattern in readelf's output that must be there.
WANTED = {
    "position independent (-pie, -fPIC)": re.compile(r"^ *Type: +DYN \(", re.M),
    "relocations read-only (-z relro)": re.compile(r"^ *GNU_RELRO ", re.M),
    "bound at start (-z now)": re.compile(r"\((FLAGS|FLAGS_1)\).*\b(BIND_NOW|NOW)\b"),
    "a stack that is not executable (-z noexecstack)":
        re.compile(r"^ *GNU_STACK +(\S+ +){5}RW ", re.M),
    "stack protector (-fstack-protector-strong)": re.compile(r"__stack_chk_fail@"),
    "fortified calls (_FORTIFY_SOURCE)": re.compile(r"__\w+_chk@"),
}


def check(_root, *programs):
    if not programs:
        yield Finding("tests/structure/hardening.py", 1, "no program was given")
    for program in programs:
        text = readelf(program)
        for what, pattern in WANTED.items():
            if not pattern.search(text):
                yield Finding(program, 1, f"the program lacks: {what}")


if __name__ == "__main__":
    tree.main(check)
