"""Requests made from a running host's /openrpc.json, for tests of all methods:
whatever a noun adds to the table is tested without a line here. Imported by
test_methods.py and test_scope.py.

    table = method_cases.Table(daemon, "admin")
    for method in table.methods:
        request = method.request({"domain": "test"})
    answers = method_cases.exchange(daemon, "viewer", requests)

A request is a dictionary for exchange(): headers, and for POST a body (bytes). An
Answer has `status` (HTTP; 0 where none came in time), `name` (of the error, "ok"
where there is none, "" without an answer), `words` and `result`.
"""
import base64
import json
import os
import re
import tempfile
import urllib.parse

from virtmux_test import read_file

ROLES = ["none", "viewer", "operator", "admin"]
NONE = "virtmux-none"     # the name of no domain, network, pool, …
CHUNK = 48               # requests that one run of node sends, in TIMEOUT seconds
WAIT_MS = 3000            # how long a call may stay without an answer
ERRORS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "..", "..", "common", "base", "errors.def")

# Requests from a file, eight at a time, since more of one user's would wait in the
# host. Of an endless answer (events, measurements) only the beginning is taken.
EXCHANGE = """
const requests = JSON.parse(fs.readFileSync(%s));
const answers = [];
let next = 0;
const one = r => new Promise(resolve => {
    const stream = session.request(r.headers, {endStream: r.body === undefined &&
        r.headers[":method"] !== "CONNECT"});
    const parts = [];
    let got = {}, size = 0;
    const clock = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), %d);
    const enough = () => stream.close(constants.NGHTTP2_CANCEL);
    stream.on("response", headers => {
        got = headers;
        if (headers[":status"] < 300 && r.headers[":method"] === "CONNECT") enough();
    });
    stream.on("data", part => {
        size += part.length;
        parts.push(part);
        if (size > (1 << 20)) enough();
    });
    stream.on("error", () => {});
    stream.on("end", () => {
        if (r.headers[":method"] === "CONNECT") stream.end();
    });
    stream.on("close", () => {
        clearTimeout(clock);
        resolve({status: got[":status"] || 0, headers: {...got},
                 body: Buffer.concat(parts).toString("base64")});
    });
    if (r.body !== undefined) stream.end(Buffer.from(r.body, "base64"));
});
const worker = async () => {
    while (next < requests.length) {
        const at = next++;
        answers[at] = await one(requests[at]);
    }
};
await Promise.all(Array.from({length: 8}, worker));
fs.writeFileSync(%s, JSON.stringify(answers));
"""


class Answer:
    def __init__(self, status, body, headers=None):
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.name, self.words, self.result, self.error = "", "", None, None
        if not status:
            return
        # 431 (RFC 6585): the path is longer than headers may be
        self.name = "ok" if status < 300 else "too-large" if status == 431 else "?"
        try:
            message = json.loads(body)
        except ValueError:
            return
        if isinstance(message, dict) and isinstance(message.get("error"), dict):
            self.error = message["error"]
            self.name = self.error["data"]["name"]
            self.words = self.error["message"]
        elif isinstance(message, dict):
            self.result = message.get("result")

    def __repr__(self):
        return f"{self.status} {self.name}: {self.words or self.result}"


def exchange(daemon, user, requests):
    """The Answers to REQUESTS of USER, in their order."""
    answers = []
    for first in range(0, len(requests), CHUNK):
        wanted = [{**r, "body": base64.b64encode(r["body"]).decode()}
                  if "body" in r else r for r in requests[first:first + CHUNK]]
        with tempfile.TemporaryDirectory(dir=daemon.work) as folder:
            asked, got = (os.path.join(folder, name) for name in ("asked", "got"))
            with open(asked, "w", encoding="ascii") as file:
                json.dump(wanted, file)
            daemon.node(user, EXCHANGE % (json.dumps(asked), WAIT_MS,
                                          json.dumps(got)))
            answers += [Answer(a["status"], base64.b64decode(a["body"]), a["headers"])
                        for a in json.loads(read_file(got))]
    return answers


def error_numbers():
    """{name: JSON-RPC number} of the closed table of errors."""
    return {name: int(number) for name, number in re.findall(
        r'ERROR_CODE\(\w+, "([\w-]+)", \d+, (-\d+)', read_file(ERRORS))}


class Method:
    """A row of the table, a method or a resource."""

    def __init__(self, row, schemas):
        self.name = row["name"]
        self.role = row["x-role"]
        self.kind = row["x-kind"]
        self.hostwide = row["x-hostwide"]
        self.long = row["x-long"]
        self.needs = row["x-needs"]
        self.path = row.get("path")
        self.verb = row.get("method")
        self.params = {p["name"]: p for p in row["params"]}
        self.schemas = schemas
        self.errors = {e["data"]["name"] for e in row["errors"]}

    def schema(self, name):
        """Without references; "x-type" is the type's name, if it has one."""
        return resolve(self.params[name]["schema"], self.schemas)

    def required(self):
        return [n for n, p in self.params.items() if p["required"]]

    def is_domain(self, name):
        """Whether that parameter names a domain, or several, that must exist."""
        schema = self.schema(name)
        if schema["type"] == "array":
            schema = resolve(schema["items"], self.schemas)
        return schema.get("x-type") == "domain"

    def domain_value(self, name, domain):
        return [domain] if self.schema(name)["type"] == "array" else domain

    def domain_params(self):
        return [n for n in self.params if self.is_domain(n)]

    def good(self, domain=NONE):
        """Required parameters with plausible values."""
        return {name: self.domain_value(name, domain) if self.is_domain(name)
                else good_value(self.schema(name), self.schemas)
                for name in self.required()}

    def allowed(self, role, scoped):
        """What the table says of an identity of that role."""
        return (ROLES.index(role) >= ROLES.index(self.role)
                and not (self.hostwide and scoped))

    def request(self, params):
        """A call, or the request of a resource, with PARAMS ({name: value})."""
        if self.path:
            return self.raw_resource({name: text_of(value)
                                      for name, value in params.items()})
        return self.raw_call(json.dumps(params, ensure_ascii=False))

    def raw_call(self, params):
        """PARAMS: JSON text, or bytes that should be some."""
        if isinstance(params, str):
            params = params.encode("utf-8", "surrogatepass")
        return {"headers": {":method": "POST", ":path": "/rpc"},
                "body": b'{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}'
                        % (self.name.encode(), params)}

    def raw_resource(self, texts):
        """TEXTS: {name: text}, percent-encoded here; bytes are taken as they are."""
        left = {name: text.decode("ascii") if isinstance(text, bytes)
                else urllib.parse.quote(text, safe="")
                for name, text in texts.items()}
        path = re.sub(r"{(\w+)}", lambda m: left.pop(m.group(1), ""), self.path)
        if left:
            path += "?" + "&".join(f"{name}={text}" for name, text in left.items())
        headers = {":method": self.verb, ":path": path}
        if self.verb == "CONNECT":
            headers.update({":protocol": "virtmux", ":scheme": "https",
                            ":authority": "localhost"})
        return {"headers": headers}


class Table:
    def __init__(self, daemon, user):
        document = daemon.curl(user, "/openrpc.json").json()
        schemas = document["components"]["schemas"]
        for name, schema in schemas.items():
            schema["x-type"] = name
        self.methods = [Method(row, schemas) for row in
                        document["methods"] + document["x-resources"]]
        self.by_name = {m.name: m for m in self.methods}


def resolve(schema, schemas):
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def text_of(value):
    """A value in a path or query."""
    return value if isinstance(value, str) else json.dumps(value)


def good_value(schema, schemas):
    """A plausible value, which decodes."""
    schema = resolve(schema, schemas)
    kind = schema["type"]
    if kind == "array":
        return [good_value(schema["items"], schemas)]
    if kind == "object":
        return {name: good_value(schema["properties"][name]["allOf"][0], schemas)
                for name in schema["required"]}
    if kind == "boolean":
        return True
    if kind == "integer":
        return max(schema["minimum"], 0)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "uuid":
        return "00000000-0000-4000-8000-000000000000"
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return NONE


# -- values that must be refused ---------------------------------------------

INT64_MAX = 2 ** 63 - 1
INVALID, PARSE, SIZE = {"invalid-params"}, {"parse"}, {"too-large"}

NOT_TEXT = [(v, INVALID) for v in ('17', 'true', 'null', '["x"]', '{"a":"b"}')]
BROKEN_TEXT = [(v, PARSE) for v in
               ('"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', b'"\xff"',
                b'"\xc0\xaf"', b'"\xed\xa0\x80"', '"a\nb"', '"\\x41"', "'a'")]
NOT_NUMBERS = [(v, INVALID) for v in
               ('"0"', '0.5', '1e3', 'true', 'null', '[0]', '{}')]
BROKEN_NUMBERS = [(v, PARSE) for v in
                  ('99999999999999999999', '-99999999999999999999', '0x10', '01',
                   'NaN', 'Infinity', '--1')]
NOT_BOOLS = [(v, INVALID) for v in ('"true"', '1', '0', 'null', '[true]', '{}')]
NOT_LISTS = [(v, INVALID) for v in
             ('"x"', '1', 'true', 'null', '{}', '[null]', '[[]]')]
NOT_OBJECTS = [(v, INVALID) for v in ('"{}"', '1', 'null', '[]', '{"virtmux":1}')]


def refused_values(schema, schemas):
    """[(JSON text, names of the error)], at least five for any schema."""
    schema = resolve(schema, schemas)
    kind = schema["type"]
    if kind == "array":
        return NOT_LISTS
    if kind == "object":
        return NOT_OBJECTS
    if kind == "boolean":
        return NOT_BOOLS + [("True", PARSE)]
    if kind == "integer":
        return NOT_NUMBERS + BROKEN_NUMBERS + [
            (str(n), INVALID) for n in (schema["minimum"] - 1, schema["maximum"] + 1)
            if -2 ** 63 <= n <= INT64_MAX]
    if "enum" in schema:
        return [(v, INVALID) for v in
                ('"virtmux-none"', '""', '0', 'true', 'null', '[]', '{}',
                 json.dumps(schema["enum"][0].upper() + " "))]
    values = NOT_TEXT + BROKEN_TEXT
    if schema["minLength"] > 0:
        values = values + [('""', INVALID)]
    if schema.get("format"):
        values = values + [('"../../etc/passwd"', INVALID)]
    most = schema["maxLength"]
    return values + [(json.dumps("a" * (most + 1)),
                      INVALID if most < 1_000_000 else SIZE)]


# In a path or a query, where everything is text; the same for every type.
REFUSED_TEXTS = [b"%00", b"a%00b", b"%ff", b"%c0%af", b"%ed%a0%80", b"%", b"%2",
                 b"%zz", b"%0a", b"%1b[2J", b"a" * 3000]


# -- values that decode, and that nothing may break over -----------------------

LAUGHS = "<!DOCTYPE a [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(9)) + "]>"
BAD_XML = [
    "<domain", "<domain/>", "<>", "\ufeff", "no XML", "<a>" * 20000,
    LAUGHS + "<domain><name>&a9;</name></domain>",
    "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><name>&e;</name>"
    "</domain>",
    "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/x.dtd'><domain/>",
    "<?xml version='1.0' encoding='utf-7'?><domain/>",
    "<domain type='test'><name>" + "n" * 60000 + "</name></domain>",
]
ODD_TEXTS = [
    # No file that an admin may overwrite: some methods write where they are told.
    "../../../../../../proc/none/x", "/proc/none/x", "a/b", "-", "--help", "%s%n%s%n",
    "$(touch /tmp/virtmux-test-pwned)", "'; DROP TABLE domains; --",
    "'/><evil a='", "\u202egnp.exe", "\U0001f4a9", "e\u0301\u0327",
    "\x1b]0;title\x07", "\u009b31m", "a\r\nb", " ", ".", "..", "*", "[", "CON",
]


def odd_values(schema, schemas):
    """Values of the right type that are meant to harm."""
    schema = resolve(schema, schemas)
    kind = schema["type"]
    if kind == "array":
        item = resolve(schema["items"], schemas)
        inner = odd_values(item, schemas)
        good = good_value(item, schemas)
        return [[]] + [[value] for value in inner[:6]] + [[good] * 300]
    if kind == "object":
        return [good_value(schema, schemas)]
    if kind == "boolean":
        return [True, False]
    if kind == "integer":
        return sorted({schema["minimum"], schema["maximum"], 1,
                       min(schema["maximum"], 2 ** 31)})
    if "enum" in schema:
        return schema["enum"]
    if schema.get("format") == "uuid":
        return ["ffffffff-ffff-ffff-ffff-ffffffffffff",
                "00000000-0000-0000-0000-000000000000"]
    if schema.get("format") == "date-time":
        return ["9999-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z"]
    if schema.get("x-type") == "xml":
        return BAD_XML
    return ODD_TEXTS + ["a" * min(schema["maxLength"], 60000)]
