"""Inputs run in this process, up to where the work begins; for the tests, which cannot fork."""

import contextlib
import io
import os
import shutil
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from hydra.core.global_hydra import GlobalHydra

from tests.fuzz.inputs import Input
from tests.fuzz.processes import Outcome, listing, work_begins


class _Reached(BaseException):
    """The work would begin."""


def run_here(item: Input, scenery: Path, scratch: Path) -> Outcome:
    """As `processes.run`, in this process, which must have no threads that mind another working folder."""
    import matplotlib.font_manager  # noqa: F401 -- its list of fonts goes to the home folder when first imported

    from qtmnet.commands import run as run_command

    shutil.rmtree(scratch, ignore_errors=True)
    here, home = scratch / "here", scratch / "home"
    home.mkdir(parents=True)
    shutil.copytree(scenery, here, symlinks=True)
    if item.prepare is not None:
        item.prepare(here)
    before, out, err, status, reached = listing(here), io.StringIO(), io.StringIO(), 0, False
    with _as_process(item, here, home), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run_command(item.command)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except _Reached:
            reached = True
        except BaseException:
            traceback.print_exc()
            status = 99
    after = listing(here)
    new = tuple(sorted(name for name in after if after[name] != before.get(name)))
    return Outcome(status, out.getvalue(), err.getvalue(), reached, "", new, tuple(listing(home)), 0.0, 0.0)


@contextlib.contextmanager
def _as_process(item: Input, here: Path, home: Path) -> Iterator[None]:
    """Folder, words and environment of the command, and nothing left of them afterwards."""

    def reached() -> None:
        raise _Reached

    GlobalHydra.instance().clear()
    words, places = ["/usr/bin/qtmnet", item.command, *item.words], {"HOME": str(home), "TMPDIR": str(home.parent)}
    kept = os.environ.copy()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(here))
        stack.enter_context(patch.object(sys, "argv", words))
        stack.enter_context(patch.dict(os.environ, kept | places, clear=True))
        stack.enter_context(patch.object(warnings, "formatwarning", warnings.formatwarning))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # doubts about a scan that can be used
        for holder, name in work_begins():
            stack.enter_context(patch.object(holder, name, lambda *_, **__: reached()))
        yield
    GlobalHydra.instance().clear()
