"""Plain values: what is left of a student's answer once the student's code has run.

A *plain value* is a tree of dictionaries, each with a `"kind"`, holding numbers, strings and NumPy arrays and nothing
else. It can be written to bytes and read back without unpickling anything, so that an answer computed in a sandbox can
be judged outside it.
"""

import base64
import dataclasses
import json
import math
from typing import Any

import numpy as np
import torch

Plain = dict[str, Any]

MAX_BYTES = 64 * 2**20
"""Largest answer that is kept, in bytes: a larger one is recorded as `too large`."""

MAX_BITS = 10_000
"""Of a whole number that is kept: Python refuses to write many more digits than these make."""

MAX_DEPTH = 20
_ARRAY_DTYPES = frozenset(np.dtype(code).name for code in "?bhiqBHIQefdFD")
_SCALARS: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}


class EncodingError(ValueError):
    """Bytes that are not a record of plain values."""


def plain(value: Any, depth: int = 0) -> Plain:
    """Reduce any object to a plain value; what has no plain form keeps only its type's name (`kind == "other"`)."""
    if depth > MAX_DEPTH:
        return {"kind": "other", "type": "a structure nested too deeply"}
    if value is None:
        return {"kind": "none"}
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return {"kind": "other", "type": f"whole number of {value.bit_length()} bits"}
    for kind, python_type in _SCALARS.items():
        if type(value) is python_type:
            return {"kind": kind, "value": value}
    if isinstance(value, torch.Tensor):
        return _plain_tensor(value)
    if isinstance(value, np.generic) and value.dtype.name in _ARRAY_DTYPES and not np.iscomplexobj(value):
        kind = {"b": "bool", "i": "int", "u": "int", "f": "float"}[value.dtype.kind]
        return {"kind": kind, "value": value.item(), "type": f"numpy.{value.dtype.name}"}
    if isinstance(value, np.ndarray):
        return _plain_array(np.array(value, copy=True), "array", str(value.dtype))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return _plain_mapping("record", fields, depth, type(value).__name__)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _plain_mapping("record", list(zip(value._fields, value, strict=True)), depth, type(value).__name__)
    if isinstance(value, dict):
        return _plain_mapping("dict", list(value.items()), depth, "dict")
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {"kind": kind, "items": [plain(item, depth + 1) for item in value]}
    if isinstance(value, (set, frozenset)):
        items = [plain(item, depth + 1) for item in value]
        return {"kind": "set", "items": sorted(items, key=repr)}
    if isinstance(value, (bool, int, float, str)):  # subclasses, such as an IntEnum
        base = next(base for base in (bool, int, float, str) if isinstance(value, base))
        return {"kind": base.__name__, "value": base(value), "type": type(value).__name__}
    return {"kind": "other", "type": type(value).__name__}


def _plain_tensor(tensor: torch.Tensor) -> Plain:
    dtype = str(tensor.dtype).removeprefix("torch.")
    data = tensor.detach().cpu()
    if dtype not in _ARRAY_DTYPES:  # such as bfloat16, which NumPy lacks
        data = data.float()
    node = _plain_array(data.resolve_conj().resolve_neg().numpy().copy(), "tensor", dtype)
    node["requires_grad"] = bool(tensor.requires_grad)
    return node


def _plain_array(array: np.ndarray, kind: str, dtype: str) -> Plain:
    if array.nbytes > MAX_BYTES:
        return {"kind": "other", "type": f"{kind} too large to keep ({array.nbytes / 2**20:.0f} MiB)"}
    if array.dtype.name not in _ARRAY_DTYPES:
        return {"kind": "other", "type": f"{kind} of {dtype}"}
    return {"kind": kind, "dtype": dtype, "data": np.ascontiguousarray(array).reshape(array.shape)}


def _plain_mapping(kind: str, pairs: list[tuple[Any, Any]], depth: int, name: str) -> Plain:
    keys = [plain(key, depth + 1) for key, _ in pairs]
    items = [plain(item, depth + 1) for _, item in pairs]
    return {"kind": kind, "type": name, "keys": keys, "items": items}


def natural(node: Plain) -> Any:
    """Turn a plain value into the Python object that reads best: tensors become arrays, records become dictionaries."""
    kind = node.get("kind")
    if kind in _SCALARS:
        return node["value"]
    if kind in ("tensor", "array"):
        return node["data"]
    if kind in ("list", "tuple", "set"):
        items = [natural(item) for item in node["items"]]
        return items if kind == "list" else tuple(items)
    if kind in ("dict", "record"):
        keys = [natural(key) for key in node["keys"]]
        hashable = [key if isinstance(key, (str, int, float, bool, tuple)) else repr(key) for key in keys]
        return dict(zip(hashable, (natural(item) for item in node["items"]), strict=True))
    return None


def describe(node: Plain) -> str:
    """Name a plain value as a student would: `a tensor of shape (3, 2)`, `a list of 4`, `None`."""
    kind = node["kind"]
    if kind == "none":
        return "None"
    if kind in _SCALARS:
        name = {"bool": "boolean", "int": "whole number", "float": "number", "str": "text"}[kind]
        return f"the {name} {node['value']!r}"[:80]
    if kind in ("tensor", "array"):
        name = "a tensor" if kind == "tensor" else "a NumPy array"
        return f"{name} of shape {tuple(node['data'].shape)} and dtype {node['dtype']}"
    if kind in ("list", "tuple", "set"):
        return f"a {kind} of {len(node['items'])}"
    if kind == "dict":
        return f"a dictionary of {len(node['keys'])}"
    return f"a {node.get('type', 'value')}"


def encode(record: Any) -> bytes:
    """Write nested dicts, lists, numbers, strings and arrays as JSON bytes; arrays keep dtype and shape exactly.

    Raises TypeError for anything else: a record never carries objects.
    """
    return json.dumps(_to_json(record), allow_nan=False).encode("ascii")


def _to_json(node: Any) -> Any:
    if node is None or isinstance(node, (bool, int, str)):
        return node
    if isinstance(node, float):
        return node if math.isfinite(node) else {"__float__": repr(node)}
    if isinstance(node, np.ndarray):
        array = np.ascontiguousarray(node).reshape(node.shape)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        data = base64.b64encode(little.tobytes()).decode("ascii")
        return {"__array__": {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}}
    if isinstance(node, dict):
        if not all(isinstance(key, str) for key in node):
            raise TypeError("a record's keys are strings")
        return {key: _to_json(item) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_to_json(item) for item in node]
    raise TypeError(f"a record holds plain data only, not {type(node).__name__}")


def decode(data: bytes, max_bytes: int = 4 * MAX_BYTES) -> Any:
    """Read what `encode` wrote. The bytes may come from hostile code: nothing in them is ever executed.

    Raises EncodingError for anything malformed or longer than `max_bytes`.
    """
    if len(data) > max_bytes:
        raise EncodingError(f"record of {len(data)} bytes is longer than the {max_bytes} allowed")

    def refuse(constant: str) -> Any:
        raise EncodingError(f"{constant} is not valid here")

    try:
        return json.loads(data.decode("ascii"), object_hook=_from_json, parse_constant=refuse)
    except EncodingError:
        raise
    except (ValueError, RecursionError, KeyError, TypeError, OverflowError) as error:
        raise EncodingError(f"not a record of plain values: {type(error).__name__}") from None


def _from_json(node: dict[str, Any]) -> Any:
    if set(node) == {"__float__"}:
        if node["__float__"] not in ("nan", "inf", "-inf"):
            raise EncodingError("unknown float")
        return float(node["__float__"])
    if set(node) == {"__array__"}:
        spec = node["__array__"]
        shape = spec["shape"]
        if spec["dtype"] not in _ARRAY_DTYPES or len(shape) > 16:
            raise EncodingError("array of an unknown dtype or with too many dimensions")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise EncodingError("array of an impossible shape")
        dtype = np.dtype(spec["dtype"]).newbyteorder("<")
        raw = base64.b64decode(spec["data"], validate=True)
        if len(raw) != math.prod(shape) * dtype.itemsize:
            raise EncodingError("array whose data does not fill its shape")
        return np.frombuffer(raw, dtype=dtype).astype(dtype.newbyteorder("=")).reshape(shape)
    return node


def is_plain(node: Any, depth: int = 0) -> bool:
    """Tell whether a decoded object is a well-formed plain value (use before judging data from a sandbox)."""
    if not isinstance(node, dict) or depth > MAX_DEPTH + 1:
        return False
    kind = node.get("kind")
    if kind in _SCALARS:
        value = node.get("value")
        return type(value) is _SCALARS[kind]
    if kind in ("tensor", "array"):
        return isinstance(node.get("data"), np.ndarray) and isinstance(node.get("dtype"), str)
    if kind in ("list", "tuple", "set"):
        return isinstance(node.get("items"), list) and all(is_plain(item, depth + 1) for item in node["items"])
    if kind in ("dict", "record"):
        keys, items = node.get("keys"), node.get("items")
        if not isinstance(keys, list) or not isinstance(items, list) or len(keys) != len(items):
            return False
        return all(is_plain(item, depth + 1) for item in [*keys, *items])
    return kind == "none" or (kind == "other" and isinstance(node.get("type"), str))
