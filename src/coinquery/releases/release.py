"""A release, and how one is found: what goes to production is one of these and nothing else (I3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from coinquery.errors import BadTag, NotARelease, WrongUse
from coinquery.releases.git import Git
from coinquery.releases.links import links
from coinquery.releases.remote import Remote, RemoteTag, Snapshot

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_GIT_REFUSES = re.compile(r"\.\.|\.lock\Z|\.\Z")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./~^@{}+-]{0,199}", re.ASCII)
_TAGGER = re.compile(r"^tagger (?P<name>.*?) ?<[^>]*> (?P<time>[0-9]+) [+-][0-9]{4}$", re.MULTILINE)
_COIN = re.compile(r"^Coin: ([a-z0-9]+)$", re.MULTILINE | re.ASCII)
_SIGNATURE = re.compile(r"^-----BEGIN [A-Z ]+-----.*", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Release:
    """A release: an annotated tag whose commit (40 hex digits) is on the remote's production branch.

    ``author`` made the tag, at ``date`` (UTC). ``coin`` is what it was announced for and ``notes`` what changed, both
    ``""`` for a tag made by hand. ``url`` and ``commit_url`` are pages, ``""`` where none is known.
    """

    tag: str
    commit: str
    author: str
    date: datetime
    coin: str = ""
    notes: str = ""
    url: str = ""
    commit_url: str = ""


def check_tag(tag: str) -> str:
    """Return the tag if it can be a release's; raise BadTag for options, paths, revision tricks and the like."""
    if not _TAG.fullmatch(tag) or _GIT_REFUSES.search(tag):
        raise BadTag(
            f"{tag!r} can't be the tag of a release",
            "Give 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit, such as v1.2.0.",
        )
    return tag


def find(git: Git, tag: str, remote: str, branch: str) -> Release:
    """The release that a tag names, asked of the remote.

    Raises BadTag, NoRemote, GitFailed where the remote does not answer, and NotARelease, with what was seen, unless
    the remote's tag is annotated, is the one we have if we have one, and is on the remote's ``branch``.
    """
    check_tag(tag)
    source = Remote(git, remote)
    snapshot = source.snapshot(branch)
    found = _annotated(snapshot.tags.get(tag), tag, source)
    _same_here(git, found, source)
    source.bring(branch, [tag])
    release = _read(git, found, source)
    if release is None:
        raise NotARelease(
            f"the object that {tag} names on {source.address} is not a commit's tag of that name",
            "Somebody made it by hand. Make a release under a new tag: cq release create COIN NEW_TAG",
        )
    if not git.is_ancestor(release.commit, snapshot.branch):
        raise NotARelease(
            f"{tag} is commit {release.commit[:12]}, which is not on {branch} of {source.address} "
            f"(now at {snapshot.branch[:12]})",
            f"Merge it into {branch} and make a release of it there under a new tag: cq release create COIN NEW_TAG",
        )
    return release


def releases(git: Git, remote: str, branch: str) -> list[Release]:
    """Every release on the remote, newest first. Raises NoRemote, NotARelease and GitFailed as ``find`` does."""
    source = Remote(git, remote)
    return on_branch(git, source, source.snapshot(branch), branch)


def on_branch(git: Git, source: Remote, snapshot: Snapshot, branch: str) -> list[Release]:
    """The releases among a snapshot's tags, newest first; brings the branch and the tags' objects here."""
    tags = [tag for tag in snapshot.tags.values() if tag.is_annotated and _TAG.fullmatch(tag.name)]
    source.bring(branch, [tag.name for tag in tags])
    history = set(git("rev-list", snapshot.branch).split())
    found = [release for tag in tags if tag.commit in history and (release := _read(git, tag, source))]
    return sorted(found, key=lambda release: (release.date, release.tag), reverse=True)


def resolve(git: Git, revision: str, remote: str) -> str:
    """The full id of the commit that a revision names, here or after a fetch: what stage, dev and test may run.

    Raises WrongUse where no commit is named.
    """
    commit = git.commit_id(revision) if _REVISION.fullmatch(revision) else None
    if commit is None and _TAG.fullmatch(revision):
        Remote(git, remote)
        git("fetch", "--quiet", remote)
        commit = git.commit_id(revision)
    if commit is None:
        raise WrongUse(f"{revision!r} names no commit in {git.folder}", "Give a commit, a branch or a tag.")
    return commit


def _annotated(found: RemoteTag | None, tag: str, source: Remote) -> RemoteTag:
    if found is None:
        raise NotARelease(
            f"there is no tag {tag} on {source.address}",
            f"`cq release list` shows the releases; `cq release create COIN {tag}` makes it one.",
        )
    if not found.is_annotated:
        raise NotARelease(
            f"{tag} on {source.address} is a lightweight tag: it names commit {found.object_id[:12]} and no author",
            "Make a release under a new tag: cq release create COIN NEW_TAG",
        )
    return found


def _same_here(git: Git, found: RemoteTag, source: Remote) -> None:
    ours = git.object_id(f"refs/tags/{found.name}")
    if ours not in (None, found.object_id):
        raise NotARelease(
            f"the tag {found.name} was moved: here it is object {str(ours)[:12]}, "
            f"on {source.address} it is {found.object_id[:12]}",
            "A release is never moved. Find out who moved it; make a new release under a new tag.",
        )


def _read(git: Git, tag: RemoteTag, source: Remote) -> Release | None:
    """Read an annotated tag's object; None where it is not a commit's tag under its own name."""
    header, _, message = git("cat-file", "tag", tag.object_id).partition("\n\n")
    if not {f"object {tag.commit}", "type commit", f"tag {tag.name}"} <= set(header.splitlines()):
        return None
    tagger = _TAGGER.search(header)
    notes = _SIGNATURE.sub("", message).strip()
    coins = _COIN.findall(notes.rpartition("\n\n")[2])
    pages = links(source.address)
    return Release(
        tag=tag.name,
        commit=str(tag.commit),
        author=tagger["name"] if tagger else "",
        date=datetime.fromtimestamp(int(tagger["time"]) if tagger else 0, UTC),
        coin=coins[-1] if coins else "",
        notes=notes,
        url=pages.tag(tag.name) if pages else "",
        commit_url=pages.commit(str(tag.commit)) if pages else "",
    )
