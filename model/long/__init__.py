"""The long look finds what is faint but long: missing, double and tight ends and picks.

Noise falls with the root of the length over which it is averaged, a flaw does not.  Cloth is averaged over stretches of
lines (for what runs along the warp) and over strips of columns (along the weft); the light is divided away; what lies
beside a place says what it should look like; and what is left over is summed over windows that double in length, along
every line that leans a little.  All of it is in units of how this cloth varies when it is good.

Learn from good cloth, then set the limits for a false-alarm budget (in the station, which knows scales and budgets)::

    learner = LongLearner(width_px, mm_per_px_along)      # the scale may be None
    learner.see(pixels, left_px, right_px)                # consecutive lines; uint8 [lines, width] or [lines, width, 3]
    learner.end_run()                                     # where a picture or a piece ends
    look = learner.learned()                              # LongLook, or None: learner.why_not is the sentence
    limits = station.teaching.looks.long_limits.long_limits(look, web_px, mm_per_px_along, budget_per_100_m=...)
    look.to_arrays(); LongLook.from_arrays(arrays)        # for the model's file
    LongLimits(warp=(...), weft=(...))                    # plain floats, for the recipe

Score a stream; what is told does not depend on how it is cut into pieces::

    scorer = LongScorer(look, limits, width_px)
    steps = scorer.push(pixels, left_px, right_px, first_line)
    steps += scorer.end_run()

and have defects made of it, told when first sure, as they grow, and once closed::

    tracker = station.line.judging.looks.long_lines.LongLines(recipe, width_px=..., number=next_number, picture=...)
    for defect in tracker.feed(steps, piece): ...
    for defect in tracker.end_run(): ...                  # after the steps of scorer.end_run()

Scores are over the limit of their window: 1 is the threshold in every direction.  ``paint`` makes of a run's steps the
map of scores in cells; who gathers steps for it keeps ``step.for_map()``, a small part of each.
"""

from model.long.learner import LongLearner
from model.long.limits import LongLimits
from model.long.look import LongLook
from model.long.maps import paint
from model.long.scorer import Hit, LongScorer, Step, WarpStep, WeftStep

__all__ = ["Hit", "LongLearner", "LongLimits", "LongLook", "LongScorer", "Step", "WarpStep", "WeftStep", "paint"]
