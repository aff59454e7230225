"""The parameters of ``coin-stack.yaml`` for one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coinquery.coins import Coin, Container
    from coinquery.config import Config, Level
    from coinquery.stacks.foundation import Foundation, Roles

SERVICE_PORT = 8080
SERVICE_MEMORY = 256
NONE = "0"


def network(config: Config, level: Level, coin: Coin, foundation: Foundation, region: str) -> dict[str, str]:
    """Where the stack stands and by which names and ports it is reached."""
    private_name = "" if level.private_name is None else level.private_name.format(coin=coin.ticker)
    return {
        "VpcId": foundation.vpc,
        "NodeSubnets": foundation.node_subnets,
        "LoadBalancerSubnets": foundation.load_balancer_subnets,
        "PrivateSubnets": foundation.private_subnets,
        "NodesPublic": foundation.nodes_public,
        "MonitorSecurityGroup": foundation.monitor_security_group,
        "PublicName": level.name.format(coin=coin.ticker),
        "PrivateName": private_name,
        "CertificateArn": level.certificates[region],
        "HttpsPort": str(config.listener.https_port),
        "HttpPort": str(config.listener.http_port),
    }


def rights(roles: Roles) -> dict[str, str]:
    """What bounds the roles that the stack makes; ``""`` where the account has no roles yet."""
    return {"PermissionsBoundary": roles.boundary}


def machines(coin: Coin, instances: int, image_id: str, snapshot: str) -> dict[str, str]:
    """The instances and their volumes."""
    return {
        "InstanceType": coin.instance_type,
        "InstanceCount": str(instances),
        "ImageId": image_id,
        "VolumeSize": str(coin.volume_size),
        "VolumeIops": str(coin.volume_iops),
        "VolumeThroughput": str(coin.volume_throughput),
        "SnapshotId": snapshot,
    }


def containers(coin: Coin, service_image: str, release: str) -> dict[str, str]:
    """What runs on each instance: the coin's containers and the service."""
    node, companion = coin.containers[0], coin.containers[1] if len(coin.containers) > 1 else None
    return {
        "NodeImage": node.image,
        "NodeEntryPoint": node.entrypoint,
        "NodeCommand": node.command,
        "NodeMemory": str(node.memory),
        "PeerPort": _peer_port(node),
        "CompanionImage": companion.image if companion else "",
        "CompanionEntryPoint": companion.entrypoint if companion else "",
        "CompanionCommand": companion.command if companion else "",
        "CompanionMemory": str(companion.memory) if companion else "128",
        "CompanionPeerPort": _peer_port(companion),
        "ServiceImage": service_image,
        "ServiceCommand": service_command(coin, release),
        "ServiceMemory": str(SERVICE_MEMORY),
    }


def service_command(coin: Coin, release: str) -> str:
    """The arguments of the service beside the coin's node."""
    words = [
        f"--coin {coin.ticker} --dialect {coin.dialect} --node http://127.0.0.1:{coin.rpc_port}",
        f"--chain {coin.chain} --tolerance {coin.tolerance.seconds} --release {release}",
        f"--listen 0.0.0.0:{SERVICE_PORT} --data /data",
    ]
    if coin.cookie:
        words.append(f"--cookie {coin.cookie}")
    return " ".join(words)


def _peer_port(container: Container | None) -> str:
    return str(container.peer_port) if container and container.peer_port else NONE
