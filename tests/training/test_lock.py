"""One training a folder, and a lock that ends with its owner."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fastdis.losses import BetaVAE, LossTerms
from fastdis.training.checkpoint_file import latest, step_of
from fastdis.training.lock import locked
from support.run_folders import contents, run
from support.small_training import bars

fcntl = pytest.importorskip("fcntl", reason="this system has no flock")
IN_USE = "run_dir must be a folder that no other training uses, but process [0-9]+ on .+ uses"


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b"):
        assert os.listdir(tmp_path / "a" / "b") == ["training.lock"]
        with pytest.raises(RuntimeError, match=IN_USE), locked(tmp_path / "a" / "b"):
            pass
        assert os.listdir(tmp_path / "a" / "b") == ["training.lock"]
    assert os.listdir(tmp_path) == []
    with locked(tmp_path / "a"):
        (tmp_path / "a" / "log").write_text("kept")
    assert contents(tmp_path) == {"a/log": b"kept"}


def test_a_file_without_owner_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / "training.lock").write_text("process 1 on another machine\n")
    with locked(tmp_path):
        assert f"process {os.getpid()} on" in (tmp_path / "training.lock").read_text()
    assert os.listdir(tmp_path) == []


def test_a_lock_on_a_file_that_was_removed_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner removes the file between another's opening and locking it; a third makes a new one."""
    opened = os.open
    path = tmp_path / "training.lock"

    def slow(*arguments: object) -> int:
        descriptor = opened(*arguments)
        monkeypatch.setattr(os, "open", opened)
        path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", slow)
    with locked(tmp_path):
        assert path.exists()
        with pytest.raises(RuntimeError, match=IN_USE), locked(tmp_path):
            pass


@contextmanager
def another(folder: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs some lines with the lock; it has written a line when this begins."""
    script = f"""
import os, sys, time
from pathlib import Path
from fastdis.training.lock import locked
with locked(Path(sys.argv[1])):
    {body}
"""
    process = subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_it_ends_with_a_killed_owner_though_its_forked_child_lives(tmp_path: Path) -> None:
    body = """child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)"""
    with another(tmp_path, body) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            with pytest.raises(RuntimeError, match=IN_USE), locked(tmp_path):
                pass
            process.kill()
            process.wait()
            os.kill(child, 0)  # it lives
            with locked(tmp_path):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_forked_child_that_fails_leaves_the_lock(tmp_path: Path) -> None:
    body = """child = os.fork()
    if child == 0:
        raise SystemExit("the child leaves the block")
    os.waitpid(child, 0)
    print("alone", flush=True)
    time.sleep(60)"""
    with another(tmp_path, body) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "alone\n"
        assert os.listdir(tmp_path) == ["training.lock"]
        with pytest.raises(RuntimeError, match=IN_USE), locked(tmp_path):
            pass


class Slow(BetaVAE):
    """Waits in its third step until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
        if step == 2:
            self.reached.set()
            assert self.go_on.wait(60)
        return super().forward(*arguments, step=step)


def test_two_trainings_in_one_folder(tmp_path: Path) -> None:
    """In two threads: a lock that belonged to the process would let both in."""
    slow, first = Slow(), []
    thread = threading.Thread(target=lambda: first.append(run(tmp_path / "run", objective=slow)[1]))
    thread.start()
    try:
        assert slow.reached.wait(60)
        for resume in (False, True):
            before = contents(tmp_path / "run")
            with pytest.raises(RuntimeError, match=IN_USE) as error:
                run(tmp_path / "run", resume=resume)
            assert "wait for it, stop it or choose another folder" in str(error.value)
            assert contents(tmp_path / "run") == before
    finally:
        slow.go_on.set()
        thread.join()
    assert [row["step"] for row in first[0]] == [1, 3, 4]
    assert not (tmp_path / "run" / "training.lock").exists()


class Watched(Dataset[Tensor]):
    """Notes which locks its worker holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> Tensor:
        files = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
        (self.path / f"seen-{os.getpid()}").write_text("\n".join(files))
        return bars(16)[index]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system has no /proc")
def test_the_workers_of_a_loader_do_not_hold_it(tmp_path: Path) -> None:
    loader = DataLoader(Watched(tmp_path), batch_size=8, num_workers=1, multiprocessing_context="fork")
    run(tmp_path / "run", data=loader, steps=2)
    seen = [path.read_text() for path in tmp_path.glob("seen-*")]
    assert seen
    assert not any("training.lock" in files for files in seen)


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.warns(UserWarning, match="has no locks .No locks available.: nothing keeps a second"):
        run(tmp_path / "run")
    assert (tmp_path / "run" / "config.json").exists()


def test_a_killed_training_can_be_resumed(tmp_path: Path) -> None:
    """kill -9 between two checkpoints: the lock's file is still there."""
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import torch
torch.set_num_threads(1)
from pathlib import Path
from support.run_folders import run
run(Path(sys.argv[1]), steps=1_000_000, checkpoint_every=2)
"""
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path / "run"])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("run/checkpoint-*.safetensors")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    with pytest.raises(RuntimeError, match=IN_USE):
        run(tmp_path / "run", steps=1_000_000, resume=True)
    process.kill()
    process.wait()
    assert (tmp_path / "run" / "training.lock").exists()
    done = step_of(latest(tmp_path / "run"))
    resumed, _ = run(tmp_path / "run", steps=done + 3, resume=True)
    whole, _ = run(None, steps=done + 3)
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), whole.parameters(), strict=True))
