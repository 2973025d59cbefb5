"""A person at the prompt, typed through a pseudo terminal."""

import re
import signal
import time

import pexpect
import pytest
from truth_cores import CORES, INQUEST

SMALL = CORES / "arm32-lpae-bug"
PROMPT = "\x1b[?2004h> "  # readline asks for bracketed pastes when it waits for a line
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")


class Prompt:
    def __init__(self, home, arguments=(), dump=SMALL, **env):
        environment = {"HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CACHE_HOME": str(home), "TERM": "xterm",
                       "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "INQUEST_PAGER": "", **env}
        self.child = pexpect.spawn(INQUEST, [*arguments, str(dump / "vmlinux"), str(dump / "vmcore.elf")],
                                   env=environment, encoding="utf-8", timeout=30, dimensions=(24, 100))
        self.child.expect_exact("Ctrl-D ends.")
        self.child.expect_exact(PROMPT)

    def type(self, text, until=PROMPT):
        """What stands on the terminal from @text's echo on to the next prompt."""
        self.child.send(text)
        self.child.expect_exact(until)
        return ESCAPES.sub("", self.child.before)

    def line(self, text):
        answer = self.type(text + "\r", PROMPT)
        return answer.split("\n", 1)[1] if "\n" in answer else ""


@pytest.fixture
def prompt(tmp_path):
    return Prompt(tmp_path)


def test_answers(prompt):
    assert prompt.line("eval 1 + 1").count("2") >= 1
    assert "no such command" in prompt.line("nosuch")


@pytest.mark.parametrize("typed, becomes", [
    ("memb", "memblock"),
    ("p init_task.com", "p init_task.comm"),
    ("p init_task.active_mm->mmap_ba", "p init_task.active_mm->mmap_base"),
    ("struct list_he", "struct list_head"),
    ("struct task_struct.tgi", "struct task_struct.tgid"),
    ("walk mod", "walk module"),
    ("ps | whe", "ps | where"),
    ("sym panic_smp_self_st", "sym panic_smp_self_stop"),
    ("kmem -S task_str", "kmem -S task_struct"),            # caches, where a usage says CACHE
    ("slub objs task_str", "slub objs task_struct"),
    ("slub owne", "slub owners"),                           # the words of a usage
    ("plugin loa", "plugin load"),
    ("list -s task_struct.tgi", "list -s task_struct.tgid"),  # an option's argument
    ("ps | order by rss_count", "ps | order by rss_counted"),  # the columns before a |
    ("ps | where on_cp", "ps | where on_cpu"),              # and the members of what the row is
    ("walk task | where nvcs", "walk task | where nvcsw"),
])
def test_completion(prompt, typed, becomes):
    prompt.child.send(typed + "\t")
    prompt.child.expect_exact(becomes[len(typed):])
    prompt.child.sendcontrol("u")


@pytest.mark.parametrize("line", ["plugin load ", "log > ", "ps | grep -f "])
def test_completion_of_files(prompt, tmp_path, line):
    (tmp_path / "only-this-one").touch()
    prompt.child.send(f"{line}{tmp_path}/only\t")
    prompt.child.expect_exact("-this-one")
    prompt.child.sendcontrol("u")


def test_completion_of_tasks(prompt):
    """Twice TAB lists what there is: pids that begin so, and nothing else."""
    prompt.child.send("bt 1\t\t")
    prompt.child.expect(r"\r\n(1 [ 0-9]*)\r\n")
    assert all(word.startswith("1") for word in prompt.child.match[1].split())
    prompt.child.sendcontrol("u")


def test_history_goes_over_sessions(tmp_path):
    first = Prompt(tmp_path)
    first.line("eval 20 + 3")
    first.child.sendeof()
    first.child.expect(pexpect.EOF)
    second = Prompt(tmp_path)
    second.child.send("\x1b[A")
    second.child.expect_exact("eval 20 + 3")
    assert "23" in second.line("")


def test_interrupt_ends_the_command(prompt):
    """Ctrl-C in the middle of an endless pipeline: what was printed stays, the prompt comes back."""
    prompt.child.send("search -p 0\r")
    prompt.child.expect(r"0x[0-9a-f]+")
    prompt.child.kill(signal.SIGINT)
    prompt.child.expect_exact("interrupted")
    prompt.child.expect_exact(PROMPT)
    assert "2" in prompt.line("eval 1 + 1")


def test_interrupt_gives_up_the_line(prompt):
    prompt.child.send("eval 7 + 7")
    prompt.child.expect_exact("7 + 7")
    prompt.child.sendintr()
    prompt.child.expect_exact("\n> ")
    assert "14" not in prompt.line("eval 1 + 1")


def test_resize(prompt):
    """A narrower window: the line that is typed is drawn anew, and still what was typed."""
    prompt.child.send("eval 1000 + ")
    prompt.child.expect_exact("1000 + ")
    prompt.child.setwinsize(10, 40)
    assert "1234" in prompt.line("234")


def test_block(prompt):
    prompt.child.send("if (1 == 1)\r")
    prompt.child.expect_exact("… ")
    prompt.child.send("eval 40 + 2\r")
    prompt.child.expect_exact("… ")
    assert "42" in prompt.line("end")


def test_pager(tmp_path):
    """Long answers go through less, short ones come back at once; `set scroll off` ends that."""
    prompt = Prompt(tmp_path, INQUEST_PAGER="less", LESS="FRX")
    assert "2" in prompt.line("eval 1 + 1")
    prompt.child.send("ps\r")
    prompt.child.expect_exact("kthreadd")
    prompt.child.expect(r":\x1b\[K|:$")
    prompt.child.send("q")
    prompt.child.expect_exact(PROMPT)
    prompt.line("set scroll off")
    assert prompt.line("ps").count("\n") > 24


def test_colour(tmp_path):
    plain = Prompt(tmp_path, ["--no-color"])
    plain.child.send("ps\r")
    plain.child.expect_exact(PROMPT)
    coloured = Prompt(tmp_path)
    coloured.child.send("ps\r")
    coloured.child.expect_exact(PROMPT)
    by_environment = Prompt(tmp_path, NO_COLOR="1")
    by_environment.child.send("ps\r")
    by_environment.child.expect_exact(PROMPT)
    sgr = re.compile(r"\x1b\[[0-9;]*m")
    assert sgr.search(coloured.child.before)
    assert not sgr.search(plain.child.before)
    assert not sgr.search(by_environment.child.before)


def test_progress_line(tmp_path):
    """A search that takes more than a second says how far it is, and leaves nothing of that behind."""
    prompt = Prompt(tmp_path, dump=CORES / "armmp-sysrq-c")
    # many values, over and over
    words = " ".join(f"{0x5a000000 + i:x}" for i in range(60))
    prompt.child.send(f"repeat search -p {words}\r")
    for _ in range(10):  # a fast machine is made to take its time: it sleeps in the middle of one of the searches
        time.sleep(0.3)
        prompt.child.kill(signal.SIGSTOP)
        time.sleep(1.3)
        prompt.child.kill(signal.SIGCONT)
        if prompt.child.expect([r"\rmemory: \d+ of \d+ MB, \d+ MB/s, \d+:\d\d left", pexpect.TIMEOUT], timeout=1) == 0:
            break
    else:
        pytest.fail("no line in ten searches of more than a second")
    prompt.child.kill(signal.SIGINT)
    prompt.child.expect_exact("\r\x1b[K")
    prompt.child.expect_exact(PROMPT)
    assert "2" in prompt.line("eval 1 + 1")


def test_clock(tmp_path):
    """A command that neither answers nor knows how far it is tells how long it has been at work."""
    prompt = Prompt(tmp_path, dump=CORES / "armmp-sysrq-c")
    for _ in range(5):  # a fast machine is made to take its time
        prompt.child.send("whatis struct no_such_struct_anywhere\r")
        time.sleep(0.1)
        prompt.child.kill(signal.SIGSTOP)
        time.sleep(1.3)
        prompt.child.kill(signal.SIGCONT)
        seen = prompt.child.expect([r"\rwhatis: \d+ s \(Ctrl-C ends it\)\x1b\[K", re.escape(PROMPT)])
        if seen == 0:
            prompt.child.expect_exact("\r\x1b[K")   # and takes it away again before it says what is wrong
            prompt.child.expect_exact("whatis: ")
            prompt.child.expect_exact(PROMPT)
            break
    else:
        pytest.fail("no line in five commands of more than a second")
    assert "2" in prompt.line("eval 1 + 1")
