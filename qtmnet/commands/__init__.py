"""The commands: which function each is, and how a process becomes one of them."""

import sys

from qtmnet.process.console import speak_plainly

TASKS = {
    "train": "qtmnet.commands.train",
    "simulate": "qtmnet.commands.simulate",
    "evaluate": "qtmnet.commands.evaluate",
    "predict": "qtmnet.commands.predict",
}
"""Command → module of the function of the same name, which is imported when its configuration stands."""

INTERRUPTED = 130


def run(name: str) -> None:
    """Run a command on the words that this process was called with, and end the process as the command ends.

    Args:
        name: train, simulate, evaluate or predict.
    """
    speak_plainly()
    try:
        from qtmnet.commands.cli import run_command
    except KeyboardInterrupt:
        sys.exit(_told("interrupted", INTERRUPTED))
    except ModuleNotFoundError as error:
        sys.exit(_told(f"error: {error.name} is not installed; pip install -c constraints.txt -e .", 2))
    run_command(name, TASKS[name])


def _told(line: str, status: int) -> int:
    print(line, file=sys.stderr)
    return status
