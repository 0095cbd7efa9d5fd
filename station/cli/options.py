"""This module holds what all commands share: common options, and how a result is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from station.recipe.web import WebRule


def web_rule(text: str) -> WebRule:
    """Make a rule of what was typed.  Raises BadParameter with the sentence that says what is wrong."""
    try:
        return WebRule.of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Home = Annotated[
    Path | None,
    typer.Option(help="Folder with database, models and images. Default: STATION_HOME, else the user's data folder."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on the last line of stdout.")]
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
