"""This module puts a taught network under the home folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from model import checkpoint
from model.mfrnet import MFRNet
from station.records.model_files import keep_model
from station.records.store import Store


def store_model(network: MFRNet, store: Store, metadata: checkpoint.Metadata) -> str:
    """Put the model under the home folder by its hash; returns the SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        checkpoint.save(network, file, metadata)
        return keep_model(store, file, metadata)
