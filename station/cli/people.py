"""This module parses the options of ``station people``; :mod:`station.commands.people.register` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from station.cli.options import Home, Json, emit, person
from station.state.person import Role

people = typer.Typer(
    help="Who may do what: people with a role and a PIN, who have to sign in once `station people on` was given.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Name of the person.")]
By = Annotated[
    str | None,
    typer.Option(help="Who asks: an admin, once people have to sign in, whose PIN is asked for; default: your login."),
]


@people.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the person is there for.")] = Role.OPERATOR,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Adds a person.  The PIN is asked for, or read as a line of standard input: never an argument."""
    from station.commands.people.register import add_person, as_text
    from station.commands.session import open_records

    with open_records(_home(home)) as records:
        listed = add_person(records, name, role, by, person(by))
    emit(listed, as_json, as_text(listed))


@people.command("list")
def list_all(home: Home = None, as_json: Json = False) -> None:
    """Lists the people and their roles, and says whether they have to sign in."""
    from station.commands.people.register import as_text, list_people

    listed = list_people(_home(home))
    emit(listed, as_json, as_text(listed))


@people.command("remove")
def remove(name: Name, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Removes a person; what they did stays on record."""
    from station.commands.people.register import as_text, remove_person
    from station.commands.session import open_records

    with open_records(_home(home)) as records:
        listed = remove_person(records, name, by, person(by))
    emit(listed, as_json, as_text(listed))


@people.command("on")
def switch_on(by: By = None, home: Home = None, as_json: Json = False) -> None:
    """From now on people have to sign in at the window.  There must be an admin."""
    _switch(home, by, as_json, on=True)


@people.command("off")
def switch_off(by: By = None, home: Home = None, as_json: Json = False) -> None:
    """From now on nobody has to sign in."""
    _switch(home, by, as_json, on=False)


def _switch(home: Path | None, by: str | None, as_json: bool, *, on: bool) -> None:
    from station.commands.people.register import as_text, switch_people
    from station.commands.session import open_records

    with open_records(_home(home)) as records:
        listed = switch_people(records, on=on, by=by, login=person(by))
    emit(listed, as_json, as_text(listed))


def _home(home: Path | None) -> Path:
    from station.settings import home_folder

    return home_folder(home)
