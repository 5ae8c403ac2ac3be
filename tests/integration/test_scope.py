#!/usr/bin/env python3
# timeout: 600
"""An identity that is limited to `web-*` sees, hears and touches nothing of `db-1`:
for every method of the host's own table that takes a domain, the answer for a domain
that exists outside of its globs is the answer for one that does not exist, byte for
byte but for the name; and nothing else ever mentions it. libvirt is test:///default.
"""
import json
import re
import sys

import method_cases
import virtmux_test
from method_cases import exchange
from virtmux_test import wait_for

RUNNING, OFF = "db-1", "db-2"
UUIDS = {"db-1": "dbdbdbdb-0000-4000-8000-000000000001",
         "db-2": "dbdbdbdb-0000-4000-8000-000000000002",
         "web-1": "eeeeeeee-0000-4000-8000-000000000001"}
ABSENT = {"db-1": "db-9", "db-2": "db-8",
          UUIDS["db-1"]: "dbdbdbdb-0000-4000-8000-000000000009",
          UUIDS["db-2"]: "dbdbdbdb-0000-4000-8000-000000000008"}
SECRET = re.compile(rb"db-[12]|dbdbdbdb|DBDBDBDB|secret-title", re.IGNORECASE)
XML = """<domain type='test'><name>{}</name><uuid>{}</uuid><title>{}</title>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os>
<devices><disk type='file' device='disk'><source file='/guest.img'/>
<target dev='vda'/></disk><interface type='network'><source network='default'/>
<target dev='testnet0'/></interface><serial type='pty'/></devices></domain>"""

# Headers that are of each answer alone.
OWN_HEADERS = ("date", "content-length")


def define(name):
    title = "secret-title" if name.startswith("db") else "a title"
    return {"xml": XML.format(name, UUIDS[name], title)}


class ScopeCase(virtmux_test.Case):
    access = {"alice": {"role": "admin", "domains": "*"},
              "olga": {"role": "operator", "domains": "web-*"},
              "adam": {"role": "admin", "domains": "web-*"}}

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        for name in (RUNNING, OFF, "web-1"):
            self.daemon.result("alice", "domain.define", define(name))
        for name in (RUNNING, "web-1"):
            self.daemon.result("alice", "domain.start", {"domain": name})
        self.table = method_cases.Table(self.daemon, "alice")

    def result(self, user, method, **params):
        return self.daemon.result(user, method, params)


class SameAnswer(ScopeCase):

    @staticmethod
    def variants(method, domain):
        """Requests about DOMAIN: with the required parameters, and with each optional
        one as well."""
        good = {**method.good(), **{name: method.domain_value(name, domain)
                                    for name in method.domain_params()}}
        values = [(name, method_cases.good_value(method.schema(name), method.schemas))
                  for name in method.params if not method.is_domain(name)]
        return [method.request(good)] + [method.request({**good, name: value})
                                         for name, value in values]

    @staticmethod
    def shape(answer, name):
        """What the caller can tell, with the name taken out and what is different in
        each answer: the id of the call, and the time."""
        body = answer.body.replace(name.encode(), b"NAME")
        body = re.sub(rb'"call":"[^"]*"', b'"call":"ID"', body)
        headers = {k: v for k, v in answer.headers.items() if k not in OWN_HEADERS}
        return answer.status, headers, body

    def test_for_every_method(self):
        compared = 0
        for user in ("olga", "adam"):
            labels, there, elsewhere = [], [], []
            for method in self.table.methods:
                if not method.domain_params():
                    continue
                for hidden, absent in ABSENT.items():
                    asked = self.variants(method, hidden)
                    labels += [(user, method.name, hidden, absent)] * len(asked)
                    there += asked
                    elsewhere += self.variants(method, absent)
            answers = exchange(self.daemon, user, there + elsewhere)
            for label, one, other in zip(labels, answers[:len(there)],
                                         answers[len(there):]):
                self.assertEqual(self.shape(one, label[2]),
                                 self.shape(other, label[3]), label)
                self.assertNotIn(one.name, ("", "ok"), label)
                compared += 1
        print(f"{compared} answers compared", file=sys.stderr)
        self.assertGreater(compared, 100)
        for name, state in ((RUNNING, "running"), (OFF, "shut-off"),
                            ("web-1", "running")):
            self.assertEqual(self.result("alice", "domain.info", domain=name)["state"],
                             state)

    def test_definitions_by_those_names(self):
        """An admin of web-* learns nothing by making a domain of that name or UUID."""
        for method in ("domain.define", "domain.create"):
            words = []
            for name, uuid in ((RUNNING, UUIDS["db-1"]), ("db-9", ABSENT[UUIDS["db-1"]]),
                               (RUNNING, None), ("db-9", None)):
                xml = XML.format(name, uuid, "t")
                if uuid is None:
                    xml = xml.replace("<uuid>None</uuid>", "")
                answer = self.daemon.call("adam", method, {"xml": xml})
                self.assertIn("error", answer, (method, name, uuid))
                words.append((answer["error"]["code"],
                              answer["error"]["message"].replace(name, "NAME")
                              .replace(uuid or "-", "UUID")))
            self.assertEqual(words[0], words[1], method)
            self.assertEqual(words[2], words[3], method)
        self.assertNotIn("db-9", json.dumps(self.result("alice", "domain.list")))


class NothingTells(ScopeCase):

    def ask_all(self, user):
        """Every method that is not about one domain, with its required parameters
        alone and with each optional one; and about the domain that is one's own."""
        asked = []
        for method in self.table.methods:
            if method.name in ("host.drain", "session.end", "domain.undefine",
                               "event.follow"):
                continue
            goods = [method.good("web-1")]
            for name in method.params:
                value = method.domain_value(name, "web-1") \
                    if method.is_domain(name) else \
                    method_cases.good_value(method.schema(name), method.schemas)
                goods.append({**goods[0], name: value})
            asked += [(method.name, method.request(params)) for params in goods]
        answers = exchange(self.daemon, user, [request for _, request in asked])
        return [(name, answer) for (name, _), answer in zip(asked, answers)]

    def test_no_answer_mentions_it(self):
        known = sum(SECRET.search(answer.body) is not None
                    for _, answer in self.ask_all("alice"))
        self.assertGreater(known, 0)  # or this test sees nothing
        for user in ("olga", "adam"):
            for name, answer in self.ask_all(user):
                self.assertIsNone(SECRET.search(answer.body),
                                  (user, name, answer.body[:2000]))

    def test_lists_and_numbers(self):
        for user in ("olga", "adam"):
            self.assertEqual([d["name"] for d in
                              self.result(user, "domain.list")["domains"]], ["web-1"])
            info = self.result(user, "host.info")
            self.assertEqual((info["domains_active"], info["domains_inactive"]), (1, 0))

    def test_filters_find_nothing(self):
        for filters in ({"name": "db-*"}, {"name": RUNNING}, {"active": False},
                        {"state": ["shut-off"]}):
            self.assertEqual(self.result("olga", "domain.list", **filters)["domains"],
                             [], filters)

    def test_what_leaves_the_globs_is_gone(self):
        """Rights bind to the UUID of what has the name now."""
        if "domain.rename" not in self.table.by_name:
            self.skipTest("this host renames none")
        self.result("alice", "domain.destroy", domain="web-1")
        for name in (RUNNING, "db-9"):
            answer = self.daemon.call("adam", "domain.rename",
                                      {"domain": "web-1", "name": name})
            self.assert_error(answer, "denied")
        uuid = UUIDS["web-1"]
        self.assertEqual(self.result("olga", "domain.info", domain=uuid)["name"], "web-1")
        self.result("alice", "domain.rename", domain="web-1", name="db-7")
        for domain in ("db-7", "web-1", uuid):
            self.assert_error(self.daemon.call("olga", "domain.info",
                                               {"domain": domain}), "not-found")
        self.assertEqual(self.result("olga", "domain.list")["domains"], [])


class Jobs(ScopeCase):

    def long_method(self):
        for method in self.table.methods:
            if method.long and method.domain_params() and not method.path:
                return method
        self.skipTest("no method about a domain is long")

    def begin(self, method, domain):
        """A job of alice's about that domain, whatever becomes of it; its id."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method.name,
                   "params": method.good(domain)}
        answer = self.daemon.curl("alice", "/rpc", json.dumps(request),
                                  ["prefer: respond-async"]).json()
        return answer["result"]["job"]

    def test_its_jobs_do_not_exist(self):
        method = self.long_method()
        job = self.begin(method, RUNNING)
        wait_for(lambda: self.result("alice", "job.info", job=job)["state"] != "running",
                 "the job's end")
        listed = self.result("alice", "job.list")["jobs"]
        self.assertIn(job, [j["id"] for j in listed])
        for user in ("olga", "adam"):
            self.assertEqual(self.result(user, "job.list")["jobs"], [])
            for name in ("job.info", "job.wait", "job.cancel"):
                there = self.daemon.call(user, name, {"job": job})
                absent = self.daemon.call(user, name, {"job": job[:-1] + "0"})
                for answer in (there, absent):
                    self.assert_error(answer, "not-found")
                self.assertEqual(
                    there["error"]["message"].replace(job, "ID"),
                    absent["error"]["message"].replace(job[:-1] + "0", "ID"), name)
                self.assertEqual(sorted(there["error"]["data"]),
                                 sorted(absent["error"]["data"]))


class Events(ScopeCase):

    def events(self, user, after=None):
        path = "/events?follow=false" + (f"&after={after}" if after else "")
        body = self.daemon.curl(user, path).body.decode()
        return [json.loads(line) for line in body.splitlines()]

    def test_nothing_is_heard(self):
        if "event.follow" not in self.table.by_name:
            self.skipTest("this host tells no events")
        users = ("alice", "olga", "adam")
        begins = {user: self.events(user)[-1]["after"] for user in users}
        for method, name in (("suspend", RUNNING), ("start", OFF), ("resume", RUNNING),
                             ("destroy", OFF), ("undefine", OFF), ("suspend", "web-1")):
            self.result("alice", "domain." + method, domain=name)

        def heard(user):
            events = self.events(user, begins[user])
            return events if any(e.get("domain") == "web-1" for e in events) else None
        told = {user: wait_for(lambda u=user: heard(u), f"events of {user}")
                for user in users}
        self.assertLessEqual({RUNNING, OFF, "web-1"},
                             {e.get("domain") for e in told["alice"]})
        for user in users[1:]:
            self.assertIsNone(SECRET.search(json.dumps(told[user]).encode()), user)
            self.assertEqual({e.get("domain") for e in told[user]
                              if e["type"] == "lifecycle"}, {"web-1"})


if __name__ == "__main__":
    virtmux_test.main()
