"""This module turns results into plain values for the record and back; what it reads it checks for damage."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError

from calibration.errors import CalibrationError

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]


class Result:
    """A result made of numbers (a dataclass with the types above) can be written to the record and read back."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values (JSON); :meth:`from_dict` reads them."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, result: object) -> Self:
        """Read the result from its record; unknown keys (date, camera) are left to others.

        Raises:
            CalibrationError: the record is damaged.
        """
        try:
            return TypeAdapter(cls).validate_python(result)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise CalibrationError(
                f"The record of a calibration cannot be read ({place + ': ' if place else ''}{first['msg']}); "
                "calibrate anew."
            ) from error
