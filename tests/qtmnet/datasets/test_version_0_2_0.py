"""Datasets and recipes of version 0.2.0, which had exchange as three settings of the phantom, are found and read.

Neither it nor 0.3.0 knew of a velocity profile other than the laminar one, so there is no bluntness in them.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qtmnet.datasets.cube_recipe import CubeRecipe, recipe_for
from qtmnet.datasets.cube_store import CubeStore
from simulators import (
    Acquisition,
    CubeParameters,
    Exchange,
    InputError,
    NoExchange,
    NumbaSimulator,
    TwoCompartmentExchange,
)

DATASET = """{
 "format": 2,
 "fingerprint": "FINGERPRINT",
 "settings": {
  "phantom": {
   "shape": [8, 8, 8],
   "voxel_size_mm": [1.0, 1.0, 1.0],
   "n_regions": 40,
   "perfusion_range": [0.0, 80.0],
   "perfusion_fluctuation": 0.1,
   "new_inlet_probability": 0.01,
   "reach_mm": 5.0,
   "n_candidates": 3,
   "arterial_murray_k": [0.09, 0.15],
   "venous_murray_k": [0.12, 0.18],
   "capillary_volume_fraction": [0.015, 0.03],
   "permeability_surface_ml_100g_min": [100.0, 200.0],
   "inlet_delay": [0.2, 1.2],
   "inlet_delay_spread": 0.15,
   "exchange": "EXCHANGE",
   "t1_blood": 1.65,
   "t1_tissue": 1.2,
   "extravascular_volume": 0.9
  },
  "simulator": {"name": "NumbaSimulator", "time_step": 0.025},
  "seed": 0,
  "split": "train",
  "time": [
   0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5, 4.75, 5.0
  ],
  "crushing": []
 },
 "shard_size": 4
}"""
"""As that version wrote it, but for units and versions, which nothing reads."""


def recipe(exchange: Exchange, shape: tuple[int, int, int] = (8, 8, 8)) -> CubeRecipe:
    phantom = CubeParameters(
        shape=shape,
        arterial_murray_k=(0.09, 0.15),
        venous_murray_k=(0.12, 0.18),
        capillary_volume_fraction=(0.015, 0.03),
        exchange=exchange,
    )
    return recipe_for(Acquisition(), phantom=phantom, simulator=NumbaSimulator(), seed=0)


@pytest.mark.parametrize(
    ("exchange", "word", "fingerprint"),
    [
        (TwoCompartmentExchange((100.0, 200.0)), "two_compartment", "27d389392242f960"),
        (NoExchange(), "none", "70cad45bf6fd92bb"),
    ],
)
def test_a_dataset_is_found_and_read(exchange, word, fingerprint, tmp_path: Path) -> None:
    """Its fingerprint names the folder and stands in each record, whose size must be that of then, too."""
    text = DATASET.replace("EXCHANGE", word).replace("FINGERPRINT", fingerprint)
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    store = CubeStore(tmp_path, recipe(exchange), only_read=True)
    assert store.records.layout.shard_size == 4
    assert store.records.layout.made_from == fingerprint == json.loads(text)["fingerprint"]
    assert store.records.layout.dtype["drawn"].shape == (5,)


def test_the_default_folder_is_that_of_0_2_0() -> None:
    assert recipe(TwoCompartmentExchange((100.0, 200.0)), (32, 32, 32)).fingerprint() == "7941dff72af92e85"


def test_other_settings_of_exchange_are_another_dataset(tmp_path: Path) -> None:
    text = DATASET.replace("EXCHANGE", "two_compartment").replace("FINGERPRINT", "27d389392242f960")
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"phantom\.exchange: found two_compartment, asked for none"):
        CubeStore(tmp_path, recipe(NoExchange()), only_read=True)


def test_blunt_flow_is_another_dataset(tmp_path: Path) -> None:
    """Its records are longer by a number, too."""
    laminar = recipe(TwoCompartmentExchange((100.0, 200.0)))
    blunt = replace(laminar, phantom=replace(laminar.phantom, bluntness=(0.0, 0.9)))
    assert "bluntness" not in laminar.settings()["phantom"]
    assert blunt.settings()["phantom"]["bluntness"] == [0.0, 0.9]
    text = DATASET.replace("EXCHANGE", "two_compartment").replace("FINGERPRINT", "27d389392242f960")
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"phantom\.bluntness"):
        CubeStore(tmp_path, blunt, only_read=True)
