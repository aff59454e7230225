"""``cq demo``: the whole process on this machine, from nothing to two production stacks and the way back."""
