"""Which code a result came from."""

import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qtmnet import __version__

PACKAGES = ("torch", "lightning", "numpy", "numba")

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Provenance:
    """The code that ran.

    Attributes:
        versions: of packages, by name.
        git_revision: of the checkout that it was run from, if it was.
        git_changed: whether files differ from that revision.
    """

    versions: dict[str, str]
    git_revision: str | None = None
    git_changed: bool | None = None

    def plain(self) -> dict[str, object]:
        """Containers and text only."""
        return asdict(self)


def provenance() -> Provenance:
    """Of this process."""
    versions = {"qtmnet": __version__} | {name: found for name in PACKAGES if (found := _version(name))}
    try:
        # An installed package may lie in somebody else's repository, which does not keep it.
        _ask_git("ls-files", "--error-unmatch", str(Path(__file__).relative_to(ROOT)))
        changed = _ask_git("status", "--porcelain", "--untracked-files=no")
        return Provenance(versions, _ask_git("rev-parse", "HEAD").strip(), bool(changed.strip()))
    except (OSError, subprocess.SubprocessError):
        return Provenance(versions)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _ask_git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True, timeout=10)
    return done.stdout.decode("utf-8", "replace")
