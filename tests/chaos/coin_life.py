"""A coin's life: from its first deploy, through every command on it, to the retirement of its first stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from coinquery.local.calls import Answer, Call
from coinquery.stacks.protection import Protector
from tests.chaos.account import Account
from tests.chaos.chains import clean_up
from tests.chaos.life import Life
from tests.chaos.proxy import Forward
from tests.chaos.races import THIRD
from tests.chaos.right import account_problems
from tests.chaos.shop import Ran, Shop
from tests.teams import REGION

ALLOWS_UPDATES = '{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'
#: A resource that nobody answers for, so that the creation of its stack fails.
UNANSWERED = """
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Signal: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: "1", Count: 1}}
"""
#: What a deploy must say of that stack.
FAILED = "is ROLLBACK_COMPLETE: Signal: "


async def fail_creation(call: Call, forward: Forward) -> Answer:
    """A stack that is asked for has a resource more, which fails."""
    if call.operation != "CreateStack":
        return await forward(call)
    parameters = call.parameters
    template = parameters["TemplateBody"].replace("\nResources:\n", UNANSWERED, 1)
    return await forward(call.with_parameters({**parameters, "TemplateBody": template}))


@dataclass
class CoinLife(Life[Account]):
    """One coin of a shop's."""

    coin: str = field(kw_only=True)
    changes = (
        "deploy (first)", "deploy --level dev", "retire (failed)", "deploy", "deploy (unprotected)", "monitor silence",
        "rollback", "retire", "deploy (again)", "retire --break-glass",
    )  # fmt: skip

    @classmethod
    def begin(cls, shop: Shop) -> CoinLife:
        """A coin of which nothing stands."""
        return cls(shop, coin=shop.coin())

    def commands(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each command, by its name."""
        coin, shop = self.coin, self.shop
        retired, first, failed = f"cq-{coin}-0002-prod", f"cq-{coin}-0001-prod", f"cq-{coin}-0002-dev"
        yield "deploy (first)", shop.deploy(coin)
        yield "deploy --level dev", shop.deploy(coin, "v1.0.0", "--level", "dev")
        self.lead(self._failing, fail_creation)
        yield "deploy (failed)", self._failing
        yield "retire (failed)", ("retire", failed, "--name", failed)
        yield "deploy", shop.deploy(coin, "v1.1.0")
        self._unprotect(retired)
        yield "deploy (unprotected)", shop.deploy(coin, "v1.1.0")
        yield "ls", ("ls",)
        yield "status", ("status", retired)
        yield "find", ("find", f"{coin}.example.com")
        yield "find (address)", ("find", self._address(retired))
        yield "dns show", ("dns", "show", coin)
        yield "history", ("history", retired)
        yield "monitor silences", ("monitor", "silences")
        yield "retire --plan", ("retire", retired, "--plan")
        yield "monitor run", ("monitor", "run", "--once", "--region", REGION)
        yield "bootstrap", ("bootstrap", "--region", REGION, "--yes")
        yield "monitor silence", ("monitor", "silence", retired, "--for", "1m", "--why", "to see that it can be")
        yield "rollback", ("rollback", coin, "--yes")
        yield "retire", ("retire", retired, "--name", retired)
        yield "deploy (again)", shop.deploy(coin, THIRD)
        yield "retire --break-glass", ("retire", first, "--name", first, "--break-glass", "to see that it can be")

    @property
    def _failing(self) -> tuple[str, ...]:
        """The words of the deploy whose stack fails."""
        return self.shop.deploy(self.coin, "v1.1.0", "--level", "dev")

    def is_at_its_end(self, words: Sequence[str], ran: Ran) -> bool:
        """A deploy whose stack failed has nothing to do but to say why."""
        return ran.code == 1 and FAILED in ran.said if words == self._failing else ran.is_at_its_end

    def _address(self, name: str) -> str:
        """Where one of a stack's instances is."""
        filters: Any = [{"Name": "tag:coinquery:stack", "Values": [name]}]
        found = self.shop.team.world.aws.ec2(REGION).describe_instances(Filters=filters)["Reservations"]
        return found[0]["Instances"][0]["PrivateIpAddress"]

    def _unprotect(self, name: str) -> None:
        """Somebody takes all protection off a stack."""
        stack, aws = self.shop.team.stack(name), self.shop.team.world.aws
        assert stack is not None
        Protector(aws.cloudformation(REGION), aws.elbv2(REGION)).lift(stack)
        aws.cloudformation(REGION).set_stack_policy(StackName=name, StackPolicyBody=ALLOWS_UPDATES)

    def standing(self) -> Account:
        """The coin's account."""
        return Account.of(self.shop, self.coin)

    def check(self, right: Account) -> None:
        """It must be as after undisturbed runs."""
        self.problems += account_problems(self.shop, self.coin, right)

    def codes(self, words: Sequence[str]) -> tuple[int, ...]:
        """A rung that waits refuses a retirement for now."""
        return (0, 1, 3, 4) if words[0] == "retire" else (0, 1, 4)

    def close(self) -> None:
        """Records and stacks go."""
        clean_up(self.shop, self.coin)
