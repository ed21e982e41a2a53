"""Weights that last: a JSON file that says what network they are of, and a safetensors file of the numbers beside it.

Neither can hold code, and both can be read without this package. The JSON has the fields of a `Description`, the number
of its format, and the SHA-256 of the other file, whose name differs in its ending alone:

    {"format": 3, "network": {…}, "inputs": {…}, "outputs": ["cbf"], "normalization": "calibrated",
     "accepts": {"acquisition": {…}}, "linear_start": true, "trained": {…}, "sha256": "…"}
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError

from qtmnet.methods.network.checked_weights import description_of, estimator_of
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.migration import FORMAT, current
from simulators.errors import InputError
from simulators.files.json_files import json_text, parse_json
from simulators.files.reading import CHECKPOINT_FILE, JSON_FILE, read_bytes
from simulators.files.writing import writing_together
from simulators.settings.checking import shown

JSON, NUMBERS = ".json", ".safetensors"
"""Endings of the two files."""


def save_weights(path: str | Path, estimator: Estimator, **record: object) -> Path:
    """Write the weights of an estimator, both files or neither.

    Args:
        path: of one of the two files; its ending is that of neither or of either.
        estimator: trained.
        record: more to say of its training, plain data.

    Returns:
        Path of the JSON file.

    Raises:
        InputError: if they cannot be written.
    """
    path = Path(path)
    numbers = safetensors.torch.save({name: w.contiguous().cpu() for name, w in estimator.state_dict().items()})
    description = estimator.description.with_record(**record).plain()
    text = {"format": FORMAT, **description, "sha256": hashlib.sha256(numbers).hexdigest()}
    with writing_together() as drafts:
        drafts.write(path.with_suffix(NUMBERS), numbers)
        drafts.write(path.with_suffix(JSON), json_text(text, indent=1).encode())
    return path.with_suffix(JSON)


def load_weights(path: str | Path, trusted: Collection[str] = (), setting: str = "ckpt") -> Estimator:
    """Read an estimator, on the CPU, ready to estimate.

    Args:
        path: of either file.
        trusted: dotted names of classes that it may build though no list has them, see `allowed`.
        setting: that names the file.

    Raises:
        InputError: if a file is missing or damaged, or a weight is not finite.
    """
    where, numbers_at = Path(path).with_suffix(JSON), Path(path).with_suffix(NUMBERS)
    content = parse_json(read_bytes(where, JSON_FILE, setting=setting), f"{where}: {setting}")
    numbers = read_bytes(numbers_at, CHECKPOINT_FILE, setting=setting, advice=f"copy it, too, beside {where.name}")
    try:
        wanted = content.pop("sha256", None)
        description = description_of(current(content), trusted)
    except InputError as error:
        raise InputError(f"{where}: {setting}: {error}") from None
    found = hashlib.sha256(numbers).hexdigest()
    if found != wanted:
        raise InputError(
            f"{numbers_at}: {setting}: found a SHA-256 of {found[:12]}…, but {where.name} has {shown(wanted)}; copy "
            "both again, as they were written"
        )
    try:
        return estimator_of(description, safetensors.torch.load(numbers))
    except (SafetensorError, InputError, ValueError, KeyError) as error:
        reason = error if isinstance(error, InputError) else f"damaged ({' '.join(str(error).split())[:120]})"
        raise InputError(f"{numbers_at}: {setting}: {reason}") from None


def weights_sha256(path: str | Path) -> str:
    """SHA-256 of the numbers of a network: of the safetensors file of weights, or of a whole checkpoint.

    Args:
        path: of a checkpoint, or of either file of weights.

    Raises:
        InputError: if it cannot be read.
    """
    path = Path(path)
    file = path.with_suffix(NUMBERS) if path.suffix == JSON else path
    return hashlib.sha256(read_bytes(file, CHECKPOINT_FILE)).hexdigest()
