"""Folders of pictures, with a CSV file of factors or without."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastdis.data import cached, load

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(256, size=(7, 12, 10, 3), dtype=np.uint8)
NAMES = ["a.png", "b.PNG", "c/d.png", "c/e.bmp", "f.png", "g.png", "h.png"]  # in the order of their paths
CSV = "path,shape,angle,group\n" + "".join(
    f"{name},{['square', 'heart'][k % 2]},{k / 4},{k % 3}\n" for k, name in reversed([*enumerate(NAMES)])
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "c").mkdir(parents=True)
    for name, picture in zip(NAMES, COLOUR, strict=True):
        Image.fromarray(picture).save(folder / name)
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"not a picture either")
    return folder


def floats(images: Any) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div(255)


def test_pictures_come_in_the_order_of_their_paths(folder: Path) -> None:
    data = load(folder)
    assert torch.equal(data.images(slice(None)), floats(COLOUR))
    assert data.factor_names == ()
    assert data.source == str(folder)


def test_factors_from_a_csv_file_in_any_order(folder: Path, tmp_path: Path) -> None:
    for csv, settings in (
        (folder / "factors.csv", {}),
        (tmp_path / "mine.csv", {"factors": tmp_path / "mine.csv"}),
    ):
        csv.write_text(CSV)
        data = load(folder, **settings)
        assert data.factor_names == ("shape", "angle", "group")
        assert data.factor_sizes == (2, None, 3)
        assert data.factor_values["shape"].tolist() == ["heart", "square"]
        expected = [[1 - k % 2, k / 4, k % 3] for k in range(7)]
        assert data.factors(slice(None)).tolist() == expected
        csv.unlink()


def test_empty_cells_are_missing_labels(folder: Path) -> None:
    csv = CSV.replace("a.png,square,0.0,0", "./a.png,,,").replace("\n", "\r\n")
    (folder / "factors.csv").write_text(f"\ufeff{csv}\n\n", encoding="utf-8")
    data = load(folder, continuous=["angle", "group"])
    assert np.isnan(data.factors([0])).all()
    assert data.factors([1]).tolist() == [[0, 0.25, 1]]
    assert data.factor_sizes == (2, None, None)


def test_scaling_and_channels(folder: Path) -> None:
    scaled = [
        np.asarray(Image.fromarray(picture).resize((8, 8), Image.Resampling.LANCZOS)) for picture in COLOUR
    ]
    assert torch.equal(load(folder, size=8).images(slice(None)), floats(scaled))
    grey = [np.asarray(Image.fromarray(picture).convert("L"))[:, :, None] for picture in COLOUR]
    assert torch.equal(load(folder, channels=1).images(slice(None)), floats(grey))


@pytest.mark.parametrize("mode", ["L", "1", "RGBA", "P", "LA", "CMYK"])
def test_modes_of_pictures(tmp_path: Path, mode: str) -> None:
    end = "tif" if mode == "CMYK" else "png"
    picture = Image.fromarray(COLOUR[0]).convert(mode)
    picture.save(tmp_path / f"a.{end}")
    channels = 1 if mode in ("L", "1", "LA") else 3
    expected = np.asarray(picture.convert("L" if channels == 1 else "RGB")).reshape(12, 10, channels)
    assert torch.equal(load(tmp_path).images([0]), floats([expected]))


def test_large_folders_are_decoded_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cached, "IN_MEMORY", 1000)
    for said in ("unpacking 7 images", ""):
        assert torch.equal(load(folder, cache_dir=tmp_path / "cache").images([6]), floats(COLOUR[6:]))
        assert said in capfd.readouterr().err
    Image.fromarray(COLOUR[0]).save(folder / "h.png")
    assert torch.equal(load(folder, cache_dir=tmp_path / "cache").images([6]), floats(COLOUR[:1]))
    assert len([*(tmp_path / "cache").iterdir()]) == 1


def test_one_unreadable_picture_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "IN_MEMORY", 1000)
    whole = (folder / "f.png").read_bytes()
    for content in (b"", b"<html>Not found</html>", whole[:200], whole[:100] + bytes(50) + whole[150:]):
        (folder / "f.png").write_bytes(content)
        with pytest.raises(
            ValueError, match=rf"load: {folder}/f.png must be a picture that Pillow reads"
        ) as said:
            load(folder, cache_dir=tmp_path / "cache")
        assert "\n" not in str(said.value)
    assert not (tmp_path / "cache").exists() or [*(tmp_path / "cache").iterdir()] == []


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (
            COLOUR[0, :8],
            r"g.png must have \(height, .*\) \(12, 10, 3\) .*, got \(8, 10, 3\); size=",
        ),
        (
            COLOUR[0, :, :, 0],
            r"g.png must have .* \(12, 10, 3\) like .*, got \(12, 10, 1\); .*channels=",
        ),
        (COLOUR[0, :, :, 0].astype(np.uint16) * 256, "g.png must be a picture .* mode must be .*I;16"),
    ],
)
def test_pictures_must_be_alike(folder: Path, picture: np.ndarray, said: str) -> None:
    Image.fromarray(picture).save(folder / "g.png")
    with pytest.raises(ValueError, match=f"load: {folder}/{said}"):
        load(folder)


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        (CSV.replace("c/d.png,square,0.5,2\n", ""), "one row for each picture, got no row for c/d.png$"),
        ("\n".join(CSV.splitlines()[:4]), "got no row for a.png and 3 others$"),
        (CSV + "i.png,heart,1,1\n", "one row for each picture, got a row but no picture for i.png$"),
        (CSV + "a.png,heart,1,1\n", "one row for each picture, got two for a.png$"),
        (CSV.replace(",0.5,2", ",0.5"), "must have 4 cells in every row, got 3 for c/d.png$"),
        ("", "must begin with a row of different names, .* got nothing$"),
        ("path\n", "must begin with a row of different names, .* got path$"),
        ("path,a,a\n", "must begin with a row of different names, .* got path, a, a$"),
        (CSV.replace("0.5,2", "inf,2"), "factor 'angle' must be finite or NaN, got inf in row 2$"),
    ],
)
def test_a_csv_file_that_does_not_fit_is_named(folder: Path, csv: str, said: str) -> None:
    (folder / "factors.csv").write_text(csv)
    with pytest.raises(ValueError, match=rf"load: .*{said}"):
        load(folder)


def test_a_csv_file_in_another_encoding_is_named(folder: Path) -> None:
    (folder / "factors.csv").write_bytes(CSV.replace("heart", "h\u00e9art").encode("latin1"))
    with pytest.raises(ValueError, match=f"load: {folder}/factors.csv must be a CSV file in UTF-8: "):
        load(folder)


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"must be a CSV file, there is none at {tmp_path}/no"):
        load(folder, factors=tmp_path / "no.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"load: {tmp_path}/empty must hold pictures \(.png"):
        load(tmp_path / "empty")
    for name, value, said in (
        ("layout", "nhwc", "load: layout must be None for a folder of pictures, got 'nhwc'"),
        ("channels", 2, "load: channels must be 1 or 3, got 2"),
        ("size", 0, "load: size must be at least 1, got 0"),
        ("continuous", ["angel"], "load: continuous must be one of"),
    ):
        with pytest.raises(ValueError, match=said):
            load(folder, **{name: value})
