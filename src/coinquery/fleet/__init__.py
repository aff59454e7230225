"""The fleet: what stands in all regions, and which stack something belongs to."""
