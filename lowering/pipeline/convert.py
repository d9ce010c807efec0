"""The whole conversion as one call: what the `recog` command, the demo and the tasks run.

It goes through the steps of `named`, which recog-opt can run one by one or under one name; this
adds the arrays that stay in memory between them, the stages on the way, and progress.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, inf
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.backend.freed_memory import give_back_freed_memory
from recog.dialects import nn
from recog.dialects.chip import ChipTarget
from recog.dialects.cluster import LookupOp
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.dialects.number_format import LnsFormat
from recog.dialects.verification import located_errors, verify_module
from recog.dialects.words import counted
from recog.lowering.allocation.choose_layouts import (
    ChooseLayoutsPass,
    choose_layouts,
    write_layouts_by_name,
)
from recog.lowering.allocation.reserve import wider_table_bytes
from recog.lowering.balance.balance_ranges import BalanceRangesPass, balance_ranges
from recog.lowering.check.zero_weights import zero_weight_notes
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass, cluster_weights
from recog.lowering.cluster.differentiable_outputs import heads_of
from recog.lowering.cluster.own_objective import OwnObjective
from recog.lowering.cluster.pointer_reassignment import weights_before
from recog.lowering.cluster.targets import are_labels, checked_target, chosen_loss
from recog.lowering.cluster.tune_centroids import TuneCentroidsPass, tune
from recog.lowering.cluster.tune_own import OwnTuning, tune_own
from recog.lowering.common.not_tensors import not_tensor_notes
from recog.lowering.common.notes import Note
from recog.lowering.common.options import taken_from
from recog.lowering.common.pass_times import timed
from recog.lowering.encode.calibrate import CalibratePass, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.partition.partition import PartitionPass, partition, split_modules
from recog.lowering.partition.rehearsal import rehearse_chip_part
from recog.lowering.pipeline.arguments import check_arguments, checked_options
from recog.lowering.pipeline.conversion import Conversion, weight_bytes
from recog.lowering.pipeline.expected_formats import expected_formats, of_function
from recog.lowering.pipeline.extra import ExtraPass, check_anchors
from recog.lowering.pipeline.kept import KeptConversion, KeptStage, stage_parts
from recog.lowering.pipeline.named import ConversionOptions, Step
from recog.lowering.pipeline.stages import Stage
from recog.lowering.precision.choose_formats import (
    ChooseFormatsPass,
    check_names,
    choose_formats,
    more_table_bytes,
)
from recog.lowering.precision.round_weights import RoundWeightsPass, round_weights
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done."""

CALIBRATION_FRAMES = 256
"""Frames that formats are found on, at most."""
SENSITIVITY_FRAMES = 96
BALANCING_FRAMES = 64


def convert(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    *,
    targets: np.ndarray | None = None,
    own: OwnObjective | None = None,
    options: ConversionOptions | None = None,
    weight_budget: int | None = None,
    extra_passes: Sequence[ExtraPass] = (),
    progress: Progress | None = None,
    kept: KeptConversion | None = None,
) -> Conversion:
    """Convert an nn module into a chip module.

    Args:
        module: as imported; left as it is.
        inputs: example inputs, float (N, ...), one array an argument of the network. They
            calibrate the activations, and tune the centroids.
        targets: what tuning aims at: labels (N,) or wanted outputs; by default the float
            network's own outputs, so that no labels are needed. A network that is divided
            is always tuned toward what the float network gives at the boundary, and one that
            ends in indices or boxes toward what the float network gives its decoders.
        own: a loss and batches of your own to tune on, in place of `inputs` and `targets`.
        weight_budget: bytes that the program's weights may take, of a network whose layouts were
            chosen for them before; by default what the options ask for.
        extra_passes: passes beside those of the conversion; the IR after each is verified.
        kept: where finished stages and the state of the tuning are left; what it holds of an
            equal conversion is not computed again.

    Raises:
        RecogError: arguments of other types, an op without an LNS or chip form, data that does not
            fit, an overflow.
    """
    check_arguments(module, inputs, targets, own, weight_budget)
    chosen = ConversionOptions() if options is None else checked_options(options)
    run = Run(module, inputs, targets, chosen, extra_passes, progress)
    run.kept, run.own, run.weight_budget = kept, own, weight_budget
    with located_errors():
        return run.convert()


def _no_progress(stage: str, share: float) -> None:
    """Progress that nobody sees."""


class Run:
    """One conversion: the module on its way, and the arrays that some passes take."""

    def __init__(
        self,
        module: ModuleOp,
        inputs: Sequence[np.ndarray],
        targets: np.ndarray | None,
        options: ConversionOptions,
        extra: Sequence[ExtraPass],
        progress: Progress | None,
    ):
        self.inputs, self.targets, self.options, self.extra = inputs, targets, options, extra
        self.report = progress or _no_progress
        self.context = Context()
        self.conversion = Conversion({Stage.FLOAT: module}, options=options)
        self.conversion.notes += not_tensor_notes(module)
        self.current = module.clone()
        self.kept: KeptConversion | None = None
        self.own: OwnObjective | None = None
        self.weight_budget: int | None = None
        self._tuned: Callable[[], list[Note]] | None = None
        check_anchors(extra, options.steps())

    def convert(self) -> Conversion:
        """Take all steps that are not done yet."""
        steps = self.options.steps()
        return self.take(steps[self._restore(steps) :])

    def take(self, steps: Sequence[Step]) -> Conversion:
        """Take these steps; the conversion as far as it is then."""
        for step in steps:
            self._run_extra("before", step.type)
            with timed(step.type.name):
                done = self._run_pass(step.type)
            give_back_freed_memory()
            if step.type is ConvertLnsToChipPass:
                self._check_budget()
            if step.reaches is not None and done:
                self._finish(step.reaches)
            if step.type is PartitionPass:
                if done:
                    self._leave_host_part()
                self._rehearse()
            self._run_extra("after", step.type)
        return self.conversion

    def _rehearse(self) -> None:
        """Find now what would be refused after hours of tuning."""
        self._check_targets()
        check_names(self.current, self.options, self.options.entry)
        if self.extra or not self.options.cluster:
            return  # other passes change what there is to convert; dense weights take no hours
        encoder, target = self._encode_pass().encoder(), self.options.chip_target(ChipTarget())
        rehearse_chip_part(self.current, self.options.entry, encoder.arithmetic, target)

    def _check_targets(self) -> None:
        """Raise RecogError for targets that tuning could not aim at, or by this loss."""
        function = find_function(self.current, self.options.entry)
        end = function.get_return_op()
        tunes = self.options.cluster and self.options.tune and self.own is None
        if not tunes or end is None:
            return
        heads = heads_of(function)
        targets = None if heads else self.targets
        if targets is not None:
            checked_target(nn.shape_of(end.operands[0]), targets)
        outputs = end.operands[:1] if targets is not None else heads or end.operands
        for each in outputs:
            labels = targets is not None and are_labels(targets)
            chosen_loss(self.options.loss, labels=labels, rank=len(nn.shape_of(each)))

    def _restore(self, steps: Sequence[Step]) -> int:
        """Take up the stages that are there already; how many of the steps they are."""
        if self.kept is None:
            return 0
        data = self.inputs if self.targets is None else [*self.inputs, self.targets]
        own = None if self.own is None else self.own.source()
        parts = stage_parts(self.options, self.extra, self._encode_pass(), data, own)
        found = self.kept.begin(self.current, list(parts))
        for stage, module, notes, plan in found:
            self.current, self.conversion.notes = module.clone(), list(notes)
            self.conversion.plan = plan
            self.conversion.stages[stage] = module
            if stage is Stage.SPLIT:
                self._leave_host_part()
            self.report(stage, 1.0)
        if not found:
            return 0
        last = [step.reaches for step in steps].index(found[-1].stage)
        self._run_extra("after", steps[last].type)
        return last + 1

    def _run_pass(self, pass_type: type[ModulePass]) -> bool:
        """Run a pass, on arrays in memory where it takes data; whether it had something to do."""
        if pass_type is PartitionPass:
            self.conversion.notes += zero_weight_notes(self.current)
            return partition(self.current, self.options.entry)
        if pass_type is TuneCentroidsPass:
            if not any(isinstance(op, LookupOp) for op in self.current.walk()):
                return False  # clustering would have made no layer smaller
            self._tune()
        elif pass_type is BalanceRangesPass:
            changed, notes = balance_ranges(
                self.current,
                self._examples(BALANCING_FRAMES),
                self.options.balance_octaves,
                entry=self.options.entry,
                progress=lambda share: self.report("balanced", 0.99 * share),
            )
            self.conversion.notes += notes
            return changed
        elif pass_type is ChooseLayoutsPass:
            self._choose_layouts()
        elif pass_type is ClusterWeightsPass:
            self._cluster()
        elif pass_type is CalibratePass:
            self._calibrate()
        elif pass_type is ChooseFormatsPass:
            self._choose_formats()
        elif pass_type is RoundWeightsPass:
            self._round_weights()
        elif pass_type is EncodeLnsPass:
            self._encode_pass().apply(self.context, self.current)
        else:
            taken_from(self.options, pass_type).apply(self.context, self.current)
        return True

    def _run_extra(self, where: str, pass_type: type[ModulePass]) -> None:
        for each in self.extra:
            if each.where != where or each.anchor != pass_type.name:
                continue
            each.run.apply(self.context, self.current)
            try:
                verify_module(self.current)
            except RecogError as error:
                error.add_note(f"after the pass {each.run.name}")
                raise

    def _finish(self, stage: Stage) -> None:
        verify_module(self.current)
        last = stage is Stage.CHIP and not self.extra
        self.conversion.stages[stage] = self.current if last else self.current.clone()
        if self.kept is not None:
            plan = self.conversion.plan
            self.kept.keep(KeptStage(stage, self.current, self.conversion.notes, plan))
        self.report(stage, 1.0)

    def _leave_host_part(self) -> None:
        self.current, self.conversion.host_part = split_modules(self.current)
        self.conversion.chip_part, self.targets = self.current.clone(), None
        self.inputs = self.conversion.chip_inputs(self.inputs)

    def _choose_layouts(self) -> None:
        conversion = self.conversion
        if not self.options.allocates:
            write_layouts_by_name(self.current, self.options)
            return
        conversion.plan = choose_layouts(
            self.current,
            taken_from(self.options, ChooseLayoutsPass),
            self._examples(SENSITIVITY_FRAMES),
            float_bytes=weight_bytes(conversion.stages[Stage.FLOAT]),
            elsewhere=self._host_bytes(),
            progress=lambda share: self.report("layouts", 0.99 * share),
        )

    def _budget(self) -> int | None:
        """Bytes that the program's weights may take; None for any number."""
        if self.weight_budget is not None or not (self.options.cluster and self.options.allocates):
            return self.weight_budget
        return self.options.budget_bytes(weight_bytes(self.conversion.stages[Stage.FLOAT]))

    def _check_budget(self) -> None:
        """What choose-layouts reserves holds for any weights, as far as is known; where layouts
        were chosen before, other formats than then may take more."""
        budget = self._budget()
        if budget is None:
            return
        from recog.backend.assembly import find_program
        from recog.backend.assembly import weight_bytes as stored_bytes

        taken = stored_bytes(find_program(self.current)) + self._host_bytes()
        if taken > budget:
            more, factor = counted(taken - budget, "byte"), ceil(100 * taken / budget) / 100
            raise RecogError(
                f"the program's weights take {taken:,} bytes, of {budget:,} that they may take",
                hint=f"ask for {more} less, or {factor:g} times the ratio",
            )

    def _host_bytes(self) -> int:
        host = self.conversion.host_part
        return 0 if host is None else weight_bytes(host)

    def _cluster(self) -> None:
        self.conversion.notes += cluster_weights(
            self.current,
            self.options,
            self._examples(CALIBRATION_FRAMES),
            entry=self.options.entry,
            progress=lambda share: self.report("clustered", 0.99 * share),
        )

    def _tune(self) -> None:
        tuned = self._tuned
        if tuned is None:
            kept = None if self.kept is None else self.kept.tuning()
            tuned = partial(self._tuning(), **self._before_tuning(), kept=kept)
        self.conversion.notes += tuned()

    def tuned_in_steps(self, own: OwnObjective, steps: int) -> OwnTuning:
        """A tuning whose steps are taken beside this run, which goes on with tune-centroids.

        Raises:
            RecogError: a network that cannot be tuned so.
        """
        if not any(isinstance(op, LookupOp) for op in self.current.walk()):
            raise RecogError("clusters would make no layer smaller, so there is nothing to tune")
        self._check_whole()
        tuning = OwnTuning(self.current, own, self.options, steps, **self._before_tuning())
        self._tuned = tuning.finish
        return tuning

    def _before_tuning(self) -> dict[str, Any]:
        """What a tuning takes from the steps before it."""
        check_names(self.current, self.options, self.options.entry)
        float_module = self.conversion.float_module
        return {
            "originals": weights_before(float_module, self.current),
            "formats": self._expected_formats(float_module),
            "dense": float_module,
            "progress": self._report_loss,
        }

    def _report_loss(self, share: float, loss: float) -> None:
        self.report(f"tuned (loss {loss:.4f})", 0.99 * share)

    def _tuning(self) -> Callable[..., list[Note]]:
        """What tunes, given what it aims at: a loss of the user's own, targets or the float
        network."""
        if self.own is None:
            by_heads = bool(heads_of(find_function(self.current, self.options.entry)))
            targets = None if by_heads else self.targets
            return partial(tune, self.current, self.inputs, targets, self.options)
        self._check_whole()
        return partial(tune_own, self.current, self.own, self.options)

    def _check_whole(self) -> None:
        """Raise RecogError for a divided network, which no loss of the user's own tunes."""
        if self.conversion.host_part is not None:
            raise RecogError(
                "the host runs a part of this network, so its outputs are not there while the "
                "chip's part is tuned on a loss of your own",
                hint="tune it toward the float network, without a loss of your own",
            )

    def _expected_formats(self, float_module: ModuleOp) -> dict[SSAValue, LnsFormat]:
        """Those that calibration after tuning will choose, about."""
        if not self.options.round_activations:
            return {}
        found = expected_formats(float_module, self._examples(CALIBRATION_FRAMES), self.options)
        return of_function(found, find_function(self.current, self.options.entry))

    def _examples(self, count: int) -> list[np.ndarray]:
        return some_frames(self.inputs, count)

    def _calibrate(self) -> None:
        self.conversion.notes += calibrate(
            self.current,
            self._examples(CALIBRATION_FRAMES),
            self.options.formats(),
            entry=self.options.entry,
            progress=lambda share: self.report("calibrated", 0.99 * share),
        )

    def _choose_formats(self) -> None:
        options = self.options
        target = options.chip_target(ChipTarget())
        self.conversion.notes += choose_formats(
            self.current,
            self._examples(CALIBRATION_FRAMES),
            options,
            options.weight_format,
            entry=options.entry,
            target=target.computing(options.arithmetic(target)),
            table_bytes=self._wider_table_bytes(),
        )

    def _wider_table_bytes(self) -> float:
        """What choose-layouts has left to tables that give wider codes."""
        budget = self._budget()
        if budget is None:
            return inf
        more = more_table_bytes(self.current, self.options, self.options.entry)
        return wider_table_bytes(more, budget)

    def _round_weights(self) -> None:
        self.conversion.notes += round_weights(
            self.current,
            self._examples(CALIBRATION_FRAMES),
            self._encode_pass().encoder(),
            entry=self.options.entry,
            progress=lambda share: self.report("rounded", 0.99 * share),
        )

    def _encode_pass(self) -> EncodeLnsPass:
        """With what the options leave open as the target has it, where one is given."""
        options = self.options
        if options.target is None:
            return taken_from(options, EncodeLnsPass)
        target = options.chip_target(ChipTarget())
        arithmetic = options.arithmetic(target)
        return taken_from(
            options,
            EncodeLnsPass,
            antilog_bits=arithmetic.antilog_bits,
            fine_antilog_bits=arithmetic.fine_antilog_bits,
            accumulator_width=arithmetic.accumulator_width,
            mitchell=arithmetic.mitchell,
        )


def some_frames(inputs: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Some of the inputs (N, ...), in their order, the same ones each time; large ones are not
    copied without need."""
    if len(inputs[0]) <= count:
        return [np.asarray(x) for x in inputs]
    random = np.random.default_rng(0)
    chosen = np.sort(random.permutation(len(inputs[0]))[:count])
    return [np.asarray(x)[chosen] for x in inputs]
