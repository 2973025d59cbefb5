#!/usr/bin/env python3
"""Takes the guest's account (standard input: the channel of guest/account.c) and the console apart into truth/.

usage: truth.py --console FILE --out FOLDER [--fact KEY=VALUE]... <channel

Besides the files that the guest sent it derives: ps, stacks, splat*, report*, misbehave, meta (formats: README.md). It knows the
text formats of /proc and of the kernel's traces, on both architectures; it knows nothing of the dump.
"""
import argparse
import os
import re
import sys

FRAME = r"[^\s()]+\+0x[0-9a-f]+/0x[0-9a-f]+"
MODULE = r"(?: \[([\w-]+)(?: [0-9a-f]{40})?\])?"
PLAIN_FRAME = re.compile(rf"^ ({FRAME}){MODULE}$")
ARM_FRAME = re.compile(rf"^ (\S+){MODULE} from ({FRAME}){MODULE}\s*$")
ARM_OLD_FRAME = re.compile(
    rf"^\s*\[<[0-9a-f]+>\] \((\S+?){MODULE}\) from \[<[0-9a-f]+>\] \(({FRAME}){MODULE}\)\s*$")
# Exception frames, and the saved registers that ARM32 with frame pointers prints below a frame.
WITHIN_TRACE = re.compile(r"^(Exception stack\(|[0-9a-f]{4}: | r\d+:[0-9a-f]{8})")
# Lines that say what the next trace is about.
ABOUT = re.compile(
    r"^(BUG: |BUG \S+ \(|WARNING: |Internal error: |kernel BUG at |Kernel panic - |Unable to handle kernel |INFO: |"
    r"watchdog: |list_(add|del) corruption|refcount_t: |task:|Allocated by task |Freed by task |Allocated in |Freed in |"
    r"Last potentially related work |CPU\d+: stopping|NMI backtrace for cpu|Sending NMI|Insufficient stack space|"
    r"usercopy: |page_owner tracks |page last |SMP: failed|sysrq: |.* invoked oom-killer: |inquest: )")
WHERE = re.compile(r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.*?) (?:Not tainted|Tainted: )")
PC_IS = re.compile(rf"^PC is at ({FRAME}){MODULE}")
STAMP = re.compile(r"^\[ *(\d+\.\d+)\](?:\[ *[TC]\d+\])? ?")


def named(symbol, module):
    return f"{symbol} [{module}]" if module else symbol


class Trace:
    """One call trace of the console: its frames from the innermost outwards."""

    def __init__(self, about, where, line):
        self.about, self.where, self.line, self.frames = about, where, line, []

    def add(self, line):
        """Takes a line when it is a frame; says whether it was."""
        match = PLAIN_FRAME.match(line)
        if match:
            self.frames.append(named(*match.groups()))
            return True
        match = ARM_FRAME.match(line) or ARM_OLD_FRAME.match(line)
        if not match:
            return False
        callee, callee_module, caller, caller_module = match.groups()
        # Each line names the callee without an offset and its caller with one: the callee is the caller of the line
        # before, or else stands first in the trace. A return address behind a function that never returns carries
        # the next function's name and +0x0: then the two names mean one frame.
        if not self.frames or (self.frames[-1].split("+")[0] != callee and "+0x0/" not in self.frames[-1]):
            self.frames.append(named(callee, callee_module))
        self.frames.append(named(caller, caller_module))
        return True


def parse_console(text):
    """Lines without time stamps, and the traces in order."""
    lines, stamps, traces = [], [], []
    for raw in text.replace("\r", "").split("\n"):
        stamp = STAMP.match(raw)
        lines.append(raw[stamp.end():] if stamp else raw)
        stamps.append(float(stamp.group(1)) if stamp else (stamps[-1] if stamps else 0.0))
    about, where, pc, current = "", None, None, None
    for number, line in enumerate(lines):
        if current and (current.add(line) or WITHIN_TRACE.match(line)):
            continue
        current = None
        if ABOUT.match(line):
            about = line.strip()
            # A trace that follows a new subject without a "CPU:" line of its own is not the old subject's.
            where = None if about.startswith(("task:", "CPU", "inquest:", "sysrq:")) else where
        if WHERE.search(line):
            where = WHERE.search(line).groups()
        match = PC_IS.match(line)
        if match:
            pc = named(*match.groups())
        trace = Trace(about, where, number)
        if re.match(r"^(Call trace|Backtrace): *$", line):
            current = trace
            traces.append(trace)
        elif trace.add(line):
            current = trace
            traces.append(trace)
        if current is trace:
            trace.pc, pc = pc, None
    traces = [trace for trace in traces if trace.frames]
    for trace in traces:
        # ARM32 prints the first frame without its offset; an oops has said it just above.
        if trace.pc and "+" not in trace.frames[0] and trace.pc.split("+")[0] == trace.frames[0].split(" ")[0]:
            trace.frames[0] = trace.pc
    return lines, stamps, traces


PANIC = {"panic", "vpanic"}  # the latter does the work in 7.2


def names(frames):
    return [frame.split("+")[0] for frame in frames]


def final_trace(lines, traces):
    """The trace of the task that panicked, and the number of the line that announces the panic."""
    panics = [n for n, line in enumerate(lines) if line.startswith("Kernel panic - not syncing")]
    if not panics:
        return None, None
    # Another CPU's lines may have cut it off before panic() itself.
    after = [t for t in traces if t.line > panics[0] and t.about.startswith("Kernel panic")
             and PANIC & set(names(t.frames))]
    before = [t for t in traces if t.line < panics[0] and not re.match(r"task:|Allocated|Freed|CPU\d|NMI", t.about)]
    return (after[0] if after else before[-1] if before else None), panics[0]


def standing(frames):
    """Those frames that are still on the stack while the machine stands in panic(): a trace that panic() itself
    printed begins with functions that have returned since, and panic()'s own frame has moved on."""
    inside = [i for i, name in enumerate(names(frames)) if name in PANIC]
    return frames[inside[-1] + 1:] if inside else frames


def split_stat(line):
    """A line of `grep -H '' /proc/TGID/task/TID/stat`: tgid, pid, comm, the fields from the state on."""
    match = re.match(r"^/proc/(\d+)/task/(\d+)/stat:\d+ \((.*)\) (.*)$", line)
    return (int(match[1]), int(match[2]), match[3], match[4].split()) if match else None


def derive_ps(stat):
    rows = filter(None, map(split_stat, stat.split("\n")))
    text = ["# pid tgid ppid cpu state flags vsize_bytes rss_pages start_ticks comm"]
    for tgid, pid, comm, field in sorted(rows, key=lambda row: row[1]):
        text.append(f"{pid} {tgid} {field[1]} {field[36]} {field[0]} {int(field[6]):#x} {field[20]} {field[21]} "
                    f"{field[19]} {comm}")
    return "\n".join(text) + "\n"


def derive_stacks(stack, stat):
    """From `grep -H '' /proc/TGID/task/TID/stack`."""
    comms = {pid: comm for _, pid, comm, _ in filter(None, map(split_stat, stat.split("\n")))}
    tasks = {}
    for line in stack.split("\n"):
        match = re.match(rf"^/proc/\d+/task/(\d+)/stack:\[<[0-9a-f]+>\] ({FRAME}){MODULE}\s*$", line)
        if match:
            tasks.setdefault(int(match[1]), []).append(named(match[2], match[3]))
    return format_stacks((pid, comms.get(pid, "?"), frames) for pid, frames in sorted(tasks.items()))


REPORT = re.compile(r"^BUG: (KASAN|KFENCE|spinlock|sleeping|Bad page)|^BUG \S+ \(.*\): |^pagealloc: memory corruption")
REPORT_END = re.compile(r"^={60,}$|^FIX |^Kernel panic|^Disabling lock debugging|^Object padding")


def reports(lines):
    """What the kernel's own checkers said of damage, one list of lines each."""
    found, current = [], None
    for line in lines:
        if current is not None and REPORT_END.match(line):
            current = None
        if REPORT.match(line):
            current = []
            found.append(current)
        if current is not None:
            current.append(line.rstrip())
    return found


def format_stacks(tasks):
    return "".join(f"== {pid} {comm}\n" + "".join(frame + "\n" for frame in frames) for pid, comm, frames in tasks)


def console_stacks(lines, traces, suffix):
    """Between the guest's two marks on the console, from sysrq-t."""
    try:
        first = next(n for n, line in enumerate(lines) if f"inquest: stacks{suffix} begin" in line)
        last = next(n for n, line in enumerate(lines) if f"inquest: stacks{suffix} end" in line)
    except StopIteration:
        return ""
    tasks, seen = [], set()
    for trace in traces:
        match = re.match(r"^task:(.*?) +state:.*? pid: *(\d+)", trace.about)
        if first < trace.line < last and match and match[2] not in seen:
            seen.add(match[2])
            tasks.append((int(match[2]), match[1].strip(), trace.frames))
    return format_stacks(tasks)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--console", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--fact", action="append", default=[])
    options = parser.parse_args()
    channel = sys.stdin.buffer.read()
    with open(options.console, "rb") as file:
        lines, stamps, traces = parse_console(file.read().decode("latin-1"))

    def write(name, text):
        path = os.path.join(options.out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode("latin-1"))

    files = {}
    for match in re.finditer(rb"\x01BEGIN ([^\n]+)\n(.*?)\n\x01END \1\n", channel, re.DOTALL):
        if match[2] and not match[1].endswith(b".0"):
            files[match[1].decode()] = match[2]
    for name, body in files.items():
        write(name, body)
    for suffix in ("", ".2"):
        stat = files.get("task_stat" + suffix, b"").decode("latin-1")
        stack = files.get("task_stack" + suffix, b"").decode("latin-1")
        write("ps" + suffix, derive_ps(stat))
        stacks = console_stacks(lines, traces, suffix) or derive_stacks(stack, stat)
        if stacks:
            write("stacks" + suffix, stacks)

    # Traces of sysrq-t belong to stacks, not to the end of the guest.
    marks = [n for n, line in enumerate(lines) if re.search(r"inquest: stacks\S* (begin|end)", line)]
    splats = [t for t in traces if not any(a < t.line < b for a, b in zip(marks[::2], marks[1::2]))]
    for number, trace in enumerate(splats, 1):
        who = " on CPU {} pid {} comm {}".format(*trace.where) if trace.where else ""
        write(f"splat.{number}", f"# {trace.about}{who}\n" + "".join(f + "\n" for f in trace.frames))
    for number, report in enumerate(reports(lines), 1):
        write(f"report.{number}", "\n".join(report).rstrip() + "\n")
    # The module's own words come through the terminal, without a time stamp.
    deeds = [line.removeprefix("misbehave: ") for line in lines if re.match(r"^misbehave: \w+=", line)]
    if deeds:
        write("misbehave", "".join(line + "\n" for line in deeds))
    # What a recipe's own commands had to tell: lines "inquest-NAME| TEXT" of the terminal.
    told = {}
    for line in lines:
        match = re.match(r"^inquest-(\w+)\| ?(.*)$", line)
        if match:
            told.setdefault(match[1], []).append(match[2])
    for name, text in told.items():
        write(name, "\n".join(text) + "\n")
    final, panic_line = final_trace(lines, splats)
    facts = [fact.split("=", 1) for fact in options.fact]
    version = files.get("version", b"").decode("latin-1").strip()
    facts.append(("release", version.split(" ")[2] if version else ""))
    facts.append(("banner", version))
    for suffix, key in (("", "uptime_first_reading"), (".2", "uptime_second_reading")):
        facts.append((key, files.get("uptime" + suffix, b"? ").decode().split(" ")[0]))
    if panic_line is not None:
        facts.append(("panic_message", lines[panic_line].split(": ", 1)[1].strip()))
        facts.append(("panic_console_seconds", f"{stamps[panic_line]:.6f}"))
    if final:
        write("splat", "".join(f + "\n" for f in final.frames))
        write("splat.stack", "".join(f + "\n" for f in standing(final.frames)))
        facts.append(("splat_about", final.about))
        facts.append(("splat_number", str(splats.index(final) + 1)))
        if final.where:
            facts += zip(("panic_cpu", "panic_pid", "panic_comm"), final.where)
    facts.append(("splats", str(len(splats))))
    write("meta", "".join(f"{key}={value}\n" for key, value in facts))


if __name__ == "__main__":
    main()
