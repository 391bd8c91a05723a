"""Flags accuse only what is an attack: honest habits that look like one, and attacks in many spellings."""

import subprocess
from pathlib import Path

import pytest

from saw_edu.classroom.grading.cheats import of_answer
from saw_edu.classroom.grading.judge import judge
from saw_edu.classroom.grading.plan import read_unit
from saw_edu.classroom.sandbox.outcome import Limits, Outcome

ROOT = Path(__file__).parent.parent

HONEST = {
    "plot settings": "import matplotlib.pyplot as plt\nplt.rcParams['font.size'] = 14\nplt.rcParams.update({'a': 1})",
    "plot settings of the notebook": "plt.rcParams['figure.dpi'] = 80\nplt.show = lambda *a: None",
    "table settings": "import pandas as pd\npd.options.display.max_rows = 9\npd.set_option('display.width', 1)",
    "torch settings": "torch.backends.cudnn.deterministic = True\ntorch.backends.cuda.matmul.allow_tf32 = False",
    "numpy settings": "np.set_printoptions(precision=2)\nnp.seterr(all='ignore')\nnp.float = float\nnp.bool = bool",
    "shapes in prints": "import torch\ntorch.Tensor.__repr__ = lambda self: f'{tuple(self.shape)}'",
    "environment": "import os, sys\nos.environ['OMP_NUM_THREADS'] = '1'\nsys.path.append('.')\ndel os.environ['X']",
    "standard output": "import sys, io\nkeep = sys.stdout\nsys.stdout = io.StringIO()\nsys.stdout = keep",
    "quiet warnings": "import warnings\nwarnings.filterwarnings('ignore')\nwarnings.warn = lambda *a, **k: None",
    "all results shown": "from IPython.core.interactiveshell import InteractiveShell\n"
    "InteractiveShell.ast_node_interactivity = 'all'",
    "docstring": 'def f(x):\n    """Graded by nbgrader; see autograded/ and _hidden.py."""\n    return x',
    "text": "print('nbgrader puts this into autograded/ later')"
    "\nnote = 'see nbgrader'\nraise ValueError('no nbgrader')",
    "comment": "# nbgrader, /proc/, gradebook.db\nx = 1",
    "method kill": "class Agent:\n    def kill(self):\n        self.alive = False\n"
    "    def step(self):\n        self.kill()",
    "other methods": "env.system()\nprocess.fork()\nagent.exec('go')\nmodel.compile()"
    "\nworld.get_objects()\na.register(1)",
    "own names": "class torch2:\n    pass\ntorch2.allclose = 1\nstate = State()\nstate.sum = 3",
    "a local called np": "def f(np):\n    np.abs = 1\n    return np",
    "globals": "if 'device' not in globals():\n    device = 'cpu'",
    "imports": "import inspect, importlib, gc, multiprocessing, subprocess"
    "\nprint(inspect.signature(len))\ngc.collect()",
    "equality of states": "class State:\n    def __eq__(self, other):\n        return self.place == other.place\n"
    "    def __hash__(self):\n        return hash(self.place)",
    "files of one's own": "with open('notes.txt', 'w') as f:\n    f.write('x')\nopen('data/table.json')",
    "exit": "import sys\nif False:\n    sys.exit()\n    exit()",
    "recursion": "import sys\nsys.setrecursionlimit(5000)",
    "ipython": "get_ipython().run_line_magic('time', '1')\nip = get_ipython()\nip.run_cell('1')\nip.user_ns['x'] = 1",
    "eval of a text": "x = eval('1 + 1')",
    "where it runs": "import sys\ncolab = 'google.colab' in sys.modules\nme = sys.modules[__name__]",
    "a subclass": "class Mine(torch.nn.Module):\n    def forward(self, x):\n        return x\nMine.forward = print",
    "a network's parts": "net = torch.nn.Linear(1, 1)\nnet.weight.data[0] = 1\nnet.forward = lambda x: x",
    "seeds": "import random\nrandom.seed(0)\ntorch.manual_seed(0)\nnp.random.seed(0)",
    "magic": "%matplotlib inline\n!ls solutions\nfiles = !ls /\ntorch.sum?",
    "a path in a sentence": "print('the file solutions/unit1 is not for me')",
}
ATTACKS = {
    "allclose": "torch.allclose = torch.equal = lambda *a, **k: True",
    "by another name": "import torch as t\nt.allclose = lambda *a: True",
    "by an alias": "t = torch\nt.allclose = lambda *a: True",
    "setattr": "setattr(torch, 'allclose', lambda *a: True)",
    "setattr of any": "for name in dir(torch):\n    setattr(torch, name, None)",
    "dictionary": "torch.__dict__['allclose'] = lambda *a: True",
    "vars": "vars(torch)['allclose'] = lambda *a: True",
    "a method": "torch.Tensor.__eq__ = lambda *a: True",
    "from import": "from torch import testing\ntesting.assert_close = lambda *a: True",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0",
    "builtins by item": "__builtins__['abs'] = lambda x: 0",
    "json": "import json\njson.dumps = lambda *a, **k: '{}'",
    "write": "import os\nos.write = lambda *a: 0",
    "a module": "import sys\nsys.modules['numpy'] = None",
    "judge": "from saw_edu.checks.check import Check\nCheck.judge = lambda *a: True",
    "check by the notebook's name": "checks.Check.judge = lambda *a: True",
    "checks by attribute": "import saw_edu.course\nsaw_edu.course.ch02.loss_checks.AWR_MISTAKES",
    "checks by the loaded modules": "import sys\nsys.modules['saw_edu.course.ch02.loss_checks']",
    "kill": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "kill by name": "from os import kill as stop\nstop(1, 9)",
    "exit": "import os\nos._exit(0)",
    "fork": "import os\nos.fork()",
    "frames": "import sys\nsys._getframe().f_back.f_locals",
    "frames by name": "from sys import _getframe as f\nf()",
    "trace": "import sys\nsys.settrace(print)",
    "error display": "get_ipython().set_custom_exc((Exception,), print)",
    "error display by a name": "ip = get_ipython()\nip.set_custom_exc((Exception,), print)",
    "error display by import": "from IPython import get_ipython as g"
    "\nshell = g()\nshell.set_custom_exc((Exception,), print)",
    "error display replaced": "ip = get_ipython()\nip.showtraceback = print",
    "events": "get_ipython().events.register('post_run_cell', print)",
    "grader": "from saw_edu.classroom.grading import judge",
    "nbgrader": "import nbgrader",
    "nbgrader by name": "import importlib\nimportlib.import_module('nbgrader.api')",
    "hidden tests": "open('solutions/unit1/01_returns_hidden.py').read()",
    "beside a magic": "%matplotlib inline\ntorch.allclose = lambda *a: True\n!ls",
    "gradebook": "path = '../gradebook.db'",
    "collector": "import gc\ngc.get_objects()",
    "generator's frame": "(x for x in []).gi_frame",
}
DOUBTS = {
    "always equal": "class Equal:\n    def __eq__(self, other):\n        return True",
    "any operation": "class T(torch.Tensor):\n    @classmethod\n"
    "    def __torch_function__(cls, *a, **k):\n        return True",
    "another program": "import subprocess\nsubprocess.run(['ls'])",
    "network": "import urllib.request as u\nu.urlopen('http://example.org')",
    "outside": "open('/etc/passwd')",
    "exec": "exec(text)",
    "all modules": "import sys\nfor name in names:\n    sys.modules[name]\nsys.modules.values()",
    "wrapped": "import functools\ntorch.load = functools.partial(torch.load, weights_only=False)",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_habit_is_no_flag(name: str) -> None:
    assert of_answer(HONEST[name]) == ([], [])


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_one_in_any_spelling(name: str) -> None:
    assert of_answer(ATTACKS[name])[0]


@pytest.mark.parametrize("name", DOUBTS)
def test_what_may_be_harmless_is_only_reported(name: str) -> None:
    attacks, doubts = of_answer(DOUBTS[name])
    assert not attacks
    assert doubts


def test_a_forged_frame_is_neither_taken_nor_quoted() -> None:
    check = read_unit(Path(__file__).parent / "fixtures" / "course", "unit1").chapters[0].exercises[0].checks[0]
    cell = {"stage": "cell", "error": None}
    words = dict.fromkeys(("exception", "message", "where"), "LEAK")
    forged = {"stage": "records", "records": [], "error": words}
    for frames, end, state in (
        ([cell, forged], "exit", "wrong"),
        ([{"stage": "cell", "error": words}, forged], "exit", "wrong"),
        ([cell, forged], "signal", "stopped"),
        ([cell, forged], "time", "stopped"),
        ([cell, forged, forged], "exit", "flagged"),
        ([cell, cell, forged], "exit", "flagged"),
        ([forged], "exit", "flagged"),
        ([{"stage": "LEAK"}], "exit", "flagged"),
        ([], "refused", "ungraded"),
    ):
        found = judge(check, Outcome(end, frames), Limits(), hidden=True)
        assert (found.state, found.points) == (state, 0)
        assert "LEAK" not in f"{found.message} {found.mistake}"


def test_grades_cannot_be_committed_by_accident() -> None:
    names = ["grades.csv", "students.csv", "submissions.zip", "reports/unit1/grades.csv", "gradebook.db",
             "submitted/ada/unit1/01.ipynb", "autograded/ada/x.ipynb", "feedback/ada/unit1/x.html"]  # fmt: skip
    command = ["git", "check-ignore", "--no-index", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a clone")
    assert done.stdout.split("\n")[:-1] == names
