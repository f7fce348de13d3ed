"""What a checkpoint keeps, and what is noticed when it was damaged."""

import json
import re
import signal
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from fastdis.models import VAE
from fastdis.training import load_weights
from fastdis.training.checkpoint import Checkpoint
from fastdis.training.checkpoint_file import checkpoints, latest, read_file, step_of, write_file
from support.run_folders import contents, run, without_seconds
from support.small_training import small_vae


def equal(left: nn.Module, right: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left.parameters(), right.parameters(), strict=True))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    run(tmp_path, steps=7, checkpoint_every=2)
    names = [path.name for path in checkpoints(tmp_path)]
    assert names == ["checkpoint-00000006.safetensors", "checkpoint-00000007.safetensors"]


def test_the_newest_is_that_of_the_largest_step(tmp_path: Path) -> None:
    for name in ("checkpoint-99999999", "checkpoint-100000000", "checkpoint-copy", "checkpoint-00000003.old"):
        (tmp_path / f"{name}.safetensors").touch()
    assert [step_of(path) for path in checkpoints(tmp_path)] == [99_999_999, 100_000_000]
    assert latest(tmp_path) == tmp_path / "checkpoint-100000000.safetensors"
    with pytest.raises(ValueError, match=r"path must be named like checkpoint-00005000\.safetensors"):
        step_of(tmp_path / "checkpoint-copy.safetensors")


def test_weights_are_read_back(tmp_path: Path) -> None:
    model, _ = run(tmp_path, steps=2)
    other = small_vae()
    assert not equal(model, other)
    assert load_weights(tmp_path, other).name == "checkpoint-00000002.safetensors"
    assert equal(model, other)


def test_weights_that_share_memory_are_saved(tmp_path: Path) -> None:
    model = small_vae()
    model.tied = model.decoder.layers[0]
    model.register_buffer("part", model.tied.bias.detach()[3:9])
    run(tmp_path, model=model, steps=2)
    run(tmp_path, model=model, steps=3, resume=True)
    trained = [tensor.clone() for tensor in (model.tied.weight.detach(), model.part)]
    nn.init.zeros_(model.tied.weight)
    nn.init.zeros_(model.tied.bias)
    load_weights(tmp_path, model)
    assert torch.equal(model.decoder.layers[0].weight, trained[0])
    assert torch.equal(model.part, trained[1])
    assert all(tensor.any() for tensor in trained)


def test_every_dtype_and_shape_is_kept(tmp_path: Path) -> None:
    tensors = {
        "bool": torch.tensor([True, False]),
        "half": torch.randn(3, 2, dtype=torch.bfloat16),
        "turned": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "empty": torch.zeros(0, 3),
        "part": torch.arange(10)[2:9:3],
    }
    values = {"step": 1, "drawn": 2, "seconds": 0.5, "logged": 1, "terms": ["a"], "param_groups": {}}
    path = tmp_path / "checkpoint-00000001.safetensors"
    write_file(path, None, tensors, values)
    found, found_values = read_file(path)
    assert found_values == values
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert all(found[name].dtype == tensor.dtype for name, tensor in tensors.items())


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    """In the header's length, its names, shapes, types and plain values, and in the tensors: a sample."""
    run(tmp_path, steps=2)
    path = latest(tmp_path)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    name = whole.index(b'"checksum"')
    places = {*range(8), *range(name, name + 24), *range(8, header, 7), *range(header, len(whole), 997)}
    for place in sorted(places):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match=f"{path.name} is damaged: ") as error:
            Checkpoint.read(path)
        assert "\n" not in str(error.value), place


@pytest.mark.parametrize("keep", [0, 7, 100, -10])
def test_a_file_that_was_cut_short(tmp_path: Path, keep: int) -> None:
    run(tmp_path, steps=2)
    path = latest(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    message = (
        rf"{path.name} is damaged: it is not a complete safetensors file.*there is no checkpoint before it"
    )
    with pytest.raises(ValueError, match=message):
        run(tmp_path, steps=4, resume=True)
    with pytest.raises(ValueError, match=message):
        load_weights(tmp_path, small_vae())


def test_a_safetensors_file_of_something_else(tmp_path: Path) -> None:
    run(tmp_path, steps=2)
    latest(tmp_path).write_bytes(save({"weight": torch.zeros(2)}, {"format": "pt"}))
    with pytest.raises(ValueError, match=r"is damaged: its metadata must be drawn, .*, got format; there"):
        run(tmp_path, steps=4, resume=True)


def test_another_architecture_is_told_from_damage(tmp_path: Path) -> None:
    run(tmp_path, steps=2)
    with pytest.raises(
        ValueError, match=r"another architecture: model\.decoder\.layers\.dense1\.bias is \(32,\) there"
    ):
        load_weights(tmp_path, VAE(small_vae().encoder, nn.Identity()))
    wider = small_vae(latents=4)
    with pytest.raises(
        ValueError, match=r"model\.decoder\.layers\.dense1\.weight is \(32, 3\) there and \(32, 4\) here"
    ):
        run(tmp_path, model=wider, steps=4, resume=True)


def test_a_damaged_one_names_the_way_out(tmp_path: Path) -> None:
    run(tmp_path / "run", steps=5, checkpoint_every=3)
    flip(latest(tmp_path / "run"), -50)
    before = contents(tmp_path / "run")
    message = (
        r"checkpoint-00000005\.safetensors is damaged: its content does not match its checksum [0-9a-f]{8}; "
        r'resume="previous" \(fastdis train --resume-previous\) goes back to checkpoint-00000003\.safetensors'
    )
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "run", steps=8, resume=True)
    assert contents(tmp_path / "run") == before

    with pytest.warns(UserWarning, match=r"going back to checkpoint-00000003.safetensors, as asked"):
        model, rows = run(tmp_path / "run", steps=4, resume="previous")
    # the damaged one of a later step is gone: the newest is that of this run
    assert [step_of(path) for path in checkpoints(tmp_path / "run")] == [3, 4]
    whole, expected = run(tmp_path / "whole", steps=4)
    assert equal(model, whole)
    assert without_seconds(rows) == without_seconds(expected)
    model, rows = run(tmp_path / "run", steps=8, resume=True)
    whole, expected = run(tmp_path / "whole", steps=8, resume=True)
    assert equal(model, whole)
    assert without_seconds(rows) == without_seconds(expected)


@pytest.mark.parametrize("steps", [4, 5, 9])
def test_the_one_gone_back_to_stays_until_two_newer_are_there(tmp_path: Path, steps: int) -> None:
    """Before, at and beyond the step of the damaged one, which goes with the first that is written."""
    run(tmp_path, steps=5, checkpoint_every=3)
    flip(latest(tmp_path), -50)
    with pytest.warns(UserWarning, match="going back"):
        run(tmp_path, steps=steps, resume="previous", checkpoint_every=100)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [3, steps]
    for path in checkpoints(tmp_path):
        Checkpoint.read(path)


def test_both_damaged(tmp_path: Path) -> None:
    run(tmp_path, steps=5, checkpoint_every=3)
    for path in checkpoints(tmp_path):
        flip(path, -50)
    with (
        pytest.raises(
            ValueError, match=r"00000003\.safetensors is damaged: .*; there is no checkpoint before it"
        ),
        pytest.warns(UserWarning, match="going back"),
    ):
        run(tmp_path, steps=8, resume="previous")


def test_a_checkpoint_without_checksum_opens(tmp_path: Path) -> None:
    """As version 0.1 wrote them: the same but for the checksum. What can be noticed of damage still is."""
    run(tmp_path, steps=3)
    path = latest(tmp_path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no iterator
    assert re.fullmatch("[0-9a-f]{8}", metadata.pop("checksum"))
    path.write_bytes(save(tensors, metadata))
    for name, value, message in (
        ("step", json.dumps("three"), "its metadata does not describe a run"),
        ("terms", json.dumps(["absent"]), "its metadata does not describe a run"),
        ("param_groups", "{", "its metadata must be JSON"),
    ):
        spoilt = tmp_path / "spoilt" / path.name
        spoilt.parent.mkdir(exist_ok=True)
        spoilt.write_bytes(save(tensors, metadata | {name: value}))
        with pytest.raises(ValueError, match=f"is damaged: {message}"):
            Checkpoint.read(spoilt)
    model, rows = run(tmp_path, steps=6, resume=True)
    whole, expected = run(None, steps=6)
    assert equal(model, whole)
    assert without_seconds(rows) == without_seconds(expected)


def test_one_that_cannot_be_written_leaves_those_before(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    run(tmp_path, steps=2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    message = r"the last good checkpoint is .*00000002.*; make room and resume: '.*00000004"
    try:
        with pytest.raises(OSError, match=message):
            run(tmp_path, steps=4, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.glob("*.safetensors*")] == ["checkpoint-00000002.safetensors"]
    run(tmp_path, steps=4, resume=True)
