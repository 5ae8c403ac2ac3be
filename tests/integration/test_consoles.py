#!/usr/bin/env python3
# timeout: 300
# sanitized: consoles that are cut and flooded
"""Sixteen serial consoles of four real guests and two displays at once, over one
connection: who does not read holds nobody back, the others get every byte, and what
the daemon holds is bounded.
"""
import re

import consoles
import virtmux_test
from test_console import ConsoleCase
from virtmux_test import read_file

SECONDS = 15
# The most that the daemon may take for 18 consoles: a block of what was read ahead
# for each (136 KiB), and as much again for what the allocator keeps.
MEMORY_KIB = 2 * 18 * 136


class Consoles(ConsoleCase):

    guests = ["tiny-0", "tiny-1", "tiny-2", "tiny-3"]

    @classmethod
    def guest_xml(cls):
        return [consoles.tiny_xml(name) for name in cls.guests]

    @classmethod
    def boot(cls):
        for xml in cls.xml:
            cls.daemon.result("alice", "domain.create", {"xml": xml})

    def most_kib(self):
        status = read_file(f"/proc/{self.daemon.process.pid}/status")
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))

    def test_sixteen(self):
        before = self.most_kib()
        answer = self.daemon.node("alice", consoles.sixteen(self.guests, SECONDS, 1))
        grown = self.most_kib() - before
        count = SECONDS * consoles.LINES_A_SECOND
        expected = [{"bytes": count * consoles.LINE_SIZE,
                     "sha256": consoles.digest(consoles.printed(port, count))}
                    for port in range(consoles.LINES)] * 4
        self.assertEqual(answer["others"], expected[:-1])
        # The one that was not read held its window, and then lost nothing either.
        self.assertLess(answer["held"], count * consoles.LINE_SIZE // 2)
        self.assertEqual(answer["last"], expected[-1])
        self.assertGreater(answer["updates"], 0)
        self.assertGreater(answer["calls"], 100)
        print(f"{answer['took'] / 1000:.1f} s, {answer['updates']} updates, "
              f"{answer['calls']} calls, p99 {answer['p99']:.2f} ms, idle "
              f"{answer['idle_p99']:.2f} ms; {grown} KiB", end=" ... ", flush=True)
        if not virtmux_test.is_sanitized():
            self.assertLess(grown, MEMORY_KIB)


if __name__ == "__main__":
    virtmux_test.main()
