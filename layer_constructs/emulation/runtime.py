"""A function of a synthesised app, ready to be tried: the one place that strings the above together."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from layer_constructs.building.cache import Cache
from layer_constructs.emulation.assembly import Assembly
from layer_constructs.emulation.container import Container
from layer_constructs.emulation.function import LocalFunction, local_function
from layer_constructs.emulation.host import Host
from layer_constructs.emulation.invocation import Invocation
from layer_constructs.emulation.laid_out import lay_out
from layer_constructs.errors import ArgumentError


class Place(Protocol):
    """Where a function runs."""

    def invoke(self, function: LocalFunction, task: Path, opt: Path, event: bytes, *, port: int | None) -> Invocation:
        """One cold start and one event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaRuntime:
    """A function with its layers, in AWS's Runtime Interface Emulator.

    :param place: this machine, or a container.
    """

    function: LocalFunction
    place: Place = field(repr=False)

    @classmethod
    def of(
        cls,
        outdir: Path,
        function: str,
        *,
        environment: Mapping[str, str] | None = None,
        timeout: int | None = None,
        container: bool = False,
        image: str | None = None,
        leave_out_unknown: bool = False,
        cache: Cache | None = None,
    ) -> LambdaRuntime:
        """:param outdir: a synthesised app, usually ``cdk.out``.
        :param function: its construct's path, logical id or name.
        :param environment: more variables, or other values of those that it has.
        :param timeout: in seconds, in place of the function's own.
        :param container: run it in a container of AWS's Lambda image, which ``CDK_DOCKER``'s engine fetches.
        :param image: the same, of this image.
        :param leave_out_unknown: run it without the layers that are not in this app.
        :raises ArgumentError: if there is no such app or function.
        :raises NotRunnableError: if it can't be run as it will be deployed.
        """
        found = local_function(
            Assembly(outdir),
            function,
            variables=environment,
            timeout=timeout,
            leave_out_unknown=leave_out_unknown,
        )
        kept = cache or Cache.default()
        return cls(function=found, place=Container(cache=kept, image=image) if container or image else Host(cache=kept))

    def invoke(self, event: Any = None, *, port: int | None = None) -> Invocation:
        """A cold start, one event, and the end: nothing is left running, and nothing of it reaches the next one.

        The function's own errors are in what is returned.

        :param event: anything that JSON can say.
        :param port: of the emulator; by default a free one.
        :raises ArgumentError: for an event that is no JSON, and a port that is taken.
        :raises LayerError: if the function can't be run at all.
        """
        try:
            text = json.dumps({} if event is None else event, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"the event is no JSON: {error}") from error
        with tempfile.TemporaryDirectory(prefix="layer-constructs-", ignore_cleanup_errors=True) as folder:
            task, opt = lay_out(self.function, Path(os.path.realpath(folder)))
            return self.place.invoke(self.function, task, opt, text.encode(), port=port)
