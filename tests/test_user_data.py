"""An instance's first boot: the launch template's script, run by bash with the machine's programs replaced.

What it must never do is format chain data, hide a failure, or let the agent start without the volume.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from tests import templates

DISK = "/dev/nvme1n1"
SNAPSHOT = "snap-0123456789abcdef0"
RUNNING = '{"Tasks":[{"KnownStatus":"RUNNING"}]}'

#: How each replaced program answers on a good day: a blank disk beside the root disk, no snapshot.
GOOD = {
    "lsblk": 'case $1 in -no) echo nvme0n1 ;; *) printf "%s Amazon Elastic Block Store\\n" nvme0n1 nvme1n1 ;; esac',
    "findmnt": "case $2 in SOURCE) echo /dev/nvme0n1p1 ;; UUID) echo 1234-abcd ;; *) echo xfs ;; esac",
    "blkid": "exit 2",
    "stat": "echo 0",
    "install": 'cat >"${!#}"',
    "curl": f"case $* in *51678*) echo '{RUNNING}' ;; esac",
    **dict.fromkeys(
        ("mkfs.xfs", "mount", "xfs_growfs", "resize2fs", "chown", "dnf", "systemctl", "systemd-run"), "exit 0"
    ),
    **dict.fromkeys(("mountpoint", "sleep", "cfn-signal", "iptables"), "exit 0"),
}


@dataclass(frozen=True)
class Machine:
    """A folder that stands for an instance's disks and programs."""

    root: Path

    def boot(self, snapshot: str = "", answers: Mapping[str, str] = MappingProxyType({})) -> int:
        """Run the user data as at first boot; give its exit code."""
        return self._run(_user_data(snapshot), answers)

    def run(self, program: str, answers: Mapping[str, str] = MappingProxyType({})) -> int:
        """Run a program that the user data left behind."""
        return self._run((self.root / "usr/local/sbin" / program).read_text("utf-8"), answers)

    @property
    def calls(self) -> list[str]:
        """The replaced programs that were run, with their arguments."""
        log = self.root / "calls"
        return log.read_text("utf-8").replace(str(self.root), "").splitlines() if log.exists() else []

    def called(self, program: str) -> list[str]:
        """The calls of one program."""
        return [call for call in self.calls if call.split()[0] == program]

    @property
    def signals(self) -> list[int]:
        """The exit codes that CloudFormation was told."""
        return [int(re.findall(r"--exit-code (\d+)", call)[0]) for call in self.called("cfn-signal")]

    @property
    def agent_configuration(self) -> str:
        """What the ECS agent is told; empty before it is told anything."""
        path = self.root / "etc/ecs/ecs.config"
        return path.read_text("utf-8") if path.exists() else ""

    def _run(self, script: str, answers: Mapping[str, str]) -> int:
        for folder in ("usr/local/sbin", "opt/aws/bin", "etc/ecs", "data", "bin"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name, answer in {**GOOD, **answers}.items():
            self._program(name, answer)
        script = re.sub(rf"(?<!{self.root})/(usr/local/sbin|opt/aws/bin|etc|data)\b", rf"{self.root}/\1", script)
        environment = {"PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        return subprocess.run(["bash", "-c", script], env=environment, capture_output=True, timeout=60).returncode

    def _program(self, name: str, answer: str) -> None:
        folder = "opt/aws/bin" if name == "cfn-signal" else "bin"
        path = self.root / folder / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>{self.root}/calls\n{answer}\n', "utf-8")
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _user_data(snapshot: str) -> str:
    made = templates.resources(templates.COIN_STACK, SnapshotId=snapshot)
    script: str = made["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]
    return script


@pytest.mark.parametrize(
    ("snapshot", "blkid", "mount"), list(itertools.product(["", SNAPSHOT], [0, 1, 2, 4, 8], [0, 32]))
)
def test_only_a_blank_disk_without_a_snapshot_is_formatted(
    machine: Machine, snapshot: str, blkid: int, mount: int
) -> None:
    code = machine.boot(snapshot, {"blkid": f"exit {blkid}", "mount": f"exit {mount}"})
    assert machine.called("mkfs.xfs") == ([f"mkfs.xfs {DISK}"] if not snapshot and blkid == 2 else [])
    assert code == mount
    assert machine.signals == ([mount] if mount else [])
    assert bool(machine.agent_configuration) == (mount == 0)


def test_a_good_boot_leaves_the_signal_to_the_unit_that_sees_the_task(machine: Machine) -> None:
    assert machine.boot() == 0
    assert machine.called("mount") == [f"mount -o noatime {DISK} /data"]
    assert machine.called("chown") == ["chown -R 10001:10001 /data"]
    assert "ECS_CLUSTER=cq-eth-0001-prod" in machine.agent_configuration.splitlines()
    assert machine.calls[-1] == "systemd-run --unit=coinquery-ready /usr/local/sbin/coinquery-ready"
    assert machine.signals == []
    assert (machine.root / "etc/fstab").read_text("utf-8").split() == [
        "UUID=1234-abcd", f"{machine.root}/data", "xfs", "noatime,nofail", "0", "2"
    ]  # fmt: skip


def test_the_agent_never_starts_without_the_volume(machine: Machine) -> None:
    machine.boot(answers={"mount": "exit 32"})
    unit = (machine.root / "etc/systemd/system/ecs.service.d/coinquery.conf").read_text("utf-8")
    assert f"AssertPathIsMountPoint={machine.root}/data" in unit.splitlines()
    assert not machine.called("systemd-run")


@pytest.mark.parametrize(("kind", "grows"), [("xfs", "xfs_growfs /data"), ("ext4", f"resize2fs {DISK}")])
def test_a_restored_volume_fills_its_disk(machine: Machine, kind: str, grows: str) -> None:
    findmnt = f"case $2 in SOURCE) echo /dev/nvme0n1p1 ;; UUID) echo 1 ;; *) echo {kind} ;; esac"
    assert machine.boot(SNAPSHOT, {"findmnt": findmnt}) == 0
    assert [call for call in machine.calls if call.startswith(("xfs_growfs", "resize2fs"))] == [grows]


def test_chain_data_that_the_containers_own_is_not_walked_through(machine: Machine) -> None:
    assert machine.boot(SNAPSHOT, {"stat": "echo 10001"}) == 0
    assert not machine.called("chown")


@pytest.mark.parametrize("disks", [["nvme0n1"], ["nvme0n1", "nvme1n1", "nvme2n1"]], ids=["none", "two"])
def test_no_disk_and_two_disks_are_failures_within_bounds(machine: Machine, disks: list[str]) -> None:
    listed = f'case $1 in -no) echo nvme0n1 ;; *) printf "%s Amazon Elastic Block Store\\n" {" ".join(disks)} ;; esac'
    assert machine.boot(answers={"lsblk": listed}) == 1
    assert machine.signals == [1]
    assert not machine.called("mkfs.xfs")
    assert not machine.called("mount")
    assert len(machine.called("sleep")) == 60


def test_instance_storage_is_not_taken_for_the_volume(machine: Machine) -> None:
    listed = (
        "case $1 in -no) echo nvme0n1 ;; *) echo 'nvme2n1 Amazon EC2 NVMe Instance Storage';"
        ' printf "%s Amazon Elastic Block Store\\n" nvme0n1 nvme1n1 ;; esac'
    )
    assert machine.boot(answers={"lsblk": listed}) == 0
    assert machine.called("mount") == [f"mount -o noatime {DISK} /data"]


@pytest.mark.parametrize(
    ("program", "code"),
    [("mkfs.xfs", 1), ("xfs_growfs", 3), ("chown", 4), ("dnf", 5), ("systemctl", 6), ("install", 7)],
)
def test_every_failure_is_signalled_with_its_exit_code(machine: Machine, program: str, code: int) -> None:
    assert machine.boot(answers={program: f"exit {code}"}) == code
    assert machine.signals == [code]
    assert not machine.agent_configuration


def test_i14_each_boot_makes_a_secret_of_its_own_and_tells_nobody(machine: Machine) -> None:
    secret = machine.root / "data/jwt.hex"
    (machine.root / "data").mkdir()
    secret.write_text("from a snapshot", "utf-8")
    seen = []
    for _ in range(2):
        assert machine.boot(SNAPSHOT) == 0
        seen.append(secret.read_text("utf-8"))
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in seen)
    assert seen[0] != seen[1]
    assert not any(each in call for each in seen for call in machine.calls)
    assert machine.called("install")[0] == "install -m 0440 -o 10001 -g 10001 /dev/stdin /data/jwt.hex"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({}, 0),
        ({"mountpoint": "exit 1"}, 1),
        ({"curl": "case $* in *51678*) echo '{\"Tasks\":[]}' ;; esac"}, 1),
        ({"curl": "case $* in *51678*) exit 7 ;; esac"}, 1),
        ({"curl": f"case $* in *51678*) echo '{RUNNING}' ;; *) exit 22 ;; esac"}, 1),
    ],
    ids=["up", "no volume", "no task", "no agent", "service is dead"],
)
def test_the_signal_says_what_was_seen(machine: Machine, answers: dict[str, str], code: int) -> None:
    assert machine.boot() == 0
    machine.run("coinquery-ready", answers)
    assert machine.signals == [code]
    assert len(machine.called("sleep")) == (180 if code else 0)
    assert "cq-eth-0001-prod --resource AutoScalingGroup" in machine.called("cfn-signal")[0]
    assert not any("/health" in call for call in machine.calls), "being in step is not asked"


@pytest.mark.parametrize("there", [True, False])
def test_containers_are_kept_from_the_instances_credentials(machine: Machine, there: bool) -> None:
    machine.boot()
    check = f"case $2 in -C) exit {0 if there else 1} ;; esac"
    assert machine.run("coinquery-guard", {"iptables": check}) == 0
    rule = "OUTPUT -d 169.254.169.254 -m owner --uid-owner 10001 -j REJECT"
    expected = [f"iptables -w -C {rule}"] if there else [f"iptables -w -C {rule}", f"iptables -w -I {rule}"]
    assert machine.called("iptables") == expected
