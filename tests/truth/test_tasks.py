"""ps, task, set, foreach, runq and sig against /proc/PID/task/TID/{status,stat,cmdline}."""

import re

import pytest
from truth_cores import share


def by_thread(lines):
    """{tid: text of the file} for lines of "/proc/TGID/task/TID/FILE:text"."""
    files = {}
    for line in lines:
        match = re.match(r"/proc/\d+/task/(\d+)/\w+:(.*)", line)
        if match:
            files.setdefault(int(match[1]), []).append(match[2])
    return files


def status(core):
    """{tid: {key: value}}: the values that did not move between the two readings."""
    files = {}
    for tid, lines in by_thread(core.steady("task_status")).items():
        files[tid] = dict(line.split(":", 1) for line in lines if ":" in line)
    assert files, "the account has no task_status"
    return files


def stat(core):
    """{tid: fields from the state on}, of the threads whose line did not move."""
    return {tid: lines[0].rpartition(")")[2].split()
            for tid, lines in by_thread(core.steady("task_stat")).items()}


def rows(core, command):
    """By pid, without the idle tasks, which /proc does not show, and without the one that went on to
    run after the account and may have ended."""
    return {row["pid"]: row for row in core.rows(command) if row["pid"] and row["comm"] != "trigger"}


def compare(core, ours, theirs, pairs, floor=0.99, skip=(1,)):
    """Pid 1 is the accountant, whose own numbers moved on. Each pair is (name, of our row, of their file); None says that there is nothing to compare."""
    for name, mine, other in pairs:
        results = []
        for tid, file in theirs.items():
            if tid in ours and tid not in skip and (wanted := other(file)) is not None:
                results.append((tid, mine(ours[tid]), wanted))
        wrong = [r for r in results if r[1] != r[2]]
        share(len(results) - len(wrong), len(results), floor, f"{name} {wrong[:5]}")


def words(key):
    return lambda file: file[key].split() if key in file else None


def test_task_identity(core):
    ours = rows(core, "foreach task")
    compare(core, ours, status(core), [
        ("uid", lambda row: row["uid"].split(), words("Uid")),
        ("gid", lambda row: row["gid"].split(), words("Gid")),
        ("cpus", lambda row: row["cpus_allowed"], lambda f: f.get("Cpus_allowed_list", "").strip() or None),
        *[(key, lambda row, k=key: [row[k]], words(theirs)) for key, theirs in (
            ("cap_inheritable", "CapInh"), ("cap_permitted", "CapPrm"), ("cap_effective", "CapEff"),
            ("cap_bounding", "CapBnd"), ("cap_ambient", "CapAmb"))],
    ], skip=())


def test_task_switches(core):
    """Never less than the second reading had."""
    ours = rows(core, "foreach task")
    checked = 0
    for tid, lines in by_thread(core.truth("task_status.2")).items():
        file = dict(line.split(":", 1) for line in lines if ":" in line)
        if tid not in ours or "voluntary_ctxt_switches" not in file:
            continue
        assert ours[tid]["voluntary"] >= int(file["voluntary_ctxt_switches"]), tid
        assert ours[tid]["involuntary"] >= int(file["nonvoluntary_ctxt_switches"]), tid
        checked += 1
    assert checked > 10


def test_task_scheduling(core):
    """Fields of proc(5), here counted from the state: 15 priority, 16 nice, 37 rt_priority, 38 policy."""
    names = ["NORMAL", "FIFO", "RR", "BATCH", None, "IDLE", "DEADLINE", "EXT"]
    ours = rows(core, "foreach task")
    compare(core, ours, stat(core), [
        ("priority", lambda row: row["prio"] - 100, lambda f: int(f[15])),
        ("nice", lambda row: row["nice"], lambda f: int(f[16])),
        ("rt_priority", lambda row: row["rt_priority"], lambda f: int(f[37])),
        ("policy", lambda row: row["policy"], lambda f: names[int(f[38])]),
        ("flags", lambda row: int(row["flags_bits"], 16) & ~0x40, lambda f: int(f[6]) & ~0x40),
    ])


def test_ps_times(core):
    """Start in ticks of 10 ms; utime and stime, which /proc makes add up to the time on a CPU."""
    ours = rows(core, "ps -t")
    compare(core, ours, stat(core), [("start", lambda row: int(row["start"] * 100 + 1e-6), lambda f: int(f[19]))],
            skip=())
    close = []
    for tid, f in stat(core).items():
        ticks = int(f[11]) + int(f[12])
        if tid in ours and tid != 1 and ours[tid]["run"]:
            close.append(-2 <= ours[tid]["run"] * 100 - ticks <= 10)
    share(sum(close), len(close), 0.9, "time on a CPU")


def test_ps_memory(core):
    """VSZ, and RSS as /proc counts it: 20 and 21."""
    ours = rows(core, "ps -u")
    compare(core, ours, stat(core), [
        ("vsz", lambda row: row["vsz"], lambda f: int(f[20]) or None),
        ("rss", lambda row: row["rss_counted"], lambda f: int(f[21]) * core.page_bytes if int(f[20]) else None),
    ], skip=(1,))
    # RSS itself is exact: the pages that /proc/PID/pagemap has present, but for the vdso and its kin, which
    # do not count. Some have come in since.
    checked = 0
    for pid, row in ours.items():
        pages = core.truth(f"pagemap.{pid}.2")
        if not pages or pid == 1:
            continue
        kernels = [[int(x, 16) for x in line.split()[0].split("-")] for line in core.truth(f"maps.{pid}.2")
                   if line.endswith(("[vdso]", "[vvar]", "[sigpage]", "[vectors]", "[vvar_vclock]"))]
        present = [int(va, 16) for va, entry in (line.split() for line in pages if line) if int(entry, 16) >> 63]
        expected = sum(not any(a <= va < b for a, b in kernels) for va in present)
        assert abs(row["rss"] // core.page_bytes - expected) <= 3, (pid, row["rss"] // core.page_bytes, expected)
        checked += 1
    assert checked


def test_ps_arguments(core):
    checked = 0
    ours = rows(core, "ps -a")
    for tid, lines in by_thread(core.steady("task_cmdline")).items():
        # what the kernel gives has NULs between, which the harness made blanks
        if tid in ours and lines[0].strip():
            args = [row["string"] for row in ours[tid]["arguments"]]
            assert " ".join(args).split() == lines[0].replace("\0", " ").replace("\\x00", " ").split(), tid
            checked += 1
    assert checked >= 2


def test_ps_groups(core):
    """Each thread stands below its leader, once."""
    leaders = core.rows("ps -g")
    theirs = {}
    for line in core.steady("ps"):
        if not line.startswith("#"):
            pid, tgid = map(int, line.split()[:2])
            if pid != tgid:
                theirs.setdefault(tgid, set()).add(pid)
    ours = {row["pid"]: [r["pid"] for r in row["threads"]] for row in leaders if row["pid"] and row["threads"]}
    for tgid, pids in theirs.items():
        assert pids <= set(ours.get(tgid, [])) and len(ours[tgid]) == len(set(ours[tgid]))


def test_ps_relatives(core):
    ppid = {row["pid"]: row["ppid"] for row in core.rows("ps -G") if row["pid"]}
    some = [pid for pid in ppid if ppid[pid] != 0][:5] + list(ppid)[-3:]
    for answer, pid in zip(core.run(*[f"ps -p {pid}" for pid in some]), some):
        chain = [r["pid"] for r in answer["rows"][0]["parents"]]
        assert chain[-1] == ppid[pid] and chain[0] == 0
    for row in core.rows("ps -c"):
        if row["pid"]:
            assert all(ppid[r["pid"]] == row["pid"] for r in row["children"] if r["pid"])


def test_ps_selection(core):
    everyone = core.rows("ps")
    names = [row for row in everyone if row["comm"].startswith("k")]
    assert core.rows("ps /^k/") == names and names
    assert core.rows(f"ps {everyone[3]['task']}") == [everyone[3]]
    counts = {row["state"]: row["count"] for row in core.rows("ps -S")}
    assert sum(counts.values()) == len(everyone)
    assert all(counts[s] == sum(r["state"] == s for r in everyone) for s in counts)
    assert len(core.rows("ps -A")) == int(core.meta["cpus"])
    assert core.rows("ps -C 0") == [row for row in everyone if row["cpu"] == 0]
    fifo = {pid for pid, row in rows(core, "foreach task").items() if row["policy"] == "FIFO"}
    assert {row["pid"] for row in core.rows("ps -y FIFO")} == fifo
    last = [row["last_run"] for row in core.rows("ps -l")]
    assert last == sorted(last, reverse=True) and last[0] > 0


SETS = (("pending", "SigPnd"), ("shared_pending", "ShdPnd"), ("blocked", "SigBlk"),
        ("ignored", "SigIgn"), ("caught", "SigCgt"))


def test_sig(core):
    ours = rows(core, "foreach sig")
    compare(core, ours, status(core), [(key, lambda row, k=key: [row[k]], words(theirs)) for key, theirs in SETS],
            floor=0.97)
    assert any(int(row["caught"], 16) for row in ours.values()) or \
        any(int(row["ignored"], 16) for row in ours.values()), "nobody handles anything: nothing was tested"
    for row in ours.values():
        handled = sum(1 << (a["number"] - 1) for a in row["actions"] if a["handler"] not in ("SIG_DFL", "SIG_IGN"))
        assert handled == int(row["caught"], 16)


def test_runq(core):
    """What the trees and lists hold is what says of itself that it is queued, and the kernel's counts agree.
    The current task of the fair class is in no tree."""
    queues = core.rows("runq")
    assert [q["cpu"] for q in queues] == list(range(int(core.meta["cpus"])))
    tasks = {row["task"]: row for row in core.rows("foreach task")}
    found = {e["task"] for q in queues for e in q["queued"]}
    running = {q["task"] for q in queues}
    # A task that was being woken or put to sleep at death may be either.
    waiting = {va for va, row in tasks.items() if row["on_rq"] == 1 and va not in running and row["pid"]}
    assert found - running == waiting
    for q in queues:
        fair = sum(e["class"] == "fair" for e in q["queued"])
        is_current = q["pid"] and tasks[q["task"]]["on_rq"] and q["prio"] >= 100
        assert q["fair_running"] == fair + is_current, q
        assert q["rt_running"] == sum(e["class"] == "rt" for e in q["queued"])
        assert q["deadline_running"] == sum(e["class"] == "deadline" for e in q["queued"])
        assert q["nr_running"] == len(q["queued"]) + is_current


def test_set_and_defaults(core):
    first, chosen, sig, task, vm, back = core.run("set", "set 1", "sig", "task", "vm", "set -p")
    assert chosen["rows"][0]["pid"] == 1
    assert sig["rows"][0]["pid"] == task["rows"][0]["pid"] == vm["rows"][0]["pid"] == 1
    assert back["rows"] == first["rows"]
    if core.panicked:
        assert first["rows"][0]["pid"] == int(core.meta["panic_pid"])
    (row,) = core.rows("set -c 0")
    assert row["task"] == core.rows("runq -c 0")[0]["task"]


def test_foreach(core):
    users = [row["pid"] for row in core.rows("ps -u")]
    assert [row["pid"] for row in core.rows("foreach user task")] == users
    assert [row["pid"] for row in core.rows("foreach user vm")] == users
    assert [row["pid"] for row in core.rows("foreach 1 2 bt")] == [1, 2]
    asleep = [row["pid"] for row in core.rows("ps") if row["state"] == "S"]
    assert [row["pid"] for row in core.rows("foreach IN sig")] == asleep
    (row,) = core.rows("foreach 1 task -R pid,comm")
    assert [m["member"] for m in row["members"]] == ["pid", "comm"] and "= 1," in row["members"][0]["text"]


def test_foreach_runs_several(core):
    """One command after the other for each task, each with its own options; crash's ways to write names."""
    rows = core.rows("foreach 1 2 ps -m task -R pid,comm")
    assert [row["pid"] for row in rows] == [1, 1, 2, 2]
    assert [row.get("members") is not None for row in rows] == [False, True, False, True]
    rows = core.rows("foreach 1 bt -k -R no_such_function ps")  # an option's argument is none of the commands
    assert [row["pid"] for row in rows] == [1] and "ppid" in rows[0]
    assert not core.rows("foreach 1 bt -R ps")
    named = [row["pid"] for row in core.rows("ps") if row["comm"].startswith("kworker/0:")]
    assert named and [row["pid"] for row in core.rows("foreach 'kworker/0:.*' ps")] == named
    assert [row["pid"] for row in core.rows("foreach \\\\account ps")] == \
        [row["pid"] for row in core.rows("ps") if row["comm"] == "account"]
    before, *rows, after = [row for answer in core.run("set", "foreach 1 2 set", "set") for row in answer["rows"]]
    assert [row["pid"] for row in rows] == [1, 2] and before == after


def test_foreach_about_the_current_task(core):
    """vtop has no argument for a task, and locals says no task: foreach does both."""
    users = [row["pid"] for row in core.rows("ps -u")]
    (answer,) = core.run("foreach user vtop -u 0x400000", status=None)
    assert [row["pid"] for row in answer["rows"] if "pid" in row] == users
    (answer,) = core.run("foreach IN locals 2", status=None)
    owners = {row["task"] for row in answer["rows"] if "comm" in row}
    frames = [row for row in answer["rows"] if "variables" in row]
    assert frames and all(row["n"] == 2 and row["task"] in owners for row in frames)


@pytest.mark.parametrize("command", ["foreach", "foreach user", "foreach sys", "set 1 -p", "ps -t -s",
                                     "ps -y NONE", "ps -C x", "sig -s xyz", "runq -c 99", "ps nobody-at-all",
                                     "set ffff"])
def test_wrong_words(core, command):
    (answer,) = core.run(command, status=1)
    assert answer["faults"]
