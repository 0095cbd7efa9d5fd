"""This room holds what one fabric needs to be inspected."""

from station.recipe.names import FabricName
from station.recipe.recipe import NO_DECISION, Recipe

__all__ = ["NO_DECISION", "FabricName", "Recipe"]
