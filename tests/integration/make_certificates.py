#!/usr/bin/env python3
"""Certificates that virtmux-pki refuses to make, for tests.

Drives the openssl command line ("openssl ca", which alone takes both dates), so
that nothing here shares code with the product. Integration tests import it:

    import make_certificates as make
    ca = make.authority(directory)              # or make.Pair(crt, key)
    bad = make.expired_user(directory, ca)      # bad.certificate, bad.key

Each function below makes one certificate with exactly one fault, named by the
function; all else about it is as it should be. Files are called
DIRECTORY/FILE.crt and FILE.key, where FILE is the function's name with '-' for
'_', or the argument `file`. Keys are plain PEM unless `passphrase` is given.

    authority             a good one, path length 0
    wrong_authority       another one with the same name
    host, user            good ones
    expired_host          expired_user         ended an hour ago
    not_yet_valid_host    not_yet_valid_user   begins in a day
    host_with_user_usage  names a host, but is for clientAuth alone
    user_with_host_usage  names a user, but is for serverAuth alone
    wrong_name_host       valid for wrong.example.org and 192.0.2.1 alone
    foreign_host          foreign_user         signed by wrong_authority
    self_signed_user      signed by its own key
    user_without_uri      has no alternative name
    user_with_two_uris    names ann and root

Beyond these, sign() takes any extensions, resign() alters bytes under a valid
signature, spoil() under an invalid one, and crl() makes revocation lists.

`make_all(directory)` makes all of them and returns {function name: Pair};
as a program: make_certificates.py DIRECTORY.
"""
import base64
import collections
import datetime
import os
import subprocess
import sys
import tempfile

Pair = collections.namedtuple("Pair", "certificate key")

HOST = "localhost"
HOST_NAMES = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")
USER = "ann"
URI = "URI:virtmux://user/"
DAY = 86400
HOUR = 3600

CONFIG = """
[ca]
default_ca = it
[it]
database = {work}/index.txt
new_certs_dir = {work}
rand_serial = yes
unique_subject = no
default_md = {digest}
policy = any
x509_extensions = extensions
[any]
commonName = optional
[req]
distinguished_name = nothing
[nothing]
[extensions]
{extensions}
"""

KEY_OPTIONS = {
    "p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p256-explicit": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt",
                      "ec_param_enc:explicit"],
    "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ed25519": ["ED25519"],
    "rsa1024": ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsa3072": ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
}


def openssl(*arguments, **options):
    """Runs openssl; its standard output. An error shows what it said."""
    done = subprocess.run(["openssl", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise RuntimeError("openssl %s: %s" % (" ".join(arguments), done.stderr))
    return done.stdout


def time_from_now(seconds):
    """As "openssl ca" wants it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    when = now + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y%m%d%H%M%SZ")


def make_key(path, key_type="p256"):
    """A plain private key at PATH, mode 0600."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    openssl("genpkey", "-algorithm", *KEY_OPTIONS[key_type], "-out", path)
    return path


def sign(directory, file, common_name, extensions, issuer=None, *, begin=-HOUR,
         end=DAY, digest="default", key_type="p256", passphrase=None):
    """The general form: any extensions (lines of an openssl configuration), any
    times (seconds from now), any issuer (a Pair; None: by itself)."""
    crt = os.path.join(directory, file + ".crt")
    key = make_key(os.path.join(directory, file + ".key"), key_type)
    with tempfile.TemporaryDirectory() as work:
        config = os.path.join(work, "config")
        request = os.path.join(work, "request")
        open(os.path.join(work, "index.txt"), "w").close()
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(work=work, digest=digest,
                                    extensions="\n".join(extensions)))
        openssl("req", "-new", "-utf8", "-config", config, "-key", key,
                "-subj", "/CN=" + common_name, "-out", request)
        by = (["-cert", issuer.certificate, "-keyfile", issuer.key] if issuer
              else ["-selfsign", "-keyfile", key])
        openssl("ca", "-batch", "-notext", "-utf8", "-config", config, *by,
                "-startdate", time_from_now(begin), "-enddate",
                time_from_now(end), "-in", request, "-out", crt)
    if passphrase is not None:
        encrypt_key(key, passphrase)
    return Pair(crt, key)


def read_der(path):
    """The first certificate of a PEM file."""
    with open(path, encoding="ascii") as file:
        return base64.b64decode(file.read().split("-----")[2])


def write_der(path, der):
    text = base64.encodebytes(der).decode("ascii")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"-----BEGIN CERTIFICATE-----\n{text}"
                   "-----END CERTIFICATE-----\n")


def _element(data, at):
    """Where the contents of the DER element at AT begin and end."""
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        begin += length & 0x7f
        length = int.from_bytes(data[at + 2:begin], "big")
    return begin, begin + length


def _sequence(contents):
    length = len(contents).to_bytes(2, "big")
    return b"\x30\x82" + length + contents


def resign(pair, issuer, old, new):
    """Puts bytes of the same number in place of OLD, and signs it anew."""
    assert len(old) == len(new)
    der = read_der(pair.certificate)
    begin, _ = _element(der, 0)
    _, tbs_end = _element(der, begin)
    _, algorithm_end = _element(der, tbs_end)
    tbs = der[begin:tbs_end]
    assert old in tbs
    tbs = tbs.replace(old, new)
    signature = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", issuer.key], input=tbs,
        stdout=subprocess.PIPE, check=True).stdout
    bits = b"\x03" + bytes([len(signature) + 1]) + b"\0" + signature
    write_der(pair.certificate,
              _sequence(tbs + der[tbs_end:algorithm_end] + bits))
    return pair


def spoil(pair):
    """Flips a bit of the signature."""
    der = bytearray(read_der(pair.certificate))
    der[-1] ^= 1
    write_der(pair.certificate, bytes(der))
    return pair


def serial_of(pair):
    return openssl("x509", "-in", pair.certificate, "-noout",
                   "-serial").strip().split("=")[1]


def crl(path, ca, revoked=(), *, number=1, begin=-HOUR, end=DAY, digest="sha256"):
    """A revocation list at PATH with the serials of the pairs REVOKED; NUMBER None:
    without one."""
    with tempfile.TemporaryDirectory() as work:
        config = os.path.join(work, "config")
        with open(os.path.join(work, "index.txt"), "w", encoding="ascii") as index:
            for pair in revoked:
                serial = serial_of(pair)
                index.write(f"R\t391231235959Z\t{time_from_now(-60)[2:]}"
                            f"\t{serial}\tunknown\t/CN=x\n")
        with open(config, "w", encoding="ascii") as out:
            out.write(CONFIG.format(work=work, digest=digest, extensions="x = y")
                      .replace("[any]", f"crlnumber = {work}/number\n[any]"
                               if number is not None else "[any]")
                      + "[list]\nauthorityKeyIdentifier = keyid\n")
        with open(os.path.join(work, "number"), "w", encoding="ascii") as out:
            text = f"{number or 0:x}"
            out.write("0" * (len(text) % 2) + text + "\n")
        openssl("ca", "-config", config, "-gencrl", "-cert", ca.certificate,
                "-keyfile", ca.key, "-crl_lastupdate", time_from_now(begin),
                "-crl_nextupdate", time_from_now(end), "-crlexts", "list",
                "-out", path)
    return path


def encrypt_key(path, passphrase):
    """Puts the plain key at PATH under a passphrase."""
    pem = openssl("pkcs8", "-topk8", "-scrypt", "-in", path, "-passout",
                  "env:MAKE_CERTIFICATES_PASS",
                  env={**os.environ, "MAKE_CERTIFICATES_PASS": passphrase})
    with open(path, "w", encoding="ascii") as file:
        file.write(pem)


def _leaf(usage, names):
    lines = ["basicConstraints = critical,CA:FALSE",
             "keyUsage = digitalSignature",
             "subjectKeyIdentifier = hash",
             "authorityKeyIdentifier = keyid"]
    if usage:
        lines.append("extendedKeyUsage = " + usage)
    if names:
        lines.append("subjectAltName = " + ",".join(names))
    return lines


def authority(directory, *, file="authority", common_name="test CA", **options):
    options.setdefault("end", 30 * DAY)
    return sign(directory, file, common_name,
                ["basicConstraints = critical,CA:TRUE,pathlen:0",
                 "keyUsage = critical,keyCertSign,cRLSign",
                 "subjectKeyIdentifier = hash"], **options)


def wrong_authority(directory, **options):
    return authority(directory, **{"file": "wrong-authority", **options})


def host(directory, ca, *, file="host", names=HOST_NAMES, usage="serverAuth",
         **options):
    return sign(directory, file, HOST, _leaf(usage, names), ca, **options)


def user(directory, ca, *, file="user", name=USER, names=None,
         usage="clientAuth", **options):
    names = [URI + name] if names is None else names
    return sign(directory, file, name, _leaf(usage, names), ca, **options)


def expired_host(directory, ca, **options):
    return host(directory, ca, **{"file": "expired-host", "begin": -DAY,
                                  "end": -HOUR, **options})


def expired_user(directory, ca, **options):
    return user(directory, ca, **{"file": "expired-user", "begin": -DAY,
                                  "end": -HOUR, **options})


def not_yet_valid_host(directory, ca, **options):
    return host(directory, ca, **{"file": "not-yet-valid-host", "begin": DAY,
                                  "end": 2 * DAY, **options})


def not_yet_valid_user(directory, ca, **options):
    return user(directory, ca, **{"file": "not-yet-valid-user", "begin": DAY,
                                  "end": 2 * DAY, **options})


def host_with_user_usage(directory, ca, **options):
    return host(directory, ca, **{"file": "host-with-user-usage",
                                  "usage": "clientAuth", **options})


def user_with_host_usage(directory, ca, **options):
    return user(directory, ca, **{"file": "user-with-host-usage",
                                  "usage": "serverAuth", **options})


def wrong_name_host(directory, ca, **options):
    return host(directory, ca, **{"file": "wrong-name-host",
                                  "names": ["DNS:wrong.example.org",
                                            "IP:192.0.2.1"], **options})


def foreign_host(directory, foreign_ca, **options):
    return host(directory, foreign_ca, **{"file": "foreign-host", **options})


def foreign_user(directory, foreign_ca, **options):
    return user(directory, foreign_ca, **{"file": "foreign-user", **options})


def self_signed_user(directory, **options):
    lines = [line for line in _leaf("clientAuth", [URI + USER])
             if not line.startswith("authority")]
    return sign(directory, options.pop("file", "self-signed-user"), USER, lines,
                **options)


def user_without_uri(directory, ca, **options):
    return user(directory, ca, **{"file": "user-without-uri", "names": [],
                                  **options})


def user_with_two_uris(directory, ca, **options):
    return user(directory, ca, **{"file": "user-with-two-uris",
                                  "names": [URI + USER, URI + "root"],
                                  **options})


def make_all(directory, ca=None):
    """{function name: Pair} of every certificate above, signed by CA."""
    pairs = {"authority": ca or authority(directory),
             "wrong_authority": wrong_authority(directory)}
    for function in (host, user, expired_host, expired_user, not_yet_valid_host,
                     not_yet_valid_user, host_with_user_usage,
                     user_with_host_usage, wrong_name_host, user_without_uri,
                     user_with_two_uris):
        pairs[function.__name__] = function(directory, pairs["authority"])
    for function in (foreign_host, foreign_user):
        pairs[function.__name__] = function(directory, pairs["wrong_authority"])
    pairs["self_signed_user"] = self_signed_user(directory)
    return pairs


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_certificates.py DIRECTORY")
    os.makedirs(sys.argv[1], mode=0o700, exist_ok=True)
    for made in make_all(sys.argv[1]).values():
        print(made.certificate)
