"""This module keeps grey and colour apart: cloth is judged in grey or in colour, as it was taught."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivers.camera import Camera
from drivers.grey import GreyCamera
from drivers.images import read_image
from station.contract import StationError
from station.recipe import Recipe

MOST_PICTURES = 50
"""So many pictures of a folder, spread over it, are looked at for colour."""
ROUNDING_LEVELS = 3
"""A JPEG of a grey picture has red, green and blue that differ by so much."""
LEAST_SHARE = 0.001
"""Colour in a smaller share of a picture is none: a reflex or a mark of the scanner."""


def seen_as_taught(camera: Camera, recipe: Recipe) -> tuple[Camera, str]:
    """Return the camera as the recipe's model is to see it, and what to say of that; '' if nothing.

    Raises:
        StationError: the cloth was taught in colour and the camera sees none.
    """
    taught = recipe.cloth
    if taught is None or camera.channels == taught.channels:
        return camera, ""
    if camera.channels == 1:
        raise StationError(
            f"Recipe {recipe.fabric}, version {recipe.version}, was taught in colour, but camera {camera.camera_id} is "
            "grey: inspect with a colour camera, or teach the cloth again in grey."
        )
    return GreyCamera(camera), (
        f"Recipe {recipe.fabric}, version {recipe.version}, was taught in grey: only the lightness of camera "
        f"{camera.camera_id}'s colour pictures is judged; to have colour judged, teach again with such pictures."
    )


def shows_colour(files: Sequence[Path]) -> bool:
    """Say whether any of some of these pictures shows colour; a grey scan stored as RGB does not.

    Raises CameraError for a picture that cannot be read.
    """
    places = np.unique(np.linspace(0, len(files) - 1, min(len(files), MOST_PICTURES)).round().astype(int))
    for place in places:
        picture = read_image(files[place], 3)
        apart = picture.max(2) - picture.min(2)
        if np.count_nonzero(apart > ROUNDING_LEVELS) > LEAST_SHARE * apart.size:
            return True
    return False
