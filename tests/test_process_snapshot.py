"""Chain data from a snapshot: what the command names goes into the stack, and is checked before."""

from __future__ import annotations

import json

from tests.teams import REGION, Team


def test_the_snapshot_that_the_command_names_is_the_stacks(team: Team) -> None:
    ec2 = team.world.aws.ec2(REGION)
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    coin = team.coin("snap")
    result = team.deploy(coin, "v1.0.0", "--snapshot", snapshot)
    stack = team.stack(result["stack"])
    assert stack is not None
    assert stack.parameters["SnapshotId"] == snapshot
    status = json.loads(team.must("status", result["stack"], "--json"))["stacks"][0]
    assert status["role"] == "live"
