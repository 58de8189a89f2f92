"""BuiltLayer: what all layer versions of this library have in common, whatever is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.building.record import read_sbom
from layer_constructs.layers import arguments
from layer_constructs.layers.function_checks import watch
from layer_constructs.layers.staging import asset_hash_of, check_folder
from layer_constructs.layers.surroundings import Surroundings, remember

if TYPE_CHECKING:
    from constructs import Construct

    from layer_constructs.layers.declaration import Declaration
    from layer_constructs.layers.publication import Publication
    from layer_constructs.sharing.share import Share


class BuiltLayer(lambda_.LayerVersion):
    """A layer version whose content this library builds, checks and keeps."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        around: Surroundings,
        declaration: Declaration,
        publication: Publication,
        code: lambda_.Code,
    ) -> None:
        """Add to the tree what was checked and made.

        :param code: its asset, by `staged`.
        """
        super().__init__(
            scope,
            id,
            code=code,
            compatible_runtimes=list(declaration.runtimes) or None,
            compatible_architectures=arguments.architectures_of(declaration.architectures) or None,
            description=publication.description if publication.description is not None else declaration.description,
            layer_version_name=publication.layer_version_name,
            license=publication.license if publication.license is not None else declaration.license,
            removal_policy=publication.removal_policy,
        )
        remember(scope, around)
        declaration.verdict.annotate(self)
        if publication.asset_format == "directory":
            check_folder(self, digest=declaration.digest)
        self._declared = declaration
        self._kept = publication.removal_policy is not cdk.RemovalPolicy.DESTROY
        self._shares: tuple[Share, ...] = ()
        if publication.shares:
            self.share_with(*publication.shares)
        watch(
            self,
            scope,
            around=around,
            asset_hash=asset_hash_of(declaration.digest, publication.asset_format),
            built=declaration.layer,
            packages=declaration.packages,
        )

    def share_with(self, *shares: Share) -> None:
        """Let others use the version, and each version that replaces it.

        What they were given of a version that was replaced stays theirs; taking a share out of the code revokes that
        of the current one. ``layer-constructs revoke`` revokes that of older ones.

        :raises ArgumentError: for one that it is shared with already, or everybody where it has what looks like a
            secret; then nothing is added.
        """
        # Most layers are shared with nobody, and can do without these.
        from layer_constructs.sharing.permissions import permit, refuse_public_secrets
        from layer_constructs.sharing.share import shares_of

        new = shares_of(shares, besides=self._shares)
        refuse_public_secrets(self._declared.secrets, public=any(share.is_public for share in new))
        permit(self, new, kept=self._kept)
        self._shares += new

    @property
    def shares(self) -> tuple[Share, ...]:
        """Whom it is shared with, but for what ``add_permission`` added."""
        return self._shares

    def add_permission(
        self,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        account_id: str,
        organization_id: str | None = None,
    ) -> None:
        """The CDK's own way to share, for what may be a token; kept and revoked as by `share_with`.

        The logical id has the account in it, so that another account doesn't replace, and thereby keep, the one
        before. What a token stands for isn't seen: if that changes, the one before stays until it is removed by
        ``layer-constructs revoke --version N``.
        """
        from layer_constructs.sharing.permissions import refuse_public_secrets, settle
        from layer_constructs.sharing.share import is_public

        refuse_public_secrets(self._declared.secrets, public=is_public(account_id, organization_id))
        super().add_permission(id, account_id=account_id, organization_id=organization_id)
        settle(self, id, kept=self._kept)

    @property
    def digest(self) -> str:
        """Names the content: the same wherever the same files are in it."""
        return self._declared.digest

    @property
    def packages(self) -> Mapping[str, str]:
        """The version of each distribution inside, by normalised name."""
        return self._declared.packages

    @property
    def sbom(self) -> str | None:
        """The inventory as CycloneDX JSON, the same for the same digest; None for a stack that is not being bundled."""
        return None if self._declared.layer is None else read_sbom(self._declared.layer)
