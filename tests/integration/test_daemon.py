#!/usr/bin/env python3
# sanitized: garbage, floods of requests and connections that stall
"""virtmuxd as any HTTP/2 client sees it (curl, node): calls, batches, resources,
what is refused and with which words; the rights of each role for each method, and
parameters that no method may take. libvirt is test:///default.
"""
import json
import re

import virtmux_test
from virtmux_test import wait_for

ROLES = ["viewer", "operator", "admin"]
TEST_UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


def post(daemon, body, user="alice", **options):
    return daemon.curl(user, "/rpc", body, **options)


def resolve(schema, schemas):
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def good_value(schema, schemas):
    """One that decodes, and names nothing that exists."""
    schema = resolve(schema, schemas)
    if "enum" in schema:
        return schema["enum"][0]
    return {"string": "virtmux-none", "integer": 0, "boolean": False,
            "array": []}[schema["type"]]


def wrong_values(schema, schemas):
    """Values that a parameter of that schema must refuse."""
    schema = resolve(schema, schemas)
    kind = schema["type"]
    wrong = [None, {}, {"a": 1}, 1.5, 1e300]
    if kind != "array":
        wrong += [[], ["x"], [[]]]
    else:
        wrong += ["x", [[]], [None]]
        wrong += [[value] for value in wrong_values(schema["items"], schemas)]
    if kind != "string":
        wrong += ["", "x", "1", "true"]
    if kind != "integer":
        wrong += [0, 1, -1]
    if kind != "boolean":
        wrong += [True, False]
    if "enum" in schema:
        wrong += ["", "no-such-thing", schema["enum"][0].upper()]
    elif kind == "string":
        wrong += ["x" * (schema["maxLength"] + 1)] if schema["maxLength"] < 5000 else []
        wrong += [""] if schema["minLength"] > 0 else []
    if kind == "integer":
        wrong += [schema["maximum"] + 1, schema["minimum"] - 1]
    return wrong


class Calls(virtmux_test.Case):
    """JSON-RPC over POST /rpc."""

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def test_curl_without_any_header(self):
        answer = post(self.daemon, '{"jsonrpc":"2.0","id":1,"method":"domain.list"}')
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "application/json")
        domains = answer.json()["result"]["domains"]
        self.assertEqual([d["name"] for d in domains], ["test"])
        self.assertEqual(domains[0]["state"], "running")
        self.assertEqual(answer.json()["id"], 1)

    def test_whoami(self):
        info = self.daemon.result("alice", "session.whoami")
        self.assertEqual(info["identity"], "alice")
        self.assertEqual(info["role"], "admin")
        self.assertTrue(info["tls"].startswith("TLSv1.3"), info)
        self.assertTrue(info["address"].startswith("127.0.0.1:"), info)

    def test_ids_come_back_as_they_were(self):
        for number in ('"a\\u00e9"', "0", "-7", "null"):
            answer = post(self.daemon, '{"jsonrpc":"2.0","id":%s,"method":'
                          '"session.whoami"}' % number).json()
            self.assertEqual(answer["id"], json.loads(number))

    def test_batch_in_order(self):
        batch = [{"jsonrpc": "2.0", "id": n, "method": method, "params": {}}
                 for n, method in enumerate(["host.info", "session.whoami",
                                             "no.such", "host.version"])]
        batch.insert(2, {"jsonrpc": "2.0", "method": "host.info"})
        batch.insert(3, 17)
        answers = post(self.daemon, json.dumps(batch)).json()
        self.assertEqual([a["id"] for a in answers], [0, 1, None, 2, 3])
        self.assert_error(answers[2], "invalid-request")
        self.assert_error(answers[3], "unknown-method")
        self.assertIn("hypervisor", answers[4]["result"])

    def test_a_long_batch_of_what_leaves_the_loop(self):
        batch = [{"jsonrpc": "2.0", "id": n, "method": "host.info"}
                 for n in range(64)]
        answers = post(self.daemon, json.dumps(batch)).json()
        self.assertEqual([a["id"] for a in answers], list(range(64)))

    def test_notifications_get_no_content(self):
        one = '{"jsonrpc":"2.0","method":"session.whoami"}'
        for body in (one, f"[{one},{one}]",
                     '{"jsonrpc":"2.0","method":"no.such"}'):
            answer = post(self.daemon, body)
            self.assertEqual((answer.status, answer.body), (204, b""))

    def test_what_is_no_request(self):
        for body, status, name in (
                ("", 400, "parse"), ("{", 400, "parse"), ("nonsense", 400, "parse"),
                ('{"jsonrpc":"2.0","id":1,"id":2,"method":"host.info"}', 400, "parse"),
                ('{"jsonrpc":"2.0","id":1,"method":"\\u0000"}', 400, "parse"),
                ("[]", 400, "invalid-request"),
                ("1", 200, "invalid-request"),
                ('{"jsonrpc":"1.0","id":1,"method":"host.info"}', 200,
                 "invalid-request"),
                ('{"jsonrpc":"2.0","id":1,"method":"domain.screenshot"}', 200,
                 "unknown-method"),
                ('{"jsonrpc":"2.0","id":1,"method":"domain.lits"}', 200,
                 "unknown-method"),
                ("[" * 40 + "]" * 40, 413, "too-large")):
            answer = post(self.daemon, body)
            with self.subTest(body=body[:60]):
                self.assert_error(answer.json(), name)
                self.assertIn(answer.status, (status, 200 if status == 400 else 400))

    def test_invalid_utf8(self):
        answer = post(self.daemon, b'{"jsonrpc":"2.0","id":"\xff","method":"x"}')
        self.assert_error(answer.json(), "parse")

    def test_body_over_the_limit(self):
        body = b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * (2 << 20) + b'"}'
        for headers in ([], ["content-length:", "transfer-encoding: chunked"]):
            answer = post(self.daemon, body, headers=headers)
            self.assertEqual(answer.status, 413)
            self.assertIn("1048576", self.assert_error(answer.json(), "too-large"))
        self.daemon.result("alice", "session.whoami")

    def test_failures_name_the_call_in_log_and_audit(self):
        answer = self.daemon.call("alice", "domain.start", {"domain": "test"})
        self.assert_error(answer, "state")
        number = answer["error"]["data"]["call"]
        begin, end = self.daemon.wait_audit(call=number)
        self.assertEqual((begin["event"], end["event"]), ("begin", "end"))
        self.assertEqual(end["outcome"], "state")
        self.assertEqual(end["uuid"], TEST_UUID)
        self.assertIn(number, self.daemon.log())

    def test_node(self):
        names = self.daemon.node("alice", """
            const answers = await Promise.all([...Array(60).keys()].map(
                n => call(n % 2 ? "host.info" : "session.whoami")));
            return answers.map(a => a.result.identity || a.result.hypervisor);
        """)
        self.assertEqual(names, ["alice", "TEST"] * 30)


class Resources(virtmux_test.Case):
    """Everything that is not POST /rpc."""

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def test_openrpc(self):
        answer = self.daemon.curl("alice", "/openrpc.json")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "application/json")
        names = [method["name"] for method in answer.json()["methods"]]
        self.assertIn("domain.list", names)
        self.assertEqual(names, sorted(names))

    def test_screenshot(self):
        answer = self.daemon.curl("alice", "/domains/test/screenshot")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "image/png")
        self.assertTrue(answer.body.startswith(b"\x89PNG\r\n\x1a\n"))
        record = self.daemon.wait_audit(method="domain.screenshot")[-1]
        self.assertEqual(record["bytes_out"], len(answer.body))

    def test_paths_that_are_wrong(self):
        for words, path, status, name in (
                ([], "/", 404, "not-found"),
                ([], "/nowhere", 404, "not-found"),
                ([], "/rpc/", 404, "not-found"),
                ([], "/domains/none/screenshot", 404, "not-found"),
                ([], "/domains/a%00b/screenshot", 400, "invalid-params"),
                ([], "/domains/a%zzb/screenshot", 400, "invalid-params"),
                ([], "/domains/test/screenshot?screen=x", 400, "invalid-params"),
                ([], "/domains/test/screenshot?what=1", 400, "invalid-params"),
                (["-X", "DELETE"], "/openrpc.json", 405, "invalid-request"),
                (["-X", "POST"], "/domains/test/screenshot", 405,
                 "invalid-request"),
                ([], "/rpc", 405, "invalid-request"),
                ([], "/domains/test/serial/0", 405, "invalid-request")):
            answer = self.daemon.curl("alice", path, words=words)
            with self.subTest(path=path):
                self.assertEqual(answer.status, status)
                self.assert_error(answer.json(), name)
                self.assertEqual("allow" in answer.headers, status == 405)

    def test_allow_names_the_verbs(self):
        allow = {path: self.daemon.curl("alice", path, words=["-X", "PATCH"])
                 .headers["allow"]
                 for path in ("/rpc", "/speed", "/domains/x/graphics/0")}
        self.assertEqual(allow, {"/rpc": "POST", "/speed": "GET, PUT",
                                 "/domains/x/graphics/0": "CONNECT"})

    def test_connect(self):
        answers = self.daemon.node("alice", """
            const open = (path, protocol) => request({":method": "CONNECT",
                ":path": path, ":scheme": "https", ":protocol": protocol,
                ":authority": "localhost"});
            return Promise.all([
                open("/domains/none/graphics/0", "virtmux"),
                open("/domains/test/graphics/0", "virtmux"),
                open("/domains/test/graphics/999", "virtmux"),
                open("/domains/test/graphics/0", "websocket"),
                request({":method": "CONNECT", ":authority": "inner:16515"}),
            ]);
        """)
        self.assertEqual([a["status"] for a in answers][:1], [404])
        self.assertIn(answers[1]["status"], (404, 501))
        self.assertEqual([a["status"] for a in answers][2:], [400, 501, 501])
        self.assertIn("websocket", answers[3]["body"])

    def test_speed(self):
        answer = self.daemon.curl("alice", "/speed?bytes=3000000")
        self.assertEqual((answer.status, len(answer.body)), (200, 3000000))
        answer = self.daemon.curl("alice", "/speed", b"x" * 3000000,
                                  words=["-X", "PUT"])
        self.assertEqual(answer.json()["bytes"], 3000000)
        end = wait_for(lambda: [r for r in self.daemon.audit()
                                if r["method"] == "host.speed-upload"
                                and r["event"] == "end"], "the audit of it")[0]
        self.assertEqual((end["outcome"], end["bytes_in"]), ("ok", 3000000))


class Rights(virtmux_test.Case):
    """Who may do what."""

    access = {
        "viewer": {"role": "viewer", "domains": "*"},
        "operator": {"role": "operator", "domains": "*"},
        "admin": {"role": "admin", "domains": "*"},
        "nothing": {"role": "admin", "domains": ""},
        "helper": {"role": "viewer", "domains": "te*",
                   "allow": "domain.suspend domain.resume", "deny": "host.*"},
        "te?m-*": {"role": "viewer", "domains": "*"},
        "team-a": {"role": "operator", "domains": "*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def batch(self, user, calls):
        """The answers to [(method, params)], in order."""
        answers = []
        for first in range(0, len(calls), 60):
            body = [{"jsonrpc": "2.0", "id": n, "method": method, "params": params}
                    for n, (method, params) in enumerate(calls[first:first + 60])]
            answers += post(self.daemon, json.dumps(body), user).json()
        return answers

    def description(self):
        return self.daemon.curl("admin", "/openrpc.json").json()

    def methods(self):
        return self.description()["methods"]

    def test_a_stranger_learns_what_to_do(self):
        answer = post(self.daemon, '{"jsonrpc":"2.0","id":1,"method":'
                      '"session.whoami"}', "mallory")
        self.assertEqual(answer.status, 403)
        words = self.assert_error(answer.json(), "denied")
        self.assertIn("mallory", words)
        self.assertIn("administrator", words)
        self.assertEqual(self.daemon.curl("mallory", "/openrpc.json").status, 403)
        self.daemon.wait_log('refused .* "mallory"')

    def test_each_method_needs_its_role_before_its_parameters_are_read(self):
        methods = self.methods()
        for user in ROLES:
            answers = self.batch(user, [(m["name"], {"virtmux-none": 1})
                                        for m in methods])
            for method, answer in zip(methods, answers):
                enough = ROLES.index(user) >= ROLES.index(method["x-role"])
                with self.subTest(user=user, method=method["name"]):
                    words = self.assert_error(
                        answer, "invalid-params" if enough else "denied")
                    if not enough:
                        self.assertIn(method["x-role"], words)

    def test_streams_need_their_role(self):
        answers = [self.daemon.node(user, """
            return request({":method": "CONNECT", ":scheme": "https",
                ":path": "/domains/test/serial/0", ":protocol": "virtmux",
                ":authority": "localhost"});
            """)["status"] for user in ("viewer", "operator")]
        self.assertEqual(answers[0], 403)
        self.assertNotEqual(answers[1], 403)

    def test_parameters_that_need_a_higher_role(self):
        params = {"domain": "test", "secure": True}
        self.assert_error(self.daemon.call("operator", "domain.xml", params), "denied")
        self.daemon.result("operator", "domain.xml", {"domain": "test",
                                                      "secure": False})
        self.daemon.result("admin", "domain.xml", params)

    def test_no_method_takes_wrong_parameters(self):
        schemas = self.description()["components"]["schemas"]
        calls = []
        for method in self.methods():
            good = {p["name"]: good_value(p["schema"], schemas)
                    for p in method["params"] if p["required"]}
            wrong = [[], [1], "x", 1, True, {**good, "virtmux-none": 1}]
            wrong += [{k: v for k, v in good.items() if k != name} for name in good]
            for param in method["params"]:
                values = wrong_values(param["schema"], schemas)
                self.assertGreaterEqual(len(values), 5)
                wrong += [{**good, param["name"]: value} for value in values]
            calls += [(method["name"], params) for params in wrong]
        for (method, params), answer in zip(calls, self.batch("admin", calls)):
            with self.subTest(method=method, params=str(params)[:200]):
                self.assertIn("error", answer)
                self.assertIn(answer["error"]["data"]["name"],
                              ("invalid-params", "invalid-request"))

    def test_each_resource_needs_its_role_before_its_path_is_read(self):
        resources = self.description()["x-resources"]
        wanted = [{":method": r["method"], ":path": re.sub(r"{.*?}", "%00", r["path"]) +
                   "?virtmux-none=1",
                   **({":protocol": "virtmux", ":scheme": "https",
                       ":authority": "localhost"} if r["method"] == "CONNECT" else {})}
                  for r in resources]
        for user in ROLES:
            answers = self.daemon.node(user, """
                return Promise.all(%s.map(headers => request(headers)));
            """ % json.dumps(wanted))
            for resource, answer in zip(resources, answers):
                enough = ROLES.index(user) >= ROLES.index(resource["x-role"])
                with self.subTest(user=user, resource=resource["name"]):
                    self.assertEqual(answer["status"] == 403, not enough, answer)

    def test_domains_out_of_scope_do_not_exist(self):
        self.assertEqual(self.daemon.result("nothing", "domain.list")["domains"], [])
        words = [self.assert_error(
            self.daemon.call("nothing", "domain.info", {"domain": name}), "not-found")
                 .replace(name, "NAME") for name in ("test", "none", TEST_UUID)]
        self.assertEqual(len(set(words[:2])), 1, words)
        self.assertEqual(self.daemon.curl(
            "nothing", "/domains/test/screenshot").status, 404)
        for method in ("domain.destroy", "domain.xml", "domain.undefine"):
            self.assert_error(self.daemon.call("nothing", method, {"domain": "test"}),
                              "not-found")
        self.assertEqual(self.daemon.result("admin", "domain.info",
                                            {"domain": "test"})["state"], "running")

    def test_allow_and_deny(self):
        self.daemon.result("helper", "domain.suspend", {"domain": "test"})
        self.daemon.result("helper", "domain.resume", {"domain": TEST_UUID})
        self.assert_error(self.daemon.call("helper", "domain.destroy",
                                           {"domain": "test"}), "denied")
        self.assert_error(self.daemon.call("helper", "host.info"), "denied")
        self.assertEqual(self.daemon.curl("helper", "/speed?bytes=1").status, 403)

    def test_the_exact_name_counts_before_patterns(self):
        self.assertEqual(self.daemon.result("team-a", "session.whoami")["role"],
                         "operator")
        self.assertEqual(self.daemon.result("team-b", "session.whoami")["role"],
                         "viewer")

    def test_denials_are_audited(self):
        self.daemon.call("viewer", "domain.destroy", {"domain": "test"})
        record = self.daemon.wait_audit(outcome="denied", identity="viewer")[0]
        self.assertEqual(record["method"], "domain.destroy")


class Audit(virtmux_test.Case):
    """What is recorded, and what is refused where it cannot be."""

    def test_hostile_names_stay_on_their_line(self):
        daemon = self.start_daemon()
        name = "a\"\\b\u2028\U0001f600"
        daemon.call("alice", "domain.start", {"domain": name})
        daemon.call("alice", "no\nsuch\x1b[31m\u0085")
        record = daemon.wait_audit(method="domain.start", event="end")[0]
        self.assertEqual(record["target"], name)
        record = daemon.wait_audit(outcome="unknown-method")[0]
        self.assertEqual(record["method"], "no\nsuch\x1b[31m\u0085")
        text = virtmux_test.read_file(daemon.audit_file)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u0085", text)

    def test_a_full_disk_stops_changes_and_nothing_else(self):
        daemon = self.start_daemon(config={"daemon": {"audit": "/dev/full"}})
        answer = daemon.call("alice", "domain.suspend", {"domain": "test"})
        self.assertIn("audit", self.assert_error(answer, "system"))
        info = daemon.result("alice", "domain.info", {"domain": "test"})
        self.assertEqual(info["state"], "running")
        daemon.wait_log("the audit cannot be written to /dev/full")

    def test_standard_error(self):
        daemon = self.start_daemon(config={"daemon": {"audit": "stderr"}})
        daemon.result("alice", "domain.suspend", {"domain": "test"})
        self.assertIn('"method":"domain.suspend"', daemon.log())


class ExactlyOnce(virtmux_test.Case):
    """Idempotency keys."""

    def setUp(self):
        super().setUp()
        self.access = {"alice": {"role": "admin", "domains": "*"},
                       "bob": {"role": "admin", "domains": "*"}}
        self.daemon = self.start_daemon()

    def test_a_retry_gets_the_first_result(self):
        first = self.daemon.call("alice", "domain.suspend", {"domain": "test"}, "k1")
        self.daemon.result("alice", "domain.resume", {"domain": "test"})
        again = self.daemon.call("alice", "domain.suspend", {"domain": "test"}, "k1")
        self.assertEqual(again["result"], first["result"])
        info = self.daemon.result("alice", "domain.info", {"domain": "test"})
        self.assertEqual(info["state"], "running")
        self.daemon.wait_audit(method="domain.suspend", replayed=True)

    def test_errors_are_remembered_too(self):
        first = self.daemon.call("alice", "domain.resume", {"domain": "test"}, "k2")
        self.daemon.result("alice", "domain.suspend", {"domain": "test"})
        again = self.daemon.call("alice", "domain.resume", {"domain": "test"}, "k2")
        self.assertEqual(self.assert_error(again, "state"),
                         self.assert_error(first, "state"))

    def test_another_request_with_the_same_key_is_refused(self):
        self.daemon.call("alice", "domain.suspend", {"domain": "test"}, "k3")
        for method, params in (("domain.resume", {"domain": "test"}),
                               ("domain.suspend", {"domain": "other"})):
            answer = self.daemon.call("alice", method, params, "k3")
            self.assertIn("domain.suspend",
                          self.assert_error(answer, "invalid-request"))

    def test_keys_belong_to_an_identity(self):
        self.daemon.call("alice", "domain.suspend", {"domain": "test"}, "k4")
        answer = self.daemon.call("bob", "domain.suspend", {"domain": "test"}, "k4")
        self.assert_error(answer, "state")

    def test_keys_that_are_none(self):
        for key in ("x" * 129, "a b", "\u00e9"):
            answer = self.daemon.call("alice", "domain.suspend", {"domain": "test"},
                                      key)
            self.assert_error(answer, "invalid-request")

    def test_at_the_same_time(self):
        results = self.daemon.node("alice", """
            return Promise.all([...Array(20)].map(() => call("domain.suspend",
                {domain: "test"}, {"idempotency-key": "k5"})));
        """)
        self.assertEqual(len(results), 20)
        for result in results:
            self.assertEqual(result["result"]["name"], "test", result)
        ends = self.daemon.wait_audit(method="domain.suspend", event="begin")
        self.assertEqual(len(ends), 1)


class Limits(virtmux_test.Case):
    """Past a limit: an error to that peer alone."""

    def test_calls_of_one_identity(self):
        daemon = self.start_daemon(config={"limits": {
            "calls": "1", "calls-waiting": "2"}})
        answers = daemon.node("alice", """
            return Promise.all([...Array(40)].map(() => call("host.info")));
        """)
        done = [a for a in answers if "result" in a]
        busy = [a for a in answers if "error" in a]
        self.assertGreaterEqual(len(done), 3)
        self.assertGreater(len(busy), 0)
        for answer in busy:
            self.assertIn("alice", self.assert_error(answer, "busy"))
            self.assertTrue(answer["error"]["data"]["retry"])

    def test_calls_wait_for_their_turn(self):
        daemon = self.start_daemon(config={"limits": {"calls": "1"}})
        answers = daemon.node("alice", """
            return Promise.all([...Array(60)].map(() => call("host.info")));
        """)
        self.assertEqual([a for a in answers if "result" not in a], [])

    def test_depth_and_body(self):
        daemon = self.start_daemon(config={"limits": {
            "json-depth": "4", "request-body": "4K"}})
        deep = '{"jsonrpc":"2.0","id":"{[\\"[","method":"session.whoami",' \
               '"params":%s}'
        self.assertIn("result", post(daemon, deep % "{}").json())
        answer = post(daemon, deep % '{"a":[[[1]]]}')
        self.assertIn("limit of 4", self.assert_error(answer.json(), "too-large"))
        answer = post(daemon, deep % '"%s"' % ("x" * 4096))
        self.assertEqual(answer.status, 413)


if __name__ == "__main__":
    virtmux_test.main()
