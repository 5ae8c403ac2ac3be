#!/usr/bin/env python3
# sanitized: faults of every kind, with their ids
"""Whatever goes wrong, the answer names an id, and the host's log has one line of that
id with the method, the identity and the words, and where libvirt failed its own; the
client shows the id where the log tells more.
"""
import json
import re

import virtmux_test


class CallIds(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "victor": {"role": "viewer", "domains": "web-*"},
    }
    config = {"daemon": {"log-level": "info"}}

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def line_of(self, error, user, what):
        """The one line of the log about ERROR, which names USER and WHAT."""
        call = error["data"]["call"]
        lines = [line for line in self.daemon.log().splitlines()
                 if f"call {call}: " in line]
        self.assertEqual(len(lines), 1, (error, lines))
        for part in (what, f'"{user}" at 127.0.0.1:', error["data"]["name"],
                     error["message"]):
            self.assertIn(part, lines[0])
        return lines[0]

    def check_answer(self, answer, user, what):
        error = answer.json()["error"]
        return self.line_of(error, user, what)

    def test_calls(self):
        for user, method, params in (
                ("alice", "domain.start", {"domain": "nobody"}),
                ("alice", "domain.start", {"domain": "test"}),
                ("alice", "domain.start", {"domain": "test", "x": 1}),
                ("alice", "domain.nonsense", {}),
                ("victor", "domain.start", {"domain": "web-1"}),
                ("victor", "domain.info", {"domain": "test"}),
                ("alice", "job.wait", {"job": "none"})):
            answer = self.daemon.call(user, method, params)
            self.line_of(answer["error"], user, method)

    def test_batch(self):
        batch = [{"jsonrpc": "2.0", "id": i, "method": "domain.info",
                  "params": {"domain": f"no-{i}"}} for i in range(3)]
        answers = self.daemon.curl("alice", "/rpc", json.dumps(batch)).json()
        ids = {answer["error"]["data"]["call"] for answer in answers}
        self.assertEqual(len(ids), 3)
        for answer in answers:
            self.line_of(answer["error"], "alice", "domain.info")

    def test_what_is_no_call(self):
        """Refused before a method is known."""
        daemon = self.daemon
        for answer, user, what in (
                (daemon.curl("alice", "/rpc", "no json"), "alice", "POST /rpc"),
                (daemon.curl("alice", "/rpc", "[" * 40), "alice", "POST /rpc"),
                (daemon.curl("alice", "/rpc", "x" * (1 << 20) + "x"), "alice",
                 "POST /rpc"),
                (daemon.curl("alice", "/nothing"), "alice", "GET /nothing"),
                (daemon.curl("alice", "/metrics", "x"), "alice", "POST /metrics"),
                (daemon.curl("stranger", "/metrics"), "stranger", "GET /metrics"),
                (daemon.curl("stranger", "/rpc", "{}"), "stranger", "POST /rpc")):
            self.check_answer(answer, user, what)

    def test_resources_and_streams(self):
        daemon = self.daemon
        for path, user, what in (
                ("/domains/nobody/screenshot", "alice", "domain.screenshot"),
                ("/domains/test/screenshot?screen=x", "alice", "domain.screenshot"),
                ("/domains/test/screenshot", "victor", "domain.screenshot")):
            self.check_answer(daemon.curl(user, path), user, what)
        answers = daemon.node("alice", """
            const open = (protocol, path) => request({":method": "CONNECT",
                ":protocol": protocol, ":scheme": "https",
                ":authority": "localhost", ":path": path}).then(
                    answer => JSON.parse(answer.body).error);
            return Promise.all([open("virtmux", "/domains/nobody/serial/0"),
                open("virtmux", "/nothing"), open("other", "/x")]);
        """)
        for error, what in zip(answers, ("domain.serial", "CONNECT /nothing",
                                         "CONNECT /x")):
            self.line_of(error, "alice", what)

    def test_libvirts_own_words_are_in_the_log_alone(self):
        self.daemon.result("alice", "domain.destroy", {"domain": "test"})
        answer = self.daemon.call("alice", "domain.start",
                                  {"domain": "test", "paused": True})
        error = answer["error"]
        self.assertIs(error["data"]["logged"], True)
        self.assertNotIn("libvirt error", error["message"])
        self.assertRegex(self.line_of(error, "alice", "domain.start"),
                         r"\(libvirt error \d+ of \d+: unsupported flags")
        self.assertIn("warning: call", self.line_of(error, "alice", "domain.start"))
        answer = self.daemon.call("alice", "domain.start", {"domain": "nobody"})
        self.assertNotIn("logged", answer["error"]["data"])

    def test_the_client_shows_the_id(self):
        client = self.client(self.daemon)
        self.daemon.result("alice", "domain.destroy", {"domain": "test"})
        done = client.run("start", "test", "--paused")
        shown = re.findall(r"^\(call (\S+): see the host's log\)$", done.stderr, re.M)
        self.assertEqual(len(shown), 1, done.stderr)
        self.assertEqual(done.stderr.count(shown[0]), 1)
        self.assertRegex(self.daemon.log(),
                         f"call {shown[0]}: domain.start of .*libvirt error")
        done = client.run("start", "nobody")
        self.assertNotIn("call", done.stderr)
        for words in (("start", "nobody"), ("start", "test", "--paused")):
            done = client.run("--json", *words)
            call = json.loads(done.stderr)["error"]["call"]
            self.assertIn(f"call {call}: domain.start", self.daemon.log())

    def test_a_job_has_the_id_of_its_call(self):
        client = self.client(self.daemon)
        done = client.run("migrate", "test", "test:///else")
        shown = re.findall(r"\(call (\S+): see the host's log\)", done.stderr)
        self.assertEqual(len(shown), 1, done.stderr)
        self.assertEqual(self.daemon.result("alice", "job.info", {
            "job": shown[0]})["state"], "failed")
        self.assertRegex(self.daemon.log(),
                         f"call {shown[0]}: domain.migrate of .*libvirt error")


if __name__ == "__main__":
    virtmux_test.main()
