"""`qtmnet train | simulate | evaluate | predict`, also as `python -m qtmnet`."""

import difflib
import sys

from qtmnet import __version__
from qtmnet.commands import TASKS, run
from qtmnet.process.console import speak_plainly

HELP = """\
qtmnet COMMAND [setting=value …]

  qtmnet train       simulate what is missing, train a network, compare it with the kinetic models
  qtmnet simulate    vessel cubes, or a whole brain
  qtmnet evaluate    a network and the kinetic models, where the truth is known
  qtmnet predict     perfusion of a scan: qtmnet predict INPUT OUTPUT ckpt=best.ckpt

  qtmnet COMMAND --help     examples and settings
  qtmnet --version
"""


def main() -> None:
    """Run the command that the first word names."""
    speak_plainly()
    word = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if word in TASKS:
        run(word)
    elif word in ("--help", "-h", "help"):
        print(HELP, end="")
    elif word in ("--version", "-V"):
        print(f"qtmnet {__version__}")
    else:
        near = difflib.get_close_matches(word, TASKS, 1)
        told = f"did you mean qtmnet {near[0]}?" if near else f"give one of {', '.join(TASKS)}"
        print(f"error: {word}: no such command; {told}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
