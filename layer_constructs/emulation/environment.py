"""The variables that Lambda sets for a function."""

from __future__ import annotations

from layer_constructs.emulation.function import LocalFunction

# Of a function whose stack leaves the region open: AWS's own emulator says the same.
_REGION = "us-east-1"


def lambda_variables(function: LocalFunction, *, task: str) -> dict[str, str]:
    """Those that are the same wherever it runs, and the function's own (Lambda developer guide, "Defined runtime
    environment variables"). The emulator adds the rest, and empty credentials where there are none.
    """
    return {
        "AWS_REGION": function.region or _REGION,
        "AWS_DEFAULT_REGION": function.region or _REGION,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "LAMBDA_TASK_ROOT": task,
        "TZ": ":UTC",
        **function.environment,
        "_HANDLER": function.handler,
    }
