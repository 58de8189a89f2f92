"""`layer-constructs policy`: a reviewed catalog of approved layers -> an IAM policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from layer_constructs.approval.catalog import LayerCatalog
    from layer_constructs.approval.policy_size import Statement

FORMS = ("identity", "boundary", "scp", "allow", "required", "get-layer-version", "revocations", "publishing")


@click.command()
@click.argument("catalog", type=click.Path(path_type=Path), required=False)
@click.option("--form", type=click.Choice(FORMS),
              help="What to make; the first three refuse what isn't approved.")  # fmt: skip
@click.option("--region", "regions", multiple=True, help="A region the policy is for; by default all. May be repeated.")
@click.option("--partition", help="The partition the policy is for, such as aws-cn; by default all.")
@click.option("--publisher", "publishers", multiple=True, metavar="ARN",
              help="With --form publishing: who may publish layers; by default nobody. May be repeated.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), help="Write the policy there; by default it is printed.")
@click.option("--schema", "show_schema", is_flag=True, help="Print the JSON schema of a catalog file.")
def policy(
    catalog: Path | None,
    form: str | None,
    regions: tuple[str, ...],
    partition: str | None,
    publishers: tuple[str, ...],
    output: Path | None,
    show_schema: bool,
) -> None:
    """Compile CATALOG, a YAML file of approved layers, into the policy that enforces it."""
    from layer_constructs.approval import catalog_file

    if show_schema:
        if catalog or form:
            raise click.UsageError("--schema stands alone")
        _give(catalog_file.schema(), output)
        return
    if not catalog or not form:
        raise click.UsageError("name a catalog file and a --form")
    if publishers and form != "publishing":
        raise click.UsageError("--publisher goes with --form publishing")
    from layer_constructs.approval.catalog import LayerCatalog
    from layer_constructs.approval.policy_size import document

    whole = LayerCatalog.load(catalog)
    part = whole.only(regions=regions, partition=partition) if regions or partition else whole
    if whole.entries and not part.entries:
        raise _nothing(catalog, f"{', '.join(regions) or partition}: a policy for there would refuse every layer")
    made = _compile(part, form, publishers)
    if not made:
        raise _nothing(catalog, f"--form {form}, and AWS takes no policy without statements")
    # Organizations counts the white space of a policy that isn't typed in by hand.
    text = json.dumps(document(made), separators=(",", ":")) if form == "scp" else json.dumps(document(made), indent=2)
    _give(text + "\n", output)


def _compile(catalog: LayerCatalog, form: str, publishers: tuple[str, ...]) -> list[Statement]:
    match form:
        case "identity" | "boundary" | "scp":
            return catalog.deny_statements(form)
        case "allow":
            return catalog.allow_statements()
        case "required":
            return catalog.required_statements()
        case "get-layer-version":
            return catalog.get_layer_version_statement()
        case "revocations":
            return catalog.revocation_statements()
        case _:
            return catalog.publishing_statements(publishers=publishers)


def _nothing(catalog: Path, what: str) -> Exception:
    from layer_constructs.errors import ArgumentError, Where

    return ArgumentError(f"has nothing for {what}", where=Where(catalog))


def _give(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    from layer_constructs.errors import ArgumentError, Where

    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ArgumentError(f"can't be written: {error.strerror}", where=Where(output)) from error
