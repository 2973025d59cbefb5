"""Timers: the high-resolution ones beside the guest's own /proc/timer_list, the wheel's beside the tasks that
sleep by them."""

import re

import pytest
from truth_cores import Core, chosen_set

CORES = [Core(name) for name in chosen_set()]
CLOCKS = ["monotonic", "realtime", "boottime", "tai"]


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def core(request):
    return request.param


def told(core, name):
    """(cpu, clock, function, first expiry, last expiry) of each active timer."""
    timers, cpu, clock, function = set(), None, None, None
    for line in core.truth(name):
        if m := re.match(r"cpu: (\d+)", line):
            cpu = int(m[1])
        elif m := re.match(r" clock (\d+):", line):
            clock = int(m[1])
        elif m := re.match(r" #\d+: <?[^,]*>?, (\S+), S:", line):
            function = m[1]
        elif m := re.match(r" # expires at (-?\d+)-(-?\d+) nsecs", line):
            timers.add((cpu, clock, function, int(m[1]), int(m[2])))
    return timers


def now(core, name):
    return next(int(line.split()[2]) for line in core.truth(name) if line.startswith("now at"))


def hrtimers(core):
    clock = {**{name: i for i, name in enumerate(CLOCKS)}, **{f"{name} soft": i + 4 for i, name in enumerate(CLOCKS)}}
    return {(row["cpu"], clock[row["clock"]], row["function"].split("+")[0], row["soft_expires"], row["expires"])
            for row in core.rows("timer -r")}


def test_steady_timers_are_there(core):
    """What both readings have, and what was not due before the end, is in the dump. An idle CPU's tick is due far ahead
    too, but is set anew whenever something wakes it."""
    end = now(core, "timer_list.2") + int((core.ran_on + 5) * 1e9)
    ticks = "tick_sched_timer", "tick_nohz_handler"
    steady = {timer for timer in told(core, "timer_list") & told(core, "timer_list.2")
              if timer[3] > end and timer[2] not in ticks}
    assert steady
    assert sorted(steady - hrtimers(core)) == []


def test_kinds(core):
    """Every clock and function of the dump's far timers was there before, or belongs to what came later."""
    before = {(clock, function) for _, clock, function, _, _ in told(core, "timer_list.2")}
    mine = {(clock, function) for _, clock, function, _, _ in hrtimers(core)}
    assert before & mine
    # tasks that the deed started, bandwidth and power timers that run now and then
    seldom = {"hrtimer_wakeup", "dl_task_timer", "inactive_task_timer", "pm_suspend_timer_fn", "it_real_fn", "posix_timer_fn",
              "timerfd_tmrproc", "sched_rt_period_timer", "dl_server_timer", "tick_sched_timer", "tick_nohz_handler",
              "bc_handler", "watchdog_timer_fn", "alarmtimer_fired", "sched_clock_poll", "tcp_pace_kick", "watchdog_hrtimer_pretimeout"}
    assert {function for _, function in mine - before} <= seldom


def test_order(core):
    """Each clock's timers come by their expiry, each wheel's by what is left."""
    for line, clock, key in [("timer -r", "clock", "expires"), ("timer", "base", "in")]:
        rows = core.rows(line)
        assert rows
        groups = {}
        for row in rows:
            groups.setdefault((row["cpu"], row[clock]), []).append(row[key])
        assert all(values == sorted(values) for values in groups.values())


def test_sleepers(core):
    """A task that a timer wakes up is one that sleeps, and its timer lies on its own stack."""
    tasks = {row["task"]: row for row in core.rows("ps")}
    found = [row for row in core.rows("timer") + core.rows("timer -r") if row["task"]]
    assert found
    for row in found:
        task = tasks[row["task"]]
        assert row["for"] == f"{task['pid']} {task['comm']}"
        assert task["state"] in ("S", "D", "I", "W") or core.ran_on < 0.1 or task["state"] == "R", task


def test_delayed_work_is_a_function(core):
    works = [row["for"] for row in core.rows("timer") if row["function"].startswith("delayed_work_timer_fn") and row["for"]]
    start = "+0x1/" if core.config.get("CONFIG_THUMB2_KERNEL") == "y" else "+0x0/"
    assert works and all(start in work for work in works)


def test_wheel_is_ahead(core):
    """Timers that are due run: none is more than a little late; the periodic dirtytime writeback is 12 hours away."""
    rows = core.rows("timer")
    late = [row["in"] for row in rows if row["in"] < 0]
    assert all(left > -100000 for left in late)
    hz = int(core.config["CONFIG_HZ"])
    far = [row["in"] for row in rows if row["for"] and row["for"].startswith("wakeup_dirtytime_writeback")]
    assert all(0 < left <= 12 * 3600 * hz * 1.15 for left in far)


def test_one_cpu(core):
    whole = core.rows("timer")
    assert core.rows("timer -c 0") == [row for row in whole if row["cpu"] == 0]
