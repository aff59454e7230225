"""Events as EventBridge hands them over from CloudTrail.

Shapes: EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; CloudTrail User Guide, "CloudTrail
record contents" and "CloudTrail userIdentity element"; the request parameters are those of each API's reference, their
names beginning in lower case, as in the examples of each service's page on logging with CloudTrail.
"""

from __future__ import annotations

from typing import Any

ACCOUNT = "123456789012"
PERSON = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ada@example.com"
STACK_ARN = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/cq-eth-0001-prod/0f8e2f3a-12fc-11ed-acb4-0e99ce9abea2"
CHANGE_SET_ARN = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:changeSet/next/4f2a1c3a-12fc-11ed-acb4-0e99ce9abea2"
BALANCER_ARN = (
    f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:loadbalancer/app/cq-eth-0001-prod-int/50dc6c495c0c9188"
)

SOURCES = {
    "DeleteLoadBalancer": "elasticloadbalancing",
    "ModifyLoadBalancerAttributes": "elasticloadbalancing",
    "StopInstances": "ec2",
    "TerminateInstances": "ec2",
    "DeleteAutoScalingGroup": "autoscaling",
    "SetDesiredCapacity": "autoscaling",
    "TerminateInstanceInAutoScalingGroup": "autoscaling",
    "UpdateAutoScalingGroup": "autoscaling",
}


def event(call: str, request: dict[str, Any] | None, **detail: Any) -> dict[str, Any]:
    """One call by a person with an assumed role, at a terminal; ``detail`` are further members or other values."""
    service = SOURCES.get(call, "cloudformation")
    return {
        "version": "0",
        "id": "36eb8523-97d0-4518-b33d-ee3579ff19f0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": ACCOUNT,
        "time": "2026-11-24T05:01:07Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.09",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROAIDPPEZS35WEXAMPLE:ada@example.com",
                "arn": PERSON,
                "accountId": ACCOUNT,
                "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": "AROAIDPPEZS35WEXAMPLE",
                        "arn": f"arn:aws:iam::{ACCOUNT}:role/deployer",
                        "accountId": ACCOUNT,
                        "userName": "deployer",
                    },
                    "attributes": {"creationDate": "2026-11-24T04:30:00Z", "mfaAuthenticated": "true"},
                },
            },
            "eventTime": "2026-11-24T05:01:05Z",
            "eventSource": f"{service}.amazonaws.com",
            "eventName": call,
            "awsRegion": "us-east-1",
            "sourceIPAddress": "203.0.113.7",
            "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux",
            "requestParameters": request,
            "responseElements": None,
            "requestID": "e4b7f5f8-7a2c-4f0c-9a5d-000000000000",
            "eventID": "0d8f2a5c-6a5e-4c0d-8f57-000000000000",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
            **detail,
        },
    }


def instances(*ids: str) -> dict[str, Any]:
    """The request parameters of EC2's TerminateInstances and StopInstances."""
    return {"instancesSet": {"items": [{"instanceId": each} for each in ids]}}
