"""When the machine shall stop: never without cause, never against a veto, always after the countdown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.contract import Defect, StationError, StopState, StopStep
from station.machine.settings import StopSettings
from station.machine.stop_policy import StopPolicy
from tests.rigs.machine import THRESHOLD, defect


def policy(**rules: object) -> StopPolicy:
    made = StopPolicy()
    made.begin_roll(StopSettings.model_validate(rules), THRESHOLD)
    return made


def steps(made: StopPolicy) -> list[StopStep]:
    return [step.step for step in made.take_steps()]


def test_a_critical_defect_counts_down_and_stops() -> None:
    made = policy(critical_score=0.9, countdown_m=3.0)
    made.defect(defect(1, score=THRESHOLD * 1.7), 10.0)
    assert made.state is StopState.NONE
    made.defect(defect(2, score=THRESHOLD * 1.8), 10.0)
    assert (made.state, made.cause) == (StopState.ANNOUNCED, "critical defect 2 at 1.0 m, score 0.90")
    assert made.metres_left(11.0) == pytest.approx(2.0)
    made.advance(12.99)
    assert made.state is StopState.ANNOUNCED
    made.advance(13.0)
    assert made.state is StopState.REQUESTED
    assert made.metres_left(13.0) is None
    assert steps(made) == [StopStep.ANNOUNCED, StopStep.REQUESTED]


def test_without_a_countdown_the_stop_is_requested_at_once() -> None:
    made = policy(critical_mm=50, countdown_m=0)
    made.defect(defect(1, width_mm=50.0), 10.0)
    assert steps(made) == [StopStep.ANNOUNCED, StopStep.REQUESTED]


def test_a_running_defect_is_one_that_is_longer_not_as_long() -> None:
    made = policy(running_m=1.0)
    made.defect(defect(1, length_mm=1000.0, closed=False), 10.0)
    assert made.state is StopState.NONE
    made.defect(defect(1, length_mm=1001.0, closed=False), 10.0)
    assert made.cause == "running defect 1 at 1.0 m"


def test_rejects_repeat_only_at_one_place_across_and_close_to_each_other() -> None:
    rules = {"repeats": 3, "repeats_across_mm": 10, "repeats_within_m": 2}
    apart, aside, series = policy(**rules), policy(**rules), policy(**rules)
    for number, place in enumerate((1.0, 2.1, 3.2), 1):
        apart.defect(defect(number, place), place)
    for number, across in enumerate((100.0, 120.0, 140.0), 1):
        aside.defect(defect(number, number * 0.1, across), 5.0)
    for number, across in enumerate((100.0, 92.0, 96.0), 1):
        series.defect(defect(number, number * 0.9, across), 5.0)
    assert (apart.state, aside.state) == (StopState.NONE, StopState.NONE)
    assert series.cause == "3 rejects at 96 mm across, the last at 2.7 m"


def test_what_passes_is_no_cause() -> None:
    made = policy(repeats=2, running_m=0.001, critical_score=0.51, critical_mm=1)
    for number in range(1, 5):
        made.defect(defect(number, is_reject=False, score=9.0, length_mm=5000.0), 5.0)
    assert made.state is StopState.NONE


def test_a_veto_holds_while_the_defect_grows_and_the_series_goes_on() -> None:
    made = policy(repeats=2, repeats_within_m=2, running_m=1, countdown_m=1)
    made.defect(defect(1, length_mm=1500.0), 0.0)
    made.veto("Anna", made.cause_number)
    made.defect(defect(1, length_mm=2500.0), 5.0)
    assert made.state is StopState.NONE
    for number in range(2, 12):
        made.defect(defect(number, number * 1.5, across_mm=300.0), number * 1.5)
        if number == 3:
            made.veto("Anna", made.cause_number)
    made.defect(defect(100, 17.0, across_mm=309.0), 18.0)
    made.defect(defect(101, 17.5, across_mm=315.0), 18.0)
    made.advance(100.0)
    assert made.state is StopState.NONE, "what belongs to a vetoed series makes no other"
    assert [step.by for step in made.take_steps()] == ["station", "Anna", "station", "Anna"]
    made.defect(defect(102, 40.0, across_mm=300.0), 100.0)
    made.defect(defect(103, 40.5, across_mm=300.0), 100.0)
    assert made.state is StopState.ANNOUNCED, "after a gap it is another series"


def test_a_vetoed_series_stays_vetoed_through_the_stop_for_another_cause() -> None:
    made = policy(repeats=2, repeats_within_m=2, critical_mm=50, countdown_m=1)
    made.defect(defect(1, 1.0), 1.0)
    made.defect(defect(2, 1.5), 1.0)
    made.veto("Anna", made.cause_number)
    made.defect(defect(3, 2.0, across_mm=700.0, length_mm=60.0), 2.0)
    made.advance(3.0)
    made.defect(defect(4, 3.2), 3.5)
    made.release("Anna")
    made.defect(defect(5, 5.0), 5.0)
    made.defect(defect(6, 5.1), 5.0)
    made.advance(99.0)
    assert made.state is StopState.NONE


def test_a_veto_is_for_the_cause_that_is_shown_and_the_next_one_follows() -> None:
    made = policy(critical_mm=50, countdown_m=2)
    made.defect(defect(1, length_mm=60.0), 1.0)
    made.defect(defect(2, length_mm=70.0), 2.0)
    made.veto("Anna", made.cause_number)
    assert made.cause.startswith("critical defect 2")
    assert made.metres_left(2.5) == pytest.approx(1.5)
    made.advance(4.0)
    assert made.state is StopState.REQUESTED


def test_a_second_press_for_the_same_cause_spares_the_next_one() -> None:
    made = policy(critical_mm=50, countdown_m=2)
    made.defect(defect(1, length_mm=60.0), 1.0)
    made.defect(defect(2, length_mm=70.0), 2.0)
    shown = made.cause_number
    made.veto("Anna", shown)
    with pytest.raises(StationError, match="for another cause is announced"):
        made.veto("Anna", shown)
    assert (made.state, made.cause[:17]) == (StopState.ANNOUNCED, "critical defect 2")
    assert steps(made) == [StopStep.ANNOUNCED, StopStep.ANNOUNCED, StopStep.VETOED]


def test_what_is_on_the_screen_can_be_vetoed_though_it_turns_out_to_be_part_of_another() -> None:
    made = policy(critical_mm=50, countdown_m=5)
    made.defect(defect(2, length_mm=60.0), 1.0)
    made.defect(defect(1, length_mm=60.0), 2.0)
    shown = made.cause_number
    made.defect(defect(2, merged_into=1, is_reject=False), 3.0)
    made.veto("Anna", shown)
    assert made.state is StopState.NONE


def test_a_release_answers_all_that_was_known() -> None:
    made = policy(critical_mm=50, repeats=2, countdown_m=0)
    made.defect(defect(1, length_mm=60.0), 1.0)
    made.defect(defect(2, 1.1, length_mm=60.0), 1.0)
    made.release("Anna")
    made.defect(defect(1, length_mm=90.0), 2.0)
    made.defect(defect(2, 1.1, length_mm=90.0), 2.0)
    made.defect(defect(3, 1.2), 2.0)
    assert made.state is StopState.NONE
    assert steps(made) == [StopStep.ANNOUNCED, StopStep.REQUESTED, StopStep.RELEASED]
    made.defect(defect(4, 1.3), 2.0)
    assert made.state is StopState.REQUESTED


def test_what_was_no_cause_yet_when_a_stop_was_released_may_become_one() -> None:
    made = policy(critical_mm=50, countdown_m=0)
    made.defect(defect(1), 1.0)
    made.defect(defect(3, length_mm=60.0), 1.0)
    made.release("Anna")
    made.defect(defect(1, length_mm=40.0), 2.0)
    made.defect(defect(2, length_mm=40.0), 2.0)
    assert made.state is StopState.NONE
    made.defect(defect(1, length_mm=60.0), 2.0)
    assert made.cause.startswith("critical defect 1")
    made.release("Anna")
    made.defect(defect(2, length_mm=60.0), 2.0)
    assert made.cause.startswith("critical defect 2"), "it passed, when the others were told"


def test_a_defect_that_runs_on_after_a_release_is_stopped_again_unless_vetoed() -> None:
    made = policy(running_m=1, critical_mm=5000, countdown_m=0)
    made.defect(defect(1, length_mm=1100.0), 1.0)
    made.defect(defect(1, length_mm=1500.0), 1.5)  # the machine runs out
    made.release("Anna")
    made.defect(defect(1, length_mm=2400.0), 2.0)
    assert made.state is StopState.NONE
    made.defect(defect(1, length_mm=2600.0), 2.0)
    assert made.state is StopState.REQUESTED
    made.begin_roll(StopSettings(running_m=1, critical_mm=5000, countdown_m=1), THRESHOLD)
    made.release("Anna")
    made.defect(defect(1, length_mm=1100.0), 1.0)
    made.veto("Anna", made.cause_number)
    made.defect(defect(2, length_mm=10.0, width_mm=6000.0), 2.0)
    made.advance(3.0)
    made.release("Anna")
    made.defect(defect(1, length_mm=9000.0), 4.0)
    assert made.cause == "critical defect 1 at 1.0 m, 9000 mm", "the veto is of its running"


@pytest.mark.parametrize("known", [1, 2])
def test_what_a_release_answered_stays_answered_as_part_of_another(known: int) -> None:
    made = policy(running_m=1, critical_mm=700, countdown_m=0)
    made.defect(defect(known, length_mm=900.0), 1.0)
    made.defect(defect(3 - known, length_mm=300.0), 1.0)
    made.release("Anna")
    made.defect(defect(2, merged_into=1, is_reject=False), 2.0)
    made.defect(defect(1, length_mm=2100.0), 2.0)
    assert made.state is StopState.NONE
    made.defect(defect(1, length_mm=2300.0), 2.0)
    assert made.state is StopState.REQUESTED


def test_what_cannot_be_vetoed_or_released_is_said() -> None:
    made = policy(critical_mm=50, countdown_m=1)
    with pytest.raises(StationError, match="nothing to veto"):
        made.veto("Anna", made.cause_number)
    with pytest.raises(StationError, match="nothing to release"):
        made.release("Anna")
    made.defect(defect(1, length_mm=60.0), 1.0)
    with pytest.raises(StationError, match="needs the name"):
        made.veto("  ", made.cause_number)
    assert made.state is StopState.ANNOUNCED
    made.advance(9.0)
    with pytest.raises(StationError, match="requested already"):
        made.veto("Anna", made.cause_number)
    with pytest.raises(StationError, match="needs the name"):
        made.release("")
    assert made.state is StopState.REQUESTED


def test_a_new_roll_takes_back_what_is_announced_and_keeps_what_is_requested() -> None:
    made = policy(critical_mm=50, countdown_m=1)
    rules = StopSettings(critical_mm=50, countdown_m=1)
    made.defect(defect(1, length_mm=60.0), 1.0)
    made.begin_roll(rules, THRESHOLD)
    assert steps(made) == [StopStep.ANNOUNCED, StopStep.WITHDRAWN]
    made.defect(defect(1, length_mm=60.0), 1.0)
    made.advance(2.0)
    made.begin_roll(rules, THRESHOLD)
    assert made.state is StopState.REQUESTED
    assert made.cause == "critical defect 1 at 1.0 m, 60 mm"


def test_a_series_that_turns_out_to_be_one_defect_is_withdrawn() -> None:
    made = policy(repeats=2, countdown_m=2)
    made.defect(defect(1, 1.0), 1.0)
    made.defect(defect(2, 1.1), 1.0)
    made.defect(defect(2, 1.1, merged_into=1, is_reject=False), 1.5)
    assert made.state is StopState.NONE
    made.advance(9.0)
    assert steps(made) == [StopStep.ANNOUNCED, StopStep.WITHDRAWN]


@pytest.mark.parametrize("vetoed", [1, 2])
def test_a_veto_of_one_part_holds_for_the_defect_both_turn_out_to_be(vetoed: int) -> None:
    made = policy(critical_mm=50, countdown_m=5)
    made.defect(defect(vetoed, length_mm=60.0), 1.0)
    made.veto("Anna", made.cause_number)
    made.defect(defect(3 - vetoed, length_mm=60.0), 2.0)
    made.defect(defect(2, merged_into=1, is_reject=False), 3.0)
    made.defect(defect(1, length_mm=200.0), 4.0)
    made.advance(99.0)
    assert made.state is StopState.NONE


def test_a_stop_from_before_stays_until_it_is_released_and_hinders_no_later_one() -> None:
    made = StopPolicy("running defect 3 at 12.0 m")
    made.begin_roll(StopSettings(critical_mm=50, countdown_m=0), THRESHOLD)
    assert (made.state, made.cause) == (StopState.REQUESTED, "running defect 3 at 12.0 m")
    made.release("Anna")
    made.defect(defect(1, length_mm=60.0), 1.0)
    assert made.cause.startswith("critical defect 1")
    assert steps(made) == [StopStep.RELEASED, StopStep.ANNOUNCED, StopStep.REQUESTED]


# ---------------------------------------------------------------------- laws

RULES = st.builds(
    StopSettings,
    repeats=st.none() | st.integers(2, 4),
    repeats_across_mm=st.sampled_from([5.0, 20.0]),
    repeats_within_m=st.sampled_from([0.5, 2.0]),
    running_m=st.none() | st.sampled_from([0.05, 0.5]),
    critical_score=st.none() | st.sampled_from([0.6, 0.9]),
    critical_mm=st.none() | st.sampled_from([20.0, 200.0]),
    countdown_m=st.sampled_from([0.0, 0.3, 3.0]),
)


@dataclass(frozen=True)
class Told:
    """One thing that happens after the cloth has moved on."""

    way_m: float
    what: str
    across_mm: float = 0.0
    length_mm: float = 5.0
    score: float = THRESHOLD
    back: int = 0


HAPPENINGS = st.lists(
    st.builds(
        Told,
        way_m=st.sampled_from([0.0, 0.1, 0.4, 1.5]),
        what=st.sampled_from(["new", "new", "new", "grow", "merge", "veto", "release", "pass"]),
        across_mm=st.sampled_from([100.0, 103.0, 112.0, 300.0]),
        length_mm=st.sampled_from([5.0, 30.0, 60.0, 600.0]),
        score=st.sampled_from([THRESHOLD * 1.05, THRESHOLD * 1.3, THRESHOLD * 2]),
        back=st.integers(0, 3),
    ),
    max_size=40,
)


def play(rules: StopSettings, happenings: list[Told]) -> list[tuple[float, StopPolicy, list[object], list[Defect]]]:
    """The story step by step: where the cloth is, what was told, which defects there are so far."""
    made = StopPolicy()
    made.begin_roll(rules, THRESHOLD)
    at_m, known, story = 1.0, [], []
    for told in happenings:
        at_m += told.way_m
        if told.what == "new":
            number = max((one.number for one in known), default=0) + 1
            looks = {"length_mm": told.length_mm, "score": told.score}
            known.append(defect(number, at_m, told.across_mm, **looks))
            made.defect(known[-1], at_m)
        elif told.what in ("grow", "merge") and len(known) > told.back + 1:
            old = known[-1 - told.back]
            if told.what == "grow":
                known[-1 - told.back] = grown = replace(old, length_mm=old.length_mm + told.length_mm)
                made.defect(grown, at_m)
            else:
                known.remove(old)
                made.defect(replace(old, merged_into=known[0].number, is_reject=False), at_m)
        elif told.what == "veto" and made.state is StopState.ANNOUNCED:
            made.veto("Anna", made.cause_number)
        elif told.what == "release" and made.state is StopState.REQUESTED:
            made.release("Anna")
        made.advance(at_m)
        story.append((at_m, made, made.take_steps(), list(known)))
    return story


def causes_exist(rules: StopSettings, known: list[Defect]) -> bool:
    """Whether the cloth so far holds any cause at all, reckoned plainly."""
    if rules.critical_mm is not None and any(max(d.length_mm, d.width_mm) >= rules.critical_mm for d in known):
        return True
    if rules.critical_score is not None and any(d.score / THRESHOLD / 2 >= rules.critical_score for d in known):
        return True
    if rules.running_m is not None and any(d.length_mm > rules.running_m * 1000 for d in known):
        return True
    if rules.repeats is None:
        return False
    for a in known:
        near = [d for d in known if abs(d.across_mm - a.across_mm) <= rules.repeats_across_mm]
        for b in near:
            window = [d for d in near if 0 <= d.position_mm - b.position_mm <= rules.repeats_within_m * 1000]
            if len(window) >= rules.repeats:
                return True
    return False


@given(RULES, HAPPENINGS)
def test_no_stop_without_a_cause_none_before_the_countdown_none_after_its_veto(
    rules: StopSettings, happenings: list[Told]
) -> None:
    announced: dict[str, float] = {}
    vetoed: set[str] = set()
    causes_seen = False
    for at_m, made, told, known in play(rules, happenings):
        causes_seen = causes_seen or causes_exist(rules, known)
        for step in told:
            cause = step.cause.split(" at ")[0] if " defect " in step.cause else step.cause
            if step.step is StopStep.ANNOUNCED:
                assert causes_seen
                assert cause not in vetoed
                announced[cause] = at_m
            elif step.step is StopStep.REQUESTED:
                assert cause not in vetoed
                assert at_m >= announced[cause] + rules.countdown_m - 1e-9
            elif step.step is StopStep.VETOED:
                vetoed.add(cause)
        assert (made.state is StopState.NONE) == (made.cause == "")


@given(RULES, st.lists(st.sampled_from([0.0, 0.1, 0.4, 1.5]), max_size=12))
def test_a_cause_that_nobody_vetoes_always_ends_in_a_stop(rules: StopSettings, ways: list[float]) -> None:
    story = play(rules, [Told(way, "new", 100.0, 60.0, THRESHOLD * 1.3) for way in ways])
    if not story:
        return
    at_m, made, _, known = story[-1]
    made.advance(at_m + rules.countdown_m)
    wanted = causes_exist(rules, known)
    assert made.state is (StopState.REQUESTED if wanted else StopState.NONE)


@given(HAPPENINGS)
def test_without_rules_nothing_is_ever_told(happenings: list[Told]) -> None:
    assert all(not told for _, _, told, _ in play(StopSettings(), happenings))
