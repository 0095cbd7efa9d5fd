"""This room holds what one fabric needs to be inspected."""

from station.recipe.recipe import FABRIC_NAME, NO_DECISION, FabricName, Recipe

__all__ = ["FABRIC_NAME", "NO_DECISION", "FabricName", "Recipe"]
