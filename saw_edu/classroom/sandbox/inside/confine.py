"""Takes rights away from the process that will run a student's code: namespaces, mounts, limits, system calls.

Linux only. Called in the sandbox, in this order: `fork_apart`; in its child `fresh_folders` and `give_up_rights`.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
from typing import Any

_NEW_MOUNTS, _NEW_PROCESSES, _NEW_IPC, _NEW_NETWORK = 0x00020000, 0x20000000, 0x08000000, 0x40000000
_NO_SUID_NO_DEVICES, _READ_ONLY, _PRIVATE = 0x2 | 0x4, 0x1, 0x4000 | 0x40000
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER, _DROP_FROM_BOUNDS, _SET_DUMPABLE = 38, 22, 2, 24, 4

# System calls refused in the sandbox, by architecture: (AUDIT_ARCH, name → number).
_CALLS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "ptrace": 101, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "add_key": 248,
            "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298, "setns": 308,
            "process_vm_readv": 310, "process_vm_writev": 311, "memfd_create": 319, "bpf": 321, "userfaultfd": 323,
            "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
            "move_mount": 429, "fsopen": 430, "fsmount": 432, "pidfd_getfd": 438, "mount_setattr": 442,
            "memfd_secret": 447, "socket": 41, "clone": 56, "clone3": 435,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "ptrace": 117, "pivot_root": 41, "chroot": 51, "mount": 40, "umount2": 39, "add_key": 217,
            "request_key": 218, "keyctl": 219, "unshare": 97, "perf_event_open": 241, "setns": 268,
            "process_vm_readv": 270, "process_vm_writev": 271, "memfd_create": 279, "bpf": 280, "userfaultfd": 282,
            "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
            "move_mount": 429, "fsopen": 430, "fsmount": 432, "pidfd_getfd": 438, "mount_setattr": 442,
            "memfd_secret": 447, "socket": 198, "clone": 220, "clone3": 435,
        },
    ),
}  # fmt: skip
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def fork_apart() -> int:
    """Fork into new namespaces for processes, mounts, IPC and the network, as their process 1. Returns as os.fork.

    So nothing that one program leaves, such as a port that waits to be closed, can be seen by the next.
    """
    known = _CALLS.get(platform.machine())
    if known is None:
        raise OSError(_ENOSYS, f"no sandbox on {platform.machine()} processors yet")
    python, libc = ctypes.pythonapi, ctypes.PyDLL(None, use_errno=True)
    flags = _NEW_MOUNTS | _NEW_PROCESSES | _NEW_IPC | _NEW_NETWORK | signal.SIGCHLD
    python.PyOS_BeforeFork()
    pid: int = libc.syscall(ctypes.c_long(known[1]["clone"]), ctypes.c_ulong(flags), None, None, None, None)
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    _must(min(pid, 0), "clone")
    return pid


def fresh_folders(scratch: list[str], covered: list[str], mebibytes: int) -> None:
    """Mount empty folders that vanish with the process: writable ones of a limited size, and read-only covers."""
    libc = _libc()
    _must(libc.mount(None, b"/", None, _PRIVATE, None), "make mounts private")
    for path in scratch:
        options = f"size={mebibytes}m,nr_inodes=4096,mode=1777".encode()
        _must(libc.mount(b"tmpfs", path.encode(), b"tmpfs", _NO_SUID_NO_DEVICES, options), f"mount {path}")
    for path in covered:
        flags = _NO_SUID_NO_DEVICES | _READ_ONLY
        _must(libc.mount(b"tmpfs", path.encode(), b"tmpfs", flags, b"size=4k,mode=0555"), f"cover {path}")


def set_limits(limits: dict[str, int]) -> None:
    """Set the limits that the kernel keeps for each process. The number of processes is the user's in the sandbox."""
    bounds = {
        resource.RLIMIT_AS: limits["address_bytes"],
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: 128,
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_STACK: 64 * 2**20,
    }
    for name, bound in bounds.items():
        hard = resource.getrlimit(name)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(name, (value, value))


def give_up_rights(user: int | None, limits: dict[str, int]) -> None:
    """Become an ordinary process for good: another user (where a number is given), no capabilities, limits, a filter.

    Raises OSError when any of it fails: then no student's code may run.
    """
    libc = _libc()
    os.nice(5)  # so that the warm process and the grader always get their turn
    for capability in range(64):
        if libc.prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0) != 0:
            break  # beyond the last one that this kernel knows, or not allowed: capset below decides
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
    set_limits(limits)
    if user is not None:
        os.setresuid(user, user, user)
    header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0), 8)
    _must(libc.capset(header, bytes(24)), "capset")
    held = ctypes.create_string_buffer(24)
    _must(libc.capget(header, held), "capget")
    if any(held.raw):
        raise OSError(_EPERM, "capabilities are left")
    _must(libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    _must(libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")
    _filter_calls(libc)


def _filter_calls(libc: Any) -> None:
    """Refuse system calls that a solution never needs and an attack does, new user namespaces first of all."""
    known = _CALLS.get(platform.machine())
    if known is None:
        return
    architecture, numbers = known
    code = _program(architecture, dict(numbers))
    filters = b"".join(struct.pack("HBBI", *step) for step in code)
    buffer = ctypes.create_string_buffer(filters, len(filters))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(buffer))
    _must(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.c_char_p(program), 0, 0), "seccomp")


def _program(architecture: int, numbers: dict[str, int]) -> list[tuple[int, int, int, int]]:
    """Write the filter in the kernel's packet-filter language: steps of (code, jump if true, jump if false, value)."""
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06
    allow, refuse, kill = 0x7FFF0000, 0x00050000, 0x80000000
    socket, clone, clone3 = numbers.pop("socket"), numbers.pop("clone"), numbers.pop("clone3")
    code = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, kill), (load, 0, 0, 0)]
    if platform.machine() == "x86_64":
        code += [(any_bit, 0, 1, 0x40000000), (give, 0, 0, refuse | _ENOSYS)]  # the second table of numbers, x32
    for number in numbers.values():
        code += [(equal, 0, 1, number), (give, 0, 0, refuse | _EPERM)]
    code += [(equal, 0, 1, clone3), (give, 0, 0, refuse | _ENOSYS)]  # its flags cannot be read: libc then uses clone
    code += [(equal, 0, 3, clone), (load, 0, 0, 16), (any_bit, 0, 1, 0x7E020000), (give, 0, 0, refuse | _EPERM)]
    code += [(load, 0, 0, 0), (equal, 0, 5, socket), (load, 0, 0, 16)]
    code += [(equal, 3, 0, 1), (equal, 2, 0, 2), (equal, 1, 0, 10), (give, 0, 0, refuse | _EAFNOSUPPORT)]
    return [*code, (give, 0, 0, allow)]
