"""Slurm jobs, as processes of this machine: shares, lost jobs, preemption, errors; and what would be sent to Slurm."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qtmnet.datasets.cluster import slurm
from qtmnet.datasets.cluster.slurm import JobError, Share, SlurmCluster
from simulators import InputError


@pytest.fixture
def cluster(tmp_path: Path) -> SlurmCluster:
    return SlurmCluster(executor="local", folder=str(tmp_path / "jobs"), n_workers=2)


def test_tasks_are_dealt_out_and_a_lost_job_runs_again(
    cluster: SlurmCluster, odd: Callable, marks: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = list(cluster.run(odd("fine_a", "fine_b", "busy_c", "once_d", "thread_e")))
    assert sorted(answers) == [False, True, True, True, True]
    # the second job was killed at its second task: the first of its share is passed over by what it makes, a shard
    assert marks() == ["busy_c-0", "fine_a-0", "fine_b-0", "fine_b-1", "once_d-0", "once_d-1", "thread_e-0"]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("was lost; its shard begins anew")


def test_an_error_of_the_users_is_its_one_line(
    cluster: SlurmCluster, odd: Callable, marks: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match=r"^shard-00000\.npy: cannot be written \(no space left on the disk\)$"):
        list(cluster.run(odd("full", "long", "fine")))
    assert time.monotonic() - start < 60  # the job that would take two minutes is cancelled
    assert "fine-0" not in marks()
    assert capfd.readouterr().err == ""


def test_a_job_that_fails_tells_why_and_where_its_log_is(cluster: SlurmCluster, odd: Callable) -> None:
    with pytest.raises(JobError, match=r"^job \d+: ZeroDivisionError: a defect of ours; its log: ") as told:
        list(cluster.run(odd("wrong")))
    log = Path(str(told.value).rsplit("its log: ")[1])
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_a_share_that_kills_its_job_is_given_up(
    cluster: SlurmCluster, odd: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "LOST_IN_A_ROW", 1)
    with pytest.raises(InputError, match=r"^cluster: job \d+: lost again and again .*; its log: "):
        list(cluster.run(odd("deadly")))


def test_a_requeued_share_is_the_same(odd: Callable) -> None:
    share = Share(tuple(odd("fine_a", "full", "fine_b")))
    again = share.checkpoint()
    assert again.function is share
    assert again.args == ()
    answers, flaw = share()
    assert answers == [True]
    assert "no space left" in flaw


def test_without_slurm_it_says_so(odd: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        InputError, match=r"^cluster=slurm: sbatch not found; run on a login node or use cluster=local$"
    ):
        list(SlurmCluster().run(odd("fine")))


SBATCH = """#!/bin/sh
cp "$1" {folder}/sent.sh
{end}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A machine whose sbatch keeps what it is sent, and then does something."""

    def install(end: str) -> Path:
        for name in ("srun", "sbatch", "sacct", "scancel"):
            program = tmp_path / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(
                SBATCH.format(folder=tmp_path, end=end) if name == "sbatch" else "#!/bin/sh\n", encoding="utf-8"
            )
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        return tmp_path / "sent.sh"

    return install


def test_what_is_sent_to_slurm(site: Callable, odd: Callable, tmp_path: Path) -> None:
    sent = site("echo Submitted batch job 17")
    cluster = SlurmCluster(
        folder=str(tmp_path / "jobs"),
        n_workers=3,
        partition="cpu",
        account="mri",
        minutes=90,
        memory_gb=2,
        extra={"slurm_qos": "low"},
    )
    executor = cluster._executor()
    tasks = odd(*(f"fine_{k}" for k in range(7)))
    jobs = cluster._submit(executor, [Share(tuple(tasks[k::3])) for k in range(3)])
    assert [job.job_id for job in jobs] == ["17_0", "17_1", "17_2"]
    lines = sent.read_text(encoding="utf-8").splitlines()
    for line in ("partition=cpu", "account=mri", "time=90", "mem=2GB", "qos=low", "array=0-2%3", "cpus-per-task=1"):
        assert f"#SBATCH --{line}" in lines
    assert any(line.startswith("#SBATCH --signal=") for line in lines)  # so that it is requeued before its time is up


def test_a_refusal_of_sbatch_is_one_line(site: Callable, odd: Callable, tmp_path: Path) -> None:
    site("echo sbatch: error: invalid partition specified: cpux >&2; exit 1")
    with pytest.raises(InputError, match=r"^cluster: sbatch refuses the jobs: .*invalid partition specified: cpux"):
        list(SlurmCluster(folder=str(tmp_path / "jobs"), partition="cpux").run(odd("fine")))


@pytest.mark.parametrize(
    ("settings", "needle"),
    [
        ({"executor": "pbs"}, r"executor: found 'pbs'; give one of slurm, local"),
        ({"n_workers": 0}, r"n_workers: found 0"),
        ({"minutes": 0.5}, r"minutes: found 0\.5"),
    ],
)
def test_settings_are_checked(settings: dict, needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        SlurmCluster(**settings)


def test_unknown_parameters_are_named(odd: Callable, tmp_path: Path) -> None:
    cluster = SlurmCluster(executor="local", folder=str(tmp_path), extra={"slurm_qoss": "low"})
    with pytest.raises(InputError, match=r"cluster\.extra: Unknown argument 'qoss'"):
        list(cluster.run(odd("fine")))


def test_a_folder_for_logs_that_cannot_be_made(odd: Callable, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cluster\.folder: .*file/jobs: .*; choose another"):
        list(SlurmCluster(executor="local", folder=str(tmp_path / "file" / "jobs")).run(odd("fine")))


def test_without_the_package_the_extra_is_named(odd: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(InputError, match=r"submitit is not installed; pip install 'qtmnet\[cluster\]'"):
        list(SlurmCluster().run(odd("fine")))
