"""``cq check``: what an account needs for production, what of it is missing, and how to mend it."""
