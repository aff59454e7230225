"""Telling the team: a release was made, a production stack is live."""

from coinquery.notify.announcer import Announcer
from coinquery.notify.messages import Message, ProductionLive, new_release, production_live
from coinquery.notify.slack import Delivery

__all__ = ["Announcer", "Delivery", "Message", "ProductionLive", "new_release", "production_live"]
