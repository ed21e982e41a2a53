"""How a command ends: results, or one line on what the user can mend."""

import os
import sys
from collections.abc import Callable

from simulators.errors import InputError

BAD_INPUT = 2
INTERRUPTED = 130


def run(main: Callable[[], object]) -> None:
    """Run a Hydra main; errors of the user's making print one line and end with exit status 2."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise, so that the line is ours and not a traceback
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        main()
    except InputError as error:
        _end(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__
        _end(str(cause) if isinstance(cause, InputError) else _configuration_line(error))
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _configuration_line(error: Exception) -> str:
    """The telling part of Hydra's and OmegaConf's messages of many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [
        line for line in lines if not line.startswith(("To append", "Available", "full_key:", "object_type", "set "))
    ]
    return "configuration: " + " ".join(told[:3])


def _end(line: str) -> None:
    print(f"error: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(BAD_INPUT)
