#!/usr/bin/env python3
"""Fails on a method in common/api/methods/*.def without one of the three roles (the
role has no default), without its END, or with a line that belongs to no method."""

import re

import tree
from tree import Finding

ROLES = {"VIEWER", "OPERATOR", "ADMIN"}
LINE = re.compile(r"^([A-Z_]+)\(([^,)]*),?([^)\n]*)", re.MULTILINE)


def check_method(path, line, method, rest):
    """REST: what stands between the id and the end of METHOD's first line."""
    fields = [field.strip() for field in re.sub(r'"[^"]*"', "", rest).split(",")]
    role = fields[1] if len(fields) > 1 else ""
    if role not in ROLES:
        yield Finding(path, line, f"{method} has no role: the field after its name is "
                      f"'{role}', it must be one of {', '.join(sorted(ROLES))}")


def check_file(path, text):
    opened = None
    code = re.sub(r"/\*.*?\*/", lambda m: tree.blank(m.group()), text, flags=re.DOTALL)
    for match in LINE.finditer(code):
        word, method, rest = match.groups()
        line = tree.line_of(code, match.start())
        if word == "METHOD":
            if opened:
                yield Finding(path, line, f"{opened} has no END before {method}")
            opened = method
            yield from check_method(path, line, method, rest)
        elif method != opened:
            yield Finding(path, line, f"{word} of {method} stands outside its METHOD … END")
        if word == "END":
            opened = None
    if opened:
        yield Finding(path, len(text.splitlines()), f"{opened} has no END")


def check(root):
    paths = list(tree.files(root, ".def", folders=("common/api/methods",)))
    if not paths:
        yield Finding("common/api/methods", 1, "there is no method at all")
    for path in paths:
        yield from check_file(path, tree.read(root, path))


if __name__ == "__main__":
    tree.main(check)
