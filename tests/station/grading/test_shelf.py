"""Rules as data: shipped ones, a mill's own, and mistakes in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.grading.rule import Basis, Cap, GradingRule, Holes, Limit, Running, SeverityStep, Step
from station.grading.shelf import RuleError, Shelf, read_rule
from station.grading.units import INCH_MM, YARD_MM
from station.state.defect_kind import DefectKind
from station.state.grade import DefectSeverity

KNOWN = {rule.name: rule for rule in Shelf().rules}
OWN = 'name = "mill"\nversion = 1\nlike = "four-point"\n'


def toml(value: Any) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def as_toml(rule: GradingRule) -> str:
    body = rule.model_dump(mode="json", exclude_none=True)
    return "".join(f"{name} = {toml(value)}\n" for name, value in body.items())


def test_the_shipped_rules_are_all_there() -> None:
    holes = ("", "-any-hole", "-but-pinholes")
    expected = {f"four-point{fabric}{how}" for fabric in ("", "-cotton") for how in holes}
    expected |= {
        "four-point-yard",
        "four-point-yard-holes-by-size",
        "four-point-yard-but-pinholes",
        "ten-point",
        "knit",
    }
    assert set(KNOWN) == expected


STEPS = [(75.0, 1), (150.0, 2), (230.0, 3), (None, 4)]
SMALL_TEN = (Step(up_to=INCH_MM, points=1), Step(up_to=5 * INCH_MM, points=3))
BY_HAND = {
    "four-point": GradingRule(
        name="four-point",
        version=1,
        along=tuple(Step(up_to=up_to, points=points) for up_to, points in STEPS),
        across=tuple(Step(up_to=up_to, points=points) for up_to, points in STEPS),
        holes=Holes(steps=(Step(up_to=25.0, points=2), Step(points=4))),
        cap=Cap(per_defect=4, per_interval=4),
        interval=1000.0,
        edge=25.0,
        running=Running(longer_than=1000.0, points=4, reject_over=10 * YARD_MM),
        limit=Limit(per_100_yd2=40),
    ),
    "ten-point": GradingRule(
        name="ten-point",
        version=1,
        along=(*SMALL_TEN, Step(up_to=254.0, points=5), Step(points=10)),
        across=(*SMALL_TEN, Step(up_to_width=0.5, points=5), Step(points=10)),
        cap=Cap(per_defect=10, per_interval=10),
        interval=YARD_MM,
        edge=INCH_MM,
        running=Running(longer_than=YARD_MM, points=10, reject_over=10 * YARD_MM),
        limit=Limit(per_interval=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_a_shipped_rule_read_from_toml_equals_the_one_written_by_hand(name: str) -> None:
    same = {"source": KNOWN[name].source, "severity": KNOWN[name].severity}
    assert KNOWN[name] == BY_HAND[name].model_copy(update=same)


lengths = st.floats(0.1, 1e6).map(lambda value: round(value, 3))


@st.composite
def step_lists(draw: st.DrawFn) -> tuple[Step, ...]:
    ends = sorted(draw(st.sets(lengths, max_size=5)))
    points = sorted(draw(st.lists(st.integers(0, 20), min_size=len(ends) + 1, max_size=len(ends) + 1)))
    return (*(Step(up_to=end, points=one) for end, one in zip(ends, points, strict=False)), Step(points=points[-1]))


@st.composite
def any_rule(draw: st.DrawFn) -> GradingRule:
    interval = draw(lengths)
    per_defect = draw(st.integers(0, 20))
    severities = st.builds(
        SeverityStep,
        level=st.sampled_from(DefectSeverity),
        kinds=st.lists(st.sampled_from(DefectKind), max_size=2).map(tuple),
        points_from=st.none() | st.integers(0, 20),
        longest_from=st.none() | lengths,
        within_edge=st.none() | lengths,
    )
    limits = st.none() | st.sampled_from([Limit(per_100_m2=30.5), Limit(per_100_yd2=20), Limit(per_interval=1)])
    return GradingRule(
        name=draw(st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)),
        version=draw(st.integers(1, 99)),
        source=draw(st.sampled_from(["", "a buyer's, of 2026"])),
        along=draw(step_lists()),
        across=draw(step_lists()),
        holes=draw(st.none() | st.builds(Holes, steps=step_lists(), pinhole=st.sampled_from([0.0, 3.0]))),
        cap=Cap(per_defect=per_defect, per_interval=draw(st.integers(0, 20))),
        interval=interval,
        edge=draw(st.sampled_from([0.0, 25.0])),
        running=Running(longer_than=interval + 1, points=per_defect, reject_over=draw(st.none() | lengths)),
        limit=draw(limits),
        basis=draw(st.sampled_from([Basis(), Basis(width="cuttable", length="ticket"), Basis(area="weight")])),
        severity=tuple(draw(st.lists(severities, max_size=4))),
    )  # fmt: skip


@given(any_rule())
def test_a_rule_read_from_toml_equals_the_one_it_was_written_from(rule: GradingRule) -> None:
    assert read_rule(as_toml(rule), "here") == rule
    assert GradingRule.model_validate_json(rule.model_dump_json()) == rule, "so it is on record"


def test_lengths_are_written_with_their_unit() -> None:
    assert read_rule(OWN + 'edge = "1 in"', "here", KNOWN).edge == INCH_MM
    assert read_rule(OWN + 'edge = " 2.5cm "', "here", KNOWN).edge == 25.0
    assert read_rule(OWN + "edge = 25", "here", KNOWN).edge == 25.0


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ("[cap]\nper_defect = 4\nper_intervall = 4\n",
         "line 6: cap.per_intervall: there is no such key; did you mean per_interval?"),
        ("[cap]\nper_defect = 4\n", "line 4: cap.per_interval is missing; add it, such as per_interval = 4."),
        ('along = [\n  { up_to = "75 mm", points = 1 },\n  { up_to = "75 ells", points = 2 },\n  { points = 4 },\n]\n',
         'line 6: along.2.up_to is no length; write a number and its unit (mm, cm, m, in, ft, yd), such as "75 mm" or '
         '"3 in" (it is \'75 ells\').'),
        ('along = [{ up_to = "75 mm", points = 1 }, { up_to = "50 mm", points = 2 }, { points = 4 }]\n',
         "line 4: along must go from small to large; step 2 does not reach beyond the one before."),
        ('along = [{ up_to = "75 mm", points = 3 }, { points = 1 }]\n',
         "line 4: along must not give fewer points to what is larger, as step 2 does."),
        ('along = [{ up_to = "75 mm", points = 3 }]\n', "line 4: along must end with a step without up_to"),
        ("edge = -1\n", "line 4: edge must be greater than or equal to 0 (it is -1)."),
        ("edge = inf\n", "line 4: edge must be"),
        ("edge = true\n", "line 4: edge must be a valid number (it is True); write a number and its unit"),
        ("cap = 4\n", "line 4: cap must be a table of keys (it is 4); write it like cap = { per_defect = 4, per_int"),
        ("limit = {}\n", "line 4: limit must be given in one way: per_100_m2, per_100_yd2 or per_interval."),
        ('[[severity]]\nlevel = "bad"\n',
         "line 5: severity.1.level must be 'minor', 'major' or 'critical' (it is 'bad')."),
        ('[[severity]]\nlevel = "major"\n[[severity]]\nlevel = "minor"\nkinds = ["hole", "moth"]\n',
         "line 8: severity.2.kinds.2 must be"),
        ('[running]\nlonger_than = "1 m"\npoints = 2\n', "line 6: running.points must be 4 or more"),
        ("interval = \n", "line 4: this is no TOML"),
        ("source = 'it's'\n", "line 4: this is no TOML"),
        ("colour = 1\n", "line 4: colour: there is no such key; known keys: name, version,"),
        ('"cap".per_defect = "4"\n', "line 4: cap.per_defect must be a valid integer (it is '4'); write a whole"),
        ("# a remark with [brackets] = and \"quotes\"\nsource = '''\ntwo\nlines'''\nedge = 'x'\n",
         "line 8: edge is no length"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_line_key_and_remedy(mistake: str, told: str) -> None:
    with pytest.raises(RuleError) as error:
        read_rule(OWN + mistake, "mill.toml", KNOWN)
    assert str(error.value).startswith(f"Rule file mill.toml, {told}")
    assert str(error.value).endswith((".", "?"))


def test_an_empty_file_says_what_to_write_first() -> None:
    with pytest.raises(RuleError, match='line 1: name is missing; add it, such as name = "mill-1"'):
        read_rule("", "mill.toml")


@given(st.text(max_size=200))
def test_no_text_is_a_rule_by_accident_and_none_breaks_the_reader(text: str) -> None:
    with pytest.raises(RuleError, match=r"^Rule file x"):
        read_rule(text, "x")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    return folder


def test_a_mill_adds_rules_of_its_own_one_like_another(rules: Path) -> None:
    (rules / "a.toml").write_text('name = "strict"\nversion = 2\nlike = "mill"\nlimit = { per_100_m2 = 10 }\n')
    (rules / "b.toml").write_text(OWN + 'edge = "40 mm"\n')
    shelf = Shelf(rules.parent)
    assert shelf.faults == []
    strict = shelf.find("strict")
    assert (strict.label, strict.edge, strict.limit) == ("strict v2", 40.0, Limit(per_100_m2=10))
    assert shelf.find("strict v2") == strict
    assert strict.along == KNOWN["four-point"].along


def test_the_newest_version_counts_unless_another_is_asked_for(rules: Path) -> None:
    (rules / "cotton.toml").write_text('name = "four-point"\nversion = 2\nlike = "four-point"\nedge = "30 mm"\n')
    shelf = Shelf(rules.parent)
    assert shelf.find("four-point").label == "four-point v2"
    assert shelf.find("four-point v1") == KNOWN["four-point"]


def test_a_changed_rule_needs_a_version_of_its_own(rules: Path) -> None:
    (rules / "own.toml").write_text('name = "four-point"\nversion = 1\nlike = "four-point"\nedge = "30 mm"\n')
    shelf = Shelf(rules.parent)
    with pytest.raises(RuleError, match=r"own\.toml, line 2: there is another rule four-point v1; give this one"):
        shelf.find("four-point")
    assert len(shelf.faults) == 1
    assert shelf.find("ten-point") == KNOWN["ten-point"], "what is wrong with one rule is wrong with no other"


def test_a_rule_whose_file_is_bad_is_told_as_that_and_others_can_be_used(rules: Path) -> None:
    (rules / "mill.toml").write_bytes(b"name = \xff\n")
    (rules / "good.toml").write_text('name = "good"\nversion = 1\nlike = "four-point"\n')
    (rules / "huge.toml").write_text("#" * 300_000)
    (rules / "note.txt").write_text("no rule")
    (rules / "loop.toml").write_text('name = "loop"\nversion = 1\nlike = "loop"\n')
    (rules / "deep.toml").write_text('name = "deep"\nx = ' + "[" * 5000 + "]" * 5000)
    shelf = Shelf(rules.parent)
    assert shelf.find("good").label == "good v1"
    with pytest.raises(RuleError, match=r"mill\.toml, line 1: it is not in UTF-8; save it as UTF-8"):
        shelf.find("mill")
    with pytest.raises(RuleError, match="like: there is no rule 'loop' that can be read"):
        shelf.find("loop")
    assert len(shelf.faults) == 4


def test_windows_editors_may_save_a_rule(rules: Path) -> None:
    (rules / "mill.toml").write_bytes(b"\xef\xbb\xbf" + OWN.replace("\n", "\r\n").encode())
    assert Shelf(rules.parent).find("mill").label == "mill v1"


def test_unknown_rules_name_the_known_ones() -> None:
    with pytest.raises(RuleError, match=r"no grading rule 'five-point'; known rules: four-point, four-point-any-hole"):
        Shelf().find("five-point")
