"""Every error that CoinQuery shows to a person: one hierarchy, named for the danger.

An error carries what was refused or failed (with the actual value and the limit) and what to do next. The
command line prints both and exits with the class's ``exit_code``.
"""

from __future__ import annotations


class CoinQueryError(Exception):
    """Something failed, and the message says what stands. Exit code 1."""

    exit_code = 1

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class WrongUse(CoinQueryError):
    """The command, its arguments or the configuration are wrong. Exit code 2."""

    exit_code = 2


class Refused(CoinQueryError):
    """A guard said no. Exit code 3."""

    exit_code = 3


class NotFinished(CoinQueryError):
    """Time is up; the same command carries on. Exit code 4."""

    exit_code = 4


class BadStackName(WrongUse):
    """A text is not a stack name (I1)."""


class BadConfiguration(WrongUse):
    """``cq.toml`` or the catalogue is wrong, or what it names does not exist."""


class AwsUnreachable(CoinQueryError):
    """AWS, or the endpoint that stands for it, gave no usable answer."""


class NoCredentials(WrongUse):
    """boto3 found no credentials, or AWS does not accept them."""


class NotARelease(Refused):
    """What was asked to go to production is not a release on the production branch (I3)."""


class DirtyTree(Refused):
    """The working tree has changes that no commit holds."""


class TagExists(Refused):
    """The release's tag exists already; a release is never moved."""


class NoRemote(WrongUse):
    """The repository has no remote to which releases could be pushed."""


class BadTag(WrongUse):
    """A text can't be the tag of a release."""


class GitFailed(CoinQueryError):
    """git, or the remote behind it, did not do what it was asked."""


class ImageMissing(Refused):
    """The registry holds no image that was built from the commit (I3)."""


class NotBootstrapped(WrongUse):
    """The region lacks what ``cq bootstrap`` brings into it."""


class NumberTaken(Refused):
    """A stack number was asked for that was given out before (I2)."""


class NumbersExhausted(Refused):
    """All 9,999 numbers of a coin and level are given out (I2)."""


class NotOurStack(Refused):
    """A stack of that name exists and does not belong to this rollout (I4)."""


class StackFailed(CoinQueryError):
    """CloudFormation could not create or delete the stack."""


class InstanceNotProven(CoinQueryError):
    """An instance can't be called healthy and won't become so by waiting (I7)."""


class RecordMoved(Refused):
    """Somebody else changed the record first (I9)."""


class SilenceReplaced(Refused):
    """Two silenced a stack at once, and the other's silence stands."""


class RecordUnfit(Refused):
    """The record set in the zone is of a shape that can't be switched safely."""


class WrongCommitInPublic(CoinQueryError):
    """The public name does not answer with the release's commit (I3)."""


class NoWayBack(Refused):
    """There is no stored way back, or the stack it leads to is gone (I10)."""


class StackIsLive(Refused):
    """A record points to the stack, so it can't be retired (I6)."""


class NameNotTyped(Refused):
    """A production stack is retired only if its name is typed in full (I6)."""


class StackInUse(Refused):
    """The stack still gets requests, or nobody can tell (I6)."""


class RolloutEnded(Refused):
    """The rollout that the command names has ended; ``--new`` starts another."""


class ToolMissing(CoinQueryError):
    """A program that the AWS of one machine needs is not there and could not be fetched."""


class PortInUse(CoinQueryError):
    """Another program listens where a part of the AWS of one machine must."""


class LocalAwsBroken(CoinQueryError):
    """A part of the AWS of one machine is gone or did not start."""


class LinesRejected(CoinQueryError):
    """CloudWatch Logs dropped lines although it answered with status 200."""


class MonitorFailed(CoinQueryError):
    """The health monitor ran and did not finish its sweep."""


class Unreadable(CoinQueryError):
    """A value that cq keeps in AWS is not what cq wrote, so nothing may be built on it."""


class WrongAccount(WrongUse):
    """The credentials belong to another account than the one that ``cq.toml`` names."""


class NoSuchStack(WrongUse):
    """The stack that was named does not stand."""


class NothingFound(CoinQueryError):
    """What was looked for belongs to no stack."""


class NotAgreed(Refused):
    """Nobody agreed to a change of production, or nobody could be asked."""


class PackageNotBuilt(CoinQueryError):
    """The monitor's code could not be put together."""


class LocalAwsUp(Refused):
    """The AWS of one machine is up already, and something else may be using it."""


class DemoFailed(CoinQueryError):
    """The demonstration did not show what it must: a command ended otherwise, or requests were lost."""


class NoSuccessor(Refused):
    """No healthy stack serves in place of the one that is to be retired (I6)."""


class NeededAsWayBack(Refused):
    """The live stack goes back to the one that is to be retired (I6)."""


class NotPermitted(WrongUse):
    """AWS does not permit the caller, or the role that works for it, what the command needs."""


class NotReady(CoinQueryError):
    """Something that production needs is missing, or could not be seen, which is no better (I13)."""


class ClockWrong(CoinQueryError):
    """This machine's clock is so far from AWS's that AWS takes no request."""
