"""This module holds what all commands share: common options, and how a result is printed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from station.recipe.names import RecipeNamed
from station.recipe.web import WebRule


def web_rule(text: str) -> WebRule:
    """Make a rule of what was typed.  Raises BadParameter with the sentence that says what is wrong."""
    try:
        return WebRule.of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@dataclass(frozen=True, slots=True)
class MetresSpan:
    """A span of metres, as 0-30."""

    first: float
    end: float

    @property
    def both(self) -> tuple[float, float]:
        """Give both ends."""
        return self.first, self.end


def metres_span(text: str) -> MetresSpan:
    """Make a span of what was typed, as 0-30.  Raises BadParameter with the sentence that says what is wrong."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)-(\d{1,6}(?:\.\d+)?)", text.strip(), re.ASCII)
    if found is None or float(found[1]) >= float(found[2]):
        raise typer.BadParameter(f"{text!r} names no metres: give them as 0-30, from the recording's beginning")
    return MetresSpan(float(found[1]), float(found[2]))


def recipe_named(text: str) -> RecipeNamed:
    """Make the name of a recipe version of what was typed, as twill:3.  Raises BadParameter if it is none."""
    fabric, _, version = text.rpartition(":")
    if not fabric or not re.fullmatch(r"\d{1,9}", version, re.ASCII):
        raise typer.BadParameter(f"{text!r} names no recipe version: give it as FABRIC:VERSION, such as twill:3")
    return RecipeNamed(fabric, int(version))


Home = Annotated[
    Path | None,
    typer.Option(help="Folder with database, models and images. Default: STATION_HOME, else the user's data folder."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on the last line of stdout.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]
Minutes = Annotated[float, typer.Option(min=0.5, max=600, help="Bounds the teach-in, all in.")]
EncoderName = Annotated[str, typer.Option(help="light or vgg16.")]
Weights = Annotated[Path | None, typer.Option(help="Trunk weights: a torchvision-named VGG16 state dict.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, openvino or torch.")]
AllGood = Annotated[
    bool, typer.Option("--all-good", help="All in the folder is good cloth, whatever names and pictures look like.")
]
Colour = Annotated[
    Literal["auto", "grey"],
    typer.Option(help="Teach in colour where the pictures show any, or in grey whatever they show."),
]
Web = Annotated[
    WebRule | None,
    typer.Option(
        parser=web_rule,
        metavar="auto|full|LEFT:RIGHT",
        help="Columns that are cloth: found in each picture, all, or given (0 is the first, RIGHT is not cloth).",
    ),
]


def emit(result: dict[str, Any], as_json: bool, text: str | None = None) -> None:
    """Print a command's result for people, or as JSON on the last line."""
    if as_json:
        print(json.dumps(result, default=str), flush=True)
    elif text is not None:
        print(text, flush=True)
    else:
        width = max(map(len, result))
        for key, value in result.items():
            if not isinstance(value, list):
                shown = f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)
                print(f"{key.replace('_', ' '):{width}}  {shown}", flush=True)


def person(by: str | None) -> str:
    """Return the name of who asks: the one given, else the login.

    Raises:
        StationError: a sign in it is refused; the sentence says which.
    """
    from station.contract import StationError
    from station.current_user import login
    from station.recipe.names import NameFault, person_name

    try:
        return person_name(by) if by is not None else login()
    except NameFault as fault:
        raise StationError(f"{fault} (--by)") from None
