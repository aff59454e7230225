"""The steps of ``cq bootstrap``: home region, network, the monitor's configuration, package and stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinquery.durations import Duration
from coinquery.errors import NotPermitted
from coinquery.monitor import configuration
from coinquery.rollout.step import Observation, holds, missing, waiting
from coinquery.stacks import foundation
from coinquery.stacks import stack as stacks
from coinquery.stacks.create import failure, first_failure, request_token
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef, TagTypeDef
    from types_boto3_s3 import S3Client
    from types_boto3_ssm import SSMClient

    from coinquery.aws import Aws
    from coinquery.config import Config

SOON = Duration(60)


class HomeRegion:
    """The region knows where the ledger is; a region of another ledger is refused."""

    title = "set the home region"
    limit = SOON

    def __init__(self, aws: Aws, config: Config, region: str) -> None:
        self._aws = aws
        self._config = config
        self._region = region

    def intent(self) -> str:
        """What the plan shows."""
        return f"{foundation.HOME_PARAMETER} = {self._config.home_region} in {self._region}"

    def observe(self) -> Observation:
        """What the region knows."""
        home = foundation.home(self._aws, self._region)
        foundation.check_one_ledger(self._aws, self._config)
        if home is None:
            return missing("not set")
        return holds(home)

    def act(self) -> None:
        """Set it; whoever sets it first decides."""
        ParameterStore(self._aws.ssm(self._region)).create(foundation.HOME_PARAMETER, self._config.home_region)


class InfrastructureStack:
    """A stack that is there once a region and is brought up to date: created, or updated where it differs.

    All that is in it has a tag with the stack's name, by which guard.yaml knows it.
    """

    def __init__(
        self, cloudformation: CloudFormationClient, name: str, body: str, parameters: Callable[[], Mapping[str, str]]
    ) -> None:
        self.title = f"bring up {name}"
        self.limit = Duration(1800)
        self._cloudformation = cloudformation
        self._name = name
        self._body = body
        self._parameters = parameters
        self._asked = False
        self._changes_nothing = False

    def intent(self) -> str:
        """What the plan shows."""
        described = stacks.describe(self._cloudformation, self._name)
        return "create it" if described is None else f"it is {described['StackStatus']}; update it where it differs"

    def observe(self) -> Observation:
        """Whether the stack is there, settled and as the template and the parameters say."""
        described = stacks.describe(self._cloudformation, self._name)
        if described is None:
            return missing("not there")
        status = described["StackStatus"]
        if status.endswith("_IN_PROGRESS"):
            return waiting(f"{self._name} is {status}")
        if status not in stacks.COMPLETE or (self._asked and status == "UPDATE_ROLLBACK_COMPLETE"):
            cause = first_failure(self._cloudformation, self._name)
            raise failure(f"{self._name} is {status}", cause, self._mend(status))
        if self._changes_nothing or self._is_current(described):
            return holds(status)
        return missing("differs from what it should be")

    def act(self) -> None:
        """Create or update it."""
        self._asked = True
        parameters = self._wanted()
        described = stacks.describe(self._cloudformation, self._name)
        tags = _tags(described, self._name)
        before = "" if described is None else str(described.get("LastUpdatedTime", described["CreationTime"]))
        token = request_token(self._name, self._body, repr(parameters), repr(tags), before)
        wanted: dict[str, Any] = {
            "StackName": self._name,
            "TemplateBody": self._body,
            "Parameters": parameters,
            "Tags": tags,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "ClientRequestToken": token,
        }
        if described is None:
            self._cloudformation.create_stack(**wanted, EnableTerminationProtection=True)
        else:
            self._update(wanted)

    def _update(self, wanted: dict[str, Any]) -> None:
        """CloudFormation refuses an update that changes no resource: then the stack is as it should be."""
        from botocore.exceptions import ClientError

        try:
            self._cloudformation.update_stack(**wanted)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            self._changes_nothing = True

    def _is_current(self, described: StackTypeDef) -> bool:
        body: object = self._cloudformation.get_template(StackName=self._name)["TemplateBody"]
        standing = {p.get("ParameterKey"): p.get("ParameterValue") for p in described.get("Parameters", ())}
        is_tagged = foundation.part_tag(self._name) in described.get("Tags", [])
        return body == self._body and is_tagged and self._parameters().items() <= standing.items()

    def _mend(self, status: str) -> str:
        """What leads out of a status that CloudFormation does not leave by itself."""
        stack = f"--region {self._cloudformation.meta.region_name} --stack-name {self._name}"
        if status == "UPDATE_ROLLBACK_COMPLETE":
            return "It is as before. Mend the cause, then run the same command again."
        if status == "UPDATE_ROLLBACK_FAILED":
            way = f"then: aws cloudformation continue-update-rollback {stack}"
        else:
            unprotect = "aws cloudformation update-termination-protection --no-enable-termination-protection"
            way = f"then, if no stack stands on it: {unprotect} {stack} && aws cloudformation delete-stack {stack}"
        return f"Mend the cause, {way}; then run the same command again."

    def _wanted(self) -> list[ParameterTypeDef]:
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in self._parameters().items()]


def _tags(described: StackTypeDef | None, name: str) -> list[TagTypeDef]:
    """The stack's tags with ours: a team may have given it others."""
    standing = [] if described is None else described.get("Tags", [])
    return [*(tag for tag in standing if tag["Key"] != foundation.PART_TAG), foundation.part_tag(name)]


class MonitorConfiguration:
    """The monitor knows the coins as ``cq.toml`` has them."""

    title = "configure the monitor"
    limit = SOON

    def __init__(self, ssm: SSMClient, config: Config) -> None:
        self._ssm = ssm
        self._wanted = configuration.Configuration.from_config(config)

    def intent(self) -> str:
        """What the plan shows."""
        return f"{len(self._wanted.coins)} coins in {configuration.PARAMETER}"

    def observe(self) -> Observation:
        """What the monitor knows."""
        value = ParameterStore(self._ssm).get(configuration.PARAMETER)
        if value is None:
            return missing("not there")
        return holds(self.intent()) if value == self._wanted.to_text() else missing("differs from cq.toml")

    def act(self) -> None:
        """Write it."""
        configuration.write(self._ssm, self._wanted)


class MonitorPackage:
    """The monitor's code lies in the region's bucket, under a key that its content decides."""

    title = "upload the monitor"
    limit = Duration(600)

    def __init__(self, s3: S3Client, bucket: Callable[[], str], package: Callable[[], tuple[Path, str]]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._package = package

    def intent(self) -> str:
        """What the plan shows."""
        return "to the region's bucket, under a key that its content decides"

    def observe(self) -> Observation:
        """Whether the bucket has it."""
        from botocore.exceptions import ClientError

        key = self._package()[1]
        try:
            self._s3.head_object(Bucket=self._bucket(), Key=key)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 404:
                return missing(f"{key} is not in the bucket")
            if status == 403:
                raise _hidden(self._bucket(), key) from error
            raise
        return holds(key)

    def act(self) -> None:
        """Upload it."""
        path, key = self._package()
        self._s3.put_object(Bucket=self._bucket(), Key=key, Body=path.read_bytes())


def _hidden(bucket: str, key: str) -> NotPermitted:
    """S3 says 403 in place of 404 to one who may not list the bucket, and nothing more to anyone."""
    return NotPermitted(
        f"S3 answers 403 for {key} in bucket {bucket}: s3:GetObject there, or s3:ListBucket on the bucket, is denied",
        "Allow both: without s3:ListBucket an object that is not there looks like one that is forbidden.",
    )
