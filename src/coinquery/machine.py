"""What this machine offers: ``uv``, and a folder for what need not be fetched or built twice."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def uv() -> str | None:
    """The ``uv`` beside this Python, else the one on the PATH; None where there is neither."""
    return shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


def cache_folder() -> Path:
    """``coinquery`` in ``XDG_CACHE_HOME`` or ``~/.cache``; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "coinquery")
