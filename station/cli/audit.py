"""This module parses the options of ``station audit``; :mod:`station.commands` does the work."""

from __future__ import annotations

import typer

from station.cli.options import Home, Json, emit
from station.contract import StationError

audit = typer.Typer(
    help="The audit: who did what, when and why, as a chain in which every row vouches for those before it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@audit.command("verify")
def verify(home: Home = None, as_json: Json = False) -> None:
    """Checks the audit chain without a change to the records.  Exit 1 and the row's number if one was changed."""
    from station.commands.audit import as_text, verify_audit
    from station.settings import home_folder

    place = home_folder(home)
    check = verify_audit(place)
    text = as_text(check, place)
    if check.ok or as_json:
        emit(check._asdict(), as_json, text)
    if not check.ok:
        raise StationError(text)
