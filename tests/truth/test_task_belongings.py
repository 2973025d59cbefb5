"""A task's namespaces against what /proc and the kernel's fixed numbers say."""

import re

import pytest

# include/linux/proc_ns.h, v4.19 to v7.2: the first namespaces' inode numbers. mnt's is not fixed.
FIRST = {"ipc": 0xEFFFFFFF, "uts": 0xEFFFFFFE, "user": 0xEFFFFFFD, "pid_for_children": 0xEFFFFFFC,
         "cgroup": 0xEFFFFFFB, "time": 0xEFFFFFFA}


def statuses(core):
    """pid -> the lines of /proc/PID/status that both readings have."""
    found = {}
    for line in core.steady("task_status"):
        m = re.match(r"/proc/(\d+)/task/(\d+)/status:(\w+):\s*(.*)", line)
        if m:
            found.setdefault(int(m[2]), {})[m[3]] = m[4]
    return found


def test_namespaces(core):
    """Who has one pid only (NSpid) is in the first pid namespace; the guest's programs made no others."""
    alone = [pid for pid, lines in statuses(core).items()
             if lines.get("NSpid", "").split() == [str(pid)] and lines.get("State", "")[:1] in "SRDI"]
    if not alone:
        pytest.skip("this kernel's status has no NSpid")
    living = {row["pid"] for row in core.rows("ps") if row["state"] not in ("Z", "X")}
    compared = 0
    for pid in [p for p in alone if p in living][:12]:
        (row,) = core.rows(f"task {pid}")
        ours = dict(re.findall(r"(\w+):\[(\d+)\]", row["namespaces"] or ""))
        assert ours, f"pid {pid} has no namespaces"
        for name, number in ours.items():
            if name in FIRST:
                assert int(number) == FIRST[name], f"{name} of pid {pid}"
                compared += 1
        assert "mnt" in ours
    assert compared >= 3, "the oracle is empty"
