"""What must be right before anything is changed: the region's foundation, the zones, the certificate, the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.aws import code
from coinquery.errors import BadConfiguration
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_ec2.type_defs import SnapshotTypeDef, TagTypeDef

    from coinquery.aws import Aws
    from coinquery.coins import Coin
    from coinquery.config import Config, Level


def check_region(level_name: str, level: Level, region: str) -> None:
    """Raise BadConfiguration unless the level may use the region."""
    if region not in level.regions:
        raise BadConfiguration(
            f"{level_name} stacks may not live in region {region!r}",
            f"Regions of {level_name}: {', '.join(level.regions)}. Add it to [levels.{level_name}] in cq.toml.",
        )


def check_images(coin: Coin) -> None:
    """Raise BadConfiguration if an image could change under us."""
    for container in coin.unpinned:
        raise BadConfiguration(
            f"coins.{coin.ticker}: container {container.name}: image {container.image} is not named by digest",
            "Write it as repository@sha256:… in the catalogue or in cq.toml.",
        )


def check_snapshot(aws: Aws, region: str, snapshot: str) -> Sequence[TagTypeDef]:
    """The snapshot's tags; raise BadConfiguration unless the region has it, complete. No snapshot needs none."""
    from botocore.exceptions import ClientError

    if not snapshot:
        return ()
    try:
        found = aws.ec2(region).describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    except ClientError as error:
        if not code(error).startswith("InvalidSnapshot"):
            raise
        found = []
    absent: SnapshotTypeDef = {}
    named = next((each for each in found if each.get("SnapshotId") == snapshot), absent)
    state = named.get("State", "not there")
    if state != "completed":
        raise BadConfiguration(
            f"snapshot {snapshot} is {state} in {region}", "Name one that is complete, or none: nodes then sync afresh."
        )
    return named.get("Tags", ())


def check_certificate(aws: Aws, level: Level, coin: Coin, region: str) -> None:
    """Raise BadConfiguration unless the region's certificate is issued and covers the public and private name."""
    acm, arn = aws.acm(region), level.certificates[region]
    try:
        certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except acm.exceptions.ResourceNotFoundException:
        raise BadConfiguration(
            f"there is no certificate {arn}", "Correct the level's certificates in cq.toml."
        ) from None
    covered = [certificate.get("DomainName", ""), *certificate.get("SubjectAlternativeNames", ())]
    for pattern in filter(None, (level.name, level.private_name)):
        name = pattern.format(coin=coin.ticker)
        if not any(covers(domain, name) for domain in covered):
            raise BadConfiguration(
                f"certificate {arn} does not cover {name}; it covers {', '.join(sorted(set(covered)))}",
                "Give the level a certificate for that name in cq.toml.",
            )
    if certificate.get("Status") != "ISSUED":
        raise BadConfiguration(
            f"certificate {arn} is {certificate.get('Status')}, not ISSUED", "Validate or renew it in ACM first."
        )


def covers(domain: str, name: str) -> bool:
    """Whether a certificate's domain, perhaps with a leading ``*.``, is good for a host name."""
    if domain.startswith("*."):
        return name.partition(".")[2].lower() == domain[2:].lower()
    return name.lower() == domain.lower()


def machine_image(aws: Aws, config: Config, region: str) -> str:
    """The id of the current ECS image, from AWS's public parameter."""
    image = ParameterStore(aws.ssm(region)).get(config.image_parameter)
    if image is None:
        raise BadConfiguration(
            f"image_parameter: {region} has no parameter {config.image_parameter}", "Correct it in cq.toml."
        )
    return image
