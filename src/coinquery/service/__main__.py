"""``python -m coinquery.service``: run the service until SIGTERM, then finish what is under way."""

from __future__ import annotations

import logging
import sys
from os import strerror

import uvloop
from aiohttp import web

from coinquery.service.app import application
from coinquery.service.settings import parse

#: Load balancers keep idle connections for 60 s; we must keep them longer, or they send into a closed one.
KEEP_ALIVE = 75.0
#: ECS kills a container 30 s after it asked it to stop.
DRAIN = 20.0


def main() -> None:
    """Read the command line and serve."""
    settings = parse(sys.argv[1:])
    host, port = settings.listen
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        web.run_app(
            application(settings),
            host=host,
            port=port,
            loop=uvloop.new_event_loop(),
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=DRAIN,
            handler_cancellation=True,
            access_log=None,
            print=None,
        )
    except OSError as error:
        raise SystemExit(f"can't listen on {host}:{port}: {strerror(error.errno or 0)}") from error


if __name__ == "__main__":
    main()
