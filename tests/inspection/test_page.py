"""The page that `inspect --html` writes, as text and in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.target import Target
from layer_constructs.inspection.inspection import InspectedFile, Inspection, Package
from layer_constructs.inspection.page import page
from tests.support.private_index import PrivateIndex

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for path in map(shutil.which, _NAMES) if path), None)
in_a_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")

# Every box with where it is, and its label: said by the browser, put into the page as text.
_MEASURE = """<script>
const round = n => Math.round(n * 100) / 100;
const rect = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom].map(round); };
const at = e => ({at: rect(e), label: e.querySelector(':scope > .name')?.textContent ?? null,
  title: e.title, shown: (() => { const n = e.querySelector(':scope > .name'); if (!n) return false;
  const r = n.getBoundingClientRect(); const p = document.elementFromPoint(r.left + 3, r.top + r.height / 2);
  return p === n; })(),
  inner: [...e.querySelectorAll(':scope > .in > .box')].map(at),
  area: e.querySelector(':scope > .in') ? rect(e.querySelector(':scope > .in')) : null});
const map = document.querySelector('.map');
const found = {area: rect(map), inner: [...map.querySelectorAll(':scope > .box')].map(at),
  width: innerWidth, height: innerHeight,
  wide: document.documentElement.scrollWidth <= innerWidth,
  paper: getComputedStyle(document.body).backgroundColor};
const out = document.createElement('pre'); out.id = 'measured'; out.textContent = JSON.stringify(found);
document.body.append(out);
</script>"""


def inspection(files: dict[str, tuple[str | None, int]], **more: Any) -> Inspection:
    names = sorted({package for package, _ in files.values() if package})
    packages = tuple(
        Package(name=name, version="1.0", size=sum(s for p, s in files.values() if p == name), files=1, license="MIT")
        for name in names
    )
    inspected = tuple(InspectedFile(path=path, size=size, package=package) for path, (package, size) in files.items())
    return Inspection(
        **{"label": "layer.zip", "target": Target(), "is_guessed": False, "findings": (), **more},
        packages=packages,
        files=inspected,
    )


def everyday() -> Inspection:
    files: dict[str, tuple[str | None, int]] = {"bin/tool": (None, 700_000)}
    for package, size in {"numpy": 9_000_000, "pandas": 7_000_000, "botocore": 5_000_000, "six": 40_000}.items():
        for number in range(1, 9):
            for name in ("_core/one.so", "lib/two.py", "three.py", f"data/{number}.json"):
                path = f"python/{package}/{name.replace('.', f'{number}.')}"
                files[path] = (package, size // number // (1 + len(name)))
    return inspection(files)


def browse(tmp_path: Path, text: str, *arguments: str) -> str:
    """What is in the page when the browser has read it."""
    assert BROWSER is not None
    path = tmp_path / "page.html"
    path.write_text(text, encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}", *arguments, "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def measured(tmp_path: Path, text: str, *arguments: str) -> dict[str, Any]:
    open_page = re.sub(r"<meta http-equiv[^>]*>", "", text)  # it would forbid the script that measures
    dom = browse(tmp_path, open_page.replace("</body>", f"{_MEASURE}</body>"), *arguments)
    found = re.search(r'<pre id="measured">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[-2000:]
    result: dict[str, Any] = json.loads(unescape(found[1]))
    return result


def assert_tiled(outer: dict[str, Any], pixels: float = 1.5) -> int:
    """Boxes lie in their area, next to each other, and leave nothing of it; how many there are."""
    left, top, right, bottom = outer["area"]
    boxes = [box["at"] for box in outer["inner"]]
    for number, (l1, t1, r1, b1) in enumerate(boxes):
        assert l1 >= left - pixels
        assert t1 >= top - pixels
        assert r1 <= right + pixels
        assert b1 <= bottom + pixels
        for l2, t2, r2, b2 in boxes[number + 1 :]:
            assert min(r1, r2) - max(l1, l2) <= pixels or min(b1, b2) - max(t1, t2) <= pixels
    covered = sum((r1 - l1) * (b1 - t1) for l1, t1, r1, b1 in boxes)
    assert covered == pytest.approx((right - left) * (bottom - top), rel=0.02)
    return len(boxes) + sum(assert_tiled(box) for box in outer["inner"] if box["inner"])


@in_a_browser
@pytest.mark.real
@pytest.mark.parametrize("size", ["1280,900", "2400,1400", "500,844"])
def test_boxes_fill_the_map_without_overlapping_and_say_their_names(tmp_path: Path, size: str) -> None:
    found = measured(tmp_path, page([everyday()]), f"--window-size={size}")

    assert assert_tiled(found) > 30
    assert found["wide"], "the page itself must not be wider than the window"
    large = found["inner"][:3]
    assert [box["label"] for box in large] == ["numpy", "pandas", "botocore"]
    visible = [box for box in large if box["at"][0] < found["width"] - 20 and box["at"][1] < found["height"] - 20]
    assert visible
    assert all(box["shown"] for box in visible)


@in_a_browser
@pytest.mark.real
def test_dark_and_light_are_the_reader_s_choice(tmp_path: Path) -> None:
    text = page([everyday()])

    light = measured(tmp_path, text, "--blink-settings=preferredColorScheme=1")["paper"]
    dark = measured(tmp_path, text, "--blink-settings=preferredColorScheme=0")["paper"]

    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(15, 19, 24)")


def hostile(url: str) -> Inspection:
    image = f'"><img src={url}/img onerror=alert(1)><script>document.title="owned"</script>'
    files: dict[str, tuple[str | None, int]] = {
        f"python/{image}/a.py": (image, 5_000_000),
        "python/</style><style>@import url(" + url + "/css);</style>": ("css", 4_000_000),
        f"python/{image}": (None, 3_000_000),
        "python/\u202egnp.py\x1b[31m": ("bidi", 2_000_000),
    }
    finding = Finding(rule="outside-link", package=image, path=image, text=image)
    return inspection(files, label=image, findings=(finding,), notes=(image,))


def test_names_are_text_and_nothing_else() -> None:
    text = page([hostile("http://127.0.0.1:9")])

    assert "<img" not in text
    assert "<script" not in text
    assert text.count("<style>") == 1
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_the_page_needs_nothing_but_itself() -> None:
    text = page([everyday()])

    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert not re.search(r"https?:|\bsrc=|\bhref=|url\(|@import|<script|<link", text)


def test_the_same_layers_give_the_same_page() -> None:
    assert page([everyday()]) == page([everyday()])


def test_boxes_are_said_in_words_too() -> None:
    text = page([everyday()])

    assert 'role="img" aria-label="Boxes' in text
    assert re.search(r'title="numpy: [0-9.]+ MB, 32 files"', text)
    assert re.search(r"<summary>numpy, [0-9.]+ MB, 32 files</summary>", text)
    assert "bin/tool" in text


@in_a_browser
@pytest.mark.real
def test_no_request_goes_out_whatever_stands_in_names(tmp_path: Path) -> None:
    with PrivateIndex() as server:
        url = f"http://{server.host}"
        title = re.search(r"<title>(.*?)</title>", browse(tmp_path, page([hostile(url)])), re.DOTALL)
        assert server.requests == []
        assert title
        assert "owned" in title[1]  # as a part of the name
        assert title[1] != "owned"

        browse(tmp_path, f"<img src={url}/control>")
        assert "/control" in server.paths(), "the browser does ask this server"
