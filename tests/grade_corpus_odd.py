"""More of the corpus: odd files of honest students, and attacks on what grading itself runs or reads."""

import json
from collections.abc import Callable

import nbformat
import torch
from nbformat.notebooknode import NotebookNode


def odd_but_honest(add: Callable[..., None], right: str, raw: Callable[..., None], whole: bytes) -> None:
    """Add submissions that look strange and are to get all points."""

    def own_cell(source: str) -> Callable[[NotebookNode], None]:
        return lambda notebook: notebook.cells.insert(2, nbformat.v4.new_code_cell(source))

    add("deep-own-cell", right, own_cell("total = " + "+".join(["1"] * 3000)))
    add("nested-own-cell", right, own_cell("x = " + "(" * 150 + "1" + ")" * 150 + "\ny = " + "-" * 5000 + "1"))
    add("long-own-cell", right, own_cell(f"data = '{'x' * 300_000}'"))
    add("blank-lines", right, own_cell("\n" * 150_000))
    add("unicode-names", right.replace("rewards", "ｒewards").replace("weights", "ｗeights"))
    thread = "\nimport threading\ndef spin():\n    while True:\n        pass\nthreading.Thread(target=spin).start()"
    add("thread-outlives", right + thread)
    add("at-exit", right + "\nimport atexit\natexit.register(exec, 'while True: pass')")
    add("settings-changed", right + "\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)"
        "\ntorch.set_default_dtype(torch.float32)")  # fmt: skip

    habits = "\nimport matplotlib.pyplot as plt, pandas as pd, os\nplt.rcParams['font.size'] = 14"
    habits += "\npd.options.display.max_rows = 9\ntorch.backends.cudnn.deterministic = True\nos.environ['A'] = '1'"
    habits += "\ntorch.Tensor.__repr__ = lambda self: 'x'\nnp = __import__('numpy')\nnp.float = float"
    habits += "\nclass Agent:\n    def kill(self):\n        'Not seen by nbgrader.'\nAgent().kill()"
    add("habits-that-look-like-attacks", right + habits, own_cell(habits))
    notebook = json.loads(whole)
    notebook["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 28 * 2**20}]
    raw("thirty-mebibytes", json.dumps(notebook).encode())
    twins = json.loads(whole)
    twins["cells"][1:1] = [{**twins["cells"][0], "id": cell["id"], "source": "Mine."} for cell in twins["cells"]]
    raw("duplicate-ids", json.dumps(twins).encode())
    junk = json.loads(whole)
    for item in junk["cells"]:
        item["metadata"] |= {"saw_edu": [None], "tags": {"x": 1}, "collapsed": float("nan")}
    own = {"cell_type": "code", "metadata": [], "source": 7, "id": {}}
    junk["cells"][2:2] = [None, 3, "text", {}, own, {**own, "source": ["x = 1", 2], "metadata": {"nbgrader": []}}]
    raw("junk-in-metadata", json.dumps(junk).encode())
    windows = json.loads(whole)
    for item in windows["cells"]:
        item["source"] = "".join(item["source"]).replace("\n", "\r\n")
    raw("windows-lines", b"\xef\xbb\xbf" + json.dumps(windows, indent=1).replace("\n", "\r\n").encode())
    old = nbformat.convert(nbformat.reads(whole.decode(), as_version=4), 3)
    raw("old-format", nbformat.v3.writes_json(old).encode())


def more_hostile(bad: Callable[..., None], function: Callable[[str], str]) -> None:
    """Add attacks in the first exercise, which must cost it and nothing else."""
    endless = "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGXCPU):\n"
    endless += "    signal.signal(number, lambda *a: None)\n"
    bad("signal-handlers", "import signal\n" + endless + function("while True: pass"), "did not finish")
    hostile = "class H:\n    def __getattribute__(self, name):\n        raise SystemExit(name)\n"
    hostile += (
        "    def __bool__(self):\n        raise KeyboardInterrupt\n    __len__ = __iter__ = __array__ = __bool__\n"
    )
    bad("hostile-attributes", hostile + "def discounted_return(r, d):\n    return H()", "wrong")
    liar = "class L:\n    __class__ = property(lambda self: int)\n    def bit_length(self):\n        return 0\n"
    bad("lying-class", liar + "def discounted_return(r, d):\n    return L()", "wrong")
    bad("huge-number", "def discounted_return(r, d):\n    return 10 ** 100_000", "wrong")
    bad("not-a-number", "def discounted_return(r, d):\n    return torch.tensor(float('nan'))", "NaN")
    bad("surrogates", "raise ValueError('\\ud800 \\x1b[2J \\x00 \\u202e')", "ValueError")
    bad("recursion", "import sys\nsys.setrecursionlimit(10**9)\ndef discounted_return(r, d):\n"
        "    return discounted_return(r, d)")  # fmt: skip
    bad("asks-for-input", function("input()"), "EOFError")
    trace = "import sys\ndef trace(frame, event, value):\n    for x in frame.f_locals.values():\n"
    trace += "        if hasattr(x, 'passed'):\n            object.__setattr__(x, 'passed', True)\n    return trace\n"
    bad("trace", trace + "sys.settrace(trace)\n" + function("pass"), flag="settrace")
    collector = "import gc\ndef discounted_return(r, d):\n    for thing in gc.get_objects():\n"
    collector += (
        "        if type(thing).__name__ == 'Case' and thing.expect is not None:\n            return thing.expect"
    )
    bad("garbage-collector", collector, flag="get_objects")
    bad("patches-json", "import json\njson.dumps = lambda *a, **k: '{}'\n" + function("pass"), flag="json")
    bad("patches-write", "import os\nos.write = lambda *a: 0\n" + function("pass"), flag="os")
    tensor = (
        "class T(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, *a, **k):\n        return True\n"
    )
    tensor += "def discounted_return(r, d):\n    return torch.zeros(()).as_subclass(T)"
    bad("tensor-subclass", tensor, flag="__torch_function__")
    many = "\n".join(f"def f{n}():\n    torch.{name} = None" for n, name in enumerate(sorted(dir(torch))[:1500]))
    bad("replaces-everything", many + "\n" + function("pass"), flag="more of this kind")
    hook = "ip = get_ipython()\nip.set_custom_exc((Exception,), print)\n"
    bad("replaces-the-error-display", hook + function("pass"), flag="hooks into IPython")
    bad("forges-and-goes-on", _forging("pass"), flag="in the place of the tests")
    bad("forges-and-is-killed", _forging("os.kill(os.getpid(), 9)"), flag="kill")
    bad("forges-and-crashes", _forging("ctypes.string_at(0)"), "signal", flag="ctypes")
    for name, data in (
        ("digits", b'{"stage": "records", "records": ' + b"7" * 5000 + b"}"),
        ("nan-literal", b'{"stage": "records", "records": [NaN], "error": null}'),
        ("deep-frame", b"[" * 100_000),
        ("lying-length", b""),
    ):
        length = 2**62 if name == "lying-length" else len(data)
        frame = f"import os\nos.write(3, {length.to_bytes(8, 'little')!r})\n"
        frame += f"data = {data[:40]!r} + {data[40:60]!r} * {max(0, len(data) - 40) // 20}\n"
        bad(f"forged-{name}", function(frame + "os.write(3, data)\nos._exit(0)"), flag="_exit")


def _forging(then: str) -> str:
    """An answer that writes a frame of records itself, with the inputs it was asked about as an error's words."""
    lines = ["import os, json, ctypes", "said = 'LEAK' + str(rewards.tolist())"]
    lines += ["error = {'exception': said, 'message': said, 'where': said}"]
    lines += ["data = json.dumps({'stage': 'records', 'records': [], 'error': error}).encode()"]
    lines += ["os.write(3, len(data).to_bytes(8, 'little') + data)", then, "return rewards.sum()"]
    return "def discounted_return(rewards, discount):\n" + "\n".join("    " + line for line in lines)


def links() -> list[tuple[str, bool]]:
    """Markdown, and whether a click on its link could run something."""
    return [
        ("[x](javascript:alert(1))", True),
        ("[x]( <JavaScript:alert(1)>)", True),
        ("[x](java&#115;cript&colon;alert(1))", True),
        ("[x](&#x6A;avascript:alert(1) 'title')", True),
        ("![x](javascript:alert(1))", True),
        ("[x](data:text/html;base64,PHNjcmlwdD4=)", True),
        ("[x][y]\n\n[y]: javascript:alert(1)", True),
        ("[x][y]\n\n[y]:\n  vbscript:x", True),
        ("[x](java\\\nscript:alert(1))", True),
        ("[x](https://example.org/a:b)", False),
        ("[x](mailto:ada@example.org)", False),
        ("![x](attachment:plot.png)", False),
        ("[x](chapter.ipynb#part:2)", False),
    ]


__all__ = ["links", "more_hostile", "odd_but_honest"]
