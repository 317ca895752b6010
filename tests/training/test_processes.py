import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.training import TrainConfig
from talking_heads.training.data import TrainingData
from talking_heads.training.processes import choose_precision, processes

RUN = str(Path(__file__).parent / "shared_run.py")
STATE = "training_state.safetensors"


def start(name: str, out: Path, count: int, steps: int = 11) -> subprocess.Popen[bytes]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    words = [sys.executable, *(launcher if count > 1 else []), RUN, name, str(out), str(steps)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


def finish(run: subprocess.Popen[bytes]) -> None:
    _, told = run.communicate(timeout=300)
    assert run.returncode == 0, told.decode()[-3000:]
    # A warning that tells of time lost: it is looked for only where layers are skipped.
    assert b"find_unused_parameters" not in told


def check_replicas(out: Path) -> None:
    ends = [json.loads((out / f"rank{rank}.json").read_text()) for rank in range(2)]
    # Weights, running means and buffers are equal; what is drawn at random is not.
    assert ends[0][:2] == ends[1][:2]
    assert ends[0][2] != ends[1][2]


def check_shared(name: str, folder: Path) -> None:
    """Two processes with half a batch each do what one does with the whole."""
    outs = [folder / "alone", folder / "shared"]
    runs = [start(name, out, count) for out, count in zip(outs, (1, 2), strict=True)]
    for run in runs:
        finish(run)
    check_replicas(outs[1])
    results = [json.loads((out / "results.json").read_text()) for out in outs]
    assert [result["processes"] for result in results] == [1, 2]
    for first, second in zip(results[0]["losses"], results[1]["losses"], strict=True):
        assert second == pytest.approx(first, rel=1e-4, abs=2e-6)
    one, two = (load_file(out / "kept.safetensors") for out in outs)
    assert set(one) == set(two) and any("optimizer" in key for key in one)
    # After 10 steps of up to 2e-3: weights, running means, buffers and moments of the gradients.
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=1e-3, atol=1e-4)


def test_two_processes_are_one(tmp_path: Path) -> None:
    check_shared("motion_vqvae", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diff_speaker", "running_means"])
def test_two_processes_are_one_for_others_too(name: str, tmp_path: Path) -> None:
    check_shared(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "random_means"])
def test_codes_that_start_at_random_are_the_same_in_both(name: str, tmp_path: Path) -> None:
    finish(start(name, tmp_path, 2))
    check_replicas(tmp_path)


@pytest.mark.slow
def test_two_processes_go_on_after_a_kill(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    finish(start("random_means", whole, 2, 41))
    killed = start("random_means", cut, 2, 41)
    while not (cut / STATE).exists():
        assert killed.poll() is None
        time.sleep(0.01)
    # The launcher gives each process a session of its own.
    for pid in (*(int((cut / f"pid{rank}").read_text()) for rank in range(2)), killed.pid):
        os.kill(pid, signal.SIGKILL)
    killed.communicate()
    assert not (cut / "results.json").exists()
    finish(start("random_means", cut, 2, 41))
    check_replicas(cut)
    first, second = (json.loads((out / "results.json").read_text()) for out in (whole, cut))
    assert first["losses"] == second["losses"]
    weights = [(out / "model.safetensors").read_bytes() for out in (whole, cut)]
    assert weights[0] == weights[1]


def test_parts_of_a_batch_are_the_batch(corpus: Corpus) -> None:
    data = TrainingData(corpus, "train", 20, 3)
    for step in (0, 1, 5):
        whole = data.batch(step, 6)
        parts = [data.batch(step, 6, part, 3) for part in range(3)]
        for key, value in whole.items():
            assert torch.equal(torch.cat([part[key] for part in parts]), value)
    with pytest.raises(UserError, match="2 processes cannot share batches of 5"):
        data.batch(0, 5, 0, 2)


def test_a_smaller_batch_is_shared_equally() -> None:
    settings = TrainConfig(batch=24)
    assert settings.fitted_to(52, 5) == settings
    assert settings.fitted_to(3 * 23_370, 2).batch == 4
    assert settings.fitted_to(3 * 1_000_000, 2).batch == 2


def test_one_process_in_place_of_several_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What accelerate 1.15 leaves in the environment of "launch --cpu --num_processes 2"."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(UserError, match="torchrun"):
        processes()


def test_precision_is_chosen_by_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert choose_precision("auto", cpu) == "float32"
    assert choose_precision("bfloat16", cpu) == "bfloat16"
    for has, auto in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has, **_: has)
        assert choose_precision("auto", gpu) == auto
        assert choose_precision("float32", gpu) == "float32"
    with pytest.raises(UserError, match="choose float32"):
        choose_precision("bfloat16", gpu)
    with pytest.raises(UserError, match="'half'"):
        choose_precision("half", cpu)
