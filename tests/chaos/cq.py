"""The real ``cq``, in a process of its own, with the clock of ``tests.chaos.clock`` handed in."""

from __future__ import annotations

import sys

from coinquery.cli import run
from tests.chaos.clock import from_environment, quicken_boto3

if __name__ == "__main__":
    quicken_boto3(10.0)
    sys.exit(run(sys.argv[1:], from_environment()))
