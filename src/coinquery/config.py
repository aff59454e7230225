"""``cq.toml``: where it is found, what may stand in it, and its check."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from coinquery.coins.catalogue import Catalogue
from coinquery.decode import decode, shaped
from coinquery.durations import Duration
from coinquery.errors import BadConfiguration
from coinquery.naming import LEVELS

FILE_NAME = "cq.toml"

Region = Annotated[str, shaped("[a-z]{2}(-[a-z]+)+-[0-9]", "a region such as us-east-1")]
Principal = Annotated[
    str,
    shaped(
        "arn:aws[a-z-]*:iam::[0-9]{12}:(root|user/[A-Za-z0-9/_+=,.@-]+|role/[A-Za-z0-9/_+=,.@-]+)",
        "the ARN of a user, a role or an account's root",
    ),
]
ZoneId = Annotated[str, shaped("Z[A-Z0-9]{3,31}", "the hosted zone's id, such as Z0123456789ABC: names are not unique")]
CertificateArn = Annotated[
    str, shaped("arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+", "the ARN of an ACM certificate")
]
SecretReference = Annotated[
    str,
    shaped(
        "secretsmanager:[A-Za-z0-9/_+=.@-]+|ssm:/[A-Za-z0-9/_.-]+",
        "a reference, secretsmanager:NAME or ssm:/NAME, never the secret itself",
    ),
]
NamePattern = Annotated[
    str, shaped(r"\{coin\}(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", "a pattern such as {coin}.example.com")
]


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where stacks of one level may live and by which names they are reached.

    ``name`` and ``private_name`` are patterns such as ``{coin}.example.com``. ``certificates`` gives the ACM
    certificate of each region.
    """

    regions: Annotated[tuple[Region, ...], msgspec.Meta(min_length=1)]
    name: NamePattern
    public_zone: ZoneId
    certificates: dict[Region, CertificateArn]
    private_name: NamePattern | None = None
    private_zone: ZoneId | None = None
    instances: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None

    def __post_init__(self) -> None:
        if (self.private_zone is None) != (self.private_name is None):
            raise ValueError("private_zone and private_name go together")
        missing = [region for region in self.regions if region not in self.certificates]
        if missing:
            raise ValueError(f"no certificate for region {missing[0]}")


class Waits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long each wait may take, how fresh proof must be, how long quiet must last."""

    create: Duration = Duration(3600)
    nodes: Duration = Duration(14 * 86400)
    monitor: Duration = Duration(1800)
    dns_sync: Duration = Duration(600)
    verify: Duration = Duration(600)
    delete: Duration = Duration(3600)
    record_age: Duration = Duration(180)
    quiet: Duration = Duration(600)
    settle: Duration = Duration(30)
    moving: Duration = Duration(1800)
    way_back: Duration = Duration(86400)
    poll: Duration = Duration(5)
    ask: Duration = Duration(20)


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much proof is enough: healthy records in a row for each instance."""

    healthy_records: Annotated[int, msgspec.Meta(ge=1, le=60)] = 3


class Slack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where announcements go: a reference to the secret that holds the webhook's address, never the address."""

    webhook: SecretReference


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ports on which load balancers listen."""

    https_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 443
    http_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 80


class Verify(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How ``cq`` looks at the public name from outside.

    ``name_servers`` are asked in place of those that the zone names (``address`` or ``address:port``);
    ``ca_bundle`` is a file of certificate authorities trusted in place of the system's.
    """

    name_servers: tuple[str, ...] = ()
    ca_bundle: str = ""


class Monitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The Lambda function that runs the health monitor.

    Accounts with a low limit can't reserve concurrency; without it sweeps may overlap. ``trail`` says whether a
    CloudTrail trail logs the regions' management events already, or is to be made. ``composite_alarm`` is false where
    CloudFormation can't make composite alarms.
    """

    runtime: Annotated[str, shaped(r"python3\.1[1-9]", "a runtime of AWS Lambda from python3.11 on")] = "python3.13"
    architecture: Annotated[str, shaped("arm64|x86_64", "arm64 or x86_64")] = "arm64"
    reserve_concurrency: bool = True
    trail: Annotated[str, shaped("existing|create", "existing or create")] = "existing"
    composite_alarm: bool = True


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``cq bootstrap`` lays out in a region. ``nat`` is none, one, or one for each zone."""

    cidr: str = "10.64.0.0/16"
    nodes: Annotated[str, shaped("private|public", "private or public")] = "private"
    nat: Annotated[str, shaped("none|one|each-zone", "none, one or each-zone")] = "each-zone"


class Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may become which role of ``coinquery-roles``; whoever the account lets assume roles, where none is named.

    ``administrators`` run ``cq bootstrap`` once the guard binds them: it lets them through.
    """

    deployers: tuple[Principal, ...] = ()
    readers: tuple[Principal, ...] = ()
    break_glass: tuple[Principal, ...] = ()
    administrators: tuple[Principal, ...] = ()


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of ``cq.toml``. ``coins`` holds overrides; ``catalogue`` is the catalogue with them."""

    account: Annotated[str, shaped("[0-9]{12}", "the AWS account's 12 digits, in quotes")]
    home_region: Region
    levels: dict[str, Level]
    production_branch: str = "master"
    remote: str = "origin"
    repository: str = "coinquery/service"
    image_parameter: str = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    waits: Waits = Waits()
    thresholds: Thresholds = Thresholds()
    slack: Slack | None = None
    listener: Listener = Listener()
    verify: Verify = Verify()
    monitor: Monitor = Monitor()
    network: Network = Network()
    roles: Roles = Roles()
    coins: dict[str, dict[str, Any]] = {}

    @property
    def catalogue(self) -> Catalogue:
        """The shipped catalogue with this team's overrides."""
        return Catalogue.load(self.coins)

    @property
    def regions(self) -> tuple[str, ...]:
        """Every region that any level uses, and the home region."""
        used = [region for level in self.levels.values() for region in level.regions]
        return tuple(sorted({self.home_region, *used}))

    def check_region(self, region: str) -> None:
        """Raise BadConfiguration for a region that is neither home nor any level's."""
        if region not in self.regions:
            raise BadConfiguration(
                f"no level uses region {region!r}", f"Regions in cq.toml: {', '.join(self.regions)}. Add it to a level."
            )

    def level(self, name: str) -> Level:
        """The level's entry; raise BadConfiguration if there is none."""
        if name not in self.levels:
            raise BadConfiguration(
                f"level {name!r} is not configured",
                f"Configured levels: {', '.join(sorted(self.levels))}. Add [levels.{name}] to cq.toml.",
            )
        return self.levels[name]


def load(path: str | None = None) -> Config:
    """Read the configuration from ``path``, ``CQ_CONFIG`` or the nearest ``cq.toml`` upward.

    Raises BadConfiguration where there is none or where it is wrong.
    """
    return parse(_read(find(path)))


def parse(data: Mapping[str, Any]) -> Config:
    """Check configuration data, its coins included."""
    config = decode(data, Config, where=FILE_NAME)
    _check_levels(config)
    Catalogue.load(config.coins)
    return config


def exists(path: str | None) -> bool:
    """Whether a configuration is named or found; a named one that is missing is an error of ``load``."""
    if path or os.environ.get("CQ_CONFIG"):
        return True
    here = Path.cwd()
    return any((folder / FILE_NAME).is_file() for folder in (here, *here.parents))


def find(path: str | None) -> Path:
    """The configuration file that is meant; raise BadConfiguration if there is none."""
    named = path or os.environ.get("CQ_CONFIG")
    if named:
        if not _is_file(Path(named)):
            raise BadConfiguration(f"no configuration at {named}", "Correct --config or CQ_CONFIG.")
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise BadConfiguration(
        f"no {FILE_NAME} in {here} or above",
        "Write one (docs/configuration.md), name one with --config, or try `cq demo`, which needs none.",
    )


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have names none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadConfiguration(f"{path} can't be read: {error.strerror}", "Let cq read it.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path} is not TOML: {error}", "Correct the file at that place.") from error


def _check_levels(config: Config) -> None:
    for name in config.levels:
        if name not in LEVELS:
            raise BadConfiguration(f"{FILE_NAME}: levels.{name}: unknown level", f"Levels are {', '.join(LEVELS)}.")
    _check_names(config)


def _check_names(config: Config) -> None:
    """No two names are one record: a deploy to one would move the other's."""
    records: dict[tuple[str | None, str], str] = {}
    for level_name, level in config.levels.items():
        own = (("name", level.public_zone, level.name), ("private_name", level.private_zone, level.private_name))
        for kind, zone, pattern in own:
            field = f"levels.{level_name}.{kind}"
            if pattern is not None and (other := records.setdefault((zone, pattern), field)) != field:
                raise BadConfiguration(
                    f"{FILE_NAME}: {field}: {pattern} in zone {zone} is {other} already",
                    "Give each a name of its own: a deploy to one would move the other's.",
                )
