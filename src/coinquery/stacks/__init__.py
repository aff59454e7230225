"""Stacks: the ledger of their numbers, their templates, how they are made and protected."""
