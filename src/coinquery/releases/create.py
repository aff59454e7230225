"""Make a release: an annotated tag on the remote's production branch, with notes, pushed alone."""

from __future__ import annotations

from coinquery.coins.catalogue import Catalogue
from coinquery.errors import DirtyTree, GitFailed, NotARelease, TagExists
from coinquery.releases.git import Git
from coinquery.releases.links import links
from coinquery.releases.release import Release, check_tag, find, on_branch
from coinquery.releases.remote import Remote, Snapshot

#: How many changes the notes name; a first release of an old repository has thousands.
MOST_CHANGES = 200


def create(git: Git, coin: str, tag: str, catalogue: Catalogue, remote: str, branch: str) -> Release:
    """Tag the commit that is checked out as a release of ``coin`` and push the tag.

    The tag's object is made and pushed first and gets its name here last, so a call that fails, is killed or loses a
    race leaves nothing to undo. Raises BadConfiguration (unknown coin), BadTag, NoRemote, DirtyTree, TagExists,
    NotARelease (the commit is not on the remote's ``branch``) and GitFailed.
    """
    ticker = catalogue[coin].ticker
    check_tag(tag)
    source = Remote(git, remote)
    _refuse_dirty_tree(git)
    snapshot = source.snapshot(branch)
    _refuse_existing_tag(git, tag, snapshot, source)
    earlier = on_branch(git, source, snapshot, branch)
    commit = _checked_out(git, branch, snapshot, source)
    last = next((release for release in earlier if release.coin == ticker), None)
    made = _tag_object(git, tag, commit, _message(git, ticker, tag, commit, last, source))
    _publish(git, tag, made, source)
    return find(git, tag, remote, branch)


def earlier(git: Git, coin: str, tag: str, catalogue: Catalogue, remote: str, branch: str) -> Release | None:
    """The same release, of the same person, that was made before: who made it may have been killed before telling.

    None where the remote's tag is another's, of another commit or coin, or not there. Raises as ``create`` does.
    """
    check_tag(tag)
    there = Remote(git, remote).tag(tag)
    if there is None or not there.is_annotated or there.commit != git.commit_id("HEAD"):
        return None
    made = find(git, tag, remote, branch)
    author = git("var", "GIT_COMMITTER_IDENT").partition(" <")[0]
    if (made.coin, made.author) != (catalogue[coin].ticker, author):
        return None
    git("update-ref", f"refs/tags/{tag}", there.object_id)
    return made


def _refuse_dirty_tree(git: Git) -> None:
    changes = git("status", "--porcelain").splitlines()
    if changes:
        shown = ", ".join(line[3:] for line in changes[:5]) + (", …" if len(changes) > 5 else "")
        raise DirtyTree(
            f"the working tree has {len(changes)} change(s) that no commit holds: {shown}",
            "Commit them, stash them or take them away, then run the same command again.",
        )


def _refuse_existing_tag(git: Git, tag: str, snapshot: Snapshot, source: Remote) -> None:
    if tag in snapshot.tags:
        raise TagExists(
            f"the tag {tag} exists already on {source.address}", "A release is never moved: choose the next tag."
        )
    if git.object_id(f"refs/tags/{tag}"):
        raise TagExists(
            f"the tag {tag} exists already in this repository and was never pushed",
            f"Choose another tag, or take it away with `git tag --delete {tag}`.",
        )


def _checked_out(git: Git, branch: str, snapshot: Snapshot, source: Remote) -> str:
    """The commit that is checked out, if it is on the remote's branch."""
    commit = git.commit_id("HEAD")
    if commit is None:
        raise NotARelease("no commit is checked out", f"Check out a commit of {branch}, then try again.")
    if not git.is_ancestor(commit, snapshot.branch):
        raise NotARelease(
            f"commit {commit[:12]}, which is checked out, is not on {branch} of {source.address} "
            f"(now at {snapshot.branch[:12]})",
            f"Merge and push it to {branch}, or check out a commit that is there, then try again.",
        )
    return commit


def _message(git: Git, coin: str, tag: str, commit: str, last: Release | None, source: Remote) -> str:
    """The tag's message: a title, the changes since the coin's last release, and the coin as a trailer."""
    span = f"{last.commit}..{commit}" if last else commit
    count = int(git("rev-list", "--count", "--no-merges", span))
    changes = git("log", "--no-merges", f"--max-count={MOST_CHANGES}", "--format=- %s (%h, %an)", span)
    title = f"{count} change(s) since {last.tag}" if last else f"first release, {count} change(s)"
    more = f"\n- and {count - MOST_CHANGES} more" if count > MOST_CHANGES else ""
    pages = links(source.address)
    compared = f"Changes: {pages.compare(last.tag, tag)}\n" if pages and last else ""
    return f"{coin} {tag}: {title}\n\n{changes}{more}\n\n{compared}Coin: {coin}\n"


def _tag_object(git: Git, tag: str, commit: str, message: str) -> str:
    """Make the annotated tag as an object that has no name yet; give its id."""
    tagger = git("var", "GIT_COMMITTER_IDENT")
    return git("mktag", stdin=f"object {commit}\ntype commit\ntag {tag}\ntagger {tagger}\n\n{message}")


def _publish(git: Git, tag: str, made: str, source: Remote) -> None:
    """Push the tag and look at the remote: what it holds decides, not what the push said (its reply may be lost)."""
    failure = _push(source, tag, made)
    there = source.tag(tag)
    if there is None:
        raise failure or GitFailed(
            f"the push of {tag} reported success, but {source.address} has no such tag",
            "Look at the remote's hooks and rules, then run the same command again.",
        )
    if there.object_id != made:
        raise TagExists(
            f"somebody else pushed the tag {tag} to {source.address} first; nothing was left of ours",
            "Look at theirs with `cq release list`, then choose the next tag.",
        )
    git("update-ref", f"refs/tags/{tag}", made)


def _push(source: Remote, tag: str, made: str) -> GitFailed | None:
    try:
        source.push_tag(tag, made)
    except GitFailed as failure:
        return failure
    return None
