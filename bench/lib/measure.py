"""Measuring a program from outside: wall and CPU seconds of whole runs, and the peak of its anonymous memory.
Knows nothing of dumps. Times and memory come from different runs, since looking at a process slows it."""

import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time

LIMIT_SECONDS = 180
SAMPLE_SECONDS = 0.0005


class Run:
    """One run: what it said, and what it took."""

    def __init__(self, text, status, wall, cpu, peak):
        self.text, self.status, self.wall, self.cpu, self.peak = text, status, wall, cpu, peak


def environment(home, **more):
    """For everybody alike: no start-up files, no debuginfod, no colours."""
    keep = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    return keep | {"HOME": str(home), "XDG_CACHE_HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"} | more


def anonymous_bytes(pid):
    """RssAnon now; 0 when the process has gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0


def run_once(command, env, sample=False):
    """Standard output and error both go to a file: no pipe that fills, and nobody who reads while it runs."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env,
                                 start_new_session=True)
        killer = threading.Timer(LIMIT_SECONDS, os.killpg, (child.pid, signal.SIGKILL))
        killer.daemon = True
        killer.start()
        peak = 0
        try:
            while sample and not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                peak = max(peak, anonymous_bytes(child.pid))
                time.sleep(SAMPLE_SECONDS)
            _, status, usage = os.wait4(child.pid, 0)
        except KeyboardInterrupt:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            killer.cancel()
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)  # reaped here, not by Popen
        out.seek(0)
        return Run(out.read(), child.returncode, wall, usage.ru_utime + usage.ru_stime, peak)


def why_not(run, wanted):
    """None when every word of @wanted is in the answer; else one line on what came instead."""
    if all(word in run.text for word in wanted):
        return None
    if run.wall >= LIMIT_SECONDS:
        return f"no answer within {LIMIT_SECONDS} s"
    missing = b", ".join(word for word in wanted if word not in run.text).decode(errors="replace")
    lines = [line.strip() for line in run.text.decode(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if any(w in line.lower() for w in ("error", "cannot", "not ", "invalid"))]
    return f'its answer lacks "{missing}": {(told or lines or ["it says nothing"])[-1][:90]}'


class Contestant:
    """One command that is run several times. @fresh is called before each run and returns its environment."""

    def __init__(self, name, command, wanted, fresh):
        self.name, self.command, self.wanted, self.fresh = name, command, wanted, fresh
        self.runs, self.peak, self.reason = [], 0, None

    def once(self, sample=False):
        if self.reason:
            return
        run = run_once(self.command, self.fresh(), sample)
        self.reason = why_not(run, self.wanted)
        if sample:
            self.peak = max(self.peak, run.peak)
        else:
            self.runs.append(run)

    @property
    def wall(self):
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self):
        return statistics.median(run.cpu for run in self.runs)


def race(contestants, runs):
    """Round by round, so that a load that comes and goes hits all of them alike. The first run of each fills caches
    and is not counted, unless it takes seconds; then three are enough. The last ones sample the memory: three of
    what is quick, since a sample may miss its peak."""
    for number in range(runs + 1):
        for who in contestants:
            if not who.reason and (number < 3 or who.wall < 1):
                who.once()
                if number == 0 and who.runs[0].wall < 1:
                    who.runs.clear()
    for who in contestants:
        for _ in range(3 if not who.reason and who.wall < 1 else 1):
            who.once(sample=True)


def in_page_cache(*paths):
    for path in paths:
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


def table(rows, indent="  "):
    """Prints rows of words, the first column to the left and the others to the right, the last one free."""
    rows = [[str(cell) for cell in row] for row in rows]
    width = [max((len(row[i]) for row in rows if len(row) > i + 1), default=0)
             for i in range(max(len(row) for row in rows))]
    for row in rows:
        cells = [cell.ljust(width[i]) if i == 0 else cell.rjust(width[i]) if i + 1 < len(row) else cell
                 for i, cell in enumerate(row)]
        print((indent + "  ".join(cells)).rstrip())


def nice_seconds(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"
