"""What looks like a secret, and what only speaks of one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from layer_constructs.building.entry.secrets import looks_secret

_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKB"


def pem(kind: str = "", end: str = "\n", header: str = "") -> bytes:
    """No real key: the first line of what one looks like."""
    return f"-----BEGIN {kind}PRIVATE KEY-----{end}{header}{_BODY}{end}-----END {kind}PRIVATE KEY-----{end}".encode()


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (".env", "variables of an environment"),
        ("app/.ENV", "variables of an environment"),
        (".env.production", "variables of an environment"),
        (".envrc", "variables of an environment"),
        (".netrc", "passwords of hosts"),
        ("_netrc", "passwords of hosts"),
        (".pypirc", "tokens of package indexes"),
        (".pgpass", "passwords of PostgreSQL"),
        (".htpasswd", "passwords of a web server"),
        (".git-credentials", "passwords of git"),
        (".aws/credentials", "credentials of AWS"),
        ("home/.aws/config", "credentials of AWS"),
        (".ssh/config", "private keys"),
        (".gnupg/pubring.kbx", "private keys"),
        ("id_rsa", "a private key"),
        ("keys/id_ed25519", "a private key"),
        ("id_ecdsa", "a private key"),
        ("id_dsa", "a private key"),
        ("putty.ppk", "a private key"),
        ("cert.p12", "a key store"),
        ("cert.PFX", "a key store"),
        ("app.jks", "a key store"),
        ("app.keystore", "a key store"),
    ],
)
def test_a_secret_by_its_name(path: str, what: str) -> None:
    assert looks_secret([path], b"") == what


@pytest.mark.parametrize(
    "path",
    [
        ".env.example",
        ".env.sample",
        ".env.template",
        ".env.dist",
        "env.py",
        "environment",
        "netrc.py",
        "id_rsa.pub",
        "aws/credentials.py",
        "cert.pem",
        "keystore.py",
        ".env/readme.txt",
    ],
)
def test_a_name_that_only_resembles_one(path: str) -> None:
    assert looks_secret([path], b"-----BEGIN CERTIFICATE-----\n" + _BODY.encode()) is None


@pytest.mark.parametrize(
    "content",
    [
        pem(),
        pem("RSA "),
        pem("EC "),
        pem("OPENSSH "),
        pem("ENCRYPTED "),
        pem(end="\r\n"),
        pem("RSA ", header="Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A1B\n\n"),
        b"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n" + pem(),
        b'{"type": "service_account", "private_key": "' + pem(end="\\n") + b'"}',
        b'KEY = """' + pem() + b'"""\n',
        b"key: |\n  " + pem().replace(b"\n", b"\n  "),
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 2\n\n" + _BODY.encode() + b"\n",
    ],
)
def test_a_private_key_by_its_content_whatever_its_name(content: bytes) -> None:
    assert looks_secret(["data.txt"], content) == "a private key"


@pytest.mark.parametrize(
    "content",
    [
        b'if "-----BEGIN PRIVATE KEY-----" in s:\n    raise ValueError("this is a key, which nobody wants here")\n',
        b"BEGIN PRIVATE KEY\n",
        b"-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PUBLIC KEY-----\n" + _BODY.encode(),
        b"",
    ],
)
def test_a_program_that_only_knows_the_words_is_none(content: bytes) -> None:
    assert looks_secret(["keys.py"], content) is None


def test_a_key_that_a_real_program_made_is_one(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    for arguments in (["genrsa", "1024"], ["genpkey", "-algorithm", "ed25519"]):
        made = subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout
        assert looks_secret(["x"], made) == "a private key"


def test_a_large_file_is_data() -> None:
    assert looks_secret(["dump.bin"], pem() + bytes(1 << 20)) is None


def test_any_of_its_names_will_do() -> None:
    assert looks_secret(["etc/settings", "home/.netrc"], b"") == "passwords of hosts"
