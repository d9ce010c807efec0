"""Flags that come from the fields of a dataclass, and errors in the words of the command."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import pytest

from recog.lowering.common.options import Options
from recog.tools.cli.main import COMMANDS, build_parser, command_module, in_flags, main
from recog.tools.cli.options import OptionGroup, add_options, given_options


@dataclass(frozen=True, kw_only=True)
class Tuning(Options):
    """Options that a pass of its own may have too."""

    steps: int | None = None
    """Steps; as many as needed by default."""
    loss: str = "auto"
    """Loss of the tuning."""
    entry: str = "main"
    """The function."""

    CHOICES = {"loss": ("auto", "mse")}


@dataclass(frozen=True, kw_only=True)
class Sample(Tuning):
    """Options of every kind."""

    data: str
    """A file that the command has an argument of its own for."""
    table_share: float = 1.0
    """Largest share, in 100 % steps."""
    tune: bool = True
    """Tune the centroids."""
    mitchell: bool = False
    """Use another antilog."""
    target: str | None = None
    """TOML file of the chip."""


GROUPS = [OptionGroup("tuning", ("tune", Tuning))]
LEFT_OUT = ["data", "entry"]


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sample")
    add_options(parser, Sample, GROUPS, leave_out=LEFT_OUT, metavars={"target": "FILE"})
    return parser


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ([], {}),
        (["--table-share", "0.7"], {"table_share": 0.7}),
        (["--steps", "3", "--loss", "mse"], {"steps": 3, "loss": "mse"}),
        (["--no-tune", "--mitchell"], {"tune": False, "mitchell": True}),
        (["--tune"], {"tune": True}),
        (["--target", "chip.toml"], {"target": "chip.toml"}),
    ],
)
def test_only_what_was_given_is_read(
    words: list[str], given: dict[str, object], parser: argparse.ArgumentParser
):
    assert given_options(parser.parse_args(words), Sample, LEFT_OUT) == given


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "x"], "argument --steps: invalid int value: 'x'"),
        (["--table-share", "much"], "argument --table-share: invalid float value"),
        (["--loss", "kl"], "argument --loss: invalid choice: 'kl'"),
        (["--data", "x"], "unrecognized arguments: --data"),
    ],
)
def test_wrong_values_name_the_flag(
    words: list[str],
    message: str,
    parser: argparse.ArgumentParser,
    capsys: pytest.CaptureFixture[str],
):
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_help_comes_from_the_fields(
    parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "100")
    text = parser.format_help().partition("tuning:")[2]
    words = " ".join(text.split())
    for line in (
        "--tune, --no-tune tune the centroids (default: yes)",
        "--steps N steps; as many as needed by default",
        "--loss {auto,mse} loss of the tuning (default: auto)",
        "--table-share X largest share, in 100 % steps (default: 1.0)",
        "--mitchell use another antilog",
        "--target FILE TOML file of the chip",
    ):
        assert line in words
    assert text.index("--steps N") < text.index("more options:") < text.index("--table-share X")


@dataclass(frozen=True)
class Odd:
    sizes: tuple[int, ...] = ()


def test_what_cannot_be_a_flag():
    with pytest.raises(TypeError, match="the group a has no field none"):
        add_options(argparse.ArgumentParser(), Sample, [OptionGroup("a", ["none"])])
    with pytest.raises(TypeError, match="Sample has no field none"):
        add_options(argparse.ArgumentParser(), Sample, metavars={"none": "N"})
    with pytest.raises(TypeError, match="no flag can be made of sizes"):
        add_options(argparse.ArgumentParser(), Odd)


def test_errors_speak_of_flags():
    text = "option weight-width must be in [2, 16]; raise option width-of-all or the option itself"
    assert in_flags(text, ["--weight-width", "--width"]) == (
        "--weight-width must be in [2, 16]; raise option width-of-all or the option itself"
    )
    assert in_flags("option weight-width", ["--width"]) == "option weight-width"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str):
    module = command_module(name)
    assert module.__doc__
    assert callable(module.run)
    subparsers = build_parser(name)._subparsers
    assert subparsers is not None
    command = subparsers._group_actions[0].choices[name]  # pyright: ignore
    for action in command._actions:
        assert action.help, action.option_strings


def test_other_commands_stay_unread():
    """`recog --help` and each command import no other command."""
    subparsers = build_parser("info")._subparsers
    assert subparsers is not None
    choices = subparsers._group_actions[0].choices
    assert len(choices["info"]._actions) > 1  # pyright: ignore
    assert len(choices["convert"]._actions) == 1  # pyright: ignore


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["convert", "net.py:f", "--data", "x", "--learningrate=2"],
            "recog convert: error: unknown flag --learningrate=2, did you mean --learning-rate?",
        ),
        (["-q", "check", "net.py:f"], "recog check: error: -q stands before the command"),
        (["check", "net.py:f", "--frobnicate"], "recog check: error: unknown flag --frobnicate\n"),
        (["info", "p.recog", "now"], "recog info: error: unexpected argument: now"),
        (
            ["eval", "stereo3d", "--bits", "3"],
            "recog eval: error: --bits is now called --verify-frames",
        ),
        (["evaluate"], "invalid choice: 'evaluate'"),
        ([], "required: COMMAND"),
    ],
)
def test_wrong_words_are_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert main(words) == 2
    assert message in capsys.readouterr().err
