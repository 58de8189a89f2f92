"""The templates of a stage before the CDK writes them: it validates the tree first, and of a stage nothing else.

Each stack's own synthesizer writes its template into a folder that is thrown away, so escape hatches are in it. By
then references between stacks are resolved.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import cast

import aws_cdk as cdk
import jsii
from aws_cdk import cx_api

from layer_constructs.layers.identity import identity
from layer_constructs.layers.templates import Template, read_template


@jsii.implements(cdk.ISynthesisSession)
class _Session:
    """What a synthesizer asks where to write."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._assembly = cx_api.CloudAssemblyBuilder(folder)

    @property
    def outdir(self) -> str:
        return self._folder

    @property
    def assembly(self) -> cx_api.CloudAssemblyBuilder:
        return self._assembly

    @property
    def validate_on_synth(self) -> bool:
        return False


def templates_of(stage: cdk.Stage) -> list[Template]:
    """The templates of a stage's own stacks, nested ones too.

    A synthesizer that isn't a `StackSynthesizer` can't be asked: its stack is left out.
    """
    stacks = [
        construct
        for construct in stage.node.find_all()
        if isinstance(construct, cdk.Stack) and identity(cdk.Stage.of(construct)) == identity(stage)
    ]
    made: dict[str, Template] = {}
    with tempfile.TemporaryDirectory() as folder:
        session = _Session(folder)
        for stack in stacks:  # from the top: what nests a stack comes before it
            synthesizer = stack.synthesizer
            if not isinstance(synthesizer, cdk.StackSynthesizer):
                continue
            _write(synthesizer, stack, cast("cdk.ISynthesisSession", session))
            template = read_template(Path(folder) / stack.template_file, parent=_parent(stack, made))
            if template:
                made[identity(stack)] = template
    return list(made.values())


def _write(synthesizer: cdk.StackSynthesizer, stack: cdk.Stack, session: cdk.ISynthesisSession) -> None:
    try:
        synthesizer._synthesize_template(session)  # noqa: SLF001 - for subclasses
    except RuntimeError:
        # LegacyStackSynthesizer and CliCredentialsStackSynthesizer don't know their stack; the older method is told.
        synthesizer._synthesize_stack_template(stack, session)  # noqa: SLF001 - the same


def _parent(stack: cdk.Stack, made: dict[str, Template]) -> tuple[Template, str] | None:
    above = stack.nested_stack_parent
    if above is None or identity(above) not in made:
        return None
    return made[identity(above)], above.resolve(cast("cdk.CfnResource", stack.nested_stack_resource).logical_id)
