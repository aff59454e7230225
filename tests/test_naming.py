"""Stack names (I1): what is printed parses, nothing else does, and every derived AWS name fits."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coinquery import naming
from coinquery.coins import Catalogue
from coinquery.errors import BadStackName
from coinquery.naming import LEVELS, LONGEST_TICKER, StackName, check_ticker, parse

NAMES = st.builds(
    StackName,
    coin=st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=LONGEST_TICKER),
    number=st.integers(1, 9999),
    level=st.sampled_from(LEVELS),
)
#: What slips into names: blanks, upper case, other scripts' digits and letters, separators, what shells and URLs need.
INTRUDERS = (
    " \t\n\r\v\f\0\u00a0\u200b\ufeff\u2028\u00adABZ\u00e9\u00df\u017f\u212a\u0663\uff13\u2010\u2013\u2014\uff0d"
    "0019-_./:*?$'\"\\%@"
)


def is_name(text: str) -> bool:
    """The rule, said a second time: by splitting, not by the expression under test."""
    parts = text.split("-")
    return (
        len(parts) == 4
        and parts[0] == "cq"
        and 0 < len(parts[1]) <= LONGEST_TICKER
        and set(parts[1]) <= set("abcdefghijklmnopqrstuvwxyz0123456789")
        and len(parts[2]) == 4
        and set(parts[2]) <= set("0123456789")
        and parts[2] != "0000"
        and parts[3] in ("prod", "stage", "dev", "test")
    )


@given(NAMES)
def test_i1_every_name_round_trips(name: StackName) -> None:
    assert parse(str(name)) == name
    assert is_name(str(name))


def test_i1_every_number_of_a_coin_round_trips() -> None:
    for number in range(1, 10_000):
        for level in LEVELS:
            assert str(parse(str(StackName("eth", number, level)))) == f"cq-eth-{number:04}-{level}"


@st.composite
def near_misses(draw: st.DrawFn) -> str:
    """A valid name with one or two slips of the finger: a character put in, taken out, changed, doubled or swapped."""
    text = str(draw(NAMES))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(text)))
        slip = draw(st.sampled_from(["insert", "delete", "replace", "double", "swap", "upper"]))
        intruder = draw(st.sampled_from(INTRUDERS))
        if slip == "insert":
            text = text[:at] + intruder + text[at:]
        elif slip == "delete":
            text = text[:at] + text[at + 1 :]
        elif slip == "replace":
            text = text[:at] + intruder + text[at + 1 :]
        elif slip == "double":
            text = text[:at] + text[at : at + 1] + text[at:]
        elif slip == "swap":
            text = text[:at] + text[at : at + 2][::-1] + text[at + 2 :]
        else:
            text = text[:at] + text[at : at + 1].upper() + text[at + 1 :]
    return text


@settings(max_examples=1500, deadline=None)
@given(near_misses())
def test_i1_random_near_misses_are_refused(text: str) -> None:
    assume(not is_name(text))
    with pytest.raises(BadStackName):
        parse(text)


def test_i1_more_than_ten_thousand_slips_of_one_character_are_refused() -> None:
    """Each of these names with each intruder in or in place of each character, and each character left out."""
    names = [f"cq-{coin}-{number}-{level}" for coin in ("eth", "b") for number in ("0001", "9999") for level in LEVELS]
    slips = {name[:at] + intruder + name[at + cut :] for name in names for at in range(len(name) + 1)
             for intruder in ("", *INTRUDERS) for cut in (0, 1)}  # fmt: skip
    near = {slip for slip in slips if not is_name(slip)}
    assert len(near) >= 10_000
    for text in near:
        with pytest.raises(BadStackName):
            parse(text)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40) | near_misses())
def test_i1_what_parses_prints_as_it_was(text: str) -> None:
    try:
        assert str(parse(text)) == text
    except BadStackName:
        assert not is_name(text)


@pytest.mark.parametrize("typed", ["cq-eth-0001-prod ", "cq-eth-0001-stage", "cq-eth-0001-dev  "])
def test_i1_the_process_documents_examples_parse_without_their_blanks(typed: str) -> None:
    """The document pads its examples so that they line up; the blanks are typography."""
    name = parse(typed.strip())
    assert (name.coin, name.number) == ("eth", 1)
    if typed != typed.strip():
        with pytest.raises(BadStackName):
            parse(typed)


@pytest.mark.parametrize("name", ["cq-eth-001", "cq-btg-prod-900", "cq-dash-p0000-prod", "cq-eth-0000-prod", ""])
def test_i1_names_of_the_first_system_are_refused(name: str) -> None:
    with pytest.raises(BadStackName):
        parse(name)


@pytest.mark.parametrize(
    ("coin", "number", "level"),
    [("eth", 0, "prod"), ("eth", 10_000, "prod"), ("eth", -1, "prod"), ("eth", 1, "production"), ("eth", 1, ""),
     ("ETH", 1, "prod"), ("", 1, "prod"), ("e-h", 1, "prod"), ("eth\n", 1, "prod")],
)  # fmt: skip
def test_i1_parts_out_of_range_make_no_name(coin: str, number: int, level: str) -> None:
    with pytest.raises(BadStackName):
        StackName(coin, number, level)


def test_i1_a_ticker_is_as_long_as_the_longest_load_balancer_name_allows() -> None:
    longest = "a" * LONGEST_TICKER
    assert check_ticker(longest) == longest
    assert max(len(name.value) for level in LEVELS for name in StackName(longest, 9999, level).derived()[1:5]) == 32
    with pytest.raises(BadStackName, match=f"limit is {LONGEST_TICKER}"):
        check_ticker(longest + "a")


@given(NAMES)
def test_i1_every_derived_name_fits_its_limit_and_is_the_stacks_own(name: StackName) -> None:
    for derived in name.derived():
        assert 0 < len(derived.value) <= derived.limit, derived
        assert str(name) in derived.value or {name.coin, f"{name.number:04}", name.level} <= {*derived.value.split("/")}


@pytest.mark.parametrize("level", LEVELS)
def test_i1_derived_names_of_every_coin_obey_awss_rules(level: str) -> None:
    for coin in Catalogue.load():
        name = StackName(coin.ticker, 9999, level)
        kinds = {derived.kind: derived.value for derived in name.derived()}
        assert re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", kinds["CloudFormation stack"])
        for kind in ("load balancer", "target group", "internal load balancer", "internal target group"):
            assert re.fullmatch(r"(?!internal-)[A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]", kinds[kind]), kind
        assert re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", kinds["log group"])
        assert re.fullmatch(r"/[a-zA-Z0-9_.\-/]{1,1010}", kinds["ledger parameter"])


def test_i1_only_prod_is_production() -> None:
    assert [level for level in LEVELS if StackName("eth", 1, level).is_production] == ["prod"]


def test_i2_two_names_never_share_a_ledger_parameter() -> None:
    names = [StackName(coin, number, level) for coin in ("e", "eth") for number in (1, 11) for level in LEVELS]
    assert len({naming.ledger_parameter(name) for name in names}) == len(names)
