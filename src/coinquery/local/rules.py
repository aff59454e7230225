"""The table of rules: what AWS does and ministack 1.5.33 does not, one rule for one fact.

A rule stands between the caller and ministack: it is handed clients of ministack, the way to proceed, and the call.
What CloudFormation itself does behind the API passes no rule; templates are checked for that before they are shipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from coinquery.aws import Aws
from coinquery.local import balancer_rules as balancers
from coinquery.local import stack_rules as stacks
from coinquery.local import store_rules as stores
from coinquery.local.calls import Answer, Call, Proceed, Rule
from coinquery.local.store_rules import IMAGE_ID, IMAGE_PARAMETER, LOG_AHEAD, LOG_BEHIND

__all__ = ["IMAGE_ID", "IMAGE_PARAMETER", "LOG_AHEAD", "LOG_BEHIND", "Rules"]

#: The rules of each operation, the one that is asked last first.
_TABLE: Mapping[tuple[str, str], Sequence[Rule]] = {
    ("cloudformation", "CreateStack"): (
        stacks.names_are_blocked,
        stacks.capabilities,
        stacks.parameters_of_the_template,
        stacks.references,
        stacks.client_request_token,
    ),
    ("cloudformation", "UpdateStack"): (
        stacks.capabilities,
        stacks.parameters_of_the_template,
        stacks.references,
        stacks.nothing_to_update,
        stacks.stack_policy,
        stacks.what_can_be_updated,
    ),
    ("cloudformation", "CreateChangeSet"): (
        stacks.capabilities,
        stacks.parameters_of_the_template,
        stacks.references,
        stacks.what_can_be_updated,
    ),
    ("cloudformation", "ExecuteChangeSet"): (stacks.stack_policy,),
    ("cloudformation", "UpdateTerminationProtection"): (stacks.what_can_be_updated,),
    ("cloudformation", "DeleteStack"): (stacks.delete_token,),
    ("elbv2", "CreateLoadBalancer"): (balancers.load_balancer_names,),
    ("elbv2", "CreateTargetGroup"): (balancers.load_balancer_names,),
    ("elbv2", "CreateListener"): (balancers.one_balancer_a_group,),
    ("elbv2", "ModifyListener"): (balancers.one_balancer_a_group,),
    ("elbv2", "CreateRule"): (balancers.one_balancer_a_group,),
    ("elbv2", "ModifyRule"): (balancers.one_balancer_a_group,),
    ("elbv2", "DeleteLoadBalancer"): (balancers.protected_balancers,),
    ("elbv2", "DescribeTargetHealth"): (balancers.targets_are_asked,),
    ("ec2", "DescribeInstances"): (balancers.private_ip_address,),
    ("route53", "ChangeResourceRecordSets"): (stores.record_sets, stores.one_change_at_a_time, stores.alias_ttl),
    ("logs", "PutLogEvents"): (stores.log_events_in_time, stores.log_events_in_order),
    ("cloudwatch", "PutMetricData"): (stores.metric_namespaces,),
    ("ssm", "GetParameter"): (stores.image_parameter,),
    ("ssm", "GetParameters"): (stores.image_parameter,),
    ("ssm", "GetParametersByPath"): (stores.parameters_a_page,),
    ("ssm", "PutParameter"): (stores.parameter_size,),
    ("ecr", "DescribeImages"): (stores.images_by_id,),
}


class Rules:
    """The table, applied to calls."""

    def __init__(self, aws: Aws, forward: Proceed) -> None:
        self._aws = aws
        self._forward = forward

    async def answer(self, call: Call) -> Answer:
        """AWS's answer to a call: ministack's, unless a rule knows better."""
        proceed = self._forward
        for rule in _TABLE.get((call.service, call.operation), ()):
            proceed = partial(rule, self._aws, proceed)
        return await proceed(call)
