"""What a team has in its account before it first runs ``cq``: zones, certificates, a registry, Slack's secret."""

from __future__ import annotations

from coinquery.aws import Aws
from coinquery.local import configuration
from coinquery.local.certificates import Authority
from coinquery.local.configuration import DOMAIN, Account
from coinquery.local.environment import HOME_REGION
from coinquery.local.state import State


def furnish(state: State, aws: Aws) -> None:
    """Fill the fresh account and write the ``cq.toml`` that names what is in it."""
    authority = Authority(state.folder("certificates"))
    certificate = authority.issue(configuration.server_names())
    regions = configuration.all_regions()
    account = Account(
        public_zone=_public_zone(aws),
        private_zone=_private_zone(aws),
        certificates={region: authority.install(aws, region, certificate) for region in regions},
        images=_images(state, aws),
    )
    webhook = f"{state.slack}/services/T0/B0"
    aws.secrets(HOME_REGION).create_secret(Name=configuration.SLACK_SECRET, SecretString=webhook)
    text = configuration.text(state, account, str(authority.bundle))
    (state.root / "cq.toml").write_text(text, "utf-8")


def _public_zone(aws: Aws) -> str:
    zone = aws.route53().create_hosted_zone(Name=DOMAIN, CallerReference="public")
    return zone["HostedZone"]["Id"].rpartition("/")[2]


def _private_zone(aws: Aws) -> str:
    vpc = aws.ec2(HOME_REGION).create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    zone = aws.route53().create_hosted_zone(
        Name=f"internal.{DOMAIN}",
        CallerReference="private",
        VPC={"VPCRegion": HOME_REGION, "VPCId": vpc},
        HostedZoneConfig={"PrivateZone": True},
    )
    return zone["HostedZone"]["Id"].rpartition("/")[2]


def _images(state: State, aws: Aws) -> dict[str, str]:
    """The tools' local images, in the home region; every region gets the registry of the service."""
    from coinquery.local import images

    for region in configuration.all_regions():
        aws.ecr(region).create_repository(repositoryName="coinquery/service", imageTagMutability="IMMUTABLE")
    return dict(images.register_tools(state, HOME_REGION))
