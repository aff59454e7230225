"""``python -m coinquery.cli``: the same as ``cq``."""

from coinquery.cli import main

main()
