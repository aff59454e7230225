"""The Lambda package: complete, small, the same each time, and run by a real (local) Lambda."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from coinquery.errors import MonitorFailed, NotBootstrapped
from coinquery.monitor import configuration, invoke, package
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.invoke import Summary
from tests.monitored import Background, Production, chain, coin, service
from tests.worlds import World

RUNTIME = f"python3.{sys.version_info.minor}"
FUNCTION = configuration.FUNCTION


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> package.Package:
    return package.build(RUNTIME, "x86_64", tmp_path_factory.mktemp("cache"))


def test_two_builds_are_byte_for_byte_the_same(built: package.Package, tmp_path: Path) -> None:
    again = package.build(RUNTIME, "x86_64", tmp_path)
    assert again.path != built.path
    assert again.path.read_bytes() == built.path.read_bytes()
    assert (again.digest, again.size) == (built.digest, built.size)


def test_what_was_built_is_not_built_again(built: package.Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_fetch", lambda *_: pytest.fail("fetched again"))
    assert package.build(RUNTIME, "x86_64", built.path.parent) == built


def test_the_package_is_small_and_holds_what_is_run_and_no_more(built: package.Package) -> None:
    names = zipfile.ZipFile(built.path).namelist()
    assert built.size < 10_000_000
    assert names == sorted(names)
    assert {Path(name).suffix for name in names if "licenses" not in name} == {".py", ".so", ".toml", ".json"}
    run = {"coinquery/monitor/lambda_entry.py", "coinquery/coins/catalogue.toml", "coinquery/dns/world.py"}
    assert run | {"aiohttp/client.py", "httptools/__init__.py", "uvloop/__init__.py"} <= set(names)
    assert not any(name.startswith(("boto", "coinquery/cli", "coinquery/local", "coinquery/rollout")) for name in names)


def test_each_architecture_has_its_own_machine_code(built: package.Package, tmp_path: Path) -> None:
    arm = package.build("python3.13", "arm64", tmp_path)
    assert {name.split(".")[-2] for name in zipfile.ZipFile(arm.path).namelist() if name.endswith(".so")} == {
        "cpython-313-aarch64-linux-gnu"
    }
    assert all("x86_64" in name for name in zipfile.ZipFile(built.path).namelist() if name.endswith(".so"))


def test_the_handler_loads_from_the_package_alone_and_loads_neither_boto3_nor_aiohttp(
    built: package.Package, tmp_path: Path
) -> None:
    zipfile.ZipFile(built.path).extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import coinquery.monitor.lambda_entry as entry;"
        "print(callable(entry.handler), [m for m in ('boto3', 'aiohttp', 'click', 'rich') if m in sys.modules]);"
        "import aiohttp; print(aiohttp.__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True []", str(tmp_path / "aiohttp" / "__init__.py")]


def test_the_program_writes_the_package_and_says_its_size(built: package.Package, tmp_path: Path) -> None:
    output = tmp_path / "monitor.zip"
    command = [sys.executable, "-m", "coinquery.monitor.package", "--runtime", RUNTIME, "--architecture", "x86_64"]
    done = subprocess.run([*command, "--output", str(output)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{output}: {built.size} bytes, sha256 {built.digest}\n"
    assert output.read_bytes() == built.path.read_bytes()


@pytest.mark.local_aws
def test_the_function_sweeps_and_tells_what_it_did(world: World, built: package.Package) -> None:
    production = Production(world.aws, world.state)
    background = Background()
    address = production.address()
    with chain() as eth, service(background, address, eth.network.url):
        stack = production.stack("cq-eth-0001-prod")
        production.instance(stack, address)
        _deploy(production, built)
        with pytest.raises(MonitorFailed, match="no parameter /coinquery/monitor/configuration"):
            invoke.ask(world.aws.functions(production.region))
        configuration.write(
            world.aws.ssm(production.region), Configuration(coins={"eth": coin(*eth.references, tolerance=300)})
        )
        summary = invoke.ask(world.aws.functions(production.region))
    background.close()
    [record] = production.records(stack)
    assert isinstance(summary, Summary)
    assert (summary.instances, summary.healthy, summary.unreached) == (1, 1, 0)
    assert (record.sweep, record.verdict) == (summary.sweep, "healthy")


@pytest.mark.local_aws
def test_a_monitor_that_is_off_is_an_error_that_says_so(world: World) -> None:
    production = Production(world.aws, world.state)
    with pytest.raises(NotBootstrapped, match="the monitor is off"):
        invoke.ask(world.aws.functions(production.region))


def _deploy(production: Production, built: package.Package) -> None:
    production.aws.functions(production.region).create_function(
        FunctionName=FUNCTION,
        Runtime=RUNTIME,  # type: ignore[arg-type]
        Role="arn:aws:iam::000000000000:role/monitor",
        Handler="coinquery.monitor.lambda_entry.handler",
        Code={"ZipFile": built.path.read_bytes()},
        Timeout=55,
        Environment={"Variables": {"CQ_CONFIGURATION_PARAMETER": configuration.PARAMETER}},
    )
