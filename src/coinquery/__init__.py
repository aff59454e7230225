"""CoinQuery: numbered, immutable, protected production stacks for blockchain nodes on AWS."""

__version__ = "0.1.0"
