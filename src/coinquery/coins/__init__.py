"""The coins that CoinQuery knows: a catalogue of data and its model."""

from coinquery.coins.catalogue import Catalogue
from coinquery.coins.model import Coin, Container, Reference

__all__ = ["Catalogue", "Coin", "Container", "Reference"]
