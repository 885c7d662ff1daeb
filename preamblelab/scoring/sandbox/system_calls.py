"""The seccomp filter: what no program under test needs and what namespaces do not keep apart."""

import struct

# Numbers of system calls by machine: (x86_64, aarch64). -1: the machine has no such call.
_DENIED = {
    # New namespaces and mounts: the way to capabilities, and around the limit of processes.
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442),
    # Into other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    # Keys outlive the process and are shared by all sandboxes of one user.
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # Memory that no limit counts.
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    # Large doors into the kernel that neither Python nor node needs.
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265), "init_module": (175, 105), "finit_module": (313, 273),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "syslog": (103, 116),
}  # fmt: skip
_SOCKET, _CLONE, _CLONE3, _PRLIMIT = (41, 198), (56, 220), (435, 435), (302, 261)
_FAMILIES = (1, 2, 10, 16)
"""unix, inet, inet6, netlink. Others (vsock: the host of a virtual machine) know no namespace."""
_NEW_NAMESPACES = 0x7E020000 | 0x80
"""Every CLONE_NEW* flag of clone(2)."""

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _PERMISSION, _UNKNOWN, _FAMILY = 0x7FFF0000, 0x00050001, 0x00050026, 0x00050061


def system_call_filter(machine: str) -> bytes:
    """Return the BPF program for `machine` (as `platform.machine()` has it); empty if unknown.

    Refused calls fail with EPERM; `clone3` fails with ENOSYS, so that the C library falls back to
    `clone`, whose flags a filter can read.
    """
    if machine not in _MACHINES:
        return b""
    column, architecture = _MACHINES[machine]
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _PERMISSION),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 numbers would name the same calls again
        (_RETURN, 0, 0, _PERMISSION),
    ]
    for numbers in _DENIED.values():
        code += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _PERMISSION)]
    code += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _UNKNOWN)]
    code += [
        (_EQUAL, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, 16),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _PERMISSION),
        (_RETURN, 0, 0, _ALLOW),
    ]
    # Limits of other processes: a program could starve the one that watches it.
    code += [
        (_EQUAL, 0, 4, _PRLIMIT[column]),
        (_LOAD, 0, 0, 16),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _PERMISSION),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code += [(_EQUAL, 0, 2 + len(_FAMILIES), _SOCKET[column]), (_LOAD, 0, 0, 16)]
    for place, family in enumerate(_FAMILIES):
        code.append((_EQUAL, len(_FAMILIES) - place, 0, family))
    code += [(_RETURN, 0, 0, _FAMILY), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *each) for each in code)
