"""Detectors with changed fields under right checksums: refused, or run within their memories."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from test_chip_boxes import detectors, program_of

from recog.backend.assembly.container import (
    Container,
    Kind,
    Segment,
    read_container,
    write_container,
)
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError


@given(detectors(), st.data())
@settings(max_examples=settings().max_examples // 2)
def test_damaged_detectors_are_refused_or_run(detector, data):
    module, inputs = detector
    container = read_container(program_of(module))
    segments = []
    for kind, content in container.segments:
        changed = bytearray(content)
        if changed and kind in (Kind.TEXT, Kind.DESCRIPTORS, Kind.TABLES, Kind.BIASES):
            for _ in range(data.draw(st.integers(0, 2))):
                place = data.draw(st.integers(0, len(changed) - 1))
                changed[place] = data.draw(
                    st.sampled_from([0, 1, 127, 128, 255, changed[place] ^ 1])
                )
        segments.append(Segment(kind, bytes(changed)))
    try:
        machine = Machine(write_container(Container(container.target_hash, segments)), "gemm")
        outputs = machine.run_codes(*inputs)
    except RecogError:
        return
    for port, codes in zip(machine.outputs, outputs, strict=True):
        assert codes.shape == (len(inputs[0]), *port.frame_shape)
        assert port.integer is not None or not port.format.has_illegal(codes)
