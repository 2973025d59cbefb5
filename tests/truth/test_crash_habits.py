"""Lines that a user of crash types without thinking, run unchanged on a dump of each architecture. Their numbers are
compared with crash's by `make check-crash`."""

import subprocess

import pytest
from truth_cores import CORES, INQUEST

DUMPS = ["arm64-kasan-null", "arm32-lpae-bug"]

HABITS = """
bt
bt -a
bt -f
bt -l 1
bt -c 0
bt 1 2
foreach bt
foreach 1 vm
foreach UN bt
ps
ps -u
ps -k
ps -m
ps -l
ps -t
ps -G
ps -a 1
ps -p 1
ps -c 1
ps -r 1
ps -S
ps | grep UN
log
log -T
log -m
log -t
dmesg
sys
sys -c
struct task_struct
struct -o task_struct
struct task_struct.comm init_task
task
p jiffies
p init_task.comm
p -x jiffies
list -H init_task.tasks
list -h init_task.tasks
tree -t rbtree vmap_area_root
rd linux_banner
rd -x linux_banner 4
rd -d linux_banner 4
rd -s init_task 4
rd -a linux_banner
rd -8 linux_banner 16
rd -32 linux_banner 4
vtop linux_banner
ptov 40200000
vm
vm -p
dis panic
dis -r panic+8
sym panic
sym -l
sym -q vmstat
whatis init_task
search -c Linux
set
set 1
runq
alias
eval 1 << 4
kmem -i
kmem -f
kmem -F
kmem -s
kmem -v
kmem -V
kmem -n
kmem -z
kmem -o
kmem -g
kmem -p
kmem init_task
help bt
? ps
union thread_union
sig
pte 40000713
btop 40200000
ptob 40200
rd -S init_task 4
task_struct.comm init_task
*list_head init_task.tasks
p/x jiffies
px jiffies
pd jiffies
gdb p jiffies
list task_struct.tasks -s task_struct.pid -h init_task
files
files 1
mod
dis -l panic
timer
timer -r
irq
irq -s
dev
mount
mach
ipcs
ipcs -s
ipcs -m
ipcs -M
ipcs -q
net -N 1041236234
ascii 62696c2f7273752f
fuser /dev/console
set radix 16
set -v
hex
extend
exit
""".strip().splitlines()

# What may rightly print nothing: nobody may be in that state, no module or plugin may be loaded, no System V object made, and the end of
# a session says nothing.
SILENT = ["foreach UN bt", "ps | grep UN", "exit", "extend", "mod", "ipcs", "ipcs -s", "ipcs -m", "ipcs -M", "ipcs -q"]

# Lines that one dump's kernel has nothing for.
ABSENT = {("arm32-lpae-bug", "union thread_union"): "gdb finds no such type in this vmlinux either"}


def run(dump, line):
    args = [INQUEST, CORES / dump / "vmlinux", CORES / dump / "vmcore.elf", "-c", line]
    return subprocess.run(args, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def check(dump, line):
    done = run(dump, line)
    assert line == "ps | grep UN" or done.returncode == 0, done.stderr[:300]
    assert done.stderr == "", done.stderr[:300]
    assert done.stdout or line in SILENT


def test_enough():
    assert len(HABITS) >= 50


@pytest.mark.parametrize("line", HABITS)
@pytest.mark.parametrize("dump", DUMPS)
def test_habit(dump, line):
    if (dump, line) in ABSENT:
        pytest.skip(ABSENT[dump, line])
    check(dump, line)


@pytest.mark.parametrize("dump", DUMPS)
def test_wait_queue(dump):
    """waitq, which wants the name of a queue; both kernels have one node."""
    line = "waitq pglist_data.kswapd_wait contig_page_data"
    check(dump, line)


@pytest.mark.parametrize("dump", DUMPS)
@pytest.mark.parametrize("line, why", [
    ("net", "this kernel has no networking (CONFIG_NET)"),
    ("net -s", "this kernel has no networking (CONFIG_NET)"),
    ("swap", "this kernel has no swap (CONFIG_SWAP)"),
])
def test_without(dump, line, why):
    """On kernels that have none of it: told in a line. tests/truth/test_resources.py has those that do."""
    done = run(dump, line)
    assert done.returncode == 1 and done.stderr == f"{line.split()[0]}: {why}\n"
