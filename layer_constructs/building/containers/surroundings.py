"""What the host knows of its network, for work in a container: proxies, certificates and logins."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Where Linux distributions keep the bundle, as in Go's crypto/x509 (root_linux.go).
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})

# By which programs look for a bundle: uv and OpenSSL, pip, requests, curl, git, npm, cargo.
_CA_VARIABLES = (
    "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS",
    "CARGO_HTTP_CAINFO",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """:param public: variables that hooks get too.
    :param private: variables that only the tools get which ask an index.
    :param files: what the variables name, by its place below the container's ``{root}``.
    """

    public: Mapping[str, str]
    private: Mapping[str, str]
    files: Mapping[str, Path]


def surroundings(environ: Mapping[str, str] | None = None) -> Surroundings:
    """The host's own, so that what works here works in the container."""
    environ = os.environ if environ is None else environ
    public = {name: value for name, value in environ.items() if name.upper() in _PROXIES}
    files: dict[str, Path] = {}
    private: dict[str, str] = {}
    bundle = _bundle(environ)
    if bundle:
        files["ca.pem"] = bundle
        public |= dict.fromkeys(_CA_VARIABLES, "{root}/ca.pem")
    netrc = Path(environ.get("NETRC") or "~/.netrc").expanduser()
    if netrc.is_file():
        files["netrc"] = netrc
        private["NETRC"] = "{root}/netrc"
    return Surroundings(public=public, private=private, files=files)


def _bundle(environ: Mapping[str, str]) -> Path | None:
    named = next((environ[name] for name in _CA_VARIABLES if environ.get(name)), None)
    candidates = [named, ssl.get_default_verify_paths().cafile, *_BUNDLES]
    return next((Path(each) for each in candidates if each and Path(each).is_file()), None)
