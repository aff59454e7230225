"""What the guard denies, and what it leaves to other teams: cases that are true on AWS.

Each row is a request as AWS would put it together: the action, the ARN of the resource, the condition keys. That AWS
has the action, gives the resource such an ARN and sends the keys is checked against its Service Authorization
Reference (tests/test_guard_policy.py); how Route 53 normalizes names is in its Developer Guide, "Using
IAM policy conditions for fine-grained access control".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from tests.policy_evaluator import Context, Request

ACCOUNT = "123456789012"
ZONE, PRIVATE_ZONE, OTHER_ZONE = "ZPUBLIC000001", "ZPRIVATE00001", "ZOTHERTEAM001"
NAMES = ("btc.example.com", "btc.internal.example.com", "eth.example.com", "eth.internal.example.com")

PROD, STAGE = {"aws:ResourceTag/coinquery:level": "prod"}, {"aws:ResourceTag/coinquery:level": "stage"}
NET = {"aws:ResourceTag/coinquery:part": "coinquery-network"}
UNTAGGED: Context = {}


class May(IntEnum):
    """Who may do it, even with every other right; the guard takes away, the more the lower."""

    NOBODY = 0
    BREAK_GLASS = 1
    #: And the deployer.
    DEPLOYER = 2
    #: And CloudFormation's role.
    OPERATORS = 3
    #: And whoever runs cq bootstrap.
    ADMINISTRATORS = 4
    EVERYONE = 5


@dataclass(frozen=True)
class Case:
    """A request, and who may make it."""

    may: May
    action: str
    resource: str
    context: Context = field(default_factory=dict)

    def request(self, who: str) -> Request:
        """The request as that principal makes it."""
        return Request(self.action, self.resource, {**self.context, "aws:PrincipalArn": who})

    def __str__(self) -> str:
        return f"{self.action} {self.resource.split(':', 5)[-1]} {' '.join(map(str, self.context.values()))}".strip()


def arn(service: str, rest: str, region: str = "us-east-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{rest}"


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


#: aws:PrincipalArn of a session is the ARN of its role.
DEPLOYER, CLOUDFORMATION, BREAK_GLASS = (
    role(f"coinquery/coinquery-{name}") for name in ("deployer", "cloudformation", "break-glass")
)
READ_ONLY = role("coinquery/coinquery-read-only")
ADMINISTRATOR = role("aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_0123456789abcdef")
USER = f"arn:aws:iam::{ACCOUNT}:user/jane"
BOOTSTRAPS = role("aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_PlatformAdministrator_fedcba9876543210")
MONITORS = role("coinquery/coinquery-monitor-Role-1A2B3C4D5E6F")
#: Names that only look like those of the roles of cq.
LOOKALIKES = (
    role("coinquery-deployer"),
    role("coinquery/coinquery-deployer-2"),
    role("coinquery/coinquery-monitor"),
    role("team/coinquery/coinquery-deployer"),
    f"arn:aws:iam::{ACCOUNT}:user/coinquery/coinquery-deployer",
)


def _stack(name: str) -> str:
    return arn("cloudformation", f"stack/{name}/0b7d6d10-1f3a-11f0-8a2e-0affd5e8f4d5")


def _group(name: str) -> str:
    return arn("autoscaling", f"autoScalingGroup:8f7f0a4e-4d1c-4b3f-9f5e-0d2c:autoScalingGroupName/{name}")


def _balancer(kind: str, name: str, *ids: str) -> str:
    return arn("elasticloadbalancing", "/".join((kind, name, "50dc6c495c0c9188", *ids)))


def _logs(group: str, stream: str = "") -> str:
    return arn("logs", f"log-group:{group}" + (f":log-stream:{stream}" if stream else ""))


def _zone(zone: str) -> str:
    return f"arn:aws:route53:::hostedzone/{zone}"


def names(*names: str, kind: str = "A") -> Context:
    return {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": names,
        "route53:ChangeResourceRecordSetsRecordTypes": (kind,) * len(names),
        "route53:ChangeResourceRecordSetsActions": ("UPSERT",) * len(names),
    }


def _ec2(rest: str) -> str:
    return arn("ec2", rest)


def _policy(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/{name}"


ETH, INTERNAL = "cq-eth-0001-prod", "cq-eth-0001-prod-int"
OTHERS = ("cq-eth-0001-stage", "cq-eth-0001-dev", "shop-prod", "cqx-eth-0001-prod", "product-cq-prod")
SNAPSHOT = arn("ec2", "snapshot/snap-0123456789abcdef0", account="")
KEY = arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
GUARD = _policy("coinquery/coinquery-guard")

_CHANGES_OF_STACKS = (
    "DeleteStack",
    "UpdateStack",
    "UpdateTerminationProtection",
    "SetStackPolicy",
    "CreateStack",
    "CreateChangeSet",
    "ExecuteChangeSet",
    "ContinueUpdateRollback",
    "RollbackStack",
    "CancelUpdateStack",
)

STACKS = [
    *(Case(May.OPERATORS, f"cloudformation:{each}", _stack(ETH)) for each in _CHANGES_OF_STACKS),
    *(Case(May.EVERYONE, f"cloudformation:{each}", _stack(OTHERS[0])) for each in _CHANGES_OF_STACKS),
    *(Case(May.EVERYONE, "cloudformation:DeleteStack", _stack(name)) for name in OTHERS[1:]),
    Case(May.OPERATORS, "cloudformation:DeleteStack", _stack("cq-btc-9999-prod")),
    Case(May.ADMINISTRATORS, "cloudformation:DeleteStack", _stack("coinquery-monitor")),
    Case(May.ADMINISTRATORS, "cloudformation:UpdateStack", _stack("coinquery-network")),
    Case(May.ADMINISTRATORS, "cloudformation:UpdateTerminationProtection", _stack("coinquery-guard")),
    Case(May.EVERYONE, "cloudformation:DescribeStacks", _stack(ETH)),
    Case(May.EVERYONE, "cloudformation:GetStackPolicy", _stack(ETH)),
    Case(May.EVERYONE, "cloudformation:DetectStackDrift", _stack(ETH)),
]

INSTANCES = [
    Case(May.OPERATORS, "ec2:TerminateInstances", _ec2("instance/i-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:StopInstances", _ec2("instance/i-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:RebootInstances", _ec2("instance/i-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:ModifyInstanceAttribute", _ec2("instance/i-0123456789abcdef0"), PROD),
    Case(May.EVERYONE, "ec2:TerminateInstances", _ec2("instance/i-0123456789abcdef0"), STAGE),
    Case(May.EVERYONE, "ec2:TerminateInstances", _ec2("instance/i-0123456789abcdef0"), UNTAGGED),
    Case(May.EVERYONE, "ec2:StopInstances", _ec2("instance/i-0123456789abcdef0"), UNTAGGED),
    Case(May.EVERYONE, "ec2:StartInstances", _ec2("instance/i-0123456789abcdef0"), PROD),
    Case(May.EVERYONE, "ec2:DescribeInstances", "*"),
    *(
        Case(may, f"ssm:{each}", _ec2("instance/i-0123456789abcdef0"), tags)
        for each in (
            "StartSession",
            "SendCommand",
            "CreateAssociation",
            "CreateAssociationBatch",
            "UpdateAssociation",
        )
        for may, tags in ((May.BREAK_GLASS, PROD), (May.EVERYONE, STAGE))
    ),
    *(
        Case(may, f"ec2-instance-connect:{each}", _ec2("instance/i-0123456789abcdef0"), tags)
        for each in ("SendSSHPublicKey", "SendSerialConsoleSSHPublicKey")
        for may, tags in ((May.BREAK_GLASS, PROD), (May.EVERYONE, STAGE))
    ),
    # The agent says so of itself.
    Case(May.EVERYONE, "ssm:UpdateInstanceInformation", _ec2("instance/i-0123456789abcdef0"), PROD),
    *(
        Case(may, f"ec2:{each}", _ec2(f"{kind}/{kind}-0123456789abcdef0"), tags)
        for each, kind in (
            ("AssociateApplicationStatusCheck", "instance"),
            ("CreateImage", "instance"),
            ("PauseVolumeIO", "volume"),
            ("InjectVolumeIOLatency", "volume"),
        )
        for may, tags in ((May.OPERATORS, PROD), (May.EVERYONE, STAGE))
    ),
    *(
        Case(May.OPERATORS, f"ec2:{each}", _ec2("instance/i-0123456789abcdef0"), PROD)
        for each in (
            "CreateReplaceRootVolumeTask",
            "DisassociateIamInstanceProfile",
            "ModifyInstanceMetadataOptions",
            "ReplaceIamInstanceProfileAssociation",
            "SendDiagnosticInterrupt",
        )
    ),
    *(
        Case(may, f"ec2:{each}NetworkInterfaceAttribute", _ec2("network-interface/eni-0123456789abcdef0"), tags)
        for each in ("Modify", "Reset")
        for may, tags in ((May.OPERATORS, PROD), (May.EVERYONE, UNTAGGED))
    ),
    Case(May.OPERATORS, "ec2:ModifyVolume", _ec2("volume/vol-0123456789abcdef0"), PROD),
    Case(May.EVERYONE, "ec2:ModifyVolume", _ec2("volume/vol-0123456789abcdef0"), STAGE),
    Case(May.OPERATORS, "ec2:AuthorizeSecurityGroupIngress", _ec2("security-group/sg-0123456789abcdef0"), PROD),
    Case(May.EVERYONE, "ec2:AuthorizeSecurityGroupIngress", _ec2("security-group/sg-0123456789abcdef0"), STAGE),
    Case(May.OPERATORS, "ec2:DetachVolume", _ec2("volume/vol-0123456789abcdef0"), PROD),
    Case(May.EVERYONE, "ec2:DetachVolume", _ec2("volume/vol-0123456789abcdef0"), UNTAGGED),
    Case(May.BREAK_GLASS, "ec2:DeleteVolume", _ec2("volume/vol-0123456789abcdef0"), PROD),
    Case(May.EVERYONE, "ec2:DeleteVolume", _ec2("volume/vol-0123456789abcdef0"), STAGE),
    Case(May.BREAK_GLASS, "ec2:DeleteSnapshot", SNAPSHOT, PROD),
    Case(May.BREAK_GLASS, "ec2:ModifySnapshotTier", SNAPSHOT, PROD),
    Case(May.EVERYONE, "ec2:DeleteSnapshot", SNAPSHOT, UNTAGGED),
    Case(May.EVERYONE, "ec2:CreateSnapshot", _ec2("volume/vol-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:RevokeSecurityGroupIngress", _ec2("security-group/sg-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:RevokeSecurityGroupEgress", _ec2("security-group/sg-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:ModifySecurityGroupRules", _ec2("security-group/sg-0123456789abcdef0"), PROD),
    Case(May.EVERYONE, "ec2:RevokeSecurityGroupIngress", _ec2("security-group/sg-0123456789abcdef0"), UNTAGGED),
    Case(May.OPERATORS, "ec2:DeleteLaunchTemplate", _ec2("launch-template/lt-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:DeleteLaunchTemplateVersions", _ec2("launch-template/lt-0123456789abcdef0"), PROD),
    # Tags: what makes an instance production's is not taken from it; tags of other teams are.
    Case(May.OPERATORS, "ec2:DeleteTags", _ec2("instance/i-0123456789abcdef0"), PROD),
    Case(May.OPERATORS, "ec2:DeleteTags", _ec2("instance/i-0123456789abcdef0"), {**PROD, "aws:TagKeys": ("Name",)}),
    Case(May.OPERATORS, "ec2:CreateTags", _ec2("instance/i-0123456789abcdef0"), {**PROD, "aws:TagKeys": ("Name",)}),
    Case(
        May.OPERATORS,
        "ec2:CreateTags",
        _ec2("volume/vol-0123456789abcdef0"),
        {**PROD, "aws:TagKeys": ("team", "coinquery:level")},
    ),
    Case(May.EVERYONE, "ec2:CreateTags", _ec2("instance/i-0123456789abcdef0"), {**PROD, "aws:TagKeys": ("team",)}),
    Case(May.EVERYONE, "ec2:CreateTags", _ec2("instance/i-0123456789abcdef0"), {"aws:TagKeys": ("Name",)}),
    Case(May.EVERYONE, "ec2:DeleteTags", _ec2("instance/i-0123456789abcdef0"), STAGE),
]

NETWORK = [
    *(
        Case(may, f"ec2:{action}", _ec2(f"{kind}/{kind}-0123456789abcdef0"), tags)
        for action, kind in (
            ("DeleteRoute", "route-table"),
            ("ReplaceRoute", "route-table"),
            ("CreateRoute", "route-table"),
            ("DisassociateRouteTable", "route-table"),
            ("ReplaceRouteTableAssociation", "route-table"),
            ("EnableVgwRoutePropagation", "route-table"),
            ("EnableRouteServerPropagation", "route-table"),
            ("AssociateRouteTable", "subnet"),
            ("ReplaceNetworkAclAssociation", "subnet"),
            ("ModifySubnetAttribute", "subnet"),
            ("DetachInternetGateway", "internet-gateway"),
            ("DeleteNatGateway", "natgateway"),
            ("EnableAddressTransfer", "elastic-ip"),
            ("ModifyVpcAttribute", "vpc"),
            ("AssociateDhcpOptions", "vpc"),
            ("CreateVpcEndpoint", "vpc"),
            ("DeleteVpcEndpoints", "vpc-endpoint"),
            ("ModifyVpcEndpoint", "vpc-endpoint"),
            ("RevokeSecurityGroupEgress", "security-group"),
            ("AuthorizeSecurityGroupIngress", "security-group"),
            ("DeleteTags", "route-table"),
        )
        for may, tags in ((May.ADMINISTRATORS, NET), (May.EVERYONE, UNTAGGED))
    ),
    # It has no resource level, so it is the account's.
    Case(May.ADMINISTRATORS, "ec2:ModifyVpcBlockPublicAccessOptions", "*"),
    Case(May.EVERYONE, "ec2:DescribeVpcBlockPublicAccessOptions", "*"),
    Case(May.EVERYONE, "ec2:DescribeRouteTables", "*"),
    # Stacks of every level are built in it, and other teams' load balancers may be.
    Case(May.EVERYONE, "ec2:RunInstances", _ec2("subnet/subnet-0123456789abcdef0"), NET),
    Case(May.EVERYONE, "ec2:CreateNetworkInterface", _ec2("subnet/subnet-0123456789abcdef0"), NET),
]

_CHANGES_OF_GROUPS = (
    "DeleteAutoScalingGroup",
    "UpdateAutoScalingGroup",
    "SetDesiredCapacity",
    "TerminateInstanceInAutoScalingGroup",
    "DetachInstances",
    "DetachLoadBalancerTargetGroups",
    "DetachTrafficSources",
    "EnterStandby",
    "SetInstanceHealth",
    "SuspendProcesses",
    "StartInstanceRefresh",
    "PutScalingPolicy",
    "PutScheduledUpdateGroupAction",
    "BatchPutScheduledUpdateGroupAction",
    "DeleteTags",
    "CreateAutoScalingGroup",
)

GROUPS = [
    *(Case(May.OPERATORS, f"autoscaling:{each}", _group(ETH)) for each in _CHANGES_OF_GROUPS),
    *(Case(May.EVERYONE, f"autoscaling:{each}", _group(OTHERS[0])) for each in _CHANGES_OF_GROUPS),
    *(Case(May.EVERYONE, "autoscaling:DeleteAutoScalingGroup", _group(name)) for name in OTHERS[1:]),
    Case(May.EVERYONE, "autoscaling:DescribeAutoScalingGroups", "*"),
]

BALANCERS = [
    Case(May.OPERATORS, "elasticloadbalancing:DeleteLoadBalancer", _balancer("loadbalancer/app", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:DeleteLoadBalancer", _balancer("loadbalancer/app", INTERNAL)),
    Case(May.OPERATORS, "elasticloadbalancing:ModifyLoadBalancerAttributes", _balancer("loadbalancer/app", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:SetSecurityGroups", _balancer("loadbalancer/app", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:SetSubnets", _balancer("loadbalancer/app", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:CreateListener", _balancer("loadbalancer/app", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:DeleteListener", _balancer("listener/app", ETH, "f2f7dc8efc522ab2")),
    Case(May.OPERATORS, "elasticloadbalancing:ModifyListener", _balancer("listener/app", ETH, "f2f7dc8efc522ab2")),
    Case(May.OPERATORS, "elasticloadbalancing:AddListenerCertificates", _balancer("listener/app", ETH, "f2f7dc")),
    Case(May.OPERATORS, "elasticloadbalancing:RemoveListenerCertificates", _balancer("listener/app", ETH, "f2f7dc")),
    Case(May.EVERYONE, "elasticloadbalancing:AddTags", _balancer("loadbalancer/app", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:CreateRule", _balancer("listener/app", ETH, "f2f7dc8efc522ab2")),
    Case(May.OPERATORS, "elasticloadbalancing:DeleteRule", _balancer("listener-rule/app", ETH, "f2f7dc", "9683b2")),
    Case(May.OPERATORS, "elasticloadbalancing:SetRulePriorities", _balancer("listener-rule/app", ETH, "f2f", "968")),
    Case(May.OPERATORS, "elasticloadbalancing:DeleteTargetGroup", _balancer("targetgroup", INTERNAL)),
    Case(May.OPERATORS, "elasticloadbalancing:DeregisterTargets", _balancer("targetgroup", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:RegisterTargets", _balancer("targetgroup", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:ModifyTargetGroup", _balancer("targetgroup", ETH)),
    Case(May.OPERATORS, "elasticloadbalancing:ModifyTargetGroupAttributes", _balancer("targetgroup", ETH)),
    Case(May.OPERATORS, "wafv2:AssociateWebACL", _balancer("loadbalancer/app", ETH)),
    Case(May.OPERATORS, "wafv2:DisassociateWebACL", _balancer("loadbalancer/app", INTERNAL)),
    Case(May.EVERYONE, "wafv2:AssociateWebACL", _balancer("loadbalancer/app", "shop-prod")),
    *(
        Case(May.EVERYONE, "elasticloadbalancing:DeleteLoadBalancer", _balancer("loadbalancer/app", name))
        for name in OTHERS
    ),
    Case(May.EVERYONE, "elasticloadbalancing:DeregisterTargets", _balancer("targetgroup", "cq-eth-0001-stage")),
    Case(May.EVERYONE, "elasticloadbalancing:DescribeTargetHealth", "*"),
]

CONTAINERS = [
    Case(May.OPERATORS, "ecs:DeleteService", arn("ecs", f"service/{ETH}/{ETH}")),
    Case(May.OPERATORS, "ecs:UpdateService", arn("ecs", f"service/{ETH}/{ETH}")),
    Case(May.OPERATORS, "ecs:DeleteCluster", arn("ecs", f"cluster/{ETH}")),
    Case(May.OPERATORS, "ecs:PutClusterCapacityProviders", arn("ecs", f"cluster/{ETH}")),
    Case(May.OPERATORS, "ecs:DeregisterContainerInstance", arn("ecs", f"cluster/{ETH}")),
    Case(May.OPERATORS, "ecs:StopTask", arn("ecs", f"task/{ETH}/0123456789abcdef0123456789abcdef")),
    Case(May.OPERATORS, "ecs:UpdateContainerInstancesState", arn("ecs", f"container-instance/{ETH}/0123456789abcdef")),
    Case(May.OPERATORS, "ecs:DeleteTaskDefinitions", arn("ecs", f"task-definition/{ETH}:1")),
    Case(May.EVERYONE, "ecs:DescribeServices", arn("ecs", f"service/{ETH}/{ETH}")),
    Case(May.EVERYONE, "ecs:ListTasks", arn("ecs", f"container-instance/{ETH}/0123456789abcdef")),
    Case(May.EVERYONE, "ecs:DeleteService", arn("ecs", "service/shop/shop-prod")),
    Case(May.EVERYONE, "ecs:UpdateService", arn("ecs", "service/cq-eth-0001-dev/cq-eth-0001-dev")),
    Case(May.EVERYONE, "ecs:StopTask", arn("ecs", "task/cq-eth-0001-stage/0123456789abcdef0123456789abcdef")),
    # What the ECS agent says of itself, under the instance's own role.
    Case(May.EVERYONE, "ecs:SubmitTaskStateChange", arn("ecs", f"cluster/{ETH}")),
    Case(May.EVERYONE, "ecs:RegisterContainerInstance", arn("ecs", f"cluster/{ETH}")),
    Case(May.OPERATORS, "ecs:CreateService", arn("ecs", f"service/{ETH}/shop")),
    Case(May.EVERYONE, "ecs:CreateService", arn("ecs", "service/shop/shop")),
    *(
        Case(
            may, f"ecs:{each}", arn("ecs", "task-definition/shop:7"), {"ecs:cluster": arn("ecs", f"cluster/{cluster}")}
        )
        for each in ("RunTask", "StartTask")
        for may, cluster in ((May.OPERATORS, ETH), (May.EVERYONE, "cq-eth-0001-stage"), (May.EVERYONE, "shop"))
    ),
    *(
        Case(May.ADMINISTRATORS, f"ecr:{each}", arn("ecr", "repository/coinquery/service"))
        for each in (
            "BatchDeleteImage",
            "DeleteRepositoryPolicy",
            "PutLifecyclePolicy",
            "SetRepositoryPolicy",
            "UpdateImageStorageClass",
        )
    ),
    Case(May.ADMINISTRATORS, "ecr:DeleteRepository", arn("ecr", "repository/coinquery/mirror/geth")),
    Case(May.EVERYONE, "ecr:PutImage", arn("ecr", "repository/coinquery/service")),
    Case(May.EVERYONE, "ecr:DeleteRepository", arn("ecr", "repository/shop")),
]

LOGS = [
    Case(May.NOBODY, "logs:DeleteLogGroup", _logs("/coinquery/journal")),
    Case(May.NOBODY, "logs:DeleteLogStream", _logs("/coinquery/journal", ETH)),
    Case(May.DEPLOYER, "logs:PutLogEvents", _logs("/coinquery/journal", ETH)),
    Case(May.ADMINISTRATORS, "logs:PutLogEvents", _logs("/coinquery/journal", "bootstrap-us-east-1")),
    Case(May.ADMINISTRATORS, "logs:CreateLogStream", _logs("/coinquery/journal", "bootstrap-us-east-1")),
    *(
        Case(May.NOBODY, f"logs:{each}", _logs("/coinquery/journal"))
        for each in ("AssociateKmsKey", "PutDataProtectionPolicy", "PutRetentionPolicy", "PutTransformer")
    ),
    *(
        Case(May.ADMINISTRATORS, f"logs:{each}", _logs("/coinquery/monitor"))
        for each in ("AssociateKmsKey", "DisassociateKmsKey", "PutLogGroupDeletionProtection", "PutMetricFilter")
    ),
    Case(May.EVERYONE, "logs:AssociateKmsKey", _logs("/shop")),
    Case(May.EVERYONE, "logs:GetLogEvents", _logs("/coinquery/journal", ETH)),
    Case(May.BREAK_GLASS, "logs:DeleteLogGroup", _logs("/coinquery/monitor")),
    Case(May.BREAK_GLASS, "logs:DeleteLogGroup", _logs(f"/coinquery/stacks/{ETH}")),
    Case(May.BREAK_GLASS, "logs:DeleteLogStream", _logs(f"/coinquery/stacks/{ETH}", "task/node/0123")),
    Case(May.BREAK_GLASS, "logs:DeleteLogGroup", _logs("/aws/lambda/coinquery-attempts")),
    Case(May.ADMINISTRATORS, "logs:PutRetentionPolicy", _logs("/coinquery/monitor")),
    Case(May.ADMINISTRATORS, "logs:DeleteRetentionPolicy", _logs(f"/coinquery/stacks/{ETH}")),
    # cq monitor run writes them as well as the monitor; nobody else makes proof.
    Case(May.DEPLOYER, "logs:PutLogEvents", _logs("/coinquery/monitor", ETH)),
    Case(May.DEPLOYER, "logs:CreateLogStream", _logs("/coinquery/monitor", ETH)),
    # Containers write under the roles of their instances.
    Case(May.EVERYONE, "logs:CreateLogStream", _logs(f"/coinquery/stacks/{ETH}", "task/node/0123")),
    Case(May.EVERYONE, "logs:DeleteLogGroup", _logs("/aws/lambda/shop")),
    Case(May.EVERYONE, "logs:DeleteLogGroup", _logs("/shop/coinquery/journal")),
    Case(May.EVERYONE, "logs:PutRetentionPolicy", _logs("/shop")),
]

PARAMETERS = [
    Case(May.NOBODY, "ssm:DeleteParameter", arn("ssm", "parameter/coinquery/stacks/eth/prod/0001")),
    Case(May.NOBODY, "ssm:DeleteParameters", arn("ssm", "parameter/coinquery/stacks/eth/prod/0001")),
    Case(May.NOBODY, "ssm:DeleteParameter", arn("ssm", "parameter/coinquery/home")),
    Case(
        May.NOBODY,
        "ssm:PutParameter",
        arn("ssm", "parameter/coinquery/stacks/eth/prod/0001"),
        {"ssm:Overwrite": "true"},
    ),
    Case(
        May.ADMINISTRATORS,
        "ssm:PutParameter",
        arn("ssm", "parameter/coinquery/stacks/eth/prod/0002"),
        {"ssm:Overwrite": "false"},
    ),
    Case(May.ADMINISTRATORS, "ssm:PutParameter", arn("ssm", "parameter/coinquery/home"), {"ssm:Overwrite": "false"}),
    Case(
        May.ADMINISTRATORS,
        "ssm:PutParameter",
        arn("ssm", "parameter/coinquery/latest/eth/prod"),
        {"ssm:Overwrite": "true"},
    ),
    Case(
        May.ADMINISTRATORS, "ssm:DeleteParameters", arn("ssm", "parameter/coinquery/rollouts/eth/prod/us-east-1/v1/1/x")
    ),
    Case(May.ADMINISTRATORS, "ssm:PutParameter", arn("ssm", "parameter/coinquery/silences/cq-eth-0001-prod")),
    Case(May.ADMINISTRATORS, "ssm:PutParameter", arn("ssm", "parameter/coinquery/monitor/configuration")),
    Case(May.EVERYONE, "ssm:GetParameter", arn("ssm", "parameter/coinquery/home")),
    Case(May.EVERYONE, "ssm:PutParameter", arn("ssm", "parameter/shop/home"), {"ssm:Overwrite": "true"}),
    Case(May.EVERYONE, "ssm:DeleteParameter", arn("ssm", "parameter/coinquery-shop/home")),
]

SECRETS = [
    *(
        Case(may, f"secretsmanager:{each}", arn("secretsmanager", f"secret:{name}-a1b2c3"))
        for each in (
            "DeleteSecret",
            "DeleteResourcePolicy",
            "PutSecretValue",
            "PutResourcePolicy",
            "RotateSecret",
            "UpdateSecret",
            "UpdateSecretVersionStage",
        )
        for may, name in ((May.ADMINISTRATORS, "coinquery/slack"), (May.EVERYONE, "shop/slack"))
    ),
    Case(
        May.ADMINISTRATORS,
        "secretsmanager:PutSecretValue",
        arn("secretsmanager", "secret:coinquery/references/eth-1-a1b2c3"),
    ),
    Case(
        May.EVERYONE, "secretsmanager:CreateSecret", arn("secretsmanager", "secret:coinquery/references/eth-2-a1b2c3")
    ),
    Case(May.EVERYONE, "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:coinquery/slack-a1b2c3")),
]

MONITOR = [
    Case(May.ADMINISTRATORS, "lambda:DeleteFunction", arn("lambda", "function:coinquery-monitor")),
    Case(May.ADMINISTRATORS, "lambda:UpdateFunctionCode", arn("lambda", "function:coinquery-monitor")),
    Case(May.ADMINISTRATORS, "lambda:UpdateFunctionConfiguration", arn("lambda", "function:coinquery-attempts")),
    Case(May.ADMINISTRATORS, "lambda:PutFunctionConcurrency", arn("lambda", "function:coinquery-monitor")),
    Case(May.ADMINISTRATORS, "lambda:RemovePermission", arn("lambda", "function:coinquery-monitor")),
    Case(May.EVERYONE, "lambda:InvokeFunction", arn("lambda", "function:coinquery-monitor")),
    Case(May.EVERYONE, "lambda:GetFunction", arn("lambda", "function:coinquery-monitor")),
    Case(May.EVERYONE, "lambda:DeleteFunction", arn("lambda", "function:shop")),
    Case(May.ADMINISTRATORS, "events:DeleteRule", arn("events", "rule/coinquery-monitor")),
    Case(May.ADMINISTRATORS, "events:DisableRule", arn("events", "rule/coinquery-attempts")),
    Case(May.ADMINISTRATORS, "events:RemoveTargets", arn("events", "rule/coinquery-monitor")),
    Case(May.EVERYONE, "events:DisableRule", arn("events", "rule/shop")),
    Case(May.ADMINISTRATORS, "cloudwatch:DeleteAlarms", arn("cloudwatch", "alarm:coinquery-monitor-silent")),
    Case(May.OPERATORS, "cloudwatch:DeleteAlarms", arn("cloudwatch", f"alarm:{ETH}-outage")),
    Case(May.OPERATORS, "cloudwatch:DisableAlarmActions", arn("cloudwatch", f"alarm:{ETH}-outage")),
    Case(May.OPERATORS, "cloudwatch:PutAlarmMuteRule", arn("cloudwatch", f"alarm:{ETH}-outage")),
    Case(May.ADMINISTRATORS, "cloudwatch:PutAlarmMuteRule", arn("cloudwatch", "alarm:coinquery-monitor-silent")),
    Case(May.EVERYONE, "cloudwatch:PutAlarmMuteRule", arn("cloudwatch", "alarm:shop")),
    *(
        Case(may, "cloudwatch:PutMetricData", arn("cloudwatch", "dataset/default"), {"cloudwatch:namespace": namespace})
        for may, namespace in ((May.NOBODY, "CoinQuery"), (May.EVERYONE, "Shop"))
    ),
    Case(May.ADMINISTRATORS, "cloudwatch:PutMetricAlarm", arn("cloudwatch", "alarm:coinquery-monitor")),
    Case(May.EVERYONE, "cloudwatch:DeleteAlarms", arn("cloudwatch", "alarm:shop-prod-errors")),
    Case(May.EVERYONE, "cloudwatch:DescribeAlarms", arn("cloudwatch", f"alarm:{ETH}-outage")),
    Case(May.ADMINISTRATORS, "sns:DeleteTopic", arn("sns", "coinquery-alerts")),
    Case(May.ADMINISTRATORS, "sns:SetTopicAttributes", arn("sns", "coinquery-alerts")),
    *(
        Case(May.ADMINISTRATORS, f"sns:{each}", arn("sns", "coinquery-alerts"))
        for each in ("AddPermission", "PutDataProtectionPolicy", "SetSubscriptionAttributes", "Unsubscribe")
    ),
    Case(May.EVERYONE, "sns:Subscribe", arn("sns", "coinquery-alerts")),
    Case(May.EVERYONE, "sns:Unsubscribe", arn("sns", "shop")),
    Case(May.EVERYONE, "sns:DeleteTopic", arn("sns", "shop")),
    Case(May.ADMINISTRATORS, "cloudtrail:StopLogging", arn("cloudtrail", "trail/coinquery-attempts")),
    Case(May.EVERYONE, "cloudtrail:StopLogging", arn("cloudtrail", "trail/shop")),
    *(
        Case(may, f"s3:{each}", f"arn:aws:s3:::{bucket}")
        for each in ("DeleteBucket", "DeleteBucketPolicy", "PutBucketPolicy", "PutLifecycleConfiguration")
        for may, bucket in (
            (May.ADMINISTRATORS, "coinquery-monitor-trailbucket-1a2b"),
            (May.EVERYONE, "shop-coinquery"),
        )
    ),
    Case(May.ADMINISTRATORS, "s3:DeleteObjectVersion", "arn:aws:s3:::coinquery-network-artifactbucket-1a2b/monitor/a"),
    Case(May.EVERYONE, "s3:DeleteObject", "arn:aws:s3:::shop/coinquery-1"),
    Case(May.EVERYONE, "s3:PutObject", "arn:aws:s3:::coinquery-network-artifactbucket-1a2b/monitor/a"),
]

DNS = [
    Case(May.OPERATORS, "route53:ChangeResourceRecordSets", _zone(ZONE), names("eth.example.com")),
    Case(May.OPERATORS, "route53:ChangeResourceRecordSets", _zone(PRIVATE_ZONE), names("btc.internal.example.com")),
    # One live name among many denies the batch.
    Case(May.OPERATORS, "route53:ChangeResourceRecordSets", _zone(ZONE), names("www.example.com", "eth.example.com")),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(ZONE), names("www.example.com")),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(ZONE), names("eth.stage.example.com")),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(ZONE), names("_acme-challenge.eth.example.com")),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(ZONE), names("\\052.example.com")),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(OTHER_ZONE), names("eth.example.com")),
    Case(May.EVERYONE, "route53:ListResourceRecordSets", _zone(ZONE)),
    *(
        Case(May.BREAK_GLASS, "route53:ChangeResourceRecordSets", _zone(ZONE), names(name, kind=kind))
        for name, kind in (
            ("example.com", "NS"),
            ("example.com", "SOA"),
            ("internal.example.com", "NS"),
            ("internal.example.com", "DS"),
        )
    ),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(ZONE), names("example.com", kind="TXT")),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(ZONE), names("shop.example.com", kind="NS")),
    # A zone above is whose it may be: the delegation in it is production's.
    Case(May.BREAK_GLASS, "route53:ChangeResourceRecordSets", _zone(OTHER_ZONE), names("example.com", kind="NS")),
    Case(
        May.BREAK_GLASS,
        "route53:ChangeResourceRecordSets",
        _zone(OTHER_ZONE),
        names("internal.example.com", kind="DS"),
    ),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(OTHER_ZONE), names("shop.example.com", kind="NS")),
    Case(May.EVERYONE, "route53:ChangeResourceRecordSets", _zone(OTHER_ZONE), names("example.com", kind="TXT")),
    Case(May.BREAK_GLASS, "route53:CreateTrafficPolicyInstance", _zone(ZONE)),
    Case(May.EVERYONE, "route53:CreateTrafficPolicyInstance", _zone(OTHER_ZONE)),
    Case(May.BREAK_GLASS, "route53:DeleteHostedZone", _zone(ZONE)),
    Case(May.BREAK_GLASS, "route53:DeleteHostedZone", _zone(PRIVATE_ZONE)),
    Case(May.BREAK_GLASS, "route53:DisassociateVPCFromHostedZone", _zone(PRIVATE_ZONE)),
    Case(May.BREAK_GLASS, "route53:DisableHostedZoneDNSSEC", _zone(ZONE)),
    Case(May.EVERYONE, "route53:DeleteHostedZone", _zone(OTHER_ZONE)),
]

KEYS = [
    Case(May.BREAK_GLASS, "kms:ScheduleKeyDeletion", KEY, PROD),
    Case(May.BREAK_GLASS, "kms:DisableKey", KEY, PROD),
    Case(May.BREAK_GLASS, "kms:DeleteImportedKeyMaterial", KEY, PROD),
    Case(May.BREAK_GLASS, "kms:PutKeyPolicy", KEY, PROD),
    Case(May.BREAK_GLASS, "kms:UntagResource", KEY, PROD),
    Case(May.BREAK_GLASS, "kms:RevokeGrant", KEY, PROD),
    Case(May.BREAK_GLASS, "kms:TagResource", KEY, {**PROD, "aws:TagKeys": ("coinquery:level",)}),
    Case(May.EVERYONE, "kms:TagResource", KEY, {**PROD, "aws:TagKeys": ("team",)}),
    Case(May.EVERYONE, "kms:TagResource", KEY, {"aws:TagKeys": ("coinquery:level",)}),
    Case(May.EVERYONE, "kms:Decrypt", KEY, PROD),
    Case(May.EVERYONE, "kms:EnableKey", KEY, PROD),
    Case(May.EVERYONE, "kms:CancelKeyDeletion", KEY, PROD),
    Case(May.EVERYONE, "kms:ScheduleKeyDeletion", KEY, UNTAGGED),
    Case(May.EVERYONE, "kms:DisableKey", KEY, STAGE),
]

IDENTITIES = [
    Case(May.OPERATORS, "iam:DetachRolePolicy", role("Admin"), {"iam:PolicyARN": GUARD}),
    Case(May.OPERATORS, "iam:DetachUserPolicy", USER, {"iam:PolicyARN": GUARD}),
    Case(
        May.OPERATORS,
        "iam:DetachGroupPolicy",
        f"arn:aws:iam::{ACCOUNT}:group/all",
        {"iam:PolicyARN": _policy("coinquery/coinquery-guard-names")},
    ),
    Case(May.EVERYONE, "iam:DetachRolePolicy", role("Admin"), {"iam:PolicyARN": _policy("shop")}),
    Case(May.EVERYONE, "iam:AttachRolePolicy", role("Admin"), {"iam:PolicyARN": GUARD}),
    Case(May.ADMINISTRATORS, "iam:DeletePolicy", GUARD),
    Case(May.ADMINISTRATORS, "iam:CreatePolicyVersion", GUARD),
    Case(May.ADMINISTRATORS, "iam:SetDefaultPolicyVersion", GUARD),
    Case(May.ADMINISTRATORS, "iam:AttachRolePolicy", READ_ONLY, {"iam:PolicyARN": _policy("shop")}),
    Case(May.ADMINISTRATORS, "iam:PutRolePolicy", DEPLOYER),
    Case(May.ADMINISTRATORS, "iam:UpdateAssumeRolePolicy", BREAK_GLASS),
    Case(May.ADMINISTRATORS, "iam:DeleteRole", CLOUDFORMATION),
    Case(May.ADMINISTRATORS, "iam:CreateRole", role("coinquery/coinquery-deployer")),
    Case(May.ADMINISTRATORS, "iam:PassRole", CLOUDFORMATION, {"iam:PassedToService": "cloudformation.amazonaws.com"}),
    Case(May.EVERYONE, "iam:GetRole", DEPLOYER),
    Case(May.EVERYONE, "iam:GetPolicyVersion", GUARD),
    Case(May.EVERYONE, "sts:AssumeRole", DEPLOYER),
    Case(May.EVERYONE, "iam:CreateRole", role("shop")),
    Case(May.EVERYONE, "iam:DeleteRole", role("coinquery-shop")),
    Case(May.EVERYONE, "iam:PassRole", role("shop"), {"iam:PassedToService": "ec2.amazonaws.com"}),
]

CASES = [
    case
    for table in (STACKS, INSTANCES, NETWORK, GROUPS, BALANCERS, CONTAINERS, LOGS, PARAMETERS, SECRETS, MONITOR)
    for case in table
]
CASES += [*DNS, *KEYS, *IDENTITIES]
