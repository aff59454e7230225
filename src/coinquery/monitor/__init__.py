"""The health monitor: sweeps a region's production instances, judges them from data, and records what it saw."""
