"""A little rendered fabric in MVTec layout, for studies to run on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from drivers.simulated.cloth import Cloth

SIDE = 512


def little_fabric(folder: Path, good: int) -> Path:
    """Put a fabric called little into a folder: so many good pictures to teach on; two good ones and two with a stain
    to test on."""
    cloth = Cloth("demo", width_px=SIDE, mm_per_px=0.5, seed=3, web_px=(0, SIDE)).render(0, (good + 4) * SIDE)
    pictures = iter(cloth.reshape(good + 4, SIDE, SIDE))
    truth = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (200, 300), 20, 255, -1)
    for kind, count in (("train/good", good), ("test/good", 2), ("test/stain", 2)):
        (folder / "little" / kind).mkdir(parents=True)
        for number in range(count):
            picture = next(pictures).copy()
            if kind == "test/stain":
                picture[truth > 0] //= 3
                (folder / "little/ground_truth/stain").mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f"little/ground_truth/stain/{number}_mask.png"), truth)
            cv2.imwrite(str(folder / "little" / kind / f"{number}.png"), picture)
    return folder
