"""Retiring a stack: a ladder of checks, each of which can refuse, then protection off and the stack deleted (I6)."""
