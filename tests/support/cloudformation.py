"""moto's server, with what its CloudFormation lacks for layers; a process of its own.

moto 5 does not replace a resource: it leaves out a changed layer version, deletes a parameter before it makes the new
one, updates nothing that refers to what was replaced or to a new value in SSM, and looks at no ``UpdateReplacePolicy``
and only at ``Retain`` of a ``DeletionPolicy``. It ignores ``LayerName``, makes functions without their layers, makes no
LayerVersionPermission, and fails for the previous value of a parameter that has a default.

So the rules of replacing stand here, as CloudFormation's reference has them: the new one is made first, then the old
one is deleted unless the policy retains it. What they are applied to is moto's own: layers, policies, parameters and
functions are read back through its API.
"""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.cloudformation.parsing import ResourceMap
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.common_models import CloudFormationModel
from moto.server import main
from moto.ssm.models import ssm_backends

_KEPT = {"Retain", "RetainExceptOnCreate"}


class Replaceable:
    """A resource whose changes make a new one; a class for each type says how it is made and deleted."""

    TYPE = ""

    def __init__(self, body: dict[str, Any], account: str, region: str) -> None:
        self.properties: dict[str, Any] = body["Properties"]
        self.kept = body.get("DeletionPolicy") in _KEPT
        self.account, self.region = account, region
        self.physical_resource_id = self.make()

    def make(self) -> str:
        raise NotImplementedError

    def unmake(self) -> None:
        raise NotImplementedError

    def change(self, properties: dict[str, Any]) -> bool:
        """Whether it could be changed in place."""
        return properties == self.properties

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.TYPE

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return False

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Replaceable:
        return cls(cloudformation_json, account_id, region_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Replaceable:
        before: Replaceable = original_resource
        if before.change(cloudformation_json["Properties"]):
            before.kept = cloudformation_json.get("DeletionPolicy") in _KEPT
            return before
        after = cls(cloudformation_json, account_id, region_name)
        if cloudformation_json.get("UpdateReplacePolicy") != "Retain":
            before.unmake()
        return after

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        raise AssertionError("moto prefers the instance's own way")

    def delete(self, account_id: str, region: str) -> None:
        if not self.kept:
            self.unmake()


class LayerVersion(Replaceable, CloudFormationModel):
    TYPE = "AWS::Lambda::LayerVersion"

    def make(self) -> str:
        named = {"LayerName": f"layer-{uuid4().hex[:12]}", **self.properties}  # as CloudFormation does
        return str(lambda_backends[self.account][self.region].publish_layer_version(named).arn)

    def unmake(self) -> None:
        name, version = self.physical_resource_id.split(":")[-2:]
        lambda_backends[self.account][self.region].delete_layer_version(name, version)


class LayerVersionPermission(Replaceable, CloudFormationModel):
    TYPE = "AWS::Lambda::LayerVersionPermission"

    def make(self) -> str:
        self.sid = uuid4().hex
        statement = {name: value for name, value in self.properties.items() if name != "LayerVersionArn"}
        lambda_backends[self.account][self.region].add_layer_version_permission(
            *self.version, json.dumps({"StatementId": self.sid, **statement})
        )
        return self.sid

    def unmake(self) -> None:
        name, version = self.version
        lambda_backends[self.account][self.region].remove_layer_version_permission(name, str(version), self.sid)

    @property
    def version(self) -> tuple[str, int]:
        name, version = self.properties["LayerVersionArn"].split(":")[-2:]
        return name, int(version)


class Parameter(Replaceable, CloudFormationModel):
    TYPE = "AWS::SSM::Parameter"

    def make(self) -> str:
        self.put(overwrite=False)
        return str(self.properties["Name"])

    def put(self, *, overwrite: bool) -> None:
        ssm_backends[self.account][self.region].put_parameter(
            name=self.properties["Name"],
            description=self.properties.get("Description", ""),
            value=self.properties["Value"],
            parameter_type=self.properties["Type"],
            allowed_pattern="",
            keyid="",
            overwrite=overwrite,
            tags=[],
            data_type="text",
            tier=self.properties.get("Tier"),
            policies=None,
        )

    def unmake(self) -> None:
        ssm_backends[self.account][self.region].delete_parameter(self.physical_resource_id)

    def change(self, properties: dict[str, Any]) -> bool:
        if properties["Name"] != self.properties["Name"]:
            return False
        self.properties = properties
        self.put(overwrite=True)
        return True


class Function(CloudFormationModel):
    """moto's own, with its layers from the start."""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Lambda::Function"

    @staticmethod
    def cloudformation_name_type() -> str:
        return "FunctionName"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return LambdaFunction.has_cfn_attr(attr)

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> LambdaFunction:
        made = LambdaFunction.create_from_cloudformation_json(
            resource_name, cloudformation_json, account_id, region_name, **more
        )
        made.update_configuration({"Layers": cloudformation_json["Properties"].get("Layers", [])})
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> LambdaFunction:
        return LambdaFunction.update_from_cloudformation_json(
            original_resource, new_resource_name, cloudformation_json, account_id, region_name
        )

    @classmethod
    def delete_from_cloudformation_json(cls, *given: Any) -> None:
        raise AssertionError("moto prefers the instance's own way")


_diff = ResourceMap.build_resource_diff


def _with_dependents(
    self: ResourceMap, other_template: dict[str, Any], parameters: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What refers to a changed resource is changed, too, and what refers to a parameter with a new value in SSM."""
    found = _diff(self, other_template, parameters)
    resources = other_template["Resources"]
    changed = [*_changed_in_ssm(self, other_template, parameters or {}), *found["Modify"]]
    for name in changed:  # it grows while it is read
        refers = re.compile(rf'"(?:Ref": "{name}"|Fn::GetAtt": \["{name}")')
        changed += [
            other
            for other, body in resources.items()
            if other not in changed and other not in found["Add"] and refers.search(json.dumps(body))
        ]
    return {**found, "Modify": [name for name in changed if name in resources]}


def _changed_in_ssm(stack: ResourceMap, template: dict[str, Any], given: dict[str, Any]) -> list[str]:
    kinds = {name: each["Type"] for name, each in template.get("Parameters", {}).items()}
    return [
        name
        for name, kind in kinds.items()
        if kind.startswith("AWS::SSM::Parameter::Value")
        and name in stack.resolved_parameters
        and stack.parse_ssm_parameter(given.get(name) or template["Parameters"][name]["Default"], kind)
        != stack.resolved_parameters[name]
    ]


def _with_defaults(self: CloudFormationBackend, instance: Any, incoming_params: list[dict[str, Any]]) -> dict[str, str]:
    """The previous value of a parameter that was never given is the default that its template had.

    moto also tells the CLI of parameters that the template no longer has: they have no previous value.
    """
    declared = instance.template_dict.get("Parameters", {})
    before = {name: each["Default"] for name, each in declared.items() if "Default" in each} | {
        name: value for name, value in instance.parameters.items() if name in declared
    }
    given = {
        each["ParameterKey"]: each.get("ParameterValue", before.get(each["ParameterKey"])) for each in incoming_params
    }
    return {name: value for name, value in given.items() if value is not None}


_validate = CloudFormationResponse._validate_different_update


def _unless_new_in_ssm(self: CloudFormationResponse, incoming_params: Any, stack_body: str, old_stack: Stack) -> None:
    """The same template is an update where a value in SSM is another one."""
    if not _changed_in_ssm(old_stack.resource_map, old_stack.template_dict, old_stack.parameters):
        _validate(self, incoming_params, stack_body, old_stack)


def serve() -> None:
    """Until it is terminated; moto reads the arguments."""
    CloudFormationBackend._resolve_update_parameters = _with_defaults  # type: ignore[method-assign]
    CloudFormationResponse._validate_different_update = _unless_new_in_ssm  # type: ignore[method-assign]
    ResourceMap.build_resource_diff = _with_dependents  # type: ignore[method-assign]
    main()
