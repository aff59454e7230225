"""The documents hold together: links lead somewhere, and what is to be pasted into a shell is a shell's language."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGES = (PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").rglob("*.md")))


def _slug(heading: str) -> str:
    """What GitHub makes of a heading: links are shown as their texts, and only letters, digits, - and _ are kept."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.replace("`", "").replace("*", ""))
    return re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    return {_slug(heading) for heading in re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)}


def _broken(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        leads_to = (page.parent / path).resolve() if path else page
        if "://" not in target and not (
            leads_to.exists() and (not anchor or leads_to.suffix != ".md" or anchor in _anchors(leads_to))
        ):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(_broken(page)) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One `two`\n[a](#one-two) [b](#three) [c](gone.md) [d](https://example.com/x)\n")
    assert list(_broken(page)) == ["#three", "gone.md"]


@pytest.mark.parametrize("name", ["process.md", "runbook.md"])
def test_what_is_typed_by_hand_can_be_read_by_a_shell(name: str) -> None:
    text = (PROJECT / "docs" / name).read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    read = subprocess.run(("bash", "-n"), input="\n".join(blocks), capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
