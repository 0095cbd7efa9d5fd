"""This module holds what all commands share: common options, and how a result is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

Home = Annotated[
    Path | None,
    typer.Option(help="Folder with database, models and images. Default: STATION_HOME, else the user's data folder."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on the last line of stdout.")]


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
