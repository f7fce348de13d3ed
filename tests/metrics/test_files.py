"""Codes and factors from npz, npy and HDF5, and what is none of them."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from fastdis.metrics import read_arrays

CODES = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
FACTORS = np.arange(1000).reshape(500, 2) % 7


def write(path: Path, **arrays: np.ndarray) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    return path


@pytest.mark.parametrize("name", ["mine.npz", "mine.h5", "mine.hdf5", "no_suffix.dat"])
def test_reads_what_was_written(name: str, tmp_path: Path) -> None:
    codes, factors = read_arrays(write(tmp_path / name, codes=CODES, factors=FACTORS, other=CODES))
    np.testing.assert_array_equal(codes, CODES)
    np.testing.assert_array_equal(factors, FACTORS)
    assert (codes.dtype, factors.dtype) == (np.float32, np.int64)


def test_reads_a_pair_of_npy_files(tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", CODES)
    np.save(tmp_path / "v.npy", FACTORS)
    codes, factors = read_arrays(tmp_path / "z.npy", tmp_path / "v.npy")
    np.testing.assert_array_equal(codes, CODES)
    np.testing.assert_array_equal(factors, FACTORS)
    with pytest.raises(TypeError, match=r"factors must be given as a second npy file beside .*z\.npy"):
        read_arrays(tmp_path / "z.npy")


@pytest.mark.parametrize("name", ["mine.npz", "mine.h5"])
def test_a_missing_array_is_named(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, codes=CODES, labels=FACTORS)
    with pytest.raises(
        ValueError, match=rf"{name} must hold the arrays codes and factors, got codes, labels"
    ):
        read_arrays(path)
    with pytest.raises(TypeError, match="factors must be left out"):
        read_arrays(path, path)


@pytest.mark.parametrize("name", ["mine.npz", "mine.h5", "mine.npy"])
@pytest.mark.parametrize("kept", [0, 5, 100, 3000])
def test_a_file_cut_short_is_named(name: str, kept: int, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, CODES)
    else:
        write(path, codes=CODES, factors=FACTORS)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=f"{name} must be a complete"):
        read_arrays(path, path if name.endswith("npy") else None)


def test_another_kind_of_file_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("codes, factors\n")
    with pytest.raises(ValueError, match=r"notes\.txt must be a complete npz or HDF5 file"):
        read_arrays(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "absent.npz")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "absent.npy", tmp_path / "absent.npy")


def test_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.npz", codes=CODES, factors=np.array([["a", None]], dtype=object))
    with pytest.raises(ValueError, match=r"mine\.npz must hold arrays of numbers \(Object arrays"):
        read_arrays(path)


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """An HDF5 file in which names lead to groups, elsewhere and nowhere."""
    path = tmp_path / "linked.h5"
    with h5py.File(path, "w") as file:
        file["group/codes"], file["factors"] = CODES, FACTORS
        file["soft"] = h5py.SoftLink("/group/codes")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["elsewhere"] = h5py.ExternalLink("absent.h5", "/codes")
        file["loop"] = h5py.SoftLink("/loop")
        file["text"], file["empty"] = "codes", h5py.Empty("f4")
        file["records"] = np.zeros(3, dtype=[("a", "f4")])
    return path


@pytest.mark.parametrize("key", ["group/codes", "soft"])
def test_keys_may_be_named_and_be_paths_or_links(linked: Path, key: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_arrays(linked, codes_key=key)[0], CODES)
    path = write(tmp_path / "mine.npz", z=CODES, v=FACTORS)
    np.testing.assert_array_equal(read_arrays(path, codes_key="z", factors_key="v")[1], FACTORS)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "dangling",
            "must hold the arrays dangling and factors, got empty, factors, group/codes, records, text",
        ),
        ("elsewhere", "must hold the arrays elsewhere and factors, got .*group/codes"),
        ("group", "must hold the arrays group and factors, got .*group/codes"),
        ("loop", "must be a complete HDF5 file"),
        ("text", "must hold arrays of numbers, got dtype object for text"),
        ("empty", "must hold arrays of numbers, got dtype object for empty"),
        ("records", r"must hold arrays of numbers, got dtype \[\('a', '<f4'\)\] for records"),
    ],
)
def test_a_name_that_leads_to_no_array_is_one_line(linked: Path, key: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"linked\.h5 {message}") as caught:
        read_arrays(linked, codes_key=key)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mine.npz", "small.npz", "mine.h5", "mine.npy"])
def test_a_damaged_file_is_read_or_named_in_one_line(name: str, tmp_path: Path) -> None:
    path, few = tmp_path / name, CODES[:20]
    if name == "small.npz":
        np.savez_compressed(path, codes=few, factors=FACTORS[:20])
    elif name == "mine.npy":
        np.save(path, few)
    else:
        write(path, codes=few, factors=FACTORS[:20])
    whole, random = path.read_bytes(), np.random.default_rng(0)
    messages = []
    for _ in range(150):
        damaged = bytearray(whole)
        for place in random.integers(0, min(len(whole), random.choice([200, len(whole)])), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_arrays(path, path if name == "mine.npy" else None)
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all(str(path) in message and "\n" not in message for message in messages)
