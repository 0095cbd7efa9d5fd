"""This module knows what the open roll is worth: it puts the rule on record with the roll and follows the line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import ValidationError
from sqlalchemy import Engine, and_, or_, select
from sqlalchemy.orm import Session

from station.contract import Defect, DefectChanged, Event
from station.grading.rule import GradingRule
from station.grading.running import RunningGrader
from station.grading.severity import severity_of
from station.grading.shelf import USUAL_RULE, RuleError, Shelf
from station.grading.sizes import Flagged
from station.recipe import Recipe
from station.records import audit
from station.records.rating.kept import counted_defects, keep_grade, rule_of, rule_row, size_of
from station.records.rating.tables import RollGradingTable
from station.records.reading.values import SpoiltRowError
from station.records.rows import RESUMED, RecordsError, RollMeasures, Verdict
from station.records.schema import DefectTable, RecipeTable, RollTable
from station.state.grade import DefectSeverity, RunningGrade

T = TypeVar("T")
Found = tuple[GradingRule | None, str]
"""The rule that was found, or None and why there is none."""
CALL_S = 10.0

log = logging.getLogger("station.records")


class Call(Protocol):
    """This function runs another one in a write transaction and returns its answer; it raises RecordsError."""

    def __call__(self, run: Callable[[Session], T], timeout_s: float = ...) -> T: ...


@dataclass(frozen=True, slots=True)
class RollFigures:
    """The figures of a roll that a rule may ask for and only people know; None where nobody said."""

    cuttable_mm: float | None = None
    weight_kg: float | None = None
    grams_per_m2: float | None = None


class Rating:
    """The rating grades the open roll while it runs; one for each store.

    Args:
        home: the home folder, with the mill's own rules.
        call: writes to the database.
        engine: reads it.
        warn: takes a sentence for people.
        lost: says how many events of a roll are not on record for good.
    """

    def __init__(
        self, home: Path, call: Call, engine: Engine, warn: Callable[[str], None], lost: Callable[[int], int]
    ) -> None:
        self._home = home
        self._call = call
        self._engine = engine
        self._warn = warn
        self._lost = lost
        self._roll_id = 0
        self._resumed = False
        self._grader: RunningGrader | None = None
        self._heirs: dict[int, int] = {}
        self._usual_rule = USUAL_RULE

    @property
    def rule(self) -> GradingRule | None:
        """Give the rule that grades the open roll, or the last one; None where there is none."""
        return None if self._grader is None else self._grader.rule

    def choose(self, rule: str) -> None:
        """Choose the rule for recipes that ask for none but the usual one; '' for the usual one itself.

        Raises:
            RuleError: there is no such rule, or its file has a mistake.
        """
        if rule:
            Shelf(self._home).find(rule)
        self._usual_rule = rule or USUAL_RULE

    def rule_for(self, recipe: Recipe) -> str:
        """Return the name of the rule for a recipe: its own, unless that is just the usual one."""
        return recipe.grading_rule if recipe.grading_rule != USUAL_RULE else self._usual_rule

    def keeper(self, recipe: Recipe) -> Callable[[Session, int], None]:
        """Return what puts the rule for a recipe on record with a roll, by its number, in the transaction that begins
        it: there is never a roll without the rule it is graded by."""
        rule, lacking = self._found(recipe)

        def keep(session: Session, roll_id: int) -> None:
            _, _, told = _begin(session, roll_id, lambda: (rule, lacking))
            if told:
                self._warn(told)

        return keep

    def _found(self, recipe: Recipe) -> Found:
        """Return the rule for a recipe; None, and why, if there is none that can be read."""
        try:
            return Shelf(self._home).find(self.rule_for(recipe)), ""
        except RuleError as error:
            return None, str(error)

    def open(self, roll_id: int, recipe: Recipe, measures: RollMeasures, *, resumed: bool = False) -> None:
        """Follow a roll that was begun, or is gone on with: by the rule on record for it, else the one for the recipe.

        Without a rule that can be read the roll is inspected all the same, people are told, and it is not graded; nor
        is one that was ``resumed`` after a crash.
        """
        try:
            rule, lacking, told = self._call(
                lambda session: _begin(session, roll_id, lambda: self._found(recipe)), CALL_S
            )
        except RecordsError as error:
            rule, lacking = self._found(recipe)
            told = f"The grading rule of this roll could not be looked up on record: {error}"
        if told:
            self._warn(told)
        self._grader = RunningGrader(rule, measures.mm_per_px, measures.mm_per_line, lacking=lacking)
        self._roll_id = roll_id
        self._heirs = {}
        self._resumed = resumed
        self.refresh(anew=True)

    def rated(self, event: Event) -> Event:
        """Return an event with the severity of its defect, as the roll's rule has it."""
        grader = self._grader
        if not isinstance(event, DefectChanged) or grader is None or grader.rule is None:
            return event
        severity = _severity(event.defect, grader)
        if severity == event.defect.severity:
            return event
        return DefectChanged(replace(event.defect, severity=severity))

    def hear(self, event: Event) -> Event:
        """Take what the line tells of the open roll.  Returns it as :meth:`rated`."""
        event = self.rated(event)
        if self._grader is not None:
            self._grader.hear(event)
        return event

    def kept(self, roll_id: int, event: Event) -> None:
        """Take what is on record now that the line told: what people said of a defect goes on to the one it turned out
        to be a part of.  Raises SQLAlchemyError."""
        grader = self._grader
        if not isinstance(event, DefectChanged) or grader is None or roll_id != self._roll_id:
            return
        number, heir = event.defect.number, event.defect.merged_into
        if heir is None or self._heirs.get(number) == heir:
            return
        self._heirs[number] = heir
        seen = {number}
        while heir is not None and heir not in seen:
            seen.add(heir)
            heir = self._heirs.get(heir)
        if not seen.isdisjoint(grader.said):
            with Session(self._engine) as session:
                _take_up(session, roll_id, grader, False)

    def grade(self) -> RunningGrade | None:
        """Return the grade of the open roll so far, or of the last one; None before any roll."""
        grader = self._grader
        if grader is None:
            return None
        if lost := self._lost(self._roll_id):
            return grader.grade(f"{lost} events of the line are lost: defects may be missing")
        return grader.grade(RESUMED if self._resumed else "")

    def refresh(self, *, anew: bool = False) -> None:
        """Take what people changed on record of the open roll: false alarms, kinds, defects that the station missed,
        its sizes, its target length.

        Args:
            anew: take what is on record of its cloth and defects as well.
        """
        grader = self._grader
        if grader is None:
            return
        try:
            self._call(lambda session: _take_up(session, self._roll_id, grader, anew), CALL_S)
        except RecordsError as error:
            log.warning("the running grade may lack what people changed: %s", error)

    def change(self, run: Callable[[Session], T]) -> T:
        """Run a change to what is on record of a roll in a write transaction, then take it into the running grade."""
        answer = self._call(run)
        self.refresh()
        return answer

    def give(self, roll: str, figures: RollFigures, by: str, why: str = "") -> None:
        """Put on record what people know of a roll's size, and grade it anew if it has ended; audited.

        Raises:
            RecordsError: there is no such roll, or a figure is not above 0.
        """
        self.change(lambda session: _give(session, self._home, roll, figures, by, why))


def _severity(defect: Defect, grader: RunningGrader) -> DefectSeverity | None:
    if grader.rule is None or not defect.is_reject or defect.merged_into is not None:
        return None
    return severity_of(Flagged.of(defect), defect.kind, grader.rule, has_scale=grader.has_scale)


def _begin(session: Session, roll_id: int, find: Callable[[], Found]) -> tuple[GradingRule | None, str, str]:
    """Put on record what a roll is graded by, unless that is there: then no rule is looked for.

    Returns:
        rule, what is lacking, and a sentence for people, if any.
    """
    known = session.get(RollGradingTable, roll_id)
    if known is not None:
        return rule_of(session, roll_id), known.lacking, ""
    rule, lacking = find()
    told = f"This roll will not be graded: {lacking}" if lacking else ""
    row = None
    if rule is not None:
        row, is_same = rule_row(session, rule)
        if not is_same:
            told = (
                f"The grading rule {rule.label} was changed since it graded rolls; it grades as it was then. "
                "Give the changed rule a higher version."
            )
            rule = GradingRule.model_validate_json(row.body)
    session.add(RollGradingTable(roll_id=roll_id, rule_id=None if row is None else row.id, lacking=lacking))
    return rule, lacking, told


def _take_up(session: Session, roll_id: int, grader: RunningGrader, anew: bool) -> None:
    roll, known = session.get_one(RollTable, roll_id), session.get(RollGradingTable, roll_id)
    size = size_of(roll, known)
    grader.give(size, None if roll.target_m is None else roll.target_m * 1000)
    if anew:
        grader.take_up(roll.lines_inspected, roll.lines_uninspected, roll.judged_lines, roll.judged_line_px)
    try:
        # What has closed does not change by the line any more, only by people: its kind, or that it was missed.
        counted = list(counted_defects(session, roll_id))
        grader.correct([Flagged.of(one) for one in counted if anew or one.closed])
        grader.kinds({one.number: one.said_kind for one in counted if one.said_kind is not None})
    except SpoiltRowError as error:
        log.warning("the running grade lacks defects on record: %s", error)
    taken_back = and_(DefectTable.missed, DefectTable.merged_into.is_not(None))
    query = select(DefectTable.number).where(
        DefectTable.roll_id == roll_id, or_(DefectTable.verdict == str(Verdict.FALSE_ALARM), taken_back)
    )
    grader.false_alarms(session.scalars(query))


def _give(session: Session, home: Path, name: str, figures: RollFigures, by: str, why: str) -> None:
    roll = session.scalar(select(RollTable).where(RollTable.name == name))
    if roll is None:
        raise RecordsError(f"There is no roll {name!r} on record; `station rolls` lists those that are.")
    known = session.get(RollGradingTable, roll.id)
    if known is None:
        known = RollGradingTable(roll_id=roll.id, lacking="")
        session.add(known)
    if known.rule_id is None and not known.lacking:
        _find_rule(session, home, roll, known)
    old = RollFigures(known.cuttable_mm, known.weight_kg, known.grams_per_m2)
    for value in (figures.cuttable_mm, figures.weight_kg, figures.grams_per_m2):
        if value is not None and not 0 < value < 1e7:
            raise RecordsError(f"{value:g} is no width, weight or g/m² of a roll; give a number above 0.")
    known.cuttable_mm = figures.cuttable_mm
    known.weight_kg = figures.weight_kg
    known.grams_per_m2 = figures.grams_per_m2
    audit.append(session, "roll figures", _words(old), f"{roll.name}: {_words(figures)}", by, why)
    keep_grade(session, roll.id)


def _find_rule(session: Session, home: Path, roll: RollTable, known: RollGradingTable) -> None:
    """Put the rule on record of a roll of a version before rules were: the one its recipe names."""
    body = session.get_one(RecipeTable, roll.recipe_id).body
    try:
        rule = Shelf(home).find(Recipe.model_validate_json(body).grading_rule)
    except (RuleError, ValidationError) as error:
        known.lacking = str(error)
    else:
        known.rule_id = rule_row(session, rule)[0].id


def _words(figures: RollFigures) -> str:
    told = (("cuttable width", figures.cuttable_mm, "mm"), ("weight", figures.weight_kg, "kg"))
    known = [f"{what} {value:g} {unit}" for what, value, unit in told if value is not None]
    return ", ".join([*known, *([] if figures.grams_per_m2 is None else [f"{figures.grams_per_m2:g} g/m²"])])
