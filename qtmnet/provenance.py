"""Which code a result came from."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("qtmnet", "torch", "lightning", "numpy", "numba")

ROOT = Path(__file__).parents[1]


def provenance() -> dict[str, object]:
    """Plain data: versions by package, and of a checkout the git revision and whether files differ from it."""
    return {"versions": {name: found for name in PACKAGES if (found := _version(name))}, **_git()}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, object]:
    """Of the repository that keeps this file; nothing, where git or the repository is missing."""
    try:
        _ask_git("ls-files", "--error-unmatch", str(Path(__file__).relative_to(ROOT)))
        changed = _ask_git("status", "--porcelain", "--untracked-files=no")
        return {"git_revision": _ask_git("rev-parse", "HEAD").strip(), "git_changed": bool(changed.strip())}
    except (OSError, subprocess.SubprocessError):
        return {}


def _ask_git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout
