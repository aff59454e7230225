"""Web pages of commits, tags and comparisons, from the address of a git remote; never with its credentials (I14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_USER_INFO = re.compile(r"(?<=://)[^\s/]*@")
_SECRET_QUERY = re.compile(r"(://[^\s?#]*)[?#][^\s'\"]*")
_SCP_LIKE = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^:/@\s]+):(?!/)(?P<path>[^:\s]+)")

_STYLES = {
    "github": ("commit/", "releases/tag/", "compare/"),
    "gitlab": ("-/commit/", "-/tags/", "-/compare/"),
}


@dataclass(frozen=True)
class Links:
    """The web pages of one repository: its address, and what stands between it and a commit, a tag, a comparison."""

    base: str
    commits: str
    tags: str
    compares: str

    def commit(self, commit: str) -> str:
        """The page of a commit."""
        return f"{self.base}/{self.commits}{quote(commit, safe='')}"

    def tag(self, tag: str) -> str:
        """The page of a tag."""
        return f"{self.base}/{self.tags}{quote(tag, safe='')}"

    def compare(self, old: str, new: str) -> str:
        """The page of what changed from ``old`` to ``new``."""
        return f"{self.base}/{self.compares}{quote(old, safe='')}...{quote(new, safe='')}"


def links(remote: str) -> Links | None:
    """The pages of the repository at a remote's address; None where the host is neither a GitHub nor a GitLab."""
    host, path = _host_and_path(remote)
    style = next((kind for kind in _STYLES if kind in host.split(".")), None)
    if style is None or not path:
        return None
    return Links(f"https://{host}/{quote(path)}", *_STYLES[style])


def without_credentials(text: str) -> str:
    """The text, with user, password and query taken out of every address in it."""
    return _SECRET_QUERY.sub(r"\1", _USER_INFO.sub("", text))


def _host_and_path(remote: str) -> tuple[str, str]:
    if "://" in remote:
        try:
            parts = urlsplit(remote)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return "", ""
        if parts.scheme in ("http", "https") and port not in (None, 80, 443):
            host = f"{host}:{port}"
        return (host, _trim(parts.path)) if parts.scheme in ("http", "https", "ssh", "git") else ("", "")
    match = _SCP_LIKE.fullmatch(remote)
    return (match["host"].lower(), _trim(match["path"])) if match else ("", "")


def _trim(path: str) -> str:
    return path.strip("/").removesuffix(".git")
