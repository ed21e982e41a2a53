"""Inputs that once ended in a traceback, in a hang, in all the memory, or in nonsense: each must be refused."""

from random import Random

from tests.fuzz.inputs import Input, small
from tests.fuzz.kinds.settings import named, without_setting

_DELAYS = f"[{','.join(f'{1 + i / 1e4:.4f}' for i in range(10_000))}]"

SETTINGS: dict[str, tuple[str, ...]] = {
    "train": (
        *("seed=-1", "seed=x", "seed=1.5", "final_learning_rate=abc", "trainer.gradient_clip_val=nan", "name="),
        *("name=3",),
        *("trainer.gradient_clip_val=-1", "trainer.enable_progress_bar=s", "trainer.max_epochs=true"),
        *("optimizer.lr=inf",),
        *("data.snr=[2,inf]", "data.snr={a:1}", "data.flips=abc", "linear_start=abc", "model.base_channels=2.5"),
        *("model.base_channels=1000", "model.levels=12", "model.levels=10000000", "+model.out_channels=2"),
        *("resume=[x]",),
        *("resume=", "data.n_cubes=1000000000000", "phantom.shape=[500,500,500]", "phantom.shape=[2000,2000,2000]"),
        *("phantom.n_candidates=1000000000", "phantom.reach_mm=1e9", "phantom.n_regions=1000000000", "evaluate=maybe"),
        *("phantom.inlet_delay=1e9", "phantom.perfusion_range=[1e300,1e300]", "phantom.perfusion_fluctuation=1e300"),
        *("phantom.t1_blood=nan", "phantom.arterial_murray_k=[1,2,3,4]", "phantom.voxel_size_mm=[1,1]", "loss=[a]"),
        *("data.batch_size=0", "data.loader_workers=-1", "data.validation_share=1", "cluster.n_workers=1e9", "x=1"),
        *("hydra.run.dir=best.ckpt", "loss.gradient_weight=nan", "trainer.precision=7", "trainer.accelerator=abacus"),
        *("trainer.devices=-1", "trainer.devices=[]", "optimizer.weight_decay=-1", "normalization=true", "run_dir=3"),
    ),
    "simulate": (
        *("data.n_cubes=0", "data.n_cubes=1e300", "data.shard_size=-1", "data.dir=ftp://127.0.0.1:9/x"),
        *("verify=perhaps",),
        *("data.dir=github://", "data.dir=", "simulator.time_step=1e-9", "simulator.n_threads=1e9"),
        *("acquisition.labeling_duration=nan", f"acquisition.post_labeling_delays={_DELAYS}"),
        *("acquisition.slice_timing=x",),
        *("acquisition.voxel_size_mm=[0,1,1]", "acquisition.post_labeling_delays=[]", "until=pial", "dir=here"),
    ),
    "evaluate": (
        *("n_cubes=1e12", "n_cubes=-1", "snr=3", "seed=x", "acquisition.labeling_duration=1.45", "ckpt=", "ckpt=[a]"),
        *("dir=best.ckpt", "ckpt=cubes", "phantom=cube", "cluster.n_workers=0", "simulator.time_step=nan"),
    ),
    "predict": (
        *("input=[a]", "input=", "output_dir=", "mask=1", "mask=", "labeling_efficiency=1e-9"),
        *("labeling_efficiency=nan",),
        *("method=buxton", "m0=-1", "m0=nan", "t1_blood=0", "t1_blood=1650", "t1_tissue=1", "ckpt=best.ckpt"),
        *("output_dir=best.ckpt", "output_dir=/dev/null/x", "input=best.ckpt", "method=[a]"),
    ),
}


def known(rng: Random) -> Input:
    """One of them."""
    command = rng.choice(("train", "train", "simulate", "evaluate", "predict"))
    word = rng.choice(SETTINGS[command])
    return example(command, word)


def example(command: str, word: str) -> Input:
    """A command with one wrong setting."""
    name, _, value = word.partition("=")
    base = without_setting(small(command, but=name.split(".")[0] if name.startswith("acquisition") else ""), name)
    return Input(command, (*base, word), names=named(name, value), must="refuse", work=True)
