"""Data files that passes read: whatever is wrong with them, one sentence says it."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from middle_networks import RESIDUAL, images

from recog.dialects.errors import RecogError
from recog.lowering.common.data_files import check_frames, inputs_of, load_arrays
from recog.tools.module_files import load_inputs
from recog.tools.opt.main import main


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(compressed: bool = False, **arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)  # pyright: ignore
    return stream.getvalue()


def archive(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return stream.getvalue()


GOOD = images(4)
HUGE = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
)
HUGE = HUGE.ljust(127) + b"\n"
UNREADABLE = {
    "empty": b"",
    "text": b"1 2 3\n",
    "pickle": pickle.dumps([1, 2, 3]),
    "pickled array": npy(np.array([1, "a", None], dtype=object)),
    "pickled array inside": npz(inputs=np.array([{}], dtype=object)),
    "truncated npy": npy(GOOD)[:-7],
    "npy header alone": npy(GOOD)[:64],
    "npy of a terabyte": HUGE,
    "truncated npz": npz(inputs=GOOD)[:-40],
    "half an npz": npz(inputs=GOOD)[: len(npz(inputs=GOOD)) // 2],
    "another archive": archive(**{"model.json": b"{}"}),
    "bad array inside": archive(**{"inputs.npy": b"nonsense"}),
    "truncated array inside": archive(**{"inputs.npy": npy(GOOD)[:-7]}),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_files(content: bytes, tmp_path: Path):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(RecogError) as caught:
        load_arrays(str(path), what="calibrate data")
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"calibrate data {path}: ")
    assert len(first) > len(f"calibrate data {path}: cannot be read: ")


@given(st.data())
def test_damaged_archives(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    """Flipped bytes are refused or give arrays; nothing else escapes."""
    content = bytearray(npz(compressed=True, inputs=GOOD[:1]))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(content)
    try:
        arrays = load_arrays(str(path), what="data")
    except RecogError:
        return
    assert all(isinstance(array, np.ndarray) for array in arrays.values())


def test_missing_files(tmp_path: Path):
    with pytest.raises(RecogError, match=r"absent\.npy: there is no such file"):
        load_arrays(str(tmp_path / "absent.npy"), what="data")
    with pytest.raises(RecogError, match="cannot be read: .*[Dd]irectory"):
        load_arrays(str(tmp_path), what="data")


def test_good_files(tmp_path: Path):
    path = tmp_path / "x.npy"
    np.save(path, GOOD)
    np.testing.assert_array_equal(load_arrays(str(path), what="data")["inputs"], GOOD)
    path = tmp_path / "x.npz"
    np.savez_compressed(path, a=GOOD, b=np.array(3))
    arrays = load_arrays(str(path), what="data")
    assert list(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["a"], GOOD)


def test_which_arrays_are_the_inputs():
    a, b = np.zeros(1), np.ones(1)
    assert inputs_of({"inputs": a, "other": b}, 1, where="f") == [a]
    assert inputs_of({"anything": b}, 1, where="f") == [b]
    assert inputs_of({"input1": b, "input0": a}, 2, where="f") == [a, b]
    with pytest.raises(RecogError, match="f: has no array named inputs\n  hint: it has a, b"):
        inputs_of({"a": a, "b": b}, 1, where="f")
    with pytest.raises(RecogError, match="f: has no array named input0, input1\n.*order of"):
        inputs_of({"inputs": a, "input0": b}, 2, where="f")
    with pytest.raises(RecogError, match="it has none"):
        inputs_of({}, 1, where="f")
    with pytest.raises(RecogError, match="no array named input0, input1 … input999999999999\n"):
        inputs_of({"input0": a}, 10**12, where="f")
    with pytest.raises(RecogError, match="f: has input2 but no input1"):
        inputs_of({"input0": a, "input2": b}, 1, where="f")
    with pytest.raises(RecogError, match="f: has input3 but no input2"):
        inputs_of({"input0": a, "input1": b, "input3": b}, 2, where="f")
    with pytest.raises(RecogError, match="f: has 2 inputs, the network takes 1"):
        inputs_of({"input0": a, "input1": b}, 1, where="f")
    with pytest.raises(RecogError, match=f"f: has input1{'0' * 5000} but no input0"):
        inputs_of({"inputs": a, "input1" + "0" * 5000: b}, 1, where="f")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs": np.array(1.0)}, "inputs is one number, not an array of frames"),
        ({"inputs": GOOD, "targets": np.array(1)}, "targets is one number, not an array of frames"),
        ({"inputs": GOOD[:0]}, "has no frames"),
        ({"inputs": GOOD, "targets": GOOD[:3]}, "frames: 4 of inputs, 3 of targets"),
    ],
)
def test_what_are_no_frames(arrays: dict[str, np.ndarray], message: str, tmp_path: Path):
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)  # pyright: ignore
    with pytest.raises(RecogError, match=f"data {path}: .*{message}"):
        load_inputs(str(path), 1)


def test_frames():
    assert check_frames([np.zeros((3, 2))], np.zeros(3), what="this") == 3
    for inputs in ([], [np.zeros(())], [np.zeros((0, 2))], [np.zeros(2), np.zeros(3)]):
        with pytest.raises(RecogError, match="this needs arrays of as many frames each"):
            check_frames(inputs, what="this")


# Through recog-opt: exit codes and messages that name the pass, the option or the op.


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple[int, str]]:
    """Exit code and errors of a pipeline on the residual network; @ stands for the folder."""

    def run(pipeline: str) -> tuple[int, str]:
        output = tmp_path / "out.mlir"
        code = main([str(RESIDUAL), "-p", pipeline.replace("@", str(tmp_path)), "-o", str(output)])
        errors = capsys.readouterr().err
        assert "Traceback" not in errors
        assert "internal error" not in errors
        assert output.exists() == (code == 0)
        return code, errors

    return run


def test_good_data(run: Callable[[str], tuple[int, str]], tmp_path: Path):
    np.save(tmp_path / "x.npy", GOOD)
    assert run('calibrate{data="@/x.npy"},encode-lns') == (0, "")
    assert run('encode-lns{data="@/x.npy"}') == (0, "")


BAD_DATA = {
    "missing": (None, "x.npz: there is no such file"),
    "pickle": (
        UNREADABLE["pickled array"],
        "x.npz: cannot be read: this is no .npy or .npz file of numbers",
    ),
    "shape": (
        npz(inputs=GOOD[:, :1]),
        "x.npz: input 0: has shape [4, 1, 6, 6], the network wants [N, 2",
    ),
    "rank": (npz(inputs=GOOD[0]), "input 0: has shape [2, 6, 6]"),
    "scalar": (npz(inputs=np.array(1, np.float32)), "input 0: has shape []"),
    "no frames": (npz(inputs=GOOD[:0]), "needs arrays of as many frames each"),
    "type": (npz(inputs=GOOD.astype("U8")), "input 0"),
    "pixels": (npz(inputs=GOOD.astype("u1")), "float32\n  hint: scale pixels as for training"),
    "complex": (npz(inputs=GOOD.astype(complex)), "input 0: has dtype"),
    "nan": (npz(inputs=GOOD * np.nan), "input 0: holds NaN or infinity"),
    "names": (npz(a=GOOD, b=GOOD), "has no array named inputs\n  hint: it has a, b"),
}


@pytest.mark.parametrize("content,message", BAD_DATA.values(), ids=BAD_DATA.keys())
@pytest.mark.parametrize("name", ["calibrate", "encode-lns"])
def test_bad_data(
    name: str,
    content: bytes | None,
    message: str,
    run: Callable[[str], tuple[int, str]],
    tmp_path: Path,
):
    if content is not None:
        (tmp_path / "x.npz").write_bytes(content)
    code, errors = run(f'{name}{{data="@/x.npz"}}')
    assert code == 1
    assert message in errors
    assert f"in pass '{name}'" in errors


def test_bad_tuning_data(run: Callable[[str], tuple[int, str]], tmp_path: Path):
    clustered = "cluster-weights{table-share=100},"
    np.savez(tmp_path / "x.npz", inputs=GOOD, targets=np.zeros((4, 2)))
    code, errors = run(clustered + 'tune-centroids{data="@/x.npz"}')
    assert code == 1
    assert "targets have shape [2] each, the output [3]" in errors
    np.savez(tmp_path / "x.npz", inputs=GOOD, targets=np.zeros((4, 3)))
    code, errors = run('tune-centroids{data="@/x.npz"}')
    assert code == 1
    assert "the module has no codebook to tune" in errors


@pytest.mark.parametrize(
    "pipeline,message",
    [
        ("cluster-weights{centroids=1}", "option centroids must be in [2, 65536], got 1"),
        ("cluster-weights{centroids=many}", "option 'centroids' takes int, got \"many\""),
        ("cluster-weights{centroid=2}", "unknown option 'centroid' (did you mean centroids?)"),
        ("calibrate", "option 'data' is required"),
        ('calibrate{data="x" width=99}', "option width must be in [2, 16], got 99"),
        ("encode-lns{antilog-bits=99}", "option antilog-bits must be in [2, 12], got 99"),
        ("encode-lns{mitchell=1}", "option 'mitchell' takes bool, got 1"),
        ("tune-centroids", "option 'data' is required"),
        ('tune-centroids{data="x" loss=l1}', "option loss must be one of auto, mse, kl, cross"),
        ('tune-centroids{data="x" epochs=0}', "option epochs must be in [1, 1000000], got 0"),
        ("run-checks{engine=quick}", "option engine must be one of reference, gemm, fast"),
    ],
)
def test_bad_options(pipeline: str, message: str, run: Callable[[str], tuple[int, str]]):
    """A wrong command line, found before any input is read: exit code 2, and what would do."""
    code, errors = run(pipeline)
    assert code == 2
    assert message in errors
    assert "hint: it takes" in errors


def test_bytes_in_another_order(tmp_path: Path):
    """As other machines write them: torch takes its own order alone."""
    x = np.arange(6, dtype=">f4").reshape(2, 3)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", inputs=x)
    for name in ("x.npy", "x.npz"):
        found = load_arrays(str(tmp_path / name), what="data")["inputs"]
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, x)
