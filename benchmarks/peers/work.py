"""What is built in the comparisons with others."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.cases import many_layers
from benchmarks.cases.first_build import REQUIREMENTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """:param layers: the requirements of each layer of ours; the others put all of them into one.
    :param expected: a module, or a glob for one, that must be in each layer when it is done.
    :param sdist: whether a package has no wheel, so that a container builds it.
    :param apart: the others make as many layers.
    """

    name: str
    layers: tuple[str, ...]
    expected: str
    sdist: bool = False
    apart: bool = False

    @property
    def listed(self) -> str:
        if self.apart:
            return f"{len(self.layers)} layers of three small packages each (those of `many-layers`)"
        return " and ".join(f"`{text.strip().replace(chr(10), ' ')}`" for text in self.layers)


SMALL = Work(name="small", layers=("requests==2.34.2\n",), expected="requests")
MIDDLE = Work(name="middle", layers=(REQUIREMENTS,), expected="pandas")
# Together they are more than Lambda takes, which ours refuses and the others don't see.
LARGE = Work(name="large", layers=("pandas==2.3.2\nscipy==1.15.3\n", "pyarrow==20.0.0\n"), expected="scipy")
MIXED = Work(name="mixed", layers=("netifaces==0.11.0\nrequests==2.34.2\n",), expected="requests", sdist=True)
MANY = Work(name="many", layers=many_layers.REQUIREMENTS, expected="*.dist-info", apart=True)
