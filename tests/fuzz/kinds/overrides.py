"""Words of the command line: overrides in odd forms, options of groups, flags, Hydra's own settings, targets."""

from random import Random

from tests.fuzz.inputs import Input, small
from tests.fuzz.kinds.settings import drawn, named, without_setting
from tests.fuzz.values import ODD, WORDS, odd_word

COMMANDS = ("train", "simulate", "evaluate", "predict")
OF_HYDRA = (
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir", "hydra.job.name", "hydra.mode"),
    *("hydra.job.chdir", "hydra.verbose", "hydra.job.env_set", "hydra.job.env_copy", "hydra.searchpath", "hydra"),
    *("hydra.runtime.output_dir", "hydra.runtime.cwd", "hydra.sweeper", "hydra.sweeper.params", "hydra.launcher"),
    *("hydra/sweeper", "hydra/launcher", "hydra/job_logging", "hydra/hydra_logging", "hydra/help", "hydra/output"),
    *("hydra.job.config.override_dirname.item_sep", "hydra.callbacks", "hydra.nowhere", "hydra.job_logging.root"),
)
FLAGS = (
    *("-h", "--help", "--version", "--hydra-help", "-m", "--multirun", "-r", "--run", "--resolve", "--cfg", "-c"),
    *("--cfg=job", "--cfg=x", "job", "hydra", "all", "--info", "-i", "--info=config", "--info=x", "-p", "--package"),
    *("--config-dir", "-cd", "--config-dir=scan", "--config-dir=nowhere", "--config-name", "-cn", "--config-name=x"),
    *("--config-name=predict", "--config-path=scan", "-cp", "--experimental-rerun=best.ckpt", "-sc", "--nowhere", "-x"),
    *("--", "-", "---", "--=", "-1", "seed=0", "seed=0,1", "~seed", "+seed=1", "", "x", "=", "=1", "a=", "é=1", "1=1"),
)
TARGETS = (
    *("os.getcwd", "os", "builtins.print", "builtins.dict", "builtins.len", "builtins.eval", "sys.exit"),
    *("nowhere.Thing",),
    *(
        "",
        ".",
        "..",
        "a b",
        "os.",
        ".os",
        "qtmnet",
        "qtmnet.methods.network.unet_cbam.UNetCBAM",
        "simulators.CubeParameters",
    ),
    *("simulators.BrainParameters", "torch.nn.Linear", "torch.nn.Identity", "torch.optim.LBFGS", "torch.optim.Adam"),
    *(
        "torch.optim.SparseAdam",
        "lightning.Trainer",
        "qtmnet.learning.losses.L1GradientLoss",
        "torch.nn.L1Loss",
        "numpy.array",
    ),
    *("qtmnet.learning.stored.StoredCubes", "simulators.Acquisition", "simulators.NumbaSimulator", "3", "[a]", "null"),
    *("typing.Any",),
)


def position(rng: Random) -> Input:
    """An override with +, ++ or ~, of a setting within or above another, with a package, or said twice."""
    command, base, (name, annotation) = drawn(rng)
    name, value = name.lstrip("+"), odd_word(rng, annotation)
    head, _, last = name.rpartition(".")
    odd = rng.choice(("x", "0", "_target_", "é", "a b", "", "*", "..", "x" * 300, "[0]", "@a", "/x", "'q'", "$"))
    words = rng.choice(
        (
            (f"+{name}={value}",),
            (f"++{name}={value}",),
            (f"~{name}",),
            (f"~{name}={value}",),
            (f"{name}.{odd}={value}",),
            (f"+{name}.{odd}={value}",),
            (f"++{head or name}.{odd}={value}",),
            (f"{name}{odd}={value}",),
            (f"{odd}{name}={value}",),
            (f"{name}@{odd}={value}",),
            (f"{head.replace('.', '/') or name}={value}",),
            (f"+{head or name}@{odd}={value}",),
            (f"{last}={value}",),
            (f"+{odd}={value}",),
            (f"{name}:={value}",),
            (f"{name}+={value}",),
            (f"{name}=",),
            (name,),
            (f"{name}={value}", f"{name}={value}"),
            (f"+{name}={value}", f"~{name}"),
            (f"~{name}", f"+{name}={value}"),
        )
    )
    names = (*named(name, value), words[0].lstrip("+~").partition("=")[0][:20])
    return Input(command, (*without_setting(base, name), *words), names=names)


def option(rng: Random) -> Input:
    """An option of a group that may not be there, in odd forms."""
    command = rng.choice(COMMANDS)
    group = rng.choice(
        (
            *("phantom", "simulator", "acquisition", "data", "cluster", "model", "optimizer", "trainer", "logger"),
            *("experiment", "anatomy", "angiography", "loss", "nowhere", "hydra/sweeper", "defaults", "/data", "data/"),
        )
    )
    value = rng.choice(
        (
            *("cube", "brain", "brain_small", "numba", "cco_cubes", "cco_stream", "local", "slurm", "dask", "sgd"),
            *("paper",),
            *("csv", "wandb", "[csv,tensorboard]", "[csv,csv]", "[csv,nowhere]", "[]", "null", "", "Cube", "cube.yaml"),
            *("../train", "./cube", "/etc/passwd", "cube,brain", "[cube,brain]", "{a:1}", "cube@x", "default", "ddp"),
            *rng.choices(WORDS, k=6),
        )
    )
    sign = rng.choice(("", "", "", "+", "++", "~"))
    package = rng.choice(("", "", "", "@x", "@", "@_global_", "@data", "@:x", "@a.b"))
    word = f"{sign}{group}{package}={value}" if value or rng.random() < 0.5 else f"{sign}{group}"
    return Input(command, (*small(command, but=group), word), names=(*named(group, value), word.lstrip("+~")[:20]))


def flags(rng: Random) -> Input:
    """Flags, in any order and number, with overrides between."""
    command = rng.choice(COMMANDS)
    words = [*rng.choices(FLAGS, k=rng.choice((1, 1, 2, 3))), *rng.choice(((), small(command)))]
    if rng.random() < 0.3:
        rng.shuffle(words)
    return Input(command, tuple(words), encoding=rng.choice(("utf-8", "ascii", "cp1252", "latin-1")))


def hydra_setting(rng: Random) -> Input:
    """Hydra's own settings."""
    command, name = rng.choice(COMMANDS), rng.choice(OF_HYDRA)
    places = ("best.ckpt", "scan", "/proc/x", "/dev/null", "/", "..", "out/a/b", "é ü", "a,b", "x" * 300, "~", "null")
    value = rng.choice((*places, *rng.choices(ODD, k=8)))
    sign = rng.choice(("", "", "+", "++", "~"))
    more = rng.choice(((), (), ("-m", "seed=0,1")))
    word = f"{sign}{name}={value}"
    return Input(
        command,
        (*small(command), word, *more),
        names=(*named(name, value), name.replace("/", "."), "configuration", "seed"),
    )


def target(rng: Random) -> Input:
    """What is built of a part: classes and functions of elsewhere, and none."""
    command, base, (name, _) = drawn(rng)
    part = name.lstrip("+").rpartition(".")[0] or rng.choice(("model", "optimizer", "loss", "data", "simulator"))
    extra = rng.choice(("_target_", "_target_", "_target_", "_partial_", "_args_", "_convert_"))
    value = rng.choice(TARGETS)
    if extra != "_target_":
        value = rng.choice((*("true", "false", "all", "none", "[1]", "[]", "x", "1"), *rng.choices(ODD, k=2)))
    sign = rng.choice(("", "+", "++"))
    return Input(command, (*base, f"{sign}{part}.{extra}={value}"), names=(*named(part, value), extra), work=True)


def many_words(rng: Random) -> Input:
    """Command lines of great length."""
    command, base, (name, _) = drawn(rng)
    n = rng.choice((100, 900, 1001, 20_000))
    value = rng.choice(
        (
            f"[{','.join(map(str, range(n)))}]",
            f"[{','.join(f'{1 + i / 1e5:.5f}' for i in range(n))}]",
            "[" * n + "]" * n,
            "x" * n,
            f"'{'x' * n}'",
            "${" * n + "seed" + "}" * n,
            "{" + ",".join(f"a{i}:{i}" for i in range(n)) + "}",
            "-" * n,
            "\\" * n,
            "'" * n,
            "," * n,
            "a," * n,
        )
    )
    words = rng.choice(((f"{name}={value}",), (f"{name}={value}",), tuple(f"+a{i}={i}" for i in range(n)), ("x",) * n))
    return Input(command, (*without_setting(base, name), *words))


def sweep(rng: Random) -> Input:
    """Sweeps over odd values."""
    command, base, (name, annotation) = drawn(rng)
    value = rng.choice(
        (
            *("1,2", "1,", ",", "1,x", "choice(1,2)", "range(0,3)", "range(0,1e9)", "interval(0,1)", "glob(*)"),
            *("[1],[2]",),
            *("choice()", "range(1)", "range(0,3,0)", "range(3,0)", "interval(1,0)", "shuffle(1,2)", "sort(2,1)"),
            *("1,1",),
            f"{odd_word(rng, annotation)},{odd_word(rng, annotation)}",
        )
    )
    sweeper = rng.choice(
        (
            *((), (), ("hydra/sweeper=bayes",), ("hydra/sweeper=bayes", "hydra.sweeper.n_trials=2")),
            (f"hydra.sweeper.n_trials={rng.choice(ODD)}", "hydra/sweeper=bayes"),
        )
    )
    words = (*without_setting(base, name), "-m", *sweeper, f"{name}={value}")
    return Input(command, words, names=(*named(name, value), "sweep", "hydra.sweeper"))
