#!/usr/bin/env python3
"""Fails on a source file that does not begin with a comment about what it is, and
on a document that names a file of the tree which does not exist."""

import re

import tree
from tree import Finding

# In documents: [text](target), and `path` in backquotes.
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
QUOTED = re.compile(r"`([^`\s]+)`")


def begins_with_comment(path, text):
    if path.suffix in (".c", ".h", ".def"):
        return text.startswith("/*") and not text.startswith("/* */")
    body = re.sub(r"\A#![^\n]*\n", "", text)
    opening = ("#", '"""') if path.suffix == ".py" else ("#",)
    return body.startswith(opening)


def check_headers(root):
    for path in tree.files(root, ".c", ".h", ".def", ".py", ""):
        text = tree.read(root, path)
        if path.suffix == "" and not text.startswith("#!"):
            continue
        if not begins_with_comment(path, text):
            yield Finding(path, 1, "the file does not begin with a comment that says "
                          "what it owns and who calls it")


def names_nothing(root, folder, target):
    """Whether TARGET, as a document in FOLDER names it, matches no file. Words in
    capitals stand for any name, as in api/methods/NOUN.def."""
    pattern = re.sub(r"[A-Z]{3,}(?=[./]|$)|…|\{[^}]*\}", "*", target.rstrip("/"))
    if (root / folder / target).exists():
        return False
    return not any(any(base.glob(pattern)) for base in (root / folder, root, root / "common"))


def is_tree_path(root, word):
    """Whether a word in backquotes is meant as a path of this tree."""
    top = word.split("/")[0]
    if "/" not in word or top.startswith("build"):
        return False
    return re.fullmatch(r"[\w./*{},…-]+", word) is not None and (
        top in tree.SOURCE_FOLDERS or (root / "common" / top).is_dir() and top != "")


def check_document(root, path):
    text = tree.read(root, path)
    for match in LINK.finditer(text):
        target = match.group(1)
        if re.match(r"[a-z]+:", target):
            continue
        if names_nothing(root, path.parent, target):
            yield Finding(path, tree.line_of(text, match.start()),
                          f"the link leads to {target}, which does not exist")
    for match in QUOTED.finditer(text):
        word = match.group(1).rstrip(".,:;")
        if is_tree_path(root, word) and names_nothing(root, "", word):
            yield Finding(path, tree.line_of(text, match.start()),
                          f"`{word}` does not exist")


def check(root):
    yield from check_headers(root)
    for path in tree.files(root, ".md", folders=tree.SOURCE_FOLDERS + ("",)):
        yield from check_document(root, path)


if __name__ == "__main__":
    tree.main(check)
