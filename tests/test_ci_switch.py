"""Where CI says that everything has to be real, nothing may be skipped: the switch of tests/conftest.py itself."""

from __future__ import annotations

from pathlib import Path

import ci_info
import pytest

pytest_plugins = ["pytester"]

SKIPS = """
    import pytest

    @pytest.mark.skip(reason="no emulator here")
    def test_marked(): ...

    def test_called():
        pytest.skip("no engine here")

    @pytest.fixture
    def engine():
        pytest.skip("no container here")

    def test_by_its_fixture(engine): ...
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with the hooks of ours, and no other plugins: loading them takes longer than the test."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    return pytester


def test_reports_a_skip_as_a_failure_with_its_reason(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYER_CONSTRUCTS_REQUIRE_REAL", "1")
    inner.makepyfile(SKIPS)

    result = inner.runpytest_inprocess()

    assert result.parseoutcomes().get("skipped", 0) == 0
    assert sum(result.parseoutcomes().get(word, 0) for word in ("failed", "errors", "error")) == 3
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines_random(
        [
            "*this was skipped: no emulator here*",
            "*this was skipped: no engine here*",
            "*this was skipped: no container here*",
        ]
    )


def test_reports_a_skipped_module_as_an_error(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYER_CONSTRUCTS_REQUIRE_REAL", "1")
    inner.makepyfile("import pytest; pytest.importorskip('no_such_module_anywhere')")

    result = inner.runpytest_inprocess()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*this was skipped: could not import 'no_such_module_anywhere'*"])


def test_leaves_an_expected_failure_alone(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYER_CONSTRUCTS_REQUIRE_REAL", "1")
    inner.makepyfile("import pytest\n@pytest.mark.xfail\ndef test_known(): assert False")

    inner.runpytest_inprocess().assert_outcomes(xfailed=1)


def test_lets_tests_be_skipped_without_the_switch(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAYER_CONSTRUCTS_REQUIRE_REAL", raising=False)
    inner.makepyfile(SKIPS)

    inner.runpytest_inprocess().assert_outcomes(skipped=3)


def test_hides_the_ci_system_from_a_test(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    systems = [
        {"CI": "woodpecker"},
        {"CODEBUILD_BUILD_ARN": "arn:aws:codebuild:us-east-1:123456789012:build/x"},
        {"JENKINS_URL": "http://jenkins", "BUILD_ID": "7"},
        {"VERCEL": "1"},
        {"CI_NAME": "codeship"},
    ]
    for system in systems:
        assert ci_info.is_ci(system)
        for name, value in system.items():
            monkeypatch.setenv(name, value)
    inner.makepyfile("import ci_info, os\ndef test_sees_none(): assert not ci_info.is_ci() and 'CI' not in os.environ")

    inner.runpytest_inprocess().assert_outcomes(passed=1)
