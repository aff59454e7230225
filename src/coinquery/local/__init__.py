"""The AWS of one machine: for trying out, for tests and for demonstrations, on loopback only."""
