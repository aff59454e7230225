"""The service: the API beside the node, on every instance."""
