"""The steps of the process document, one a file, in its order."""
