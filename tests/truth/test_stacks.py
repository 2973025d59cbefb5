"""Stacks of all tasks together, and what stacks say of themselves, against what the guest knew: its own stacks, and
its last words about overflows and canaries."""

import html
import json
import os
import re
import subprocess
import xml.etree.ElementTree

import pytest
from test_bt import Printed, in_order, stacks, switches
from truth_cores import INQUEST, share

SVG = "{http://www.w3.org/2000/svg}"


def place(frame):
    return frame["symbol"], frame["offset"], frame["module"]


def spread(items, most):
    """At most so many of them, from everywhere."""
    step = max(1, -(-len(items) // most))
    return items[::step]


@pytest.fixture(scope="module")
def groups(core):
    """The groups, and complaints about tasks that have none."""
    (answer,) = core.run("stacks")
    return answer["rows"], answer["faults"]


def test_every_task_is_in_one_group(core, groups):
    rows, faults = groups
    tasks = [task["task"] for row in rows for task in row["tasks"]]
    ps = {row["task"] for row in core.rows("ps")}
    assert len(ps) > 10
    assert len(tasks) == len(set(tasks)), "a task is in two groups"
    assert sum(row["count"] for row in rows) == len(tasks)
    assert set(tasks) <= ps
    assert len(tasks) + len(faults) == len(ps)


def test_groups_differ(core, groups):
    rows, _ = groups
    keys = [(row["state"], row["end"] if not row["frames"] else row["broken"],
             tuple(f["pc"] for f in row["frames"])) for row in rows]
    assert len(keys) == len(set(keys))
    assert [row["count"] for row in rows] == sorted((row["count"] for row in rows), reverse=True)


def test_a_group_is_its_tasks_backtraces(core, groups):
    rows, _ = groups
    pairs = [(row, row["tasks"][i]) for row in rows if row["frames"] for i in {0, len(row["tasks"]) // 2, -1}]
    whole = spread([pair for pair in pairs if not pair[0]["broken"]], 300)
    broken = [pair for pair in pairs if pair[0]["broken"]][:20]
    assert len(whole) >= 20
    answers = core.run(*[f"bt {task['task']}" for _, task in whole])
    answers += [core.run(f"bt {task['task']}", status=1)[0] for _, task in broken]
    for (row, task), answer in zip(whole + broken, answers):
        (bt,) = answer["rows"]
        frames = [f for f in bt["frames"] if not f["inlined"]]
        assert bt["task"] == task["task"] and bt["comm"] == task["comm"]
        assert [place(f) for f in frames] == [place(f) for f in row["frames"]], task


def test_states_are_the_tasks(core, groups):
    rows, _ = groups
    states = {row["task"]: row["state"] for row in core.rows("ps")}
    letters = {"RU": "R", "IN": "S", "UN": "D", "ST": "T", "TR": "t", "DE": "X", "ZO": "Z", "PA": "P", "ID": "I"}
    for row in rows:
        for task in row["tasks"]:
            state = states[task["task"]]
            assert letters.get(state, state) == row["state"]


def asleep(core, most):
    """pid -> frames as printed: of user tasks whose stack did not change and that have not run since."""
    first, second = stacks(core.truth("stacks")), stacks(core.truth("stacks.2"))
    ours = {row["pid"]: row["task"] for row in core.rows("ps")
            if row["pid"] and row["current"] != ">" and row["comm"] != "account"}
    pids = spread([p for p, frames in first.items() if frames and second.get(p) == frames and p in ours], most)
    fields = ("nvcsw", "nivcsw")
    answers = core.run(*[f"struct task_struct.{f} {ours[p]}" for p in pids for f in fields])
    counts = [int(answer["rows"][0]["text"]) for answer in answers]
    then = switches(core)
    return {pid: first[pid] for i, pid in enumerate(pids) if counts[2 * i:2 * i + 2] == then.get(pid)}


def is_tracers(line):
    """Where the kernel printed the tracer's trampoline we have the function that it stands for."""
    return line.startswith("return_to_handler+0x0/")


def test_groups_are_the_guests(core, groups):
    """Tasks that the kernel printed alike are in one group, and its frames are the printed ones."""
    rows, _ = groups
    # A task that was woken and did not get a CPU any more stands where it stood, but in another state's group.
    first = {}
    group_of = {task["pid"]: first.setdefault(tuple(map(place, row["frames"])), i)
                for i, row in enumerate(rows) for task in row["tasks"]}
    printed = asleep(core, 600)
    assert len(printed) >= 15, "too few blocked tasks to compare"
    alike = {}
    for pid, frames in printed.items():
        alike.setdefault(tuple(frames), []).append(pid)
    assert len(alike) >= 5, "the guest's stacks are hardly different"
    together = good = total = 0
    for frames, pids in alike.items():
        numbers = [group_of[pid] for pid in pids if pid in group_of]
        usual = max(set(numbers), key=numbers.count)
        together += numbers.count(usual)
        want = [Printed(line) for line in frames if not is_tracers(line)]
        good += in_order(core, want, rows[usual]["frames"])
        total += len(want)
    share(together, len(printed), 0.99, "tasks in the group of those like them")
    share(good, total, 0.99, "frames of groups")
    # and those that the kernel printed differently are not
    apart = [{group_of[pid] for pid in pids} for frames, pids in alike.items() if not any(map(is_tracers, frames))]
    shared = sum(bool(a & b) for i, a in enumerate(apart) for b in apart[:i])
    assert shared == 0, "stacks that the kernel printed differently are in one group"


def test_filters_divide(core, groups):
    """What a filter takes and what its opposite takes are together what there is."""
    rows, faults = groups
    all_tasks = {task["task"] for row in rows for task in row["tasks"]}
    symbols = [f["symbol"] for f in rows[0]["frames"] if f["symbol"]]
    pairs = [("-c", "-C", symbols[-1]), ("-c", "-C", "*schedule*"), ("-t", "-T", rows[0]["state"]),
             ("-m", "-M", "kernel")]
    for take, leave, what in pairs:
        both = [{task["task"] for row in core.rows(f"stacks {option} {what}") for task in row["tasks"]}
                for option in (take, leave)]
        assert both[0] and not both[0] & both[1]
        assert len(both[0] | both[1]) == len(all_tasks)
    with_it = {task["task"] for row in rows if symbols[-1] in [f["symbol"] for f in row["frames"]]
               for task in row["tasks"]}
    assert with_it == {task["task"] for row in core.rows(f"stacks -c {symbols[-1]}") for task in row["tasks"]}


def test_by_function(core, groups):
    rows, _ = groups
    keys = {}
    for row in rows:
        key = (row["state"], row["broken"], row["end"] if not row["frames"] else "",
               tuple((f["symbol"], f["module"]) for f in row["frames"]))
        keys[key] = keys.get(key, 0) + row["count"]
    ours = core.rows("stacks -n")
    assert sorted(row["count"] for row in ours) == sorted(keys.values())


def test_flame_graph(core, groups, tmp_path):
    rows, _ = groups
    path = tmp_path / "stacks.svg"
    core.run(f"stacks --flame {path}")
    root = xml.etree.ElementTree.parse(path).getroot()
    assert root.tag == SVG + "svg"
    boxes = [(int(g.get("data-d")), int(g.get("data-x")), int(g.get("data-n")), g.find(SVG + "title").text)
             for g in root.iter(SVG + "g")]
    total = sum(row["count"] for row in rows)
    assert boxes[0] == (0, 0, total, f"all: {total} of {total} tasks, 100.0%")
    by_depth = {}
    for depth, x, n, _ in boxes:
        by_depth.setdefault(depth, []).append((x, x + n))
    for depth, spans in by_depth.items():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), "boxes overlap"
        assert not depth or all(any(p[0] <= s[0] and s[1] <= p[1] for p in by_depth[depth - 1]) for s in spans)
    # A function's width is the number of tasks that it is on the way of.
    outermost = {}
    for row in rows:
        last = row["frames"][-1] if row["frames"] else None
        name = row["end"] if not last else last["symbol"] or hex(int(last["pc"], 16))
        name += f" [{last['module']}]" if last and last["module"] else ""
        outermost[name] = outermost.get(name, 0) + row["count"]
    drawn = {title.rsplit(": ", 1)[0]: n for depth, _, n, title in boxes if depth == 1}
    assert {name: n for name, n in outermost.items() if n / total > 0.001} == \
        {name: n for name, n in drawn.items() if n / total > 0.001}
    refused = subprocess.run([INQUEST, core.path / "vmlinux", core.path / "vmcore.elf", "-c",
                              f"stacks --flame {path}"], capture_output=True, timeout=300)
    assert refused.returncode == 1 and b"exists" in refused.stderr
    core.run(f"stacks -F --flame {path}")


# What a person does: a click in the middle of a box, found by where it is drawn; then one on the lowest box.
CLICKS = """<script><![CDATA[
function boxes(){return Array.from(document.querySelectorAll('.f')).map(function(g){
var r=g.querySelector('rect');return [+g.getAttribute('data-d'),+g.getAttribute('data-x'),+g.getAttribute('data-n'),
g.style.display!='none',+r.getAttribute('x'),+r.getAttribute('width'),g.getAttribute('class')];});}
function hit(g){var b=g.querySelector('rect').getBoundingClientRect();
var e=document.elementFromPoint(b.left+b.width/2,b.top+b.height/2);
e.dispatchEvent(new MouseEvent('click',{bubbles:true}));return e.parentNode===g;}
window.addEventListener('load',function(){
var all=Array.from(document.querySelectorAll('.f')),told={before:boxes()};
var wanted=all.filter(function(g){return g.getAttribute('data-d')=='3';}).pop();
told.chosen=all.indexOf(wanted);told.hit=hit(wanted);told.zoomed=boxes();
told.hit_root=hit(all[0]);told.after=boxes();
document.documentElement.setAttribute('data-told',JSON.stringify(told));});
]]></script>
</svg>"""


def test_flame_graph_in_a_browser(core, tmp_path):
    """A click makes a box as wide as the picture, one on the lowest goes back; with FLAME_BROWSER=chromium."""
    browser = os.environ.get("FLAME_BROWSER")
    if not browser:
        pytest.skip("FLAME_BROWSER names no browser")
    path = tmp_path / "stacks.svg"
    core.run(f"stacks --flame {path}")
    text = path.read_text()
    path.write_text(text[:text.rindex("</svg>")] + CLICKS)
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,2000",
                           f"--user-data-dir={tmp_path}/profile", "--dump-dom", path.as_uri()], capture_output=True,
                          text=True, timeout=120)
    match = re.search(r'data-told="([^"]*)"', done.stdout)
    assert match, done.stderr[-500:]
    told = json.loads(html.unescape(match[1]))
    assert told["hit"] and told["hit_root"], "the click did not reach the box"
    depth, x, n, *_ = told["before"][told["chosen"]]
    assert all(shown for _, _, _, shown, *_ in told["before"])
    for (d, bx, bn, shown, left, width, kind), before in zip(told["zoomed"], told["before"]):
        inside, holds = x <= bx and bx + bn <= x + n, bx <= x and x + n <= bx + bn
        assert shown == (holds if d < depth else inside), (d, bx, bn)
        if shown and d >= depth:
            assert abs(left - (bx - x) / n * 1200) < 0.1 and abs(width - bn / n * 1200) < 0.1 and kind == "f"
        elif shown:
            assert (left, width, kind) == (0, 1200, "f above")
    assert len([b for b in told["zoomed"] if b[3]]) < len(told["before"]), "nothing went away"
    for after, before in zip(told["after"], told["before"]):
        assert after[:4] == before[:4] and abs(after[4] - before[4]) < 0.1 and abs(after[5] - before[5]) < 0.1


# ---- stackcheck


def last_words(core):
    """(pid of the task whose stack ran over, pid of the one whose canary was overwritten), as the console says."""
    console = (core.path / "console.log").read_text(errors="replace")
    overflow = re.search(r"Insufficient stack space to handle exception|kernel stack overflow", console)
    canary = re.search(r"stack-protector: Kernel stack is corrupted in", console)
    pid = int(core.meta["panic_pid"]) if "panic_pid" in core.meta else None
    return overflow, canary, pid


def test_findings_are_the_guests(core):
    overflow, canary, pid = last_words(core)
    rows = [row for row in core.rows("stackcheck -d")]
    if core.recipe.get("expect_class") == "stack-corruption" and not canary:
        # Our module ran over an array, and no function has looked at the canary since.
        assert [(row["pid"], row["canaries_damaged"]) for row in rows] == [(int(core.deed["culprit_pid"]), 1)]
        assert (rows[0]["function"], rows[0]["variable"]) == (core.deed["culprit_fn"], core.deed["variable"])
        assert rows[0]["finding"].startswith("frame #")
        return
    if overflow or canary:
        assert rows, "the guest died of its stack, and no stack has a finding"
    for row in rows:
        assert row["finding"]
        assert overflow or canary, f"a finding of a healthy guest: {row}"
        if row["kind"] == "task":
            assert pid is None or row["pid"] == pid
            assert row["finding"].startswith("ran over" if overflow else "a canary was overwritten")
        else:
            assert row["kind"] == "overflow" and overflow
    assert not overflow or any(row["kind"] == "task" for row in rows)


def test_bounds_are_the_kernels(core):
    """An overflow's report names the stacks of the task and of its CPU."""
    console = (core.path / "console.log").read_text(errors="replace")
    named = dict(re.findall(r"(Task|IRQ|Overflow) stack: +\[0x([0-9a-f]+\.\.0x[0-9a-f]+)\]", console))
    if not named:
        pytest.skip("no stack ran over here")
    ours = {(row["kind"], int(row["stack"], 16), int(row["stack"], 16) + row["size"])
            for row in core.rows("stackcheck -a")}
    for kind, bounds in named.items():
        lo, hi = (int(word, 16) for word in bounds.split("..0x"))
        assert (kind.lower(), lo, hi) in ours, (kind, bounds)


def test_every_stack_is_checked(core):
    rows = core.rows("stackcheck -a")
    tasks = {row["task"] for row in rows if row["task"]}
    ps = {row["task"]: row for row in core.rows("ps")}
    dead = {task for task, row in ps.items() if row["state"] in ("Z", "X", "ZO", "DE")}
    assert tasks | dead >= set(ps) and tasks <= set(ps)
    # One that ran over may have lost its end.
    assert all(row["end_word"] == "0x57ac6e9d" for row in rows
               if row["task"] and not row["finding"] and row["kind"] == "task")
    fullest = [row["percent"] for row in rows if not row["finding"] and row["percent"] is not None]
    assert fullest == sorted(fullest, reverse=True)


def words_of(core, row):
    """The stack's words, lowest first."""
    bytes_each = 8 if core.arm64 else 4
    (answer,) = core.run(f"rd -{bytes_each * 8} {row['stack']} {row['size'] // bytes_each}")
    words = [int(word, 16) for line in answer["rows"] for word in
             (line["data"].split() if isinstance(line["data"], str) else line["data"])]
    assert len(words) == row["size"] // bytes_each
    return words, bytes_each


def test_depths_and_canaries(core):
    """Counted again, from the words of the stack."""
    rows = [row for row in core.rows("stackcheck -a") if row["kind"] == "task" and row["used"] is not None]
    if not core.name.startswith("arm32-fp"):
        assert len(rows) > 10
    for row in spread(rows, 6):
        words, each = words_of(core, row)
        used = next(i for i, word in enumerate(words) if i * each > int(row["end"], 16) - int(row["stack"], 16) and word)
        assert row["used"] == row["size"] - used * each, row
        assert row["now"] is None or row["now"] <= row["used"]
        if row["copies"] is not None and row["now"] is not None:
            live = words[len(words) - row["now"] // each:]
            assert row["copies"] == live.count(int(row["guard"], 16))


def test_canaries_are_canaries(core):
    """Each task has its own; on 64 bits its lowest byte is zero; and the CPUs check with one that a task has."""
    rows = [row for row in core.rows("stackcheck -a") if row["canary"]]
    canaries = [int(row["canary"], 16) for row in rows]
    assert len(set(canaries)) > len(canaries) * 0.9
    assert not core.arm64 or all(canary & 0xff == 0 for canary in canaries)
    assert {int(row["guard"], 16) for row in rows} <= set(canaries)
    assert sum(row["copies"] or 0 for row in rows) > 0, "no canary on any stack"
