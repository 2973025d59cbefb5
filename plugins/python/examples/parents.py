"""A command of its own: the way from a task up to the first one, `parents PID`."""

import inquest


@inquest.define("parents", ["task:addr", "pid:uint:7", "comm"], usage="PID", min_args=1, max_args=1)
def parents(pid):
    """a task, its parent, and so on to the first"""
    for task in inquest.walk("task"):
        if task.pid == int(pid) and task.pid == task.tgid:
            break
    else:
        raise inquest.NotFoundError(f"no process {pid}")
    seen = set()
    while task.address_() not in seen:
        seen.add(task.address_())
        yield task.address_(), task.pid, task.comm.string_()
        task = task.real_parent.deref_()


# Given a PID behind --, the answer comes at once; else the command is there for what follows.
import sys
if len(sys.argv) > 1:
    for row in inquest.command(f"parents {sys.argv[1]}"):
        print(f"{row['pid']:7} {row['task']:#x} {row['comm']}")
