"""Archives from strangers: nothing in them runs, whatever they hold."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from recog.dialects.errors import RecogError
from recog.frontend.torch.archive import load_archive
from recog.frontend.torch.importer import import_pt2

Members = dict[str, bytes]
GRAPH = "archive/models/model.json"


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return (exec, (f"open({self.path!r}, 'w')",))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("offset", torch.ones(2))

    def forward(self, x):
        return {"sum": self.layer(x) + self.offset, "twice": 2 * x}


def members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, content: Members) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt2"
    stream = io.BytesIO()  # whose members lie below "archive/"
    torch.export.save(torch.export.export(Net().eval(), (torch.zeros(1, 3),)), stream)
    path.write_bytes(stream.getvalue())
    return path


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that is there only if code of an archive ran."""
    return tmp_path / "ran"


def changed(plain: Path, change: Callable[[Members], Any]) -> Path:
    content = members(plain)
    change(content)
    path = plain.with_name("changed.pt2")
    write(path, content)
    return path


def edit_graph(content: Members, edit: Callable[[dict[str, Any]], Any]) -> None:
    graph = json.loads(content[GRAPH])
    edit(graph)
    content[GRAPH] = json.dumps(graph).encode()


def refused(path: Path, mark: Path) -> str:
    with pytest.raises(RecogError) as error:
        import_pt2(str(path))
    assert not mark.exists(), "code of the archive ran"
    assert error.value.where
    return str(error.value)


def test_a_plain_archive_is_read(plain: Path):
    write(plain, members(plain))
    assert "nn.linear" in str(import_pt2(str(plain)))


def test_names_of_modules_are_what_users_call_them(tmp_path: Path):
    """Numbers in a Sequential, any text in a ModuleDict."""

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict({"first-part/größe": nn.Linear(3, 3)})
            self.rest = nn.Sequential(nn.Linear(3, 2), nn.ReLU())

        def forward(self, x):
            return self.rest(self.parts["first-part/größe"](x))

    path = tmp_path / "named.pt2"
    torch.export.save(torch.export.export(Named().eval(), (torch.zeros(1, 3),)), path)
    assert str(import_pt2(str(path))).count("nn.linear") == 2


def test_dynamic_sizes_are_read(tmp_path: Path):
    batch = torch.export.Dim("batch", min=2, max=64)
    path = tmp_path / "dynamic.pt2"
    program = torch.export.export(
        Net().eval(), (torch.zeros(4, 3),), dynamic_shapes={"x": {0: batch}}
    )
    torch.export.save(program, path)
    assert load_archive(path).range_constraints


def pickled(mark: Path) -> bytes:
    """As torch.save writes it: a zip archive with a pickle in it."""
    stream = io.BytesIO()
    torch.save((Touch(mark),), stream)
    return stream.getvalue()


def test_a_pickle_among_the_sample_inputs(plain: Path, mark: Path):
    path = changed(
        plain,
        lambda content: content.update({"archive/data/sample_inputs/model.pt": pickled(mark)}),
    )
    said = refused(path, mark)
    assert "holds a pickle of more than tensors, which runs exec" in said
    assert "weights_only" not in said


@pytest.mark.parametrize("name", ["opaque_obj_0", "custom_obj_0", "tensor_0"])
def test_a_pickled_constant(plain: Path, mark: Path, name: str):
    def change(content: Members) -> None:
        data = pickled(mark) if name == "tensor_0" else pickle.dumps(Touch(mark))
        content[f"archive/data/constants/{name}"] = data
        config = {"path_name": name, "is_param": False, "use_pickle": True, "tensor_meta": None}
        text = json.dumps({"config": {"c": config}}).encode()
        content["archive/data/constants/model_constants_config.json"] = text

    assert "pickle" in refused(changed(plain, change), mark)


def test_a_compiled_library(plain: Path, mark: Path):
    name = "archive/data/aotinductor/model/model.so"
    path = changed(plain, lambda content: content.update({name: b"\x7fELF"}))
    assert f"holds {name}" in refused(path, mark)


def test_a_size_that_is_python(plain: Path, mark: Path):
    text = f"__import__('pathlib').Path({str(mark)!r}).touch()"

    def edit(graph: dict[str, Any]) -> None:
        tensors = graph["graph_module"]["graph"]["tensor_values"]
        first = next(iter(tensors.values()))
        first["sizes"][0] = {"as_expr": {"expr_str": text, "hint": {"as_int": 1}}}

    message = refused(changed(plain, lambda content: edit_graph(content, edit)), mark)
    assert "has the size" in message


@pytest.mark.parametrize(
    "text",
    [
        "().__class__",
        "Symbol('x.y')",
        "Symbol('x', integer=open('y'))",
        "Float('__import__')",
        "s0.func",
        "(lambda: 1)()",
        "[1][0]",
        "'a'",
        "Max(s0, key=1)",
        "eval(1)",
        "__build_class__",
        "s0 if 1 else 2",
        "f'{s0}'",
        "1 +",
        "(" * 500 + "1" + ")" * 500,
    ],
)
def test_sizes_are_arithmetic(plain: Path, mark: Path, text: str):
    def edit(graph: dict[str, Any]) -> None:
        tensors = graph["graph_module"]["graph"]["tensor_values"]
        next(iter(tensors.values()))["sizes"][0] = {"as_expr": {"expr_str": text, "hint": None}}

    message = refused(changed(plain, lambda content: edit_graph(content, edit)), mark)
    assert "has the size" in message


def test_a_name_that_is_python(plain: Path, mark: Path):
    """torch writes names of inputs into the source of a function, defaults and all."""
    content = members(plain)
    name = f"x=open({str(mark)!r},'w')"
    content[GRAPH] = content[GRAPH].replace(b'"x"', json.dumps(name).encode())
    path = plain.with_name("changed.pt2")
    write(path, content)
    assert "names" in refused(path, mark)


@pytest.mark.parametrize(
    "kind, context",
    [
        ("collections.defaultdict", '{"default_factory_module": "antigravity"}'),
        ("builtins.dict", '[{"__enum__": true, "fqn": "antigravity:X", "name": "Y"}]'),
    ],
)
def test_containers_that_import_a_module(plain: Path, mark: Path, kind: str, context: str):
    def edit(graph: dict[str, Any]) -> None:
        signature = graph["graph_module"]["module_call_graph"][0]["signature"]
        spec = json.loads(signature["out_spec"])
        spec[1].update(type=kind, context=context)
        signature["out_spec"] = json.dumps(spec)

    message = refused(changed(plain, lambda content: edit_graph(content, edit)), mark)
    assert "inputs or outputs" in message


@pytest.mark.parametrize("target", ["torch.hub.load", "torch.load", "_operator.attrgetter"])
def test_functions_that_do_more_than_compute(plain: Path, mark: Path, target: str):
    """Operators of constants alone are evaluated at import."""

    def edit(graph: dict[str, Any]) -> None:
        nodes = graph["graph_module"]["graph"]["nodes"]
        node = next(each for each in nodes if each["target"].endswith("linear.default"))
        node["target"] = target
        node["inputs"] = [
            {"name": "name", "arg": {"as_string": "__class__"}, "kind": 1},
        ]

    message = refused(changed(plain, lambda content: edit_graph(content, edit)), mark)
    assert "not supported" in message or "cannot read" in message or "can read" in message


def test_a_member_that_is_there_twice(plain: Path, mark: Path):
    path = changed(plain, lambda content: content.update({GRAPH.upper(): b"{}"}))
    message = refused(path, mark)
    assert "no part of a graph" in message or "twice" in message


def test_guards_are_dropped(plain: Path, mark: Path):
    """`program.module()` of torch would evaluate them."""
    path = changed(
        plain,
        lambda content: edit_graph(
            content, lambda graph: graph.update(guards_code=[f"open({str(mark)!r}, 'w')"])
        ),
    )
    assert load_archive(path)._guards_code == []
    import_pt2(str(path))
    assert not mark.exists()
