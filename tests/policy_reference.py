"""AWS's Service Authorization Reference, through the linter that templates pass."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_policies.py"


def load() -> ModuleType:
    """The linter, as a module."""
    specification = importlib.util.spec_from_file_location("check_policies", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
