"""`recog-opt`: parse IR, run passes over it, print it or emit a program."""

from __future__ import annotations

import argparse
import dataclasses
import io
import re
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import IO, Any, ClassVar, Protocol, cast, runtime_checkable

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import PassPipeline
from xdsl.utils.arg_spec import parse_pipeline, parse_spec
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ShrinkException
from xdsl.utils.target import Target
from xdsl.xdsl_opt_main import xDSLOptMain

from recog.backend.files import atomic_write
from recog.backend.input_files import open_input
from recog.dialects.verification import located_errors, verify_module
from recog.tools.console import run_main
from recog.tools.context import make_context, register_dialects
from recog.tools.diagnostics import IRParseError, UsageError, describe_error, during
from recog.tools.opt.command_line import add_mlir_flags, respell
from recog.tools.opt.ir_parser import MAX_IR_BYTES, parse_module, read_ir
from recog.tools.opt.pipeline_parser import describe_pass, instantiate, parse_passes, suggest
from recog.tools.universe import PASS_SUMMARIES, PIPELINE_SUMMARIES, TARGET_SUMMARIES

STDOUT_NAMES = (None, "-", "/dev/stdout")
PART_MARKER = re.compile(rb"^[ \t]*// -----[ \t\r]*$", re.MULTILINE)


@runtime_checkable
class BinaryTarget(Protocol):
    """A target whose output is not text; `emit` is for tools that can only print text."""

    def emit_bytes(self, ctx: Context, module: ModuleOp) -> bytes: ...


@runtime_checkable
class WritingTarget(Protocol):
    """A target with an `emit` for the drivers of others, which ends them on an error."""

    def write(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None: ...


@dataclasses.dataclass(frozen=True)
class TextTarget(Target):
    """IR as text, long constants as resources at its end."""

    name: ClassVar[str] = "mlir"

    print_generic_format: bool = False
    print_properties_as_attributes: bool = False
    print_debuginfo: bool = False
    syntax_highlight: bool = False
    elide_constants: bool = False

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from recog.dialects.data import ModulePrinter

        options: dict[str, Any] = {
            "stream": output,
            "print_generic_format": self.print_generic_format,
            "print_properties_as_attributes": self.print_properties_as_attributes,
            "print_debuginfo": self.print_debuginfo,
        }
        if self.syntax_highlight:
            from xdsl.syntax_printer import SyntaxPrinter

            printer = SyntaxPrinter(**options)
        else:
            printer = ModulePrinter(**options, elide_constants=self.elide_constants)
        printer.print_op(module)
        printer.print_metadata(ctx.loaded_dialects)
        output.write("\n")


class RecogOptMain(xDSLOptMain):
    """xDSL's driver with whole output files, binary targets and errors for people."""

    version_format: ClassVar[str] = f"recog-opt {version('recog')} (xDSL {{xdsl_version}})"

    target: Target

    def __init__(self, args: Sequence[str] | None = None):
        self._words = list(sys.argv[1:] if args is None else args)
        super().__init__("Runs recog's and xDSL's passes over an IR file.", self._words)

    def register_all_dialects(self) -> None:
        register_dialects(self.ctx)

    def register_all_targets(self) -> None:
        super().register_all_targets()
        self.available_targets["mlir"] = lambda: TextTarget

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.prog = "recog-opt"
        arg_parser.usage = "%(prog)s [options] [input.mlir]"
        arg_parser.formatter_class = argparse.RawDescriptionHelpFormatter
        arg_parser.epilog = _epilog(self.available_passes)
        _reword(arg_parser)
        arg_parser.add_argument(
            "--elide-constants",
            action="store_true",
            help="leave out the bytes of long constants, for reading only",
        )
        arg_parser.add_argument(
            "--list-passes", action="store_true", help="name all passes, xDSL's too, and exit"
        )
        arg_parser.add_argument(
            "--help-pass", metavar="NAME", help="describe a pass and its options, and exit"
        )
        add_mlir_flags(arg_parser)
        known = arg_parser._option_string_actions
        self._words[:] = respell(self._words, known, self.available_passes, self.available_targets)

    def setup_pipeline(self) -> None:
        if self.args.list_passes:
            print(_list_passes(self.available_passes))
            sys.exit(0)
        if self.args.help_pass is not None:
            print(self._help_pass(self.args.help_pass))
            sys.exit(0)
        if self.args.show_dialects:
            print("Available Dialects:", ",".join(sorted(self.ctx.registered_dialect_names)))
            sys.exit(0)
        for name in (*self.args.print_ir_before, *self.args.print_ir_after):
            if name not in self.available_passes:
                hint = suggest(name, self.available_passes, "recog-opt --list-passes")
                raise UsageError(f"unknown pass '{name}'", where="--print-ir-...", hint=hint)
        self.target = self._make_target()
        self.pipeline = PassPipeline(parse_passes(self.args.passes, self.available_passes))

    def _help_pass(self, name: str) -> str:
        if name not in self.available_passes:
            hint = suggest(name, self.available_passes, "recog-opt --list-passes")
            raise UsageError(f"unknown pass '{name}'", where="argument --help-pass", hint=hint)
        return describe_pass(self.available_passes[name]())

    def _make_target(self) -> Target:
        spec = parse_spec(self.args.target)
        factory = cast("Callable[[], type[Target]]", self.available_targets[spec.name])
        target = instantiate("target", factory(), spec)
        if isinstance(target, BinaryTarget) and self.args.split_input_file:
            raise UsageError(f"target '{spec.name}' makes one binary file: no --split-input-file")
        if not isinstance(target, TextTarget):
            return target
        return dataclasses.replace(
            target,
            print_generic_format=target.print_generic_format or self.args.print_op_generic,
            print_properties_as_attributes=target.print_properties_as_attributes
            or self.args.print_no_properties,
            print_debuginfo=target.print_debuginfo or self.args.print_debuginfo,
            syntax_highlight=target.syntax_highlight or self.args.syntax_highlight,
            elide_constants=target.elide_constants or self.args.elide_constants,
        )

    def run(self) -> None:
        chunks = self._read_chunks()
        binary = isinstance(self.target, BinaryTarget)
        try:
            with self._open_output(binary) as output, located_errors():
                for i, (data, line_offset) in enumerate(chunks):
                    if i > 0:
                        output.write("// -----\n")
                        # Each part is a file of its own: resource names may repeat.
                        self.ctx = make_context(allow_unregistered=self.ctx.allow_unregistered)
                    self._run_chunk(data, line_offset, output)
        except ShrinkException:
            if not self.args.shrink:
                raise
            print("Success, can shrink")
            sys.exit(0)
        if self.args.shrink:
            print("Failure, can't shrink")
            sys.exit(1)

    def _read_chunks(self) -> list[tuple[bytes, int]]:
        """The input, cut at lines `// -----` if asked to, each part with the lines before it."""
        if self.args.input_file in (None, "-"):
            self.args.input_file = None
            content = read_ir(sys.stdin.buffer, "standard input")
        else:
            with open_input(self.args.input_file, MAX_IR_BYTES) as stream:
                content = read_ir(stream, self.args.input_file)
        if not self.args.split_input_file:
            return [(content, 0)]
        chunks, lines = list[tuple[bytes, int]](), 0
        for chunk in PART_MARKER.split(content):
            chunks.append((chunk, lines))
            lines += chunk.count(b"\n")
        return chunks

    @contextmanager
    def _open_output(self, binary: bool) -> Generator[IO[Any], None, None]:
        path = self.args.output_file
        if path not in STDOUT_NAMES:
            with atomic_write(path, "wb") if binary else atomic_write(path) as stream:
                yield stream
        elif not binary:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8")  # IR is, whatever the terminal is
            yield sys.stdout
        elif sys.stdout.isatty():
            raise UsageError("the output is binary", hint="write it to a file with -o")
        else:
            sys.stdout.flush()
            yield sys.stdout.buffer

    def _run_chunk(self, data: bytes, line_offset: int, output: IO[Any]) -> None:
        try:
            module = parse_module(
                self.ctx,
                data,
                self.get_input_name(),
                line_offset=line_offset,
                allow_implicit_module=not self.args.no_implicit_module,
                allow_empty=self.args.split_input_file,
                verify=not self.args.disable_verify,
            )
            self.apply_passes(module)
            output.write(self._emit(module))
        except IRParseError as error:
            if not self.args.parsing_diagnostics:
                raise
            print(describe_error(error))
        except DiagnosticException as error:
            if not self.args.verify_diagnostics or isinstance(error, UsageError):
                raise
            print(describe_error(error))

    def apply_passes(self, prog: ModuleOp) -> None:
        """Apply the passes to a valid module in order, verifying after each."""
        passes = self.pipeline.passes
        for i, step in enumerate(passes):
            if self.args.print_ir_before_all or step.name in self.args.print_ir_before:
                self._dump(prog, f"Before {step.name}")
            start = time.perf_counter()
            with during(f"pass '{step.name}'"):
                step.apply(self.ctx, prog)
            if self.args.time_passes:
                seconds = time.perf_counter() - start
                print(f"Pass {step.name} took {seconds:.6f} seconds", file=sys.stderr)
            if not self.args.disable_verify:
                with during(f"the IR that pass '{step.name}' made"):
                    verify_module(prog)
            if self.args.print_ir_after_all or step.name in self.args.print_ir_after:
                self._dump(prog, f"After {step.name}")
            if self.args.print_between_passes and i + 1 < len(passes):
                print(f"IR after {step.name}:")
                TextTarget(elide_constants=True).emit(self.ctx, prog, sys.stdout)
                print("\n\n")

    def _dump(self, module: ModuleOp, when: str) -> None:
        """The IR on standard error, below the line that mlir-opt writes."""
        print(f"// -----// IR Dump {when} //----- //", file=sys.stderr)
        TextTarget(elide_constants=True).emit(self.ctx, module, sys.stderr)

    def _emit(self, module: ModuleOp) -> str | bytes:
        # Emitted whole before anything is written: a printer that fails leaves no output.
        with during(f"target '{self.target.name}'"):
            if isinstance(self.target, BinaryTarget):
                return self.target.emit_bytes(self.ctx, module)
            text = io.StringIO()
            target = self.target
            write = target.write if isinstance(target, WritingTarget) else target.emit
            write(self.ctx, module, text)
            return text.getvalue()


def _reword(arg_parser: argparse.ArgumentParser) -> None:
    """xDSL's help lists its 130 passes in one paragraph."""
    for action in arg_parser._actions:
        match action.dest:
            case "passes":
                action.help = "passes to run, in order: 'a,b{option=value other=1}'"
                action.metavar = "PIPELINE"
            case "target":
                action.help = "what to emit (default: mlir), see below"
                action.type = _target_text
            case "input_file":
                action.help = "IR file, standard input if absent or -"
            case "output_file":
                action.help = "file to write, whole or not at all (default: standard output)"
            case _:
                pass


def _target_text(text: str) -> str:
    try:
        specs = list(parse_pipeline(text))
    except ArgSpecParseError as error:
        raise argparse.ArgumentTypeError(str(error).partition("\n")[2].rstrip()) from error
    if len(specs) != 1:
        raise argparse.ArgumentTypeError(f"one target is expected, got '{text}'")
    return text


def _epilog(available: Sequence[str] | dict[str, Any]) -> str:
    others = len(available) - len(PASS_SUMMARIES) - len(PIPELINE_SUMMARIES)
    return "\n".join(
        [
            "pipelines, which run passes in their order and are named as passes are:",
            *_columns(PIPELINE_SUMMARIES),
            "",
            "passes (--help-pass NAME tells the options):",
            *_columns(PASS_SUMMARIES),
            f"  and {others} passes of xDSL: --list-passes",
            "",
            "targets (-t NAME or -t 'NAME{option=value}'):",
            *_columns(TARGET_SUMMARIES),
            "",
            "exit codes: 0 done, 1 bad input, 2 wrong command line",
        ]
    )


def _columns(summaries: dict[str, str]) -> list[str]:
    width = max(len(name) for name in summaries)
    return [f"  {name:{width}}  {text}" for name, text in summaries.items()]


def _list_passes(available: dict[str, Any]) -> str:
    others = sorted(set(available) - set(PASS_SUMMARIES) - set(PIPELINE_SUMMARIES))
    lines = [*_columns(PASS_SUMMARIES), "", "pipelines:", *_columns(PIPELINE_SUMMARIES)]
    return "\n".join([*lines, "", "xDSL:", *(f"  {name}" for name in others)])


def main(args: Sequence[str] | None = None) -> int:
    """Run `recog-opt`; returns its exit code."""
    return run_main("recog-opt", lambda: RecogOptMain(args).run())


if __name__ == "__main__":
    sys.exit(main())
