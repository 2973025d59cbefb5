"""What the command line and the user's own file add to a session: rc, arguments of scripts, a line per row."""

import json
import os
import signal
import subprocess
import time

import pytest
from truth_cores import CORES, INQUEST

SMALL = CORES / "arm32-lpae-bug"
ELEVEN = """alias eleven 'printf "%d", 11'\n"""
FILES = [str(SMALL / "vmlinux"), str(SMALL / "vmcore.elf")]


@pytest.fixture
def inquest(tmp_path):
    """Runs the program in a folder of its own, with the words behind `--` in @arguments."""
    def run(*options, rc=None, arguments=(), env=None, stdin=subprocess.DEVNULL):
        (tmp_path / "config/inquest").mkdir(parents=True, exist_ok=True)
        if rc is not None:
            (tmp_path / "config/inquest/rc").write_text(rc)
        environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), **(env or {})}
        words = [INQUEST, *options, *FILES] + (["--", *arguments] if arguments else [])
        return subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment,
                              stdin=stdin)
    return run


def lines(done):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


# ---- rc


def test_rc_is_read(inquest):
    assert lines(inquest("-c", "eleven", rc=ELEVEN)) == ["11"]


def test_rc_of_home(inquest, tmp_path):
    """Without XDG_CONFIG_HOME, or with one that is not absolute, it is ~/.config/inquest/rc."""
    folder = tmp_path / "home/.config/inquest"
    folder.mkdir(parents=True)
    (folder / "rc").write_text(ELEVEN.replace("eleven", "twelve").replace("11", "12"))
    for config in ("", "config"):
        env = {"XDG_CONFIG_HOME": config, "HOME": str(tmp_path / "home")}
        assert lines(inquest("-c", "twelve", env=env)) == ["12"]


def test_no_rc(inquest):
    done = inquest("--no-rc", "-c", "eleven", rc=ELEVEN)
    assert done.returncode == 1 and "no such command" in done.stderr


def test_nothing_from_the_current_folder(inquest, tmp_path):
    for name in ("rc", ".inquestrc", "inquest/rc", ".config/inquest/rc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(ELEVEN)
    done = inquest("-c", "eleven", env={"XDG_CONFIG_HOME": "", "HOME": ""})
    assert done.returncode == 1 and "no such command" in done.stderr


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv", "--no-color"])
def test_rc_says_nothing_into_answers(inquest, form):
    """A script's output is what it asked for; in text without a terminal, too."""
    with_rc = inquest(form, "-c", "eval 7", rc="eval 5\nps\n")
    without = inquest("--no-rc", form, "-c", "eval 7")
    assert with_rc.stdout == without.stdout and with_rc.stderr == ""


@pytest.mark.parametrize("form", ["--json", "--csv", "--no-color"])
def test_rc_failure_names_its_line(inquest, tmp_path, form):
    """The rest is read all the same, and what was asked for did not fail."""
    rc = 'alias a "eval 1"\n\nno_such_thing\nif ps | where pid == 1\n    rd no_such_symbol\nend\nalias eleven "eval 11"\n'
    done = inquest(form, "-c", "eleven", rc=rc)
    said = done.stderr.splitlines()
    assert done.returncode == 0
    path = tmp_path / "config/inquest/rc"
    assert [line for line in said if line.startswith("/")] == [f"{path}:{n}: this line failed" for n in (3, 4)]
    assert said[0].startswith("no_such_thing: no such command")


def test_rc_that_cannot_be_read(inquest, tmp_path):
    (tmp_path / "config/inquest/rc").mkdir(parents=True)
    done = inquest("-c", "eval 1")
    assert done.returncode == 0 and "inquest/rc" in done.stderr and "directory" in done.stderr


# ---- arguments


def test_arguments(inquest, tmp_path):
    script = tmp_path / "script"
    script.write_text('#!/usr/bin/env -S inquest -x\n# $arg9 of a comment is nobody\'s\nprintf "%d\\n", $argc\n'
                      'p $arg1\nps | where pid == $arg2 | count\nfor t in ps | where comm == "$arg3"\n    p t->pid\nend\n')
    got = lines(inquest("-x", str(script), arguments=["init_task.pid", "1", "swapper/0"]))
    assert got[0] == "3"
    assert got[1].startswith("init_task.pid = ") and got[1].endswith(" 0")
    assert got[2].strip() == "1"
    assert got[3].endswith(" 0")


def test_argument_stays_one_word(inquest, tmp_path):
    """It can hold no second command and no redirection."""
    for word in ("panic | touch made", "panic > made", "panic;", "$(touch made)"):
        done = inquest("-c", "sym $arg1", "-c", "eval 1 | echo $arg1", arguments=[word])
        assert done.returncode == 1 and word in done.stderr, done.stderr
        assert word in done.stdout and not (tmp_path / "made").exists()


def test_argument_files_are_not_dumps(inquest):
    assert lines(inquest("-c", 'printf "%d", $arg1', "-c", 'printf "%d", $argc', arguments=["5", "--json"])) == ["5", "2"]


@pytest.mark.parametrize("line", ["p $arg2", "p $arg10", "if ($arg2)\nend", "ps | where pid == $arg2"])
def test_missing_argument(inquest, tmp_path, line):
    (tmp_path / "script").write_text(line + "\n")
    done = inquest("-x", str(tmp_path / "script"), arguments=["1"])
    said = done.stderr.splitlines()
    assert done.returncode == 1 and done.stdout == ""
    assert "there is no $arg" in said[0] and said[2].index("^") == said[1].index("$arg"), said


@pytest.mark.parametrize("word", ["it's", 'a"b', "a\nb"])
def test_argument_that_no_quotes_can_hold(inquest, word):
    done = inquest("-c", "eval 1", arguments=[word])
    assert done.returncode == 2 and "cannot stand in an argument" in done.stderr


def test_option_takes_its_own_dashes(inquest):
    """`--` behind -c is that option's."""
    done = inquest("-c", "--", "-c", "eval 3")
    assert done.returncode == 1 and "3" in done.stdout


# ---- a line per row


def documents(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_jsonl_has_what_json_has(inquest):
    asked = ["ps", "sys", "bt -a", "nosuch", "eval 1"]
    options = [word for line in asked for word in ("-c", line)]
    whole, by_row = documents(inquest("--json", *options)), documents(inquest("--jsonl", *options))
    answers, rows, faults = [], [], []
    for line in by_row:
        if "schema" in line:
            assert (line["rows"], line["faults"]) == (len(rows), len(faults))
            answers.append({"schema": line["schema"], "command": line["command"], "rows": rows, "faults": faults})
            rows, faults = [], []
        else:
            assert line["command"] == whole[len(answers)]["command"]
            (rows if "row" in line else faults).append(line["row" if "row" in line else "fault"])
    assert not rows and not faults and len(answers) == len(whole) == len(asked)
    for mine, theirs in zip(answers, whole):
        assert mine == theirs


def test_jsonl_streams():
    """Rows come while the command still runs."""
    words = [INQUEST, "--no-rc", "--jsonl", *FILES, "-c", "repeat -1 eval 1"]
    begun = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        first, second = (json.loads(child.stdout.readline()) for _ in range(2))
        assert time.monotonic() - begun < 6
        child.send_signal(signal.SIGINT)
        last = [json.loads(line) for line in child.stdout]
        assert child.wait(10) == 1
    assert first["row"]["decimal"] == second["row"]["decimal"]
    assert last[-1]["faults"] == 1 and last[-2]["fault"]["fault"] == "interrupted"


@pytest.mark.parametrize("pair", [("--json", "--jsonl"), ("--jsonl", "--csv")])
def test_formats_exclude_each_other(inquest, pair):
    assert inquest(*pair, "-c", "eval 1").returncode == 2


# ---- repeat and set


def test_repeat_until_interrupted():
    words = [INQUEST, "--no-rc", *FILES, "-c", "repeat -1 eval 5"]
    begun = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        time.sleep(2.5)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
    rounds = out.count(" decimal: 5")
    assert time.monotonic() - begun < 8 and 2 <= rounds <= 4, out
    assert child.returncode == 1 and "interrupted" in err


def test_repeat_counts(inquest):
    assert lines(inquest("-c", 'repeat -n 3 printf "%d", 4')) == ["4"] * 3


def test_radix(inquest):
    asked = ["p 255", "set radix 16", "p 255", "p -d 255", "hex", "dec", "p 255", "px 255", "pd 255"]
    got = lines(inquest(*[word for line in asked for word in ("-c", line)]))
    values = [line.split(" = ")[-1] for line in got if " = " in line]
    assert values == ["255", "0xff", "255", "255", "0xff", "255"]


def test_radix_reaches_every_command_with_values(inquest):
    asked = ["struct task_struct.flags init_task", "list -H init_task.tasks -o task_struct.tasks -s task_struct.flags"]
    for line in asked:
        (plain,), (hexadecimal,) = (
            {l.rsplit("= ")[-1].split()[-1][:2] == "0x" for l in lines(inquest(*before, "-c", line))
             if "set" not in l and "radix" not in l}
            for before in ([], ["-c", "set radix 16"]))
        assert (plain, hexadecimal) == (False, True), line


def test_print_max(inquest):
    short = lines(inquest("-c", "set print_max 2", "-c", "p init_signals.rlim"))
    whole = lines(inquest("-c", "p init_signals.rlim"))
    assert len("\n".join(short[1:])) < len("\n".join(whole))


@pytest.mark.parametrize("line", ["set radix 8", "set scroll maybe", "set print_max 0"])
def test_set_refuses(inquest, line):
    done = inquest("-c", line)
    assert done.returncode == 1 and "^" in done.stderr


# ---- blocks


@pytest.mark.parametrize("blanks,good", [(99990, True), (100001, False)])
def test_long_blocks(inquest, tmp_path, blanks, good):
    """A block that is too long is refused: of one that was cut the rest would run whatever `if` says."""
    script = tmp_path / "script"
    script.write_text("if (0)\n" + "\n" * blanks + "eval 1\nend\neval 2\n")
    done = inquest("--no-rc", "--csv", "-x", str(script))
    if good:
        assert done.returncode == 0 and "2" in done.stdout
    else:
        assert done.returncode == 1 and "longer than 100000 lines" in done.stderr and not done.stdout
