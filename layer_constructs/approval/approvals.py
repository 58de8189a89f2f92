"""What is approved and what is revoked, asked about single layers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from layer_constructs.approval import app_layer
from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.judgement import Approved, Judgement, Refused, Unknown, has_ended, judge
from layer_constructs.approval.revoked_layer import RevokedLayer
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import LayerArn, is_token


@dataclass(frozen=True, slots=True)
class Approvals:
    """What is in a catalog, apart from what is made of it."""

    entries: tuple[ApprovedLayer, ...]
    revoked: tuple[RevokedLayer, ...]

    def judge(self, layer: object, *, own_account: str | None = None, on: date | None = None) -> Judgement:
        """Whether one layer may be used.

        :param layer: an ARN, a :class:`LayerArn`, or a layer construct.
        :param own_account: the account that the function is in, if it is known; a token is compared as text.
        :param on: the day for which to answer. None leaves out what depends on a day: approvals that end count, and
            revocations with a day don't.
        """
        live = [entry for entry in self.entries if not has_ended(entry, on)]
        if not isinstance(layer, str | LayerArn):
            app_layer.check(layer)
            same = next((entry for entry in live if entry.layer is layer), None)
            if same:
                return Approved(layer=app_layer.path(layer), by=same)
            layer = app_layer.arn_of(layer)
            if isinstance(layer, LayerArn):
                # Another layer of the app: that one with its name is approved says nothing about it.
                live = [entry for entry in live if entry.kind != "layer"]
        if isinstance(layer, str):
            if is_token(layer) and not layer.startswith("arn:"):
                return Unknown(layer=layer, reason="its ARN is known only at deployment")
            try:
                arn = LayerArn.parse(layer)
            except ArgumentError as error:
                return Refused(layer=layer, reason=error.problem)
        else:
            arn = layer
        revoked = [each for each in self.revoked if each.since is None or (on is not None and each.since <= on)]
        ended = [entry for entry in self.entries if has_ended(entry, on)]
        return judge(arn, live=live, ended=ended, revoked=revoked, own_account=own_account)
