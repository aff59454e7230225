"""AWS clients, made in one place; endpoint, profile and credentials come the way boto3 finds them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from coinquery import denial
from coinquery.errors import AwsUnreachable, BadConfiguration, ClockWrong, CoinQueryError, NoCredentials

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_boto3_acm import ACMClient
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_ecr import ECRClient
    from types_boto3_ecs import ECSClient
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_organizations import OrganizationsClient
    from types_boto3_route53 import Route53Client
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_ssm import SSMClient
    from types_boto3_sts import STSClient

CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 5, 60, 6
#: Longer than the monitor may take with a cold start; an invocation is not sent twice, its caller asks again.
INVOKE_TIMEOUT = 120


class Aws:
    """Clients of AWS, one for each service and region, with bounded timeouts and bounded, jittered retries.

    ``read_timeout`` is in seconds; ``attempts`` counts the first one too.
    """

    def __init__(self, read_timeout: float = READ_TIMEOUT, attempts: int = ATTEMPTS) -> None:
        self._read_timeout = read_timeout
        self._attempts = attempts
        self._client = cache(self._make)
        self._making = Lock()
        self._session: Any = None

    def acm(self, region: str) -> ACMClient:
        """The client of acm in a region."""
        return cast("ACMClient", self._client("acm", region))

    def autoscaling(self, region: str) -> AutoScalingClient:
        """The client of autoscaling in a region."""
        return cast("AutoScalingClient", self._client("autoscaling", region))

    def cloudformation(self, region: str) -> CloudFormationClient:
        """The client of cloudformation in a region."""
        return cast("CloudFormationClient", self._client("cloudformation", region))

    def cloudwatch(self, region: str) -> CloudWatchClient:
        """The client of cloudwatch in a region."""
        return cast("CloudWatchClient", self._client("cloudwatch", region))

    def ec2(self, region: str) -> EC2Client:
        """The client of ec2 in a region."""
        return cast("EC2Client", self._client("ec2", region))

    def ecr(self, region: str) -> ECRClient:
        """The client of ecr in a region."""
        return cast("ECRClient", self._client("ecr", region))

    def ecs(self, region: str) -> ECSClient:
        """The client of ecs in a region."""
        return cast("ECSClient", self._client("ecs", region))

    def elbv2(self, region: str) -> ElasticLoadBalancingv2Client:
        """The client of elbv2 in a region."""
        return cast("ElasticLoadBalancingv2Client", self._client("elbv2", region))

    def functions(self, region: str) -> LambdaClient:
        """The client of AWS Lambda in a region."""
        return cast("LambdaClient", self._client("lambda", region))

    def logs(self, region: str) -> CloudWatchLogsClient:
        """The client of logs in a region."""
        return cast("CloudWatchLogsClient", self._client("logs", region))

    def s3(self, region: str) -> S3Client:
        """The client of s3 in a region."""
        return cast("S3Client", self._client("s3", region))

    def secrets(self, region: str) -> SecretsManagerClient:
        """The client of Secrets Manager in a region."""
        return cast("SecretsManagerClient", self._client("secretsmanager", region))

    def sns(self, region: str) -> SNSClient:
        """The client of sns in a region."""
        return cast("SNSClient", self._client("sns", region))

    def ssm(self, region: str) -> SSMClient:
        """The client of ssm in a region."""
        return cast("SSMClient", self._client("ssm", region))

    def sts(self, region: str) -> STSClient:
        """The client of sts in a region."""
        return cast("STSClient", self._client("sts", region))

    def iam(self, region: str) -> IAMClient:
        """The client of IAM, which knows no regions; the one that is named says which partition."""
        return cast("IAMClient", self._client("iam", region))

    def organizations(self, region: str) -> OrganizationsClient:
        """The client of AWS Organizations, which knows no regions; the one that is named says which partition."""
        return cast("OrganizationsClient", self._client("organizations", region))

    def route53(self) -> Route53Client:
        """The client of Route 53, whose control plane is in us-east-1."""
        return cast("Route53Client", self._client("route53", "us-east-1"))

    def _make(self, service: str, region: str) -> Any:
        """A client of the one session: it reads each service's model once. Only clients are safe among threads."""
        import boto3
        from botocore.config import Config

        asks_once = service == "lambda"
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=INVOKE_TIMEOUT if asks_once else self._read_timeout,
            retries={"mode": "standard", "total_max_attempts": 1 if asks_once else self._attempts},
            user_agent_extra="coinquery",
        )
        with self._making:
            self._session = self._session or boto3.session.Session()
            return self._session.client(service, region_name=region, config=config)


def code(error: ClientError) -> str:
    """AWS's own code of an error, ``""`` where it gave none."""
    return str(error.response.get("Error", {}).get("Code", ""))


#: Codes of AWS for "asked too often", which boto3 has repeated as often as it may.
_THROTTLED = {
    "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown",
    "PriorRequestNotComplete",
}  # fmt: skip


def passes(error: Exception) -> bool:
    """Whether an error is of the kind that passes: AWS gave no answer, failed itself, or was asked too often."""
    from botocore import exceptions as aws

    if isinstance(error, AwsUnreachable):
        return True
    if isinstance(error, aws.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or code(error) in _THROTTLED
    return isinstance(error, aws.ConnectionError | aws.HTTPClientError)


def pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """Every element of ``key`` over all pages of an operation."""
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, ())


_CREDENTIAL_CODES = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
    "SignatureDoesNotMatch", "AuthFailure", "InvalidSignatureException",
}  # fmt: skip
#: How AWS says that a request's time is more than minutes away from its own (Signature Version 4, "Troubleshooting").
_OUT_OF_TIME = ("RequestTimeTooSkewed", "RequestExpired", "Signature expired", "Signature not yet current")
_SAME_AGAIN = "Nothing is assumed about what it did; run the same command again."


def explain(error: Exception) -> CoinQueryError | None:
    """What a person should read of an exception that boto3 raised; None if it is not boto3's."""
    from botocore import exceptions as aws
    from botocore import parsers

    if _is_sign_in(error):
        return NoCredentials(
            f"no AWS credentials: {error}",
            "Set AWS_PROFILE or sign in, such as with `aws sso login`; then run the same command again.",
        )
    if isinstance(error, aws.ConnectionError | aws.HTTPClientError):
        return AwsUnreachable(f"AWS does not answer: {error}", f"Check network and AWS_ENDPOINT_URL. {_SAME_AGAIN}")
    if isinstance(error, aws.ClientError):
        return _explain_answer(error)
    if isinstance(error, parsers.ResponseParserError):
        return AwsUnreachable(
            f"what answered is not AWS: {' '.join(str(error).split())[:300]}",
            f"Check proxy, network and AWS_ENDPOINT_URL. {_SAME_AGAIN}",
        )
    if isinstance(error, aws.ConfigParseError | aws.ConfigNotFound | aws.InvalidConfigError | aws.InvalidRegionError):
        return BadConfiguration(f"boto3 can't be configured: {error}", "Correct ~/.aws/config or the region named.")
    if isinstance(error, aws.BotoCoreError):
        return AwsUnreachable(f"AWS could not be asked: {error}", _SAME_AGAIN)
    return None


def _is_sign_in(error: Exception) -> bool:
    """Whether there are no credentials, or those of a sign-in that is over."""
    from botocore import exceptions as aws

    none = aws.NoCredentialsError | aws.PartialCredentialsError | aws.ProfileNotFound | aws.CredentialRetrievalError
    over = aws.SSOError | aws.TokenRetrievalError | aws.RefreshWithMFAUnsupportedError
    login: type[Exception] = getattr(aws, "LoginError", aws.SSOError)  # an older boto3, as Lambda's may be, has none
    return isinstance(error, none | over | login)


def _explain_answer(error: ClientError) -> CoinQueryError:
    message = error.response.get("Error", {}).get("Message", "")
    if any(said in f"{code(error)} {message}" for said in _OUT_OF_TIME):
        return ClockWrong(
            f"this machine's clock is wrong, says AWS: {message}", f"Set the clock (NTP does it). {_SAME_AGAIN}"
        )
    if code(error) in denial.CODES | denial.HEAD_CODES:
        return denial.of_answer(error.operation_name, message).error()
    if code(error) in _CREDENTIAL_CODES:
        return NoCredentials(
            f"AWS does not accept the credentials: {message}", "Sign in again, then run the same command again."
        )
    remedy = _SAME_AGAIN if passes(error) else "Mend what it names, then run the same command again."
    return AwsUnreachable(f"AWS refused {error.operation_name}: {code(error)}: {message}", remedy)
