"""Tables of what the bytes of a program are."""

from __future__ import annotations

from recog.backend.assembly.accounting import LayerBytes, ProgramBytes
from recog.dialects.words import counted
from recog.tools.console import print_table


def print_program_bytes(found: ProgramBytes) -> None:
    """Print the parts of the file, its layers, and what that makes a weight."""
    total = sum(found.parts.values())
    sizes = {name: size for name, size in found.parts.items() if size} | {"all": total}
    rows = [[name, f"{size:,}", f"{100 * size / total:.1f}"] for name, size in sizes.items()]
    print_table("bytes of the file", ["part", "bytes", "%"], rows)
    headers = ["layer", "shape", "layout", "bytes", "bits/weight", "used", "entropy", "distinct %"]
    print_table("weights", headers, map(_cells, found.layers), left=["shape", "layout"])
    print(
        f"weights: {found.weights:,} in {counted(found.weight_bytes, 'byte')}, "
        f"{found.bits_a_weight:.2f} bits each with tables and biases; as 32-bit floats, batch "
        f"norms folded: {counted(found.folded_float_bytes, 'byte')}, {found.folded_ratio:.1f} "
        "times as many"
    )


def _cells(layer: LayerBytes) -> list[str]:
    shape = "x".join(map(str, layer.shape))
    size = f"{layer.pointers + layer.codes + layer.table + layer.biases:,}"
    bits = f"{layer.bits_a_weight:.2f}"
    if not layer.entries:
        return [layer.layer, shape, "dense", size, bits, "", "", ""]
    shared = f", shared by {layer.sharers}" if layer.sharers > 1 else ""
    layout = f"{layer.entries} of {'x'.join(map(str, layer.block))}{shared}"
    return [
        *(layer.layer, shape, layout, size, bits, f"{layer.used}/{layer.entries}"),
        f"{layer.entropy:.2f}/{layer.pointer_bits}",
        f"{100 * layer.distinct:.0f}",
    ]
