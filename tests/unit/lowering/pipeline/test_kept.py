"""What a kept stage follows from: all that could change its bytes, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from middle_networks import images, residual
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects.errors import RecogError
from recog.lowering.cluster.tuner import KeptTuning
from recog.lowering.common.options import declared
from recog.lowering.pipeline import ConversionOptions, ExtraPass, convert
from recog.lowering.pipeline.kept import KeptStage, Part
from recog.tools.sweep.kept_stages import KeptStages

OTHER = {
    **{"ratio": 1.5, "budget": "1MB", "layouts": "*: dense"},
    **{"value_widths": "*=9", "weight_widths": "*=9"},
    **{"loss": "mse", "entry": "other"},
}


class BeganError(Exception):
    pass


class Recorder:
    """Stops a conversion when it knows what the conversion is made of."""

    parts: Sequence[Part] = ()

    def begin(self, network: ModuleOp, parts: Sequence[Part]) -> NoReturn:
        self.parts = parts
        raise BeganError

    def keep(self, finished: KeptStage) -> NoReturn:
        raise NotImplementedError

    def tuning(self) -> KeptTuning:
        raise NotImplementedError


def parts(
    inputs: np.ndarray | None = None,
    *,
    targets: np.ndarray | None = None,
    extra: Sequence[ExtraPass] = (),
    **options: Any,
) -> list[Part]:
    recorder = Recorder()
    data = images(4) if inputs is None else inputs
    with pytest.raises(BeganError):
        convert(
            residual(),
            [data],
            targets=targets,
            options=ConversionOptions(**options),
            extra_passes=extra,
            kept=recorder,
        )
    return list(recorder.parts)


def changed(one: Sequence[Part], other: Sequence[Part]) -> set[str]:
    """The names of the parts that are in one of the lists alone."""
    return {part.name for part in set(one) ^ set(other)}


def another_value(field: dataclasses.Field[Any], tmp_path: Path) -> Any:
    if field.name == "target":
        path = tmp_path / "target.toml"
        path.write_text("[memory.dram]\nbytes = 65536\n")
        return str(path)
    if field.name in OTHER:
        return OTHER[field.name]
    if isinstance(field.default, bool):
        return not field.default
    low, high = declared(ConversionOptions, "RANGES")[field.name]
    return low if field.default != low else high


NEEDS: dict[str, dict[str, Any]] = {
    "share_tables": {"ratio": 1.5},
    "compare_recipes": {"ratio": 1.5},
}
"""Options that count beside others."""


@pytest.mark.parametrize("field", dataclasses.fields(ConversionOptions), ids=lambda f: f.name)
def test_every_option_is_in_a_part(field: dataclasses.Field[Any], tmp_path: Path):
    needed: dict[str, Any] = NEEDS.get(field.name, {})
    other = needed | {field.name: another_value(field, tmp_path)}
    assert changed(parts(**needed), parts(**other))


def test_stages_before_an_option_do_not_follow_from_it():
    memory = {"choose-formats", "convert-lns-to-chip"}
    assert changed(parts(), parts(activation_memory=1 << 20)) == memory
    assert changed(parts(), parts(width=7)) == {"calibrate"}
    assert changed(parts(), parts(learning_rate=0.1)) == {"tune-centroids"}
    names = [part.name for part in parts()]
    assert names.index("fold-batch-norm") < names.index("data") < names.index("balance-ranges")


def test_a_target_is_what_its_file_says(tmp_path: Path):
    one, same, other = (tmp_path / f"{name}.toml" for name in ("one", "same", "other"))
    for path, size in ((one, 4096), (same, 4096), (other, 8192)):
        path.write_text(f"[memory.dram]\nbytes = {size}\n")
    before = parts(target=str(one))
    assert parts(target=str(same)) == before
    assert changed(before, parts(target=str(other))) == {"choose-formats", "convert-lns-to-chip"}


def test_data_is_its_numbers_their_type_and_shape():
    x = images(4)
    assert parts(x) == parts(x.copy(order="F"))
    flipped = x.copy()
    flipped[-1, -1, -1, -1] = np.nextafter(flipped[-1, -1, -1, -1], 9)
    for other in (flipped, x[:3], x.astype(np.float64), x.reshape(4, 6, 2, 6)):
        assert changed(parts(x), parts(other)) == {"data"}
    assert changed(parts(x), parts(x, targets=np.arange(4))) == {"data"}


@dataclass(frozen=True)
class MyPass(ModulePass):
    name = "mine"
    number: int = 1

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        raise NotImplementedError


def test_passes_of_ones_own_are_parts_where_they_stand():
    before = parts()
    one = parts(extra=[ExtraPass("after", "fold-batch-norm", MyPass())])
    assert changed(before, one) == {"mine"}
    names = [part.name for part in one]
    assert names[names.index("fold-batch-norm") + 1] == "mine"
    other = parts(extra=[ExtraPass("after", "fold-batch-norm", MyPass(2))])
    assert changed(one, other) == {"mine"}
    elsewhere = parts(extra=[ExtraPass("before", "fold-batch-norm", MyPass())])
    assert sorted(elsewhere) == sorted(one)
    assert elsewhere != one


def test_a_pass_without_a_file_is_a_part():
    namespace: dict[str, Any] = {"__name__": "__main__", "MyPass": MyPass}
    exec("class Typed(MyPass):\n    name = 'typed'", namespace)
    one, other = (
        parts(extra=[ExtraPass("after", "fold-batch-norm", namespace["Typed"](number))])
        for number in (1, 2)
    )
    assert changed(one, other) == {"typed"}


def test_a_budget_holds_where_stages_are_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It was checked only where layouts were chosen in the same conversion."""
    for outputs in (16, 32):
        (tmp_path / f"{outputs}.toml").write_text(f"[array]\noutputs = {outputs}\n")
    options = ConversionOptions(
        budget="2kB", tune=False, compare_recipes=False, target=f"{tmp_path}/16.toml"
    )
    kept, module, x = KeptStages(), residual(), images(16)
    convert(module, [x], options=options, kept=kept)
    monkeypatch.setattr("recog.backend.assembly.weight_bytes", lambda program: 2001)
    again = dataclasses.replace(options, target=f"{tmp_path}/32.toml")
    with pytest.raises(RecogError, match="take 2,001 bytes, of 2,000 that") as error:
        convert(module, [x], options=again, kept=kept)
    assert "1 byte less, or 1.01 times the ratio" in str(error.value)
