"""Chaos: real ``cq`` processes that are killed, lied to and raced against each other, on the local AWS."""
