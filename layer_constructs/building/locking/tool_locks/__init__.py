"""The locks of uv, Pipenv and Poetry, read through those tools: what they export is text that is understood here.

Only the tool knows its own format and rules. It sees a copy without any code, and none of the surrounding
configuration that would change the export.
"""

from layer_constructs.building.locking.tool_locks.credentials import urls_with_credentials
from layer_constructs.building.locking.tool_locks.export import Export, export, fingerprint
from layer_constructs.building.locking.tool_locks.tool_lock import KINDS, is_tool_lock

__all__ = ["KINDS", "Export", "export", "fingerprint", "is_tool_lock", "urls_with_credentials"]
