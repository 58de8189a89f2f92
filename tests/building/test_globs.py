"""What a glob of ``exclude`` matches."""

from __future__ import annotations

import pytest

from layer_constructs.building.globs import excluded
from layer_constructs.errors import ArgumentError

PATHS = [
    "a.md",
    "botocore/data/ec2/service.json",
    "botocore/data/s3/service.json",
    "botocore/session.py",
    "numpy/tests/test_a.py",
    "numpy/core/tests/b.py",
    "numpy/tests.py",
    "numpy/x[1].txt",
]


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*.md", {"a.md"}),
        ("tests", {"numpy/tests/test_a.py", "numpy/core/tests/b.py"}),
        ("tests*", {"numpy/tests/test_a.py", "numpy/core/tests/b.py", "numpy/tests.py"}),
        ("tests*/", {"numpy/tests/test_a.py", "numpy/core/tests/b.py"}),
        ("/tests", set()),
        ("numpy/tests", {"numpy/tests/test_a.py"}),
        ("numpy/**/tests", {"numpy/tests/test_a.py", "numpy/core/tests/b.py"}),
        ("**/tests/*", {"numpy/tests/test_a.py", "numpy/core/tests/b.py"}),
        ("botocore/data/ec2", {"botocore/data/ec2/service.json"}),
        ("botocore/data/*/service.json", {"botocore/data/ec2/service.json", "botocore/data/s3/service.json"}),
        ("botocore/data/[!e]*", {"botocore/data/s3/service.json"}),
        ("botocore/**", {p for p in PATHS if p.startswith("botocore/")}),
        ("botocore/*.json", set()),
        ("numpy/?ests.py", {"numpy/tests.py"}),
        ("numpy/x[[]1].txt", {"numpy/x[1].txt"}),
        ("numpy/x[1.txt", set()),
    ],
)
def test_a_glob_matches_as_in_a_gitignore(glob: str, found: set[str]) -> None:
    assert excluded(PATHS, [glob]) == (found, [] if found else [glob])


@pytest.mark.parametrize("glob", ["", "/", "!a", "../a", "a/../b", "./a", "a//b", "a\\b"])
def test_what_is_no_glob_is_refused(glob: str) -> None:
    with pytest.raises(ArgumentError, match="not a glob that it takes"):
        excluded(PATHS, [glob])
