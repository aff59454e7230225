"""The names: read records, move them from one stack to another in one batch, and see that the world follows."""
