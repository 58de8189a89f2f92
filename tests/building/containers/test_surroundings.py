"""What of this machine's network a container gets to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from layer_constructs.building.containers.surroundings import surroundings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("home")
def test_passes_proxies_on_under_their_own_names() -> None:
    around = surroundings({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "intern", "AWS_SECRET_ACCESS_KEY": "s3cret"})

    assert around.public["HTTPS_PROXY"] == "http://proxy:3128"
    assert around.public["no_proxy"] == "intern"
    assert "s3cret" not in f"{around}"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"])
def test_sends_a_companys_certificates_and_says_where_they_are(variable: str, tmp_path: Path) -> None:
    bundle = tmp_path / "company.pem"
    bundle.write_text("certificates")

    around = surroundings({variable: str(bundle)})

    assert around.files["ca.pem"] == bundle
    assert around.public["SSL_CERT_FILE"] == around.public["PIP_CERT"] == "{root}/ca.pem"


def test_sends_the_netrc_file_but_not_to_the_hooks(home: Path) -> None:
    netrc = home / ".netrc"
    netrc.write_text("machine example.com login user password s3cret")

    around = surroundings({})

    assert around.files["netrc"] == netrc
    assert around.private == {"NETRC": "{root}/netrc"}
    assert "NETRC" not in around.public


@pytest.mark.usefixtures("home")
def test_there_may_be_no_netrc_file() -> None:

    assert "netrc" not in surroundings({}).files
