"""The op definitions as the one source of truth: fields, words, and the ISA document."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from xdsl.dialects.builtin import SymbolRefAttr
from xdsl.irdl.constraints import VerificationContext
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly.container import ISA_VERSION
from recog.backend.assembly.isa_document import isa_document
from recog.backend.assembly.words import (
    DESCRIPTORS,
    INSTRUCTIONS,
    PORTS,
    Numbers,
    RecordDecoder,
    RecordEncoder,
    decode_record,
)
from recog.backend.machine.execution import ChipFunctions
from recog.dialects.chip import Chip, ConvOp, InstructionOp
from recog.dialects.chip.fields import (
    TABLES,
    ChoiceField,
    Field,
    FlagField,
    IntField,
    ReferenceField,
    Table,
    int_field,
)
from recog.dialects.chip.records import (
    RecordOp,
    RecordSize,
    is_short,
    layout,
    opcode_of,
    record,
    size_of,
)

ROOT = Path(__file__).resolve().parents[3]
CLASSES: dict[type[RecordOp], Mapping[int, type[RecordOp]]] = {
    cls: table for table in (INSTRUCTIONS, PORTS, DESCRIPTORS) for cls in table.values()
}
NAMES: dict[Table, list[str]] = {
    table: [f"{table}{number}" for number in range(1 << 14)] for table in TABLES
}
NUMBERS: Numbers = {
    (table, name): i for table, names in NAMES.items() for i, name in enumerate(names)
}


def test_every_record_of_the_dialect_is_encoded():
    assert set(CLASSES) == {op for op in Chip.operations if issubclass(op, RecordOp)}


def test_every_instruction_has_a_field_for_both_semaphores_in_the_same_place():
    for cls in INSTRUCTIONS.values():
        places = {place.field.name: (place.low, place.field.bits) for place in layout(cls)}
        assert (places["wait"], places["signal"]) == ((118, 5), (123, 5))


def test_the_machine_implements_every_instruction():
    implemented = {op for op, _ in ChipFunctions._impls()}
    assert implemented == set(INSTRUCTIONS.values())


def extremes(field: Field) -> list[object]:
    match field:
        case IntField():
            return [field.minimum, field.maximum, field.minimum + 1]
        case FlagField():
            return [False, True]
        case ChoiceField():
            return list(field.choices)
        case ReferenceField():
            return [NAMES[field.table][0], NAMES[field.table][-1]]
        case _:
            raise AssertionError(f"no values for {field}")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_every_field_survives_at_the_ends_of_its_range(cls: type[RecordOp]):
    fields = [place.field for place in layout(cls)]
    base = {field.name: extremes(field)[0] for field in fields}
    name = {"sym_name": "d"} if "sym_name" in cls.get_irdl_definition().properties else {}
    for field in fields:
        for value in extremes(field):
            op = cls(**name, **{**base, field.name: value})
            word = RecordEncoder(NUMBERS).encode(op)
            assert len(word) * 8 == size_of(cls).bits
            assert word[0] == opcode_of(cls)
            again = decode_record(word, CLASSES[cls], NAMES, name.get("sym_name"))
            assert (type(again), again.properties) == (cls, op.properties)
            if is_short(op):
                short = RecordEncoder(NUMBERS, short=True).encode(op)
                assert word == short + bytes(len(word) - len(short))
                again = decode_record(short, CLASSES[cls], NAMES, name.get("sym_name"))
                assert (type(again), again.properties) == (cls, op.properties)


@pytest.mark.parametrize("cls", INSTRUCTIONS.values(), ids=lambda cls: cls.name)
def test_records_that_differ_in_any_field_are_told_apart(cls: type[InstructionOp]):
    """What is found once for instructions of one form is that of no other."""
    fields = [place.field for place in layout(cls)]
    base = {field.name: extremes(field)[0] for field in fields}
    changed = [{**base, field.name: value} for field in fields for value in extremes(field)]
    encoder, decoder = RecordEncoder(NUMBERS), RecordDecoder(INSTRUCTIONS, NAMES)
    for op in [cls(**values) for values in changed]:
        word = encoder.encode(op)
        assert word == RecordEncoder(NUMBERS).encode(op)
        assert decoder.decode(word).properties == op.properties


def test_rows_are_verified_of_every_instruction_of_a_form():
    for rows in (1, 2, 0xFFFF):
        ConvOp(output="y", input="x", weights="w", rows=rows).verify()
    for rows in (-1, 1 << 16):
        with pytest.raises(VerifyException, match="rows must be in"):
            ConvOp(output="y", input="x", weights="w", rows=rows).verify()
    op = ConvOp(output="y", input="x", weights="w", rows=1)
    del op.properties["rows"]
    with pytest.raises(VerifyException, match="'rows' expected"):
        op.verify()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_every_value_beyond_a_fields_range_is_refused_by_name(cls: type[RecordOp]):
    for field, low in layout(cls):
        match field:
            case IntField():
                beyond: list[object] = [field.minimum - 1, field.maximum + 1]
            case ChoiceField():
                beyond = ["neither"]
            case _:
                continue
        op = cls(**{each.field.name: extremes(each.field)[0] for each in layout(cls)})
        word = int.from_bytes(RecordEncoder(NUMBERS).encode(op), "little")
        for value in beyond:
            op.properties[field.name] = field.convert(value)
            with pytest.raises(VerifyException, match=f"^{field.name} must be "):
                cls.get_irdl_definition().properties[field.name].constr.verify(
                    op.properties[field.name], VerificationContext()
                )
        for raw in unused_patterns(field):
            changed = word & ~(((1 << field.bits) - 1) << low) | raw << low
            content = changed.to_bytes(size_of(cls).bits // 8, "little")
            with pytest.raises(ValueError, match=f"^{field.name} must be "):
                decode_record(content, CLASSES[cls], NAMES)


def unused_patterns(field: Field) -> list[int]:
    """Bit patterns that stand for no value of the field."""
    if isinstance(field, ChoiceField):
        return list(range(len(field.choices), 1 << field.bits))
    values = range(1 << field.bits) if field.bits < 12 else [0, 1 << (field.bits - 1)]
    assert isinstance(field, IntField)

    def meaning(raw: int) -> int:
        return raw - (1 << field.bits) if field.minimum < 0 and raw >> (field.bits - 1) else raw

    return [raw for raw in values if not field.minimum <= meaning(raw) <= field.maximum]


def test_a_word_is_what_the_document_says():
    """chip.conv, opcode 0x10: output at bit 8, input at 22, weights at 36, stride_h at 50."""
    op = ConvOp(
        output="descriptors3", input="descriptors1", weights="descriptors2", stride_h=2, relu=True
    )
    word = int.from_bytes(RecordEncoder(NUMBERS).encode(op), "little")
    ones = [1 << low for low in (58, 66, 74)]
    assert word == 0x10 | 3 << 8 | 1 << 22 | 2 << 36 | 2 << 50 | sum(ones) | 1 << 114


def test_records_whose_fields_do_not_fit_are_refused_at_definition():
    class WideOp(InstructionOp):
        name = "chip.wide"
        first = int_field(100, "a hundred bits")
        second = int_field(11, "one too many")

    with pytest.raises(ValueError, match="chip.wide: field wait does not fit 192 bits"):
        record(0x60, RecordSize(192, 128))(WideOp)


def test_python_values_become_attributes():
    op = ConvOp(output="y", input=SymbolRefAttr("x"), weights="w", relu=False)
    assert op.output == SymbolRefAttr("y")
    assert op.relu is None
    assert op.stride_h.value.data == 1
    with pytest.raises(KeyError, match="stride"):
        ConvOp(output="y", input="x", weights="w", stride=1)


def test_the_isa_document_is_up_to_date():
    """Else: python -m recog.backend.assembly.isa_document > docs/isa.md"""
    assert (ROOT / "docs" / "isa.md").read_text(encoding="utf-8") == isa_document()


def test_a_change_of_the_encoding_is_a_new_version():
    """When this fails, raise ISA_VERSION (the major, if old programs no longer mean the same)."""
    described = [
        (cls.name, opcode_of(cls), *size_of(cls), *(_described(place) for place in layout(cls)))
        for cls in sorted(CLASSES, key=lambda cls: cls.name)
    ]
    digest = sha256(repr(described).encode()).hexdigest()[:16]
    assert (ISA_VERSION, digest) == ((3, 2), "63497756498ace60")


def _described(place) -> tuple:
    field = place.field
    kind = type(field).__name__
    limits = getattr(field, "minimum", ""), getattr(field, "maximum", "")
    meaning = getattr(field, "choices", ""), getattr(field, "target", "")
    return (field.name, place.low, field.bits, kind, *limits, *meaning)
