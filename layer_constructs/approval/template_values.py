"""Values of a template as texts: as far as they are known before it is deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import LayerArn, is_token, partition_of

# What a part of an ARN looks like that nothing is known of.
ANYTHING = "${Unknown}"

# A parameter of CloudFormation in a text; `${!...}` stands for itself.
_VARIABLE = re.compile(r"\$\{(AWS::[A-Za-z]+)\}")


def arn_of(value: object, *, account: str, region: str) -> str | None:
    """A value as far as it is known; None if it isn't known to be the ARN of a layer version.

    :param account: of the stack that it stands in; a token where the deployment decides, as ``region`` may be.
    """
    text = _text(value, account=account, region=region)
    if text is None or not is_token(text):
        return text
    try:
        LayerArn.parse(text)
    except ArgumentError:
        return None  # one token may stand for several parts: for name and version
    return text


def _text(value: object, *, account: str, region: str) -> str | None:
    """What CloudFormation makes of a value, with ``${...}`` for what isn't known; None if nothing can be said."""
    known = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::Partition": partition_in(region),
        "AWS::URLSuffix": ANYTHING,
    }
    match value:
        case str() if "{{resolve:" not in value:
            return value
        case {"Ref": str(name)}:
            return known.get(name, ANYTHING)
        case {"Fn::Sub": str(text)} if "{{resolve:" not in text:
            return _VARIABLE.sub(lambda match: known.get(match[1], ANYTHING), text)
        case {"Fn::Join": [str(between), [*parts]]}:
            texts = [_text(part, account=account, region=region) for part in parts]
            return between.join(text for text in texts if text is not None) if None not in texts else None
    return None


def partition_in(region: str) -> str:
    """:param region: or a token."""
    return "${AWS::Partition}" if is_token(region) else partition_of(region)


def words(value: object) -> str:
    """A value of a template that stands in ids and texts."""
    match value:
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case Mapping() if len(value) == 1:
            ((function, given),) = value.items()
            return f"{function.removeprefix('Fn::')}-{words(given)}"
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"[^A-Za-z0-9_:./-]+", "-", text).strip("-")
