#!/usr/bin/env python3
# sanitized: work that is cancelled at any moment
"""Jobs as curl and the client see them: the answer at once, the result by job.wait,
one job for each idempotency-key, and nothing of a domain that one may not see. How far
a job is, and its cancel while it runs, is in test_migrate.py.
"""
import json
import os

import virtmux_test


class Jobs(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "oskar": {"role": "operator", "domains": "test"},
        "olga": {"role": "operator", "domains": "web-*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.client(self.daemon)
        self.image = os.path.join(self.work, "image")

    def ask(self, method, params, *headers):
        """A call that prefers a job's id."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.daemon.curl("alice", "/rpc", json.dumps(body),
                                ["prefer: respond-async", *headers])

    def save(self, *headers):
        return self.ask("domain.save", {"domain": "test", "path": self.image}, *headers)

    def test_the_answer_comes_at_once(self):
        answer = self.save()
        self.assertEqual(answer.status, 202)
        self.assertEqual(answer.headers["preference-applied"], "respond-async")
        job = answer.json()["result"]["job"]
        ended = self.daemon.result("alice", "job.wait", {"job": job})
        self.assertEqual(ended["state"], "done")
        self.assertEqual(ended["result"]["name"], "test")
        record = self.daemon.wait_audit(call=job, event="end")[0]
        self.assertEqual(record["outcome"], "ok")
        self.assertEqual(record["name"], "test")

    def test_what_is_no_job_is_answered_as_ever(self):
        answer = self.ask("domain.suspend", {"domain": "test"})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json()["result"]["state"], "paused")
        batch = [{"jsonrpc": "2.0", "id": 1, "method": "domain.save",
                  "params": {"domain": "test", "path": self.image}}]
        answer = self.daemon.curl("alice", "/rpc", json.dumps(batch),
                                  ["prefer: respond-async"])
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json()[0]["result"]["name"], "test")

    def test_a_key_makes_one_job(self):
        key = "idempotency-key: only-once"
        job = self.save(key).json()["result"]["job"]
        self.daemon.result("alice", "job.wait", {"job": job})
        again = self.save(key)
        self.assertEqual(again.status, 200)
        self.assertEqual(again.json()["result"]["name"], "test")
        jobs = self.daemon.result("alice", "job.list")["jobs"]
        self.assertEqual([entry["id"] for entry in jobs], [job])

    def test_scope(self):
        job = self.save().json()["result"]["job"]
        self.daemon.result("alice", "job.wait", {"job": job})
        self.assertEqual(self.daemon.result("oskar", "job.info", {"job": job})["id"], job)
        self.assert_error(self.daemon.call("oskar", "job.cancel", {"job": job}), "denied")
        self.assertEqual(self.daemon.result("olga", "job.list")["jobs"], [])
        told = [self.assert_error(self.daemon.call("olga", method, {"job": name}),
                                  "not-found").replace(name, "ID")
                for method in ("job.info", "job.wait", "job.cancel")
                for name in (job, "none")]
        self.assertEqual(len(set(told)), 1, told)

    def test_the_client(self):
        done = self.alice.run("save", "test", self.image)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        failed = self.alice.run("save", "test", self.image)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("is not running", failed.stderr)
        job = self.alice.run("restore", self.image, "--detach").stdout.strip()
        waited = self.alice.run("job", "wait", job)
        self.assertEqual(waited.stdout, f"Job {job} is done\n", waited.stderr)
        cancelled = self.alice.run("job", "cancel", job)
        self.assertEqual(cancelled.returncode, 1)
        self.assertIn("has ended already", cancelled.stderr)
        told = self.alice.run("--json", "save", "test", self.image, "--detach")
        job = json.loads(told.stdout)["job"]
        self.assertEqual(self.alice.run("job", "wait", job).returncode, 0)
        self.assertEqual(self.alice.run("job", "info", "none").returncode, 3)
        shown = json.loads(self.alice.run("--json", "job", "list", "--all").stdout)
        self.assertEqual([entry["state"] for entry in shown["jobs"]],
                         ["done", "failed", "done", "done"])


if __name__ == "__main__":
    virtmux_test.main()
