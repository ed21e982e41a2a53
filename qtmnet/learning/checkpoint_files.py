"""How checkpoints get onto the disk: whole or not at all."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from simulators.files.writing import writing


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint to a temporary name beside its own, then renames it.

    Lightning's way goes through the system's folder for temporary files. Where that is another file system, it ends
    with a copy, and a process killed during it leaves a cut `last.ckpt`, with none to go on from.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint.

        Raises:
            InputError: if it cannot be written; what was there before stays.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)  # into memory first: torch reports a full disk as an error of its own
        with writing(Path(path)) as draft:
            draft.write_bytes(content.getbuffer())
