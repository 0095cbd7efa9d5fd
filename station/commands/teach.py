"""This module holds the command that teaches a fabric."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model.encoder import load_encoder
from model.scorer import TILE_PX
from model.time_budget import TeachingCancelled
from station.commands.good_cloth import GoodCloth
from station.commands.session import Records, TeachingLog, say
from station.contract import ColumnsInspected, StationError
from station.recipe import Recipe
from station.recipe.cloth import TaughtCloth
from station.recipe.differing import differing_told
from station.recipe.names import NameFault, fabric_name
from station.recipe.overruled import kept_told
from station.recipe.web import WebHow
from station.shutdown import interrupt_noted
from station.teaching.least_size import least_size_told
from station.teaching.request import TeachRequest
from station.teaching.suspect_pictures import picture_name
from station.teaching.suspects import Suspect
from station.teaching.teach_in import GOOD_TILES, TeachInResult, teach

SUSPECTS_NAMED = 20
"""The screen lists this many suspects; the JSON lists all."""


NOTABLE_SHARE = 0.05
"""More of the picture than this left out on a side, or edges that differ by more, is worth a warning."""


def teach_fabric(records: Records, cloth: GoodCloth) -> dict[str, object]:
    """Teach a fabric on good cloth, as its request says; the first Ctrl+C cancels it.

    Raises:
        StationError: as :func:`station.teaching.teach_in.teach`, or the fabric's name is refused.
        KeyboardInterrupt: it was cancelled, and nothing was stored.
    """
    trunk = load_encoder(cloth.request.encoder, cloth.request.weights)  # may download; that cannot be cancelled
    with interrupt_noted() as interrupted:
        try:
            result, _ = teach(
                cloth.request,
                cloth.open,
                trunk,
                records.store,
                progress=TeachingLog(),
                cancelled=interrupted.is_set,
            )
        except TeachingCancelled as cancelled:
            say(str(cancelled))
            raise KeyboardInterrupt from cancelled
    warned = sentences(result)[is_web_notable(result) :]
    for line in [web_told(result), result.looks.told(), *warned, *suspects_named(result)]:
        say(line)
    recipe = result.recipe
    repeat = "" if _repeat_not_modelled(recipe) else repeat_told(recipe)  # else it is among the warnings
    for told in (repeat, least_size_told(recipe), differing_told(recipe), kept_told(recipe, result.kept)):
        if told:
            say(told)
    return {**figures_of(result), **cloth.figures}


def with_fabric_name(request: TeachRequest) -> TeachRequest:
    """Return the request with its fabric's name as it is kept.  Raises StationError if the name is refused."""
    try:
        return replace(request, fabric=fabric_name(request.fabric))
    except NameFault as fault:
        raise StationError(str(fault)) from None


def sentences(result: TeachInResult) -> list[str]:
    """Return what users should know about a result, a paragraph each; none if there was enough cloth, all good."""
    web = web_told(result) if is_web_notable(result) else ""
    told = [
        web,
        _little_cloth(result),
        _repeat_not_modelled(result.recipe),
        _extrapolated(result),
        result.recipe.sensitivity.told(),
        _spots(result),
        _suspects(result),
    ]
    return [paragraph for paragraph in told if paragraph]


def web_told(result: TeachInResult) -> str:
    """Return which columns were taken for cloth, how much of the picture is left out, and what to do if it is cloth."""
    cloth, rule = result.recipe.cloth, result.recipe.web
    if cloth is None:
        return ""
    columns = ColumnsInspected(cloth.web_left_px, cloth.web_right_px, cloth.width_px)
    look = result.recipe.web_look
    learned = f"  {look.told()}" if look is not None else ""
    drawn = f"  Drawn in {result.web_picture}.{learned}" if result.web_picture else learned
    sides = [
        f"the {side} {share:.0%}"
        for side, share in zip(("left", "right"), _shares_left_out(cloth), strict=True)
        if share >= 0.005
    ]
    if rule.how is not WebHow.AUTO or not (sides or _is_unsteady(cloth)):
        how = f" (--web {rule})" if rule.how is not WebHow.AUTO else ""
        return f"Columns {columns} were taken for cloth{how}.{drawn}"
    told = [f"Columns {columns} were taken for cloth"]
    if sides:
        one = len(sides) == 1
        told.append(
            f"{' and '.join(sides)} of the picture {'was' if one else 'were'} not taught and will not be inspected"
        )
    if _is_unsteady(cloth):
        told.append(f"between pictures the edges differ by up to {cloth.web_spread_px} columns")
    return f"{'; '.join(told)}.  If that is cloth, teach with --web full or --web LEFT:RIGHT.{drawn}"


def is_web_notable(result: TeachInResult) -> bool:
    """Say whether so much of the picture was found to be no cloth that a person should look."""
    cloth = result.recipe.cloth
    if cloth is None or result.recipe.web.how is not WebHow.AUTO:
        return False
    return max(_shares_left_out(cloth)) > NOTABLE_SHARE or _is_unsteady(cloth)


def _shares_left_out(cloth: TaughtCloth) -> tuple[float, float]:
    return cloth.web_left_px / cloth.width_px, 1 - cloth.web_right_px / cloth.width_px


def _is_unsteady(cloth: TaughtCloth) -> bool:
    return cloth.web_spread_px > NOTABLE_SHARE * cloth.width_px


def repeat_told(recipe: Recipe) -> str:
    """Return how the cloth repeats, in words; empty where it is not known."""
    repeat, mm_across = recipe.repeat, recipe.mm_per_px
    return "" if repeat is None else repeat.told(mm_across, mm_across and recipe.scale_along)


def _repeat_not_modelled(recipe: Recipe) -> str:
    repeat = recipe.repeat
    return "" if repeat is None or not repeat.is_there or repeat.modelled else repeat_told(recipe)


def _repeat(recipe: Recipe) -> dict[str, object] | None:
    """Return the repeat's entry in the JSON: px, mm (null without a scale) and strength of both directions."""
    repeat = recipe.repeat
    if repeat is None:
        return None
    scales = (None, None) if recipe.mm_per_px is None else (recipe.scale_along, recipe.scale)
    sizes = zip(("along", "across"), (repeat.along_px, repeat.across_px), scales, strict=True)
    mm = {f"{way}_mm": None if px is None or scale is None else round(px * scale, 2) for way, px, scale in sizes}
    return {**repeat.model_dump(mode="json"), **mm}


def _little_cloth(result: TeachInResult) -> str:
    tiles = result.tiles + result.threshold.patches
    if tiles >= GOOD_TILES:
        return ""
    return (
        f"Little cloth: it holds {tiles} tiles of {TILE_PX} px, {result.tiles} to teach and "
        f"{result.threshold.patches} to set the threshold. That works, but the threshold is unsure; about "
        f"{GOOD_TILES} tiles would be good."
    )


def _extrapolated(result: TeachInResult) -> str:
    threshold = result.threshold
    if threshold.extrapolation <= 1:
        return ""
    times, patches = _plain(threshold.extrapolation), threshold.patches
    said = f"The threshold is extrapolated {times} times beyond the cloth seen, {patches} patches held out."
    if threshold.interval_per_100_m is None:
        return said
    low, high = map(_plain, threshold.interval_per_100_m)
    predicted = _plain(threshold.predicted_per_100_m or 0.0)
    return (
        f"{said} False alarms predicted per 100 m: {predicted}; given so much cloth, the truth lies between {low} and "
        f"{high} (95 %)."
    )


def _plain(number: float) -> str:
    """Format a number with two significant digits, never as a power of ten."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}" if number >= 0.01 else "0"


def _spots(result: TeachInResult) -> str:
    said = result.recipe.spots.told()
    return f"{said}  Drawn in {result.spots_picture}." if said and result.spots_picture else said


def _suspects(result: TeachInResult) -> str:
    if not result.suspects:
        return ""
    held_out = sum(suspect.held_out for suspect in result.suspects)
    pictures = f"Their pictures are in {result.pictures}: take" if result.pictures else "Take"
    return (
        f"{len(result.suspects) - held_out} of the {result.looked_at} tiles looked at and {held_out} of the patches "
        "held out stand out from the rest and may hold flaws; the threshold was set without them. "
        f"{pictures} such cloth out and teach again; if it is good cloth, the station may reject more of its like."
    )


def suspects_named(result: TeachInResult) -> list[str]:
    """Return a line for each of the first suspects: its picture's file, and where in which teaching picture it lies."""
    named = [
        _named(number, suspect, result) for number, suspect in enumerate(result.suspects[:SUSPECTS_NAMED], start=1)
    ]
    more = len(result.suspects) - len(named)
    return [*named, f"and {more} more"] if more else named


def _named(number: int, suspect: Suspect, result: TeachInResult) -> str:
    row = _row(number, suspect, result)
    picture = Path(str(row["picture"])).name if row["picture"] else "no picture"
    size = f"{row['width_px']} × {row['height_px']} px"
    return f"{picture}: {row['image']}, column {row['x_px']}, line {row['y_px']}, {size}"


def figures_of(result: TeachInResult) -> dict[str, object]:
    """Return the JSON of a result."""
    recipe, threshold, cloth = result.recipe, result.threshold, result.recipe.cloth
    interval = threshold.interval_per_100_m
    return {
        "fabric": recipe.fabric,
        "recipe_version": recipe.version,
        "tiles": result.tiles,
        "seconds": result.seconds,
        "encoder": recipe.encoder,
        "threshold": recipe.threshold,
        "least_size": recipe.min_length_mm,
        "least_size_told": least_size_told(recipe),
        "repeat": _repeat(recipe),
        "repeat_told": repeat_told(recipe),
        "differing_told": differing_told(recipe),
        "kept_told": kept_told(recipe, result.kept),
        "looks": list(result.looks.shares),
        "looks_told": result.looks.told(),
        "predicted_false_alarms_per_100_m": recipe.predicted_false_alarms_per_100_m,
        "predicted_false_alarms_per_100_m_interval": interval and list(interval),
        "model_sha256": recipe.model_sha256,
        "held_out_patches": threshold.patches,
        "extrapolation": threshold.extrapolation,
        "good_tiles": GOOD_TILES,
        "web_left_px": cloth and cloth.web_left_px,
        "web_right_px": cloth and cloth.web_right_px,
        "web_how": str(recipe.web.how),
        "web_told": web_told(result),
        "web_picture": str(result.web_picture) if result.web_picture else None,
        "fixed_spots": [spot._asdict() for spot in recipe.spots.spots()],
        "fixed_spots_picture": str(result.spots_picture) if result.spots_picture else None,
        "mean_grey": cloth and cloth.mean_grey,
        "colour": cloth is not None and cloth.channels == 3,
        "warnings": sentences(result),
        "suspects": [_row(number, suspect, result) for number, suspect in enumerate(result.suspects, start=1)],
    }


def _row(number: int, suspect: Suspect, result: TeachInResult) -> dict[str, object]:
    """Return a suspect's entry in the JSON, with the keys that defects have."""
    place = suspect.place
    picture = None if result.pictures is None else result.pictures / picture_name(number)
    return {
        "image": place.piece,
        "x_px": place.first_px,
        "y_px": place.first_line,
        "width_px": place.end_px - place.first_px,
        "height_px": place.end_line - place.first_line,
        "score": suspect.score,
        "held_out": suspect.held_out,
        "picture": str(picture) if picture is not None and picture.is_file() else None,
    }
