#!/usr/bin/env python3
# timeout: 900
"""Every method and resource of the running host's own table, for every role and
with everything that its parameters must not be: the right error each time, and a
host that goes on as if nothing had been. libvirt is test:///default. A new noun in
the table is tested without a change here. And doc/METHODS.md, which is printed from
the same table, is what that table prints.
"""
import json
import os
import sys

import method_cases
import virtmux_test
from method_cases import INVALID, PARSE, exchange

DOC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc",
                   "METHODS.md")
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"  # of the driver's own domain
XML = f"""<domain type='test'><name>test</name><uuid>{UUID}</uuid>
<memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>"""

# Who calls: (identity, role, whether limited to some domains).
CALLERS = [("stranger", "none", True), ("viewer", "viewer", False),
           ("operator", "operator", False), ("admin", "admin", False),
           ("web-operator", "operator", True), ("web-admin", "admin", True)]

# Done for real they end the connection or the host that the test goes on with; their
# rights and parameters are tested like all others'.
ENDS = {"host.drain", "host.shutdown", "host.reboot", "session.end", "session.kill"}


def say(text):
    print(text, file=sys.stderr, flush=True)


class MethodCase(virtmux_test.Case):
    access = {identity: {"role": role, "domains": "web-*" if scoped else "*"}
              for identity, role, scoped in CALLERS if role != "none"}

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.table = method_cases.Table(self.daemon, "admin")
        self.numbers = method_cases.error_numbers()
        self.calls = 0

    def exchange(self, user, requests):
        answers = exchange(self.daemon, user, requests)
        self.calls += len(answers)
        return answers

    def tell(self, what):
        say(f"{self.calls} calls of {len(self.table.methods)} methods: {what}")

    def assert_whole(self, answer, label):
        """Whatever it is: one of the table's errors with its own number, and no
        defect of ours."""
        self.assertNotIn(answer.name, ("internal", "unknown-method", "?"),
                         (label, answer))
        if answer.error:
            self.assertEqual(answer.error["code"], self.numbers[answer.name],
                             (label, answer))
            self.assertTrue(answer.words, label)
            self.assertNotIn("root:", answer.words, label)

    def assert_refused(self, answer, names, label):
        self.assert_whole(answer, label)
        self.assertIn(answer.name, names, (label, answer))


class Roles(MethodCase):
    """Who may call what, by the table."""

    def test_before_parameters_are_read(self):
        for user, role, scoped in CALLERS:
            requests = [m.request({**m.good(), "virtmux_none": "1"})
                        for m in self.table.methods]
            for method, answer in zip(self.table.methods,
                                      self.exchange(user, requests)):
                self.assert_refused(
                    answer, INVALID if method.allowed(role, scoped) else {"denied"},
                    (user, method.name))
        self.tell("rights before parameters")

    def test_with_parameters(self):
        """The same with parameters that decode, so that what is allowed is done;
        nothing of that is denied, everything else is."""
        methods = [m for m in self.table.methods if m.name not in ENDS]
        for user, role, scoped in CALLERS:
            requests = [m.request(m.good()) for m in methods]
            for method, answer in zip(methods, self.exchange(user, requests)):
                label = (user, method.name)
                if not method.allowed(role, scoped):
                    self.assert_refused(answer, {"denied"}, label)
                elif method.domain_params() and method.required():
                    self.assert_refused(answer, self.may_answer(method), label)
                else:
                    self.assert_whole(answer, label)
                    self.assertNotEqual(answer.name, "denied", label)
        self.tell("done or denied")

    @staticmethod
    def may_answer(method):
        """What may come of a call about a domain that does not exist."""
        asked = any(method.params[n]["required"] for n in method.domain_params())
        return {"not-found", "invalid-params"} if asked else method.errors | {"ok"}

    def test_parameters_that_need_more(self):
        found = 0
        for user, role, scoped in CALLERS:
            for method in self.table.methods:
                for name, needed in method.needs.items():
                    value = method_cases.good_value(method.schema(name),
                                                    method.schemas)
                    answer = self.exchange(
                        user, [method.request({**method.good(), name: value})])[0]
                    enough = (method.allowed(role, scoped) and
                              method_cases.ROLES.index(role)
                              >= method_cases.ROLES.index(needed))
                    self.assertEqual(answer.name == "denied", not enough,
                                     (user, method.name, name, answer))
                    found += 1
        self.assertGreater(found, 0)
        self.tell("parameters with a role of their own")

    def test_whoami_tells_the_same(self):
        for user, role, scoped in CALLERS[1:]:
            told = self.daemon.result(user, "session.whoami", {"methods": True})
            self.assertEqual(
                sorted(told["methods"]),
                sorted(m.name for m in self.table.methods if m.allowed(role, scoped)))

    def test_without_a_certificate(self):
        for path, body in (("/rpc", '{"jsonrpc":"2.0","id":1,"method":"host.info"}'),
                           ("/openrpc.json", None)):
            with self.assertRaises(AssertionError) as refused:
                self.daemon.curl(None, path, body)
            self.assertIn("certificate required", str(refused.exception))


class Parameters(MethodCase):
    """As admin, so that nothing is refused for another reason."""

    def rpc(self):
        return [m for m in self.table.methods if not m.path]

    def resources(self):
        return [m for m in self.table.methods if m.path]

    def check(self, cases):
        """[(label, request, names)] are refused by those names."""
        answers = self.exchange("admin", [request for _, request, _ in cases])
        for (label, _, names), answer in zip(cases, answers):
            self.assert_refused(answer, names, label)

    def test_wrong_as_a_whole(self):
        cases = []
        for m in self.rpc():
            good = m.good("test")
            members = json.dumps(good)[1:-1]
            comma = "," if members else ""
            cases += [(m.name, m.raw_call(text), names) for text, names in (
                ("[]", INVALID), ('["test"]', INVALID),
                ('"test"', {"invalid-request"}), ("17", {"invalid-request"}),
                ("true", {"invalid-request"}),
                ("{", PARSE), ("{}{}", PARSE), ("", PARSE),
                ("{" * 40 + "}" * 40, PARSE | {"too-large"}),
                ('{"a":' * 40 + "1" + "}" * 40, PARSE | {"too-large"}),
                (f'{{{members}{comma}"virtmux_none":true}}', INVALID),
                (f'{{{members}{comma}"":true}}', INVALID),
                (f'{{{members}{comma}"__proto__":{{}}}}', INVALID))]
        self.check(cases)
        self.tell("wrong as a whole")

    def test_missing_misspelled_twice(self):
        cases = []
        for m in self.rpc():
            good = m.good("test")
            for name in m.params:
                others = {k: v for k, v in good.items() if k != name}
                value = json.dumps(method_cases.good_value(m.schema(name), m.schemas))
                both = json.dumps(others)[:-1] + ("," if others else "")
                label = (m.name, name)
                if m.params[name]["required"]:
                    cases.append((label, m.request(others), INVALID))
                cases.append((label, m.request({**others, name + "_": 0}), INVALID))
                cases.append((label, m.request({**others, name.upper(): 0}), INVALID))
                cases.append((label, m.raw_call(
                    f'{both}"{name}":{value},"{name}":{value}}}'), PARSE))
        self.check(cases)
        self.tell("missing, misspelled, given twice")

    def test_wrong_values(self):
        cases = []
        for m in self.rpc():
            for name in m.params:
                others = {k: v for k, v in m.good("test").items() if k != name}
                head = json.dumps(others)[:-1] + ("," if others else "")
                head = f'{head}"{name}":'.encode()
                values = method_cases.refused_values(m.schema(name), m.schemas)
                self.assertGreaterEqual(len(values), 5, (m.name, name))
                cases += [((m.name, name, text[:80]), m.raw_call(
                    head + (text if isinstance(text, bytes) else text.encode())
                    + b"}"), names) for text, names in values]
        self.check(cases)
        self.tell("wrong values")

    def test_wrong_values_in_paths(self):
        cases = []
        for m in self.resources():
            good = {k: method_cases.text_of(v) for k, v in m.good("test").items()}
            cases.append((m.name, m.raw_resource({**good, "virtmux_none": "1"}),
                          INVALID))
            for name in m.params:
                cases += [((m.name, name, text),
                           m.raw_resource({**good, name: text}),
                           INVALID | {"not-found", "too-large"})
                          for text in method_cases.REFUSED_TEXTS]
        self.check(cases)
        self.tell("wrong values in paths")


class Hostile(MethodCase):
    """Values that decode, and that whatever is behind must bear."""

    def reset(self):
        """Requests that bring the driver's domain back."""
        by_name = self.table.by_name
        return [by_name["domain.define"].request({"xml": XML}),
                by_name["domain.start"].request({"domain": "test"})]

    def cases(self, method, domain):
        good = method.good(domain)
        return [((method.name, name, str(value)[:60]),
                 method.request({**good, name: value}))
                for name in method.params
                for value in method_cases.odd_values(method.schema(name),
                                                     method.schemas)
                if value != method_cases.NONE]

    def test_all(self):
        methods = [m for m in self.table.methods if m.name not in ENDS]
        names = {}
        for method in methods:
            cases = self.cases(method, "test") + self.cases(method, UUID)
            requests = self.reset() + [request for _, request in cases]
            answers = self.exchange("admin", requests)[2:]
            may_wait = method.long or method.path or "timeout" in method.params
            for (label, request), answer in zip(cases, answers):
                if answer.status == 0 and may_wait:  # as it is told to
                    continue
                if answer.status == 0:  # a busy machine: alone it must answer
                    answer = self.exchange("admin", [request])[0]
                    self.assertNotEqual(answer.status, 0, label)
                self.assert_whole(answer, label)
                names[answer.name] = names.get(answer.name, 0) + 1
                if method.schema(label[1]).get("x-type") == "xml":
                    self.assertNotEqual(answer.name, "ok", (label, answer))
        self.assertFalse(os.path.exists("/tmp/virtmux-test-pwned"))
        self.assertEqual(self.daemon.result("admin", "domain.info",
                                            {"domain": UUID})["uuid"], UUID)
        self.tell(f"hostile values: {names}")


class Document(virtmux_test.Case):

    def test_is_what_the_table_prints(self):
        printed = virtmux_test.must_run(virtmux_test.VIRTMUX, "methods", "--markdown")
        self.assertTrue(
            virtmux_test.read_file(DOC) == printed,
            "doc/METHODS.md is out of date; this makes it anew: "
            f"{virtmux_test.VIRTMUX} methods --markdown >doc/METHODS.md")


if __name__ == "__main__":
    virtmux_test.main()
