"""Inspections as one page: no script, nothing fetched, and every name in it taken for anyone's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.inventory.clean import one_line
from layer_constructs.building.progress import megabytes
from layer_constructs.building.size import LIMIT
from layer_constructs.errors import ArgumentError, Where
from layer_constructs.inspection.inspection import Inspection, Package, choices, grouped
from layer_constructs.inspection.treemap import EDGE, HEAD, HEIGHT, NO_PACKAGE, WIDTH, Box, Node, lay_out, nodes_of

# The browser holds it too: whatever stands in a name, nothing is fetched and nothing runs.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_ABOUT_MAP = "Boxes whose areas are the sizes of packages, their folders and files. Below, the same is said in words."

_HUES = (211, 150, 32, 268, 340, 178, 84, 12, 238, 300)

_NUMBER = ' class="number"'

# Of the files in a text list; the boxes and --json have the others.
_SHOWN = 50

_STYLE = f"""
:root {{ color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --bad: #b42318;
  --box-s: 62%; --box-l: 86%; --in-l: 92%; --edge: #ffffffcc; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #0f1318; --ink: #e8ecf1; --soft: #9aa5b1; --line: #30363d;
  --bad: #ff8f80; --box-s: 34%; --box-l: 24%; --in-l: 31%; --edge: #0f1318cc; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; padding: 1.5rem; max-width: 80rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }}
h1 {{ font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.05rem; margin: 1.75rem 0 .5rem; }}
p {{ margin: .25rem 0; }}
.soft {{ color: var(--soft); }}
.bar {{ height: .75rem; margin: .75rem 0 .25rem; border-radius: .4rem; background: var(--line); overflow: hidden; }}
.bar > i {{ display: block; height: 100%; background: hsl(211 70% 52%); }}
.bar.near > i {{ background: hsl(32 85% 50%); }}
.bar.over > i {{ background: var(--bad); }}
.scroll {{ overflow-x: auto; }}
.map {{ position: relative; min-width: 44rem; aspect-ratio: {WIDTH:.0f} / {HEIGHT:.0f}; font-size: 12px;
  line-height: {HEAD:.0f}px; }}
.box {{ position: absolute; overflow: hidden; border: 1px solid var(--edge); border-radius: 3px; padding: 0 4px;
  background: hsl(var(--h) var(--box-s) var(--box-l)); white-space: nowrap; text-overflow: ellipsis; }}
.box .box {{ background: hsl(var(--h) var(--box-s) var(--in-l)); }}
.box .box .box {{ background: hsl(var(--h) var(--box-s) var(--box-l)); }}
.box:hover {{ outline: 2px solid var(--ink); outline-offset: -2px; }}
.box .soft {{ color: inherit; opacity: .75; }}
.name {{ font-weight: 600; }}
.in {{ position: absolute; left: {EDGE - 1:.0f}px; right: {EDGE - 1:.0f}px; top: {HEAD - 1:.0f}px;
  bottom: {EDGE - 1:.0f}px; }}
.in .name {{ font-weight: 400; }}
.none {{ --h: 0; --box-s: 0%; }}
{"".join(f".h{number} {{ --h: {hue}; }}" for number, hue in enumerate(_HUES))}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word; }}
th {{ font-size: .85rem; color: var(--soft); white-space: nowrap; }}
.number {{ text-align: right; white-space: nowrap; padding-right: 1.5rem; }}
.key {{ display: inline-block; width: .75em; height: .75em; margin-right: .5em; border-radius: 2px;
  background: hsl(var(--h) var(--box-s) var(--box-l)); border: 1px solid hsl(var(--h) var(--box-s) 55%); }}
ul {{ margin: .25rem 0; padding-left: 1.25rem; }}
td:first-child {{ min-width: 12rem; }}
li {{ overflow-wrap: anywhere; }}
li b {{ color: var(--bad); font-weight: 600; }}
summary {{ cursor: pointer; }}
section + section {{ margin-top: 3rem; padding-top: 2rem; border-top: 1px solid var(--line); }}
"""


def write_page(path: Path, inspections: Sequence[Inspection]) -> None:
    """Write the page of :func:`page`.

    :raises ArgumentError: if the file can't be written.
    """
    try:
        path.write_text(page(inspections), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ArgumentError(f"can't be written: {error.strerror or error}", where=Where(path)) from error


def page(inspections: Sequence[Inspection]) -> str:
    """One HTML document; the same layers give the same."""
    title = ", ".join(_text(each.label) for each in inspections)
    sections = "\n".join(_section(each) for each in inspections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}: what is in it</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{sections}\n</main>\n</body>\n</html>\n"
    )


def _section(inspection: Inspection) -> str:
    share = 100 * inspection.size / LIMIT
    kind = " over" if share > 100 else " near" if share > 80 else ""
    count = len(inspection.packages)
    contents = f"{count} {'package' if count == 1 else 'packages'}, {len(inspection.files):,} files"
    guessed = ", as its files say" if inspection.is_guessed else ""
    used = f"{megabytes(inspection.size)} of 250 MB, {share:.0f} %"
    nodes = nodes_of(inspection)
    hues = {node.name: f"h{number % len(_HUES)}" for number, node in enumerate(nodes)}
    return "\n".join(
        [
            "<section>",
            f"<h1>{_text(inspection.label)}</h1>",
            f'<p class="soft">{inspection.target}{guessed}; {contents}</p>',
            f'<div class="bar{kind}" role="img" aria-label="{used}"><i style="width:{min(share, 100):.2f}%"></i></div>',
            f"<p>{used}</p>",
            *(f"<p>{_text(note)}</p>" for note in (*inspection.notes, *choices(inspection.savings))),
            _findings(inspection),
            "<h2>What takes the space</h2>",
            '<div class="scroll" tabindex="0" role="group" aria-label="map of sizes">',
            f'<div class="map" role="img" aria-label="{_ABOUT_MAP}">',
            "".join(_box(box, _hue(box.node.name, hues)) for box in lay_out(nodes)),
            "</div></div>",
            _packages(inspection.packages, hues),
            "<h2>The same in words</h2>",
            *(_words(node) for node in nodes),
            _unowned(inspection),
            "</section>",
        ]
    )


def _hue(name: str, hues: dict[str, str]) -> str:
    return "none" if name == NO_PACKAGE else hues[name]


def _box(box: Box, hue: str = "") -> str:
    node = box.node
    name, size = _text(node.name), megabytes(node.size)
    place = f"left:{box.left:.4f}%;top:{box.top:.4f}%;width:{box.width:.4f}%;height:{box.height:.4f}%"
    label = f'<span class="name">{name}</span> <span class="soft">{size}</span>' if box.has_label else ""
    inner = f'<div class="in">{"".join(_box(each) for each in box.inner)}</div>' if box.inner else ""
    files = f", {node.count:,} files" if node.count > 1 else ""
    return f'<div class="box {hue}" style="{place}" title="{name}: {size}{files}">{label}{inner}</div>'


def _packages(packages: Iterable[Package], hues: dict[str, str]) -> str:
    heads = "".join(
        f'<th scope="col"{_NUMBER if name == "size" else ""}>{name}</th>'
        for name in ("package", "version", "size", "licence", "native code", "newest glibc needed")
    )
    rows = [
        f'<tr><td><i class="key {hues.get(package.name, "none")}"></i>{_text(package.name)}</td>'
        f"<td>{_text(package.version)}</td><td{_NUMBER}>{megabytes(package.size)}</td>"
        f"<td>{_licence(package)}</td><td>{'yes' if package.native else ''}</td>"
        f"<td>{_text(package.glibc or '')}</td></tr>"
        for package in packages
    ]
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>\n{chr(10).join(rows)}\n</tbody></table>"
    return f'<h2>Packages</h2>\n<div class="scroll">{table}</div>'


def _licence(package: Package) -> str:
    if package.license:
        return _text(package.license)
    said = f" ({_text(package.license_said)})" if package.license_said else ""
    return f'<span class="soft">unknown{said}</span>'


def _findings(inspection: Inspection) -> str:
    if not inspection.findings:
        return f"<p>No finding for {inspection.target}.</p>"
    items = "\n".join(f"<li>{_group(group)}</li>" for group in grouped(inspection.findings))
    count = len(inspection.findings)
    return f"<h2>{count} {'finding' if count == 1 else 'findings'} for {inspection.target}</h2>\n<ul>{items}</ul>"


def _group(findings: Sequence[Finding]) -> str:
    first, *others = findings
    package = f" {_text(first.package)}:" if first.package else ""
    text = f"<b>{_text(first.rule)}</b>{package} {_text(str(first))}"
    if not others:
        return text
    items = "".join(f"<li>{_text(str(finding))}</li>" for finding in others)
    return f"{text}<details><summary>and {len(others):,} more such</summary><ul>{items}</ul></details>"


def _words(node: Node) -> str:
    children = "".join(f"<li>{_text(child.name)}, {megabytes(child.size)}</li>" for child in node.children)
    return (
        f"<details><summary>{_text(node.name)}, {megabytes(node.size)}, {node.count:,} "
        f"{'file' if node.count == 1 else 'files'}</summary><ul>{children}</ul></details>"
    )


def _unowned(inspection: Inspection) -> str:
    files = inspection.unowned
    if not files:
        return ""
    items = "".join(f"<li>{_text(file.path)}, {megabytes(file.size)}</li>" for file in files[:_SHOWN])
    more = f"<li>and {len(files) - _SHOWN:,} more</li>" if len(files) > _SHOWN else ""
    return f"<h2>Files that belong to no package</h2>\n<ul>{items}{more}</ul>"


def _text(value: str) -> str:
    return escape(one_line(value), quote=True)
