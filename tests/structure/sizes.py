#!/usr/bin/env python3
"""Fails on a function over 80 lines, a file over 900 lines and a line over 100
columns (a tab counts to the next multiple of 8). There is no list of exceptions."""

import re

import tree
from tree import Finding

FUNCTION_LINES = 80
FILE_LINES = 900
COLUMNS = 100

NAME = re.compile(r"(\w+)\s*\(")
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)", re.DOTALL)


def functions(text):
    """(name, first line, last line) of each function in C text; raises ValueError
    with the line where the braces do not balance, since nothing is known then."""
    code = tree.code_only(text)
    depth = 0
    start = 0  # where the declaration at the outermost level began
    opened = None
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        if match.group() == "{":
            if depth == 0:
                opened = at
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if depth < 0:
                raise ValueError(tree.line_of(code, at))
            if depth == 0:
                head = code[start:opened]
                if head.rstrip().endswith(")"):
                    first = start + len(head) - len(head.lstrip())
                    name = NAME.search(ATTRIBUTE.sub("", head))
                    yield (name.group(1) if name else "?", tree.line_of(code, first),
                           tree.line_of(code, at))
                    start = at + 1
        if depth == 0 and match.group() == ";":
            start = at + 1
    if depth != 0:
        raise ValueError(tree.line_of(code, opened))


def check_functions(path, text):
    try:
        for name, first, last in functions(text):
            if last - first + 1 > FUNCTION_LINES:
                yield Finding(path, first, f"{name}() has {last - first + 1} lines, "
                              f"the limit is {FUNCTION_LINES}")
    except ValueError as error:
        yield Finding(path, error.args[0], "the braces do not balance: the functions "
                      "cannot be measured")


def check_text(path, text):
    lines = text.splitlines()
    if len(lines) > FILE_LINES:
        yield Finding(path, len(lines), f"the file has {len(lines)} lines, the limit is "
                      f"{FILE_LINES}")
    for number, line in enumerate(lines, 1):
        columns = len(line.expandtabs(8))
        if columns > COLUMNS:
            yield Finding(path, number, f"the line has {columns} columns, the limit is "
                          f"{COLUMNS}")


def check(root):
    folders = tree.SOURCE_FOLDERS + ("",)
    for path in tree.files(root, ".c", ".h", ".def", ".py", ".cmake", ".txt", "",
                           folders=folders):
        if path.suffix == "" and not tree.is_script(root, path):
            continue
        text = tree.read(root, path)
        yield from check_text(path, text)
        if path.suffix in (".c", ".h"):
            yield from check_functions(path, text)


if __name__ == "__main__":
    tree.main(check)
