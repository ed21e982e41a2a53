"""Faults of the program: what is told in a line, and where the rest is kept for whoever mends it."""

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from qtmnet.process import invocation
from qtmnet.process.console import shown
from qtmnet.process.provenance import provenance

FILE = "error.txt"

SHORT = 200
"""Characters of a message that are told."""

LAST_LINES = 6
"""Of a traceback, where nothing can be written."""


def fault_line(error: BaseException) -> str:
    """What to tell of an error that is no user's making; its details are written to a file that the line names."""
    told = " ".join(str(error).split())[:SHORT]
    what = f"a fault of the program, not of yours: {type(error).__name__}{': ' if told else ''}{told}"
    where = _keep(_details(error))
    if where is not None:
        return f"{what}; details to report: {where}"
    last = " | ".join(line.strip() for line in traceback.format_exception(error)[-LAST_LINES:])
    return f"{what}; details to report: {' '.join(last.split())}"


def _details(error: BaseException) -> str:
    """Command, code, machine, settings, and the traceback."""
    code = provenance()
    parts = {
        "command": invocation.line(),
        "qtmnet": " ".join([*(f"{name} {found}" for name, found in code.versions.items()), code.git_revision or ""]),
        "python": f"{sys.version.split()[0]} on {platform.platform()}",
    }
    if HydraConfig.initialized():
        parts["settings"] = " ".join(HydraConfig.get().overrides.task)
    lines = [f"{name}: {text}" for name, text in parts.items()]
    return "\n".join([*lines, "", *traceback.format_exception(error)])


def _keep(details: str) -> Path | None:
    """Write to the run's folder, else to that for temporary files; None if neither can be written."""
    data = details.encode("utf-8", "backslashreplace")
    folder = _run_folder()
    if folder is not None:
        try:
            (folder / FILE).write_bytes(data)
        except OSError:
            pass
        else:
            return Path(shown(folder / FILE))
    try:
        handle, path = tempfile.mkstemp(prefix="qtmnet-", suffix=f"-{FILE}")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
    except OSError:
        return None
    return Path(path)


def _run_folder() -> Path | None:
    """The folder of the run, if it has one: that in which Hydra has noted the settings, or one of a sweep's."""
    if not HydraConfig.initialized():
        return None
    config = HydraConfig.get()
    if config.output_subdir is None or OmegaConf.is_missing(config.runtime, "output_dir"):
        return None
    folder = Path(config.runtime.output_dir)
    return folder if folder.is_dir() else None
