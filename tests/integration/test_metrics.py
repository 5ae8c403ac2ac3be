#!/usr/bin/env python3
"""GET /metrics: promtool finds nothing to complain of, the names are those of the
exporters of libvirt, nobody learns of a domain that he may not see, and what one has
done is counted.
"""
import re

import virtmux_test
from virtmux_test import run

XML = """<domain type='test'>
  <name>{name}</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
  <os><type>hvm</type></os>
</domain>"""
SAMPLE = re.compile(r'^([a-z_:]+)(?:\{(.*)\})? (\d+(?:\.\d+)?)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """{(name, labels as a frozenset): value}; AssertionError for what is no sample."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise AssertionError(f"no sample: {line!r}")
        name, labels, value = match.groups()
        key = name, frozenset(LABEL.findall(labels or ""))
        if key in samples:
            raise AssertionError(f"twice: {line!r}")
        samples[key] = float(value)
    return samples


class Metrics(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "prometheus": {"role": "viewer", "domains": "*"},
        "walter": {"role": "viewer", "domains": "web-*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def scrape(self, user="prometheus"):
        answer = self.daemon.curl(user, "/metrics")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["content-type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        return answer.body.decode()

    def value(self, samples, name, **labels):
        return samples.get((name, frozenset(labels.items())))

    def test_promtool(self):
        virtmux_test.need("promtool")
        self.daemon.result("alice", "domain.define", {
            "xml": XML.format(name="q\"uo\\te\u00e4&amp;&lt;")})
        self.daemon.call("alice", "domain.start", {"domain": "nobody"})
        self.daemon.curl("alice", "/nothing")
        self.daemon.call("alice", "no.method")
        text = self.scrape()
        done = run("promtool", "check", "metrics", input=text)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout + done.stderr, "")

    def test_domains(self):
        samples = parse(self.scrape())
        self.assertEqual(self.value(samples, "libvirt_up"), 1)
        self.assertEqual(self.value(
            samples, "libvirt_domain_info_vstate", domain="test"), 1)
        self.assertEqual(self.value(
            samples, "libvirt_domain_info_virtual_cpus", domain="test"), 2)
        self.assertEqual(self.value(
            samples, "libvirt_domain_info_maximum_memory_bytes", domain="test"),
            8 << 30)
        self.assertGreater(self.value(
            samples, "libvirt_domain_info_cpu_time_seconds_total", domain="test"), 0)
        self.assertEqual(self.value(
            samples, "libvirt_domain_info_meta", domain="test",
            uuid="6695eb01-f6a4-8304-79aa-97f2502e193f"), 1)

    def test_escapes(self):
        name = "a\\b\"c"
        self.daemon.result("alice", "domain.define", {
            "xml": XML.format(name=name.replace('"', "&quot;"))})
        self.assertIn('libvirt_domain_info_vstate{domain="a\\\\b\\"c"} 5\n', self.scrape())

    def test_scope(self):
        self.daemon.result("alice", "domain.define", {"xml": XML.format(name="web-1")})
        text = self.scrape("walter")
        self.assertIn('domain="web-1"', text)
        self.assertNotIn('domain="test"', text)
        self.assertNotIn("6695eb01", text)
        self.assertEqual(self.value(parse(text), "libvirt_up"), 1)

    def test_own(self):
        self.daemon.result("alice", "domain.suspend", {"domain": "test"})
        self.daemon.call("alice", "domain.suspend", {"domain": "nobody"})
        before = parse(self.scrape())
        samples = parse(self.scrape())
        self.assertEqual(self.value(samples, "virtmux_calls_total",
                                    method="domain.suspend", outcome="ok"), 1)
        self.assertEqual(self.value(samples, "virtmux_calls_total",
                                    method="domain.suspend", outcome="not-found"), 1)
        name = "virtmux_call_duration_seconds"
        self.assertEqual(self.value(samples, name + "_count", method="domain.suspend"), 2)
        self.assertEqual(self.value(samples, name + "_bucket", method="domain.suspend",
                                    le="+Inf"), 2)
        self.assertGreater(self.value(samples, name + "_sum", method="domain.suspend"), 0)
        rising = [value for key, value in samples.items()
                  if key[0] == name + "_bucket" and
                  ("method", "domain.suspend") in key[1]]
        self.assertEqual(rising, sorted(rising))
        self.assertEqual(self.value(samples, "virtmux_connections", state="member"), 1)
        self.assertEqual(self.value(samples, "virtmux_calls_open"), 1)
        self.assertEqual(self.value(samples, "virtmux_libvirt_connected"), 1)
        self.assertEqual(self.value(samples, "virtmux_audit_failures_total"), 0)
        self.assertGreater(
            self.value(samples, "virtmux_certificate_expiry_timestamp_seconds"),
            self.value(samples, "virtmux_start_timestamp_seconds"))
        self.assertEqual(self.value(before, "virtmux_calls_total",
                                    method="metrics.read", outcome="ok"), None)
        self.assertEqual(self.value(samples, "virtmux_calls_total",
                                    method="metrics.read", outcome="ok"), 1)
        self.assertGreater(self.value(samples, "virtmux_stream_bytes_total",
                                      direction="out"), 1000)


class Failures(virtmux_test.Case):

    def test_without_libvirt(self):
        libvirtd = self.start_libvirtd()
        daemon = self.start_daemon(config={"libvirt": {"uri": libvirtd.uri}})
        virtmux_test.wait_for(
            lambda: "libvirt_up 1\n" in daemon.curl("alice", "/metrics").body.decode(),
            "libvirt")
        libvirtd.stop()
        text = virtmux_test.wait_for(
            lambda: (lambda text: text if "libvirt_up 0\n" in text else None)(
                daemon.curl("alice", "/metrics").body.decode()), "no libvirt")
        self.assertIn("virtmux_libvirt_connected 0\n", text)
        self.assertNotIn("libvirt_domain", text)

    def test_libvirt_that_does_not_answer(self):
        """The scrape ends all the same, without its domains."""
        libvirtd = self.start_libvirtd()
        daemon = self.start_daemon(config={"libvirt": {"uri": libvirtd.uri}})
        daemon.result("alice", "domain.list")
        libvirtd.process.send_signal(virtmux_test.signal.SIGSTOP)
        try:
            text = daemon.curl("alice", "/metrics").body.decode()
        finally:
            libvirtd.process.send_signal(virtmux_test.signal.SIGCONT)
        self.assertIn("libvirt_up 0\n", text)
        self.assertNotIn("libvirt_domain", text)
        self.assertIn("virtmux_build_info", text)


if __name__ == "__main__":
    virtmux_test.main()
