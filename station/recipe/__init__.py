"""What one fabric needs to be inspected."""

from station.recipe.recipe import FABRIC_NAME, FabricName, Recipe

__all__ = ["FABRIC_NAME", "FabricName", "Recipe"]
