"""Chains of elementwise ops: which there are, and how long it takes to find them."""

from __future__ import annotations

import time

import pytest
from middle_networks import ops_of, parse
from xdsl.dialects.builtin import ModuleOp

from recog.dialects import nn
from recog.lowering.encode.elementwise_fusion import find_chains

TYPE = "tensor<1x4x2x2xf32>"
MASK = "tensor<1x4x2x2xi1>"
KINDS = {
    "functions": "nn.tanh %{before} : ({type}) -> {type}",
    "products": "nn.mul %{before}, %c : ({type}, tensor<1xf32>) -> {type}",
    "scales": "nn.mul %{before}, %s : ({type}, tensor<1x4x1x1xf32>) -> {type}",
    "of both": "nn.add %{before}, %x : ({type}, {type}) -> {type}",
}


def in_a_row(kind: str, count: int) -> ModuleOp:
    """So many ops, each of the one before; every tenth is a function of it alone."""
    lines = [
        f"func.func @main(%x: {TYPE}) -> {TYPE} {{",
        "%c = data.constant dense<1.01> : tensor<1xf32>",
        "%s = data.constant dense<[[[[1.0]],[[0.99]],[[1.01]],[[1.0]]]]> : tensor<1x4x1x1xf32>",
    ]
    before = "x"
    for number in range(count):
        text = KINDS["functions" if kind == "of both" and number % 10 == 0 else kind]
        lines.append(f"%v{number} = {text.format(before=before, type=TYPE)}")
        before = f"v{number}"
    return parse("\n".join([*lines, f"func.return %{before} : {TYPE}", "}"]))


@pytest.mark.parametrize(
    ("kind", "count"), [("functions", 500), ("products", 5000), ("scales", 500), ("of both", 500)]
)
def test_thousands_of_ops_are_one_chain(kind: str, count: int):
    """In seconds: a walk over all members at each op took 100 times as long."""
    module = in_a_row(kind, count)
    start = time.process_time()
    chains = find_chains(module)
    assert time.process_time() - start < 10
    (chain,) = set(chains.values())
    assert len(chain.ops) == len(chains) == count
    assert (chain.affine is not None) == (kind == "scales")


def test_a_chain_ends_where_another_use_begins():
    """%b is of a chain until %d, %e is not: what gives the source is no part of it."""
    module = parse(f"""
    func.func @main(%x: {TYPE}) -> ({TYPE}, {TYPE}) {{
      %s = data.constant dense<[[[[1.0]],[[1.1]],[[1.2]],[[1.3]]]]> : tensor<1x4x1x1xf32>
      %a = nn.mul %x, %s : ({TYPE}, tensor<1x4x1x1xf32>) -> {TYPE}
      %b = nn.tanh %a : ({TYPE}) -> {TYPE}
      %d = nn.mul %a, %b : ({TYPE}, {TYPE}) -> {TYPE}
      %e = nn.sigmoid %a : ({TYPE}) -> {TYPE}
      func.return %d, %e : {TYPE}, {TYPE}
    }}""")
    a, b, d, e = ops_of(module, nn.NnOp)
    chains = find_chains(module)
    assert [chains[op].ops for op in (a, b, d, e)] == [(a,), (b, d), (b, d), (e,)]
    assert chains[a].affine is not None
    assert chains[b].source is a.results[0]


def test_a_chain_takes_in_what_only_it_uses():
    """%y, used by %a and %b, %c and %z; %w is used by others too, and the chain begins there."""
    module = parse(f"""
    func.func @main(%x: {TYPE}) -> ({TYPE}, {TYPE}) {{
      %one = data.constant dense<1.0> : tensor<f32>
      %w = nn.tanh %x : ({TYPE}) -> {TYPE}
      %v = nn.mul %w, %one : ({TYPE}, tensor<f32>) -> {TYPE}
      %y = nn.add %v, %one : ({TYPE}, tensor<f32>) -> {TYPE}
      %a = nn.sigmoid %y : ({TYPE}) -> {TYPE}
      %b = nn.mul %y, %a : ({TYPE}, {TYPE}) -> {TYPE}
      %z = nn.mul %b, %y : ({TYPE}, {TYPE}) -> {TYPE}
      func.return %z, %w : {TYPE}, {TYPE}
    }}""")
    w, *others = ops_of(module, nn.NnOp)
    chains = find_chains(module)
    assert chains[w].ops == (w,)
    (chain,) = {chains[op] for op in others}
    assert chain.ops == tuple(others)
    assert chain.source is w.results[0]


@pytest.mark.parametrize("is_used", [True, False])
def test_what_a_mask_is_made_of_is_a_chain_where_the_mask_is_in_none(is_used: bool):
    """%m is within a function where only %w uses it, and the chain of %a ends before it else."""
    results, types = ("%w", TYPE) if is_used else ("%w, %m", f"{TYPE}, {MASK}")
    module = parse(f"""
    func.func @main(%x: {TYPE}) -> ({types}) {{
      %one = data.constant dense<1.0> : tensor<f32>
      %a = nn.mul %x, %x : ({TYPE}, {TYPE}) -> {TYPE}
      %m = nn.compare %a, %one {{predicate = "gt"}} : ({TYPE}, tensor<f32>) -> {MASK}
      %w = nn.where %m, %x, %one : ({MASK}, {TYPE}, tensor<f32>) -> {TYPE}
      func.return {results} : {types}
    }}""")
    a, m, w = ops_of(module, nn.NnOp)
    chains = find_chains(module)
    assert set(chains.values()) == {chains[a]}
    assert chains[a].ops == ((a, m, w) if is_used else (a,))
