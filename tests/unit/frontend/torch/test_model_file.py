"""`file.py:function`: the user's network, and clear words for what is wrong with it."""

from __future__ import annotations

import pytest
import torch

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.errors import RecogError
from recog.frontend.torch.model_file import import_model, load_model

GOOD = """
import torch
from helper import width

def make():
    return torch.nn.Linear(width, 2), (torch.zeros(1, width),)

def single():
    return torch.nn.Linear(width, 2), torch.zeros(1, width)
"""


@pytest.fixture
def net(tmp_path):
    """Writes net.py (beside helper.py) and returns its path."""
    (tmp_path / "helper.py").write_text("width = 3\n")

    def write(text: str) -> str:
        path = tmp_path / "net.py"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize("function", ["make", "single"])
def test_model_and_inputs(net, function):
    model, inputs = load_model(f"{net(GOOD)}:{function}")
    assert isinstance(model, torch.nn.Linear)
    assert [tuple(x.shape) for x in inputs] == [(1, 3)]


def test_import_model_of_either_kind(net, tmp_path):
    module = import_model(f"{net(GOOD)}:make")
    assert run_nn(module, torch.zeros(4, 3))[0].shape == (4, 2)
    model = torch.nn.Linear(3, 2).eval()
    archive = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(model, (torch.zeros(1, 3),)), archive)
    x = torch.randn(4, 3)
    torch.testing.assert_close(run_nn(import_model(str(archive)), x)[0], model(x))


def test_a_second_file_of_the_same_name_is_its_own(net, tmp_path):
    first = load_model(f"{net(GOOD)}:make")[0]
    other = tmp_path / "other"
    other.mkdir()
    (other / "net.py").write_text(GOOD.replace("from helper import width", "width = 5"))
    second = load_model(f"{other / 'net.py'}:make")[0]
    assert (first.in_features, second.in_features) == (3, 5)


@pytest.mark.parametrize("spec", ["net", "net.py", "net.py:", ":make", "net.py:a b", "net.onnx"])
def test_malformed_name(spec):
    with pytest.raises(RecogError, match=r"expected file.py:function, or a .pt2, .* file, got"):
        load_model(spec)


@pytest.mark.parametrize(
    "text, message",
    [
        ("def other():\n  pass\n", "net.py: has no function make\n  hint: its functions: other"),
        ("make = 3\n", "net.py: has no function make\n  hint: its functions: none"),
        ("import torch\ndef make(:\n", "net.py:2: SyntaxError: invalid syntax"),
        ("x = '\0'\n", "Error: source code string cannot contain null bytes"),
        ("import nowhere\n", "net.py:1: ModuleNotFoundError: No module named 'nowhere'"),
        ("def make():\n\n  return 1 / 0\n", "net.py:3: ZeroDivisionError: division by zero"),
        ("def make():\n  exit(3)\n", "net.py:2: it ends the process (SystemExit: 3)"),
        ("def make():\n  exit()\n", "net.py:2: it ends the process (SystemExit)"),
        ("def make(x):\n  return x\n", "missing 1 required positional argument: 'x'"),
        ("def make():\n  pass\n", "net.py:make: returned NoneType\n  hint: the function takes"),
        ("def make():\n  return 1, 2, 3\n", "net.py:make: returned a tuple of 3"),
        ("def make():\n  return 1, 2\n", "net.py:make: returned int as the network"),
        (
            "import torch\ndef make():\n  return torch.nn.ReLU(), ()\n",
            "net.py:make: returned a tuple of 0 as inputs",
        ),
        (
            "import torch\ndef make():\n  return torch.nn.ReLU(), 'abc'\n",
            "net.py:make: returned str as inputs",
        ),
    ],
)
def test_refused(net, text, message):
    with pytest.raises(RecogError) as error:
        load_model(f"{net(text)}:make")
    assert message in str(error.value)
    assert "Traceback" not in str(error.value)


def test_a_network_that_ends_the_process(net):
    """Its code is a user's: also what runs at its import has a message and a place."""
    text = (
        "import torch\nclass Net(torch.nn.Module):\n  def forward(self, x):\n"
        "    raise SystemExit(3)\ndef make():\n  return Net(), torch.zeros(1, 3)\n"
    )
    with pytest.raises(RecogError, match=r"net.py:4: torch.export cannot trace .* SystemExit: 3"):
        import_model(f"{net(text)}:make")


def test_missing_file(tmp_path):
    with pytest.raises(RecogError, match="no such file"):
        load_model(f"{tmp_path / 'none.py'}:make")
