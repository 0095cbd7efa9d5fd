"""This module keeps the running model: loaded when a roll needs it, kept while the next rolls need the same one."""

from __future__ import annotations

from model.checkpoint import load, precision_warning
from model.runtime import Runtime
from station.records.history import History
from station.records.model_files import checked_model


class LoadedModel:
    """The loaded model is one model on the device at a time.

    Args:
        history: knows where models are stored.
        device, precision: for :class:`model.runtime.Runtime`.
    """

    def __init__(self, history: History, device: str, precision: str) -> None:
        self._history = history
        self._device = device
        self._precision = precision
        self._loaded: tuple[str, Runtime] | None = None
        self.warning: str | None = None
        """Says if the model's threshold was set at another precision than it runs at now."""

    @property
    def runtime(self) -> Runtime | None:
        """Give the model that is loaded, None if none is."""
        return self._loaded[1] if self._loaded else None

    def load(self, sha256: str, channels: int) -> Runtime:
        """Load the model of this hash, ready for pictures of 1 or 3 channels; another one that was loaded is freed.

        Raises:
            RecordsError: as raised by :func:`station.records.model_files.checked_model`.
            ModelError: the file or the device cannot be used.
        """
        file = checked_model(self._history, sha256)  # for each roll: it is recorded with a model that is still there
        if self._loaded is None or self._loaded[0] != sha256:
            self.close()
            network = load(file)
            runtime = Runtime(network, device=self._device, precision=self._precision)
            self._loaded = (sha256, runtime)
            self.warning = precision_warning(file, runtime.precision)
            # It is compiled before the line starts: cloth that passes while the line gets ready is not judged.
            runtime.prepare(channels)
        return self._loaded[1]

    def abandon(self) -> None:
        """Forget the model without freeing it, because a thread still runs in it."""
        self._loaded = None

    def close(self) -> None:
        """Free the device.  May be called twice."""
        if self._loaded is not None:
            self._loaded[1].close()
            self._loaded = None
