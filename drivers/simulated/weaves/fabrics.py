"""This module holds the fabrics with a large pattern, and those that are not woven, beside the plain weaves' styles."""

from __future__ import annotations

from types import MappingProxyType

from drivers.simulated.weave import STYLES, ClothStyle
from drivers.simulated.weaves.design import Design

PATTERNED: MappingProxyType[str, ClothStyle] = MappingProxyType(
    {
        # 90 mm both ways
        "check": ClothStyle(
            "plain",
            1.8,
            1.8,
            contrast=11,
            irregularity=3,
            stripes=((18, 14.0), (9, -34.0), (5, 14.0), (3, 40.0), (6, 14.0), (9, -34.0)),
            weft_stripes=((20, 10.0), (12, -36.0), (10, 10.0), (3, 34.0), (5, 10.0)),
        ),
        # 320 mm across, 480 mm along
        "print": ClothStyle(
            "plain",
            2.0,
            2.0,
            mean_level=135,
            contrast=13,
            irregularity=3,
            design=Design(160, 240, 16, (8.0, 46.0), (-0.24, -0.13, 0.1)),
        ),
        # 350 mm across, 700 mm along
        "jacquard": ClothStyle(
            "satin 5",
            1.75,
            1.75,
            0.95,
            0.95,
            1.2,
            0.9,
            contrast=17,
            irregularity=3,
            streakiness=1.0,
            design=Design(200, 400, 20, (10.0, 62.0)),
        ),
    }
)
"""These fabrics have a pattern that repeats over hundreds of pixels: yarn-dyed, printed, and woven as a figure."""

OUTSIDE: MappingProxyType[str, ClothStyle] = MappingProxyType(
    {
        "jersey": ClothStyle(
            "jersey", 2.4, 2.0, 1.0, contrast=17, irregularity=4, streakiness=1.5, wander=0.1, hairs_per_cm2=1.0
        ),
        "fleece": ClothStyle("fleece", contrast=11, hairs_per_cm2=3.0, skew=0.0, streakiness=0.0),
    }
)
"""These fabrics are not woven, a knit and a nonwoven: the station is not made for them."""

EVERY: MappingProxyType[str, ClothStyle] = MappingProxyType({**STYLES, **PATTERNED, **OUTSIDE})
"""These are all fabrics by name."""
