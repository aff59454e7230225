"""Releases: annotated git tags on the remote's production branch, and the images built from their commits."""
