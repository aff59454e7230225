"""What AWS's refusals say, as it puts them, and what a person reads of them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from coinquery import denial
from coinquery.aws import explain
from coinquery.bootstrap.steps import MonitorPackage
from coinquery.errors import NotPermitted, StackFailed
from coinquery.stacks.create import failure

WHO = "arn:aws:sts::123456789012:assumed-role/coinquery-deployer/jane"
TABLE = "arn:aws:route53:::hostedzone/Z1"
BECAUSE = "because no identity-based policy allows the {} action"
ENCODED = " Encoded authorization failure message: " + "aZ09-_" * 100


def refusal(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("code", "message", "operation", "said"),
    [
        (
            "AccessDenied",
            f"User: {WHO} is not authorized to perform: route53:ChangeResourceRecordSets on resource: {TABLE} "
            + BECAUSE.format("route53:ChangeResourceRecordSets"),
            "ChangeResourceRecordSets",
            f"AWS does not permit route53:ChangeResourceRecordSets to {WHO} on {TABLE}: because no",
        ),
        (
            "UnauthorizedOperation",
            f"You are not authorized to perform this operation. User: {WHO} is not authorized to perform: "
            f"ec2:DescribeInstances {BECAUSE.format('ec2:DescribeInstances')}.{ENCODED}",
            "DescribeInstances",
            f"AWS does not permit ec2:DescribeInstances to {WHO}: because no identity-based policy allows",
        ),
        (
            "AccessDenied",
            f'User: {WHO} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b/k" '
            + BECAUSE.format("s3:PutObject"),
            "PutObject",
            f"AWS does not permit s3:PutObject to {WHO} on arn:aws:s3:::b/k: because",
        ),
        ("AccessDenied", "Access Denied", "PutObject", "AWS does not permit s3:PutObject: Access Denied"),
        ("403", "Forbidden", "HeadObject", "AWS does not permit s3:GetObject: Forbidden"),
        (
            "AccessDeniedException",
            f"User: {WHO} is not authorized to perform: lambda:InvokeFunction on resource: "
            f"arn:aws:lambda:eu-west-1:1:function:coinquery-monitor {BECAUSE.format('lambda:InvokeFunction')}",
            "Invoke",
            f"AWS does not permit lambda:InvokeFunction to {WHO} on arn:aws:lambda:",
        ),
    ],
)
def test_a_refusal_names_the_permission(code: str, message: str, operation: str, said: str) -> None:
    error = explain(refusal(code, message, operation))
    assert isinstance(error, NotPermitted)
    assert error.exit_code == 2
    assert error.what.startswith(said)
    assert "Encoded" not in error.what
    assert "docs/permissions.md" in error.remedy
    assert "docs/permissions.md" in error.remedy


def test_an_explicit_deny_is_not_answered_by_allowing() -> None:
    text = (
        f"User: {WHO} is not authorized to perform: ec2:TerminateInstances on resource: arn:aws:ec2:::instance/i-1 "
        "with an explicit deny in a service control policy"
    )
    found = denial.find(text)
    assert found is not None
    assert found.why == "with an explicit deny in a service control policy"
    assert "allow ec2" not in found.remedy


@pytest.mark.parametrize(
    "reason",
    [
        f'LoadBalancer: Resource handler returned message: "User: {WHO} is not authorized to perform: '
        "elasticloadbalancing:CreateLoadBalancer on resource: arn:aws:x (Service: ElasticLoadBalancingV2, Status Code: "
        '403)" (RequestToken: 1, HandlerErrorCode: AccessDenied)',
        "NodeSecurityGroup: API: ec2:CreateSecurityGroup You are not authorized to perform this operation.",
    ],
)
def test_what_cloudformation_was_denied_is_named(reason: str) -> None:
    error = failure("cq-eth-0001-prod is ROLLBACK_COMPLETE", reason, "Then deploy again.")
    assert isinstance(error, NotPermitted)
    assert error.remedy.startswith(
        "Allow elasticloadbalancing:CreateLoadBalancer" if "User" in reason else "Allow ec2:"
    )


def test_other_failures_of_stacks_stay_what_they_are() -> None:
    assert isinstance(failure("it is ROLLBACK_COMPLETE", "Service: not stabilized", "Mend it."), StackFailed)


def test_a_hidden_object_says_which_two_permissions_may_be_missing() -> None:
    class Bucket:
        def head_object(self, **_: str) -> None:
            answer = {"Error": {"Code": "403", "Message": "Forbidden"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(answer, "HeadObject")  # type: ignore[arg-type]

    step = MonitorPackage(Bucket(), lambda: "bucket", lambda: (None, "monitor/1.zip"))  # type: ignore[arg-type,return-value]
    with pytest.raises(NotPermitted, match="s3:ListBucket"):
        step.observe()
