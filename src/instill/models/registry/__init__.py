"""Candidates and champions: trained weights with their cards, which of them are in use, and the way back.

`Registry` (see `store`) keeps the candidates, `Champions` (see `champions`) says which one is in use for which base.
Imports no torch.
"""

from __future__ import annotations

from instill.models.registry.card import Card
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry

__all__ = ["Card", "Champions", "Registry"]
