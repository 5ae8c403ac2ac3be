#!/usr/bin/env python3
"""Who may include whom: the arrows of the design (doc/ARCHITECTURE.md) as a table.
Fails on an upward include, an include of a library or of a platform's header out
of its place, a platform #ifdef outside common/base, and a link in a room's
CMakeLists.txt that the table does not allow."""

import re

import tree
from tree import Finding

# room: the rooms that it may name besides itself. Everything may name base.
ARROWS = {
    "common/base": set(),
    "common/api": {"common/base"},
    "common/crypt": {"common/base"},
    "common/record": {"common/base", "common/api"},
    "common/wire": {"common/base"},
    "daemon/virt": {"common/base"},
    "daemon/relay": {"common/base", "common/wire"},
    "daemon/rpc": {"common/base", "common/api", "common/wire"},
    "daemon/ops": {"common/base", "common/api", "common/record", "common/wire",
                   "daemon/rpc", "daemon/virt", "daemon/relay"},
    "daemon/core": {"common/base", "common/api", "common/wire", "daemon/rpc",
                    "daemon/virt", "daemon/relay", "daemon/ops"},
    "client/web": {"common/base"},
    "client/connect": {"common/base", "common/api", "common/wire"},
    "client/library": {"common/base", "common/api", "common/wire", "client/connect"},
    "client/consoles": {"common/base", "common/api", "common/record", "common/wire",
                        "client/connect"},
    "client": {"common/base", "common/api", "common/crypt", "common/record", "common/wire",
               "client/connect", "client/consoles", "client/web"},
    "pki": {"common/base", "common/crypt"},
}

# A header outside the tree: the beginnings of the paths that may include it.
LIBRARIES = {
    r"libvirt/": ("daemon/virt/",),
    r"libxml/": ("daemon/virt/",),
    r"png\.h": ("daemon/virt/", "client/consoles/picture"),
    r"xkbcommon/": ("client/consoles/keyboard",),
    r"nghttp2/": ("common/wire/h2",),
    r"openssl/": ("common/wire/tls", "common/wire/verify", "common/wire/explain",
                  "common/base/base64", "common/base/digest", "common/crypt/", "pki/",
                  "client/key", "client/connect/key", "client/web/accept"),
    r"uv\.h": ("common/wire/conn", "daemon/", "client/"),
    r"microhttpd\.h": ("client/web/http",),
    r"wslay/": ("client/web/socket",),
    r"ini\.h": ("common/base/ini",),
    r"histedit\.h": ("client/shell_edit",),
    r"popt\.h": ("client/", "daemon/core/", "pki/"),
    r"json-c/": ("common/api/", "client/", "daemon/rpc/", "daemon/ops/", "pki/"),
}

# Laptops run macOS too: these exist on Linux alone.
LINUX = re.compile(
    r"(linux|asm)/|sys/(epoll|eventfd|inotify|prctl|sendfile|signalfd|sysinfo|"
    r"timerfd|vfs|auxv|fanotify)\.h|(byteswap|endian|features|malloc|pty|error)\.h")
LINUX_FREE = ("common/api/", "common/crypt/", "common/wire/", "client/", "pki/")

PLATFORM = re.compile(
    r"\b(__linux__|__linux|linux|__gnu_linux__|__APPLE__|__MACH__|__unix__|"
    r"__(Free|Net|Open)BSD__|__GLIBC__|_WIN32|__sun|__x86_64__|__aarch64__)\b")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b(.*)", re.MULTILINE)
ROOM_CALL = re.compile(r"^room\((\w+)(.*?)\)", re.MULTILINE | re.DOTALL)


def room_of(path):
    """The room of a path of the tree, None outside the rooms."""
    return next((room for room in ARROWS if str(path).startswith(room + "/")), None)


def included_room(name):
    """The room that an include "NAME" leads to."""
    return room_of(name) or room_of("common/" + name)


def check_include(path, line, quote, name):
    room = room_of(path)
    if quote == '"':
        target = included_room(name)
        if target is None:
            yield Finding(path, line, f'include "{name}" does not start at the tree\'s '
                          "top or at common/")
        elif target != room and target not in ARROWS[room]:
            yield Finding(path, line, f'{room} must not include "{name}": the design '
                          f"has no arrow from {room} to {target}")
        return
    for pattern, places in LIBRARIES.items():
        if re.match(pattern, name) and not str(path).startswith(places):
            yield Finding(path, line, f"<{name}> may be included only in "
                          + ", ".join(place + "*" for place in places))
    if LINUX.match(name) and str(path).startswith(LINUX_FREE):
        yield Finding(path, line, f"<{name}> exists on Linux alone: its place is "
                      "common/base or daemon/")


def check_source(root, path):
    text = tree.read(root, path)
    # Comments are blanked, strings are what an include is made of.
    code = re.sub(r"/\*.*?\*/", lambda m: tree.blank(m.group()), text, flags=re.DOTALL)
    for match in INCLUDE.finditer(code):
        yield from check_include(path, tree.line_of(code, match.start()), *match.groups())
    if room_of(path) == "common/base":
        return
    for match in CONDITION.finditer(code):
        if PLATFORM.search(match.group(1)):
            yield Finding(path, tree.line_of(code, match.start()),
                          "#if for a platform: its place is common/base")


def check_links(root, path):
    text = tree.read(root, path)
    by_library = {room.split("/")[-1]: room for room in ARROWS}
    for match in ROOM_CALL.finditer(text):
        room = by_library[match.group(1)]
        links = re.split(r"\b(?:LINKS|PRIVATE)\b", match.group(2))[1:]
        for word in " ".join(links).split():
            target = by_library.get(word)
            if target and target not in ARROWS[room]:
                yield Finding(path, tree.line_of(text, match.start()),
                              f"{room} must not link {target}")


def rings(arrows):
    """The rooms from which a way leads back to themselves."""
    def reach(room, seen):
        for target in arrows[room] - seen:
            seen |= {target} | reach(target, seen | {target})
        return seen
    return [room for room in arrows if room in reach(room, set())]


def check(root):
    for room in rings(ARROWS):
        yield Finding("tests/structure/rooms.py", 1, f"the table has a ring through {room}")
    for path in tree.files(root, ".c", ".h", ".def", folders=tree.PROGRAM_ROOMS):
        if room_of(path) is None:
            yield Finding(path, 1, "a source file outside the rooms")
        else:
            yield from check_source(root, path)
    for path in tree.files(root, ".txt", folders=tree.PROGRAM_ROOMS):
        yield from check_links(root, path)


if __name__ == "__main__":
    tree.main(check)
