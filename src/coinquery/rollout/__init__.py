"""A rollout: one run of the process for one stack, as a list of steps that observe before they act."""
