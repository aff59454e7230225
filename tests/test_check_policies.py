"""The linter of IAM policies sees what AWS would accept in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import policy_reference, templates
from tests.policy_evaluator import matches

linter = policy_reference.load()
STACK = "arn:*:cloudformation:*:*:stack/cq-*-prod/*"


def problems(**statement: Any) -> list[str]:
    return list(linter.check_statement({"Effect": "Deny", "Resource": "*", **statement}))


@pytest.mark.parametrize("path", sorted(templates.FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_the_policies_of_the_templates_are_clean(path: Path) -> None:
    assert list(linter.check_policies(path)) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"Action": "ec2:TerminateInstance"}, "AWS has no action ec2:TerminateInstance"),
        ({"Action": "nosuch:Thing"}, "AWS has no action nosuch:Thing"),
        ({"Action": "route53:DeleteHostedZone", "Resource": STACK}, "works on none"),
        ({"Action": "cloudformation:DeleteStack", "Resource": [STACK, "arn:*:sns:*:*:x"]}, "works on arn:*:sns:*:*:x"),
        ({"Action": "cloudformation:DeleteStack", "Resource": "arn:*:cloudformation:*:*:cq-*"}, "works on none"),
        (
            {
                "Action": ["ec2:TerminateInstances", "route53:DeleteHostedZone"],
                "Condition": {"StringEquals": {"aws:ResourceTag/x": "y"}},
            },
            "route53:DeleteHostedZone does not carry aws:ResourceTag/x",
        ),
        (
            {"Action": "ssm:DeleteParameter", "Condition": {"StringEquals": {"ssm:Overwrite": "true"}}},
            "ssm:DeleteParameter does not carry ssm:Overwrite",
        ),
        ({"Action": "ecs:DeleteCluster", "Resource": "arn:*:ecs:*:*:*/cq-*-prod"}, "type of the resource"),
        ({"Effect": "Allow", "Action": "ec2:*"}, "name those that are needed"),
    ],
)
def test_what_does_nothing_or_too_much_is_seen(statement: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in problems(**statement))


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "cloudformation:DeleteStack", "Resource": STACK},
        {"Action": "CloudFormation:deletestack", "Resource": STACK},
        {"Effect": "Allow", "Action": "ec2:Describe*"},
        {"Action": "ec2:DeleteTags", "Condition": {"StringEquals": {"aws:ResourceTag/coinquery:level": "prod"}}},
        {"Action": "kms:DisableKey", "Condition": {"StringEquals": {"aws:ResourceTag/coinquery:level": "prod"}}},
        {"Action": "sns:DeleteTopic", "Resource": "*"},
    ],
)
def test_what_is_right_is_left_alone(statement: dict[str, Any]) -> None:
    assert problems(**statement) == []


def test_a_template_is_read_with_its_functions(tmp_path: Path) -> None:
    path = tmp_path / "planted.yaml"
    path.write_text(
        """
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - PolicyName: planted
                  PolicyDocument:
                    Statement:
                      - !If
                        - Some
                        - Sid: Planted
                          Effect: Allow
                          Action: [!Ref "AWS::NoValue", sns:Publis]
                          Resource: !Sub "arn:${AWS::Partition}:sns:*:*:x"
                        - !Ref AWS::NoValue
        """
    )
    [problem, *_] = list(linter.check_policies(path))
    assert problem.startswith(f"{path}: Role: Planted: ")


texts = st.text("ab", max_size=5)
patterns = st.text("ab*", max_size=6)


@given(patterns, patterns, texts)
def test_patterns_overlap_if_a_text_matches_both(one: str, other: str, text: str) -> None:
    if matches(one, text) and matches(other, text):
        assert linter.overlap(one, other)
    assert linter.overlap(one, text) == matches(one, text)
    assert linter.overlap(one, other) == linter.overlap(other, one)
