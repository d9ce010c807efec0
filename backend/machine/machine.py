"""The reference machine: runs program files bit for bit, many frames at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation

from recog.backend.arithmetic.engine import DEFAULT_ENGINE, EngineChoice, get_engine
from recog.backend.assembly.assembler import find_program, memory_use, weight_bytes
from recog.backend.assembly.errors import relocated
from recog.backend.assembly.loader import ProgramSource, load_program
from recog.backend.machine.budget import Budget, check_budget, needs_of
from recog.backend.machine.execution import ChipFunctions, ChipValues, MachineState
from recog.backend.machine.host import (
    Saturated,
    SaturationCounts,
    check_codes,
    check_input,
    decode_output,
    encode_input,
    saturated_inputs,
    saturated_outputs,
    taken_output,
)
from recog.backend.machine.memory import FrameMemory
from recog.backend.machine.resident import Resident
from recog.dialects.chip import (
    ChipTarget,
    DmaInOp,
    InputOp,
    InstructionOp,
    LdwOp,
    OutputOp,
)
from recog.dialects.errors import InputError, RecogError, describe_op
from recog.dialects.verification import located_errors
from recog.dialects.words import counted

Observer = Callable[[int, FrameMemory], None]
"""Called after every instruction with its number, from 0, and activation memory as it left it."""

Host = Callable[[int, Callable[[], Sequence[np.ndarray]]], np.ndarray]
"""Called where the program waits for an input: with its number, and a function that gives the
outputs as they are then. It returns the input (N, ...)."""

WORKING_BYTES = 64 << 20
"""What the memories of the frames that run together may take."""


class Machine:
    """Runs one program.

    Args:
        program: a program file's path or bytes, or a program as IR.
        engine: the arithmetic engine: a name (`fast`, `gemm` or `reference`), a configuration, or
            an engine itself; all give the same bits.
        target: what this machine is; by default whatever the program was made for.
        budget: the steps and the memory that the program may take.

    Raises:
        RecogError: the program is damaged or invalid, made for another target, or takes more than
            the budget.
    """

    def __init__(
        self,
        program: ProgramSource,
        engine: EngineChoice = DEFAULT_ENGINE,
        *,
        target: ChipTarget | None = None,
        budget: Budget | None = None,
    ):
        self.program = load_program(program)
        made_for = self.program.target.data
        if target is not None and target != made_for:
            raise RecogError(
                f"the program is made for target {made_for.name} "
                f"({made_for.digest.hex()[:8]}), this machine is {target.name} "
                f"({target.digest.hex()[:8]})"
            )
        self.inputs = [port for port in self.program.ports if isinstance(port, InputOp)]
        self.outputs = [port for port in self.program.ports if isinstance(port, OutputOp)]
        self._saturation = SaturationCounts()
        self._engine = get_engine(engine)
        self._memory_bytes = memory_use(self.program)[1:]
        self._frame_bytes = sum(self._memory_bytes)
        check_budget(needs_of(self.program, self._frame_bytes), budget or Budget())
        self._instructions = self.program.instructions
        self._resident = Resident(self.program)
        for op in self._instructions:
            if isinstance(op, LdwOp):
                self._resident.load(op)

        self._decodings = {port: self._resident.decoding(port) for port in self.outputs}

    @property
    def saturated(self) -> list[Saturated]:
        """The inputs and outputs of the last run some of whose values had no code near them."""
        return self._saturation.of((*self.inputs, *self.outputs))

    @property
    def weight_bytes(self) -> int:
        """Bytes of all pointers, tables and biases, as packed in the program file."""
        return weight_bytes(self.program)

    @property
    def frames_at_once(self) -> int:
        """How many frames run together."""
        return max(1, WORKING_BYTES // max(1, self._frame_bytes))

    def run_with_host(
        self,
        *inputs: np.ndarray,
        frames: int,
        host: Host,
        continued: bool = False,
        observe: Observer | None = None,
    ) -> tuple[np.ndarray, ...]:
        """As `run`, of up to `frames_at_once` frames, where the host gives the last inputs.

        The program waits where it reads one of them for the first time.

        Args:
            inputs: those that are known before the program starts.
            frames: how many there are.
            host: called for each of the others.
            continued: these are more frames of the last run, whose saturated values stay counted.
            observe: called after every instruction.
        """
        if not continued:
            self._saturation = SaturationCounts()
        arrays = [check_input(port, x) for port, x in zip(self.inputs, inputs)]
        codes = [self._encoded(port, x) for port, x in zip(self.inputs, arrays)]
        results = self._run_chunk(codes, frames, observe, host)
        return tuple(
            self._counted_output(port, codes) for port, codes in zip(self.outputs, results)
        )

    def _encoded(self, port: InputOp, x: np.ndarray) -> np.ndarray:
        """The codes of an input as `check_input` gives it; what saturates is counted."""
        self._saturation.add(port, saturated_inputs(port, x), x.size)
        return encode_input(port, x, self._engine)

    def _counted_output(self, port: OutputOp, codes: np.ndarray) -> np.ndarray:
        self._saturation.add(port, saturated_outputs(port, codes), codes.size)
        return self._decoded(port, codes)

    def _decoded(self, port: OutputOp, codes: np.ndarray) -> np.ndarray:
        return decode_output(port, codes, self._decodings[port])

    def run(
        self, *inputs: np.ndarray, observe: Observer | None = None
    ) -> np.ndarray | tuple[np.ndarray, ...]:
        """The outputs for N frames: an array (N, ...), or a tuple where there are several.

        Args:
            inputs: an array (N, ...) for each input of the program: float32, or codes where
                the program takes codes.
            observe: called after every instruction, once for each chunk of frames; what it
                keeps of the memory it must copy.

        Raises:
            RecogError: inputs of the wrong number, shape or type, NaN or infinity, before
                anything runs.
        """
        self._check_count(inputs)
        arrays = [check_input(port, x) for port, x in zip(self.inputs, inputs)]
        self._saturation = SaturationCounts()
        outputs = self._run(arrays, self._encoded, self._counted_output, observe)
        return outputs[0] if len(outputs) == 1 else outputs

    def run_codes(
        self, *inputs: np.ndarray, observe: Observer | None = None
    ) -> tuple[np.ndarray, ...]:
        """As `run`, but inputs and outputs are codes where `run` has float32; integers are as
        they are there, of the host's type."""
        self._check_count(inputs)
        arrays = [check_codes(port, x) for port, x in zip(self.inputs, inputs)]
        return self._run(arrays, lambda _, x: x, lambda _, codes: codes, observe)

    def _check_count(self, inputs: Sequence[np.ndarray]) -> None:
        if len(inputs) != len(self.inputs):
            names = ", ".join(port.sym_name.data for port in self.inputs)
            raise RecogError(
                f"the program takes {counted(len(self.inputs), 'input')} ({names}), got "
                f"{len(inputs)}"
            )

    def _run(
        self,
        inputs: Sequence[np.ndarray],
        encode: Callable[[InputOp, np.ndarray], np.ndarray],
        decode: Callable[[OutputOp, np.ndarray], np.ndarray],
        observe: Observer | None,
    ) -> tuple[np.ndarray, ...]:
        counts = sorted({len(x) for x in inputs})
        if len(counts) > 1:
            raise RecogError(f"the inputs have different numbers of frames: {counts}")
        frames = counts[0] if counts else 1
        chunks: list[list[np.ndarray]] = []
        step = self.frames_at_once
        # Without frames one empty chunk runs, which gives outputs of the right type.
        for start in range(0, max(1, frames), step):
            size = min(step, frames - start)
            codes = [encode(port, x[start : start + size]) for port, x in zip(self.inputs, inputs)]
            results = self._run_chunk(codes, size, observe)
            chunks.append([decode(port, result) for port, result in zip(self.outputs, results)])
        return tuple(np.concatenate(parts) for parts in zip(*chunks))

    def _run_chunk(
        self,
        inputs: Sequence[np.ndarray],
        frames: int,
        observe: Observer | None,
        host: Host | None = None,
    ) -> list[np.ndarray]:
        state = MachineState(frames, *self._memory_bytes)
        awaited = {port.sym_name.data: port for port in self.inputs[len(inputs) :]}
        for port, x in zip(self.inputs, inputs):
            state.dram.write(port, x.reshape(frames, *port.shape))
        interpreter = Interpreter(ModuleOp([]))
        functions = ChipFunctions(ChipValues(state, self._resident, self._engine))
        interpreter.register_implementations(functions)
        with located_errors():
            for number, op in enumerate(self._instructions):
                if host is not None and isinstance(op, DmaInOp):
                    port = awaited.pop(op.input.string_value(), None)
                    if port is not None:
                        self._wait(state, port, host, frames)
                self._step(interpreter, state, op)
                if observe is not None:
                    observe(number, state.activation)
        return self._outputs_in_dram(state, frames)

    def _outputs_in_dram(self, state: MachineState, frames: int) -> list[np.ndarray]:
        """The outputs as they are now, as codes, or as integers of the host's type."""
        return [
            taken_output(port, state.dram.read(port)).reshape(frames, *port.frame_shape)
            for port in self.outputs
        ]

    def _wait(self, state: MachineState, port: InputOp, host: Host, frames: int) -> None:
        """Let the host write an input that the program is about to read."""

        def outputs() -> list[np.ndarray]:
            found = self._outputs_in_dram(state, frames)
            return [self._decoded(each, codes) for each, codes in zip(self.outputs, found)]

        try:
            value = check_input(port, host(self.inputs.index(port), outputs))
        except InputError as error:  # the array is not the user's
            raise RecogError(f"what the host gives {error.message}", where=error.where) from None
        state.dram.write(port, self._encoded(port, value).reshape(frames, *port.shape))

    def _step(self, interpreter: Interpreter, state: MachineState, op: InstructionOp) -> None:
        try:
            interpreter.run_op(op, ())
        except RecogError as error:
            raise relocated(error, describe_op(op)) from None


def run_program_op(
    op: Operation, inputs: Sequence[np.ndarray], *, engine: EngineChoice = DEFAULT_ENGINE
) -> list[np.ndarray]:
    """The outputs, as codes, of a chip.program for inputs as codes (N, ...).

    The program goes the whole way: assembled, loaded again, run.
    """
    return list(Machine(find_program(op), engine).run_codes(*inputs))
