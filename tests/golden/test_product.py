"""What is delivered beside the program: pages that are written from the commands' tables, and pages whose examples
must work."""

import re
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST, ROOT

FILES = [CORES / "arm32-lpae-bug/vmlinux", CORES / "arm32-lpae-bug/vmcore.elf"]


def said(*options):
    return subprocess.run([INQUEST, *options], capture_output=True, text=True, check=True).stdout


def names():
    return re.findall(r"^\| \[([a-z_]+)\]", said("--commands-md"), re.M)


def test_commands_page_is_up_to_date():
    """`make docs` writes it."""
    fresh, kept = said("--commands-md").splitlines(), (ROOT / "docs/commands.md").read_text().splitlines()
    missing = [line for line in fresh if line not in kept][:5]
    extra = [line for line in kept if line not in fresh][:5]
    assert (missing, extra) == ([], []) and fresh == kept, "make docs"


def test_commands_page_has_all():
    text = said("--commands-md")
    heads = re.findall(r"^## (\S+)$", text, re.M)
    assert heads == names() and len(heads) > 60
    # every option of every command, as its own help shows it
    help_bt = subprocess.run([INQUEST, *FILES, "--no-rc", "-c", "help bt"], capture_output=True, text=True).stdout
    for option in re.findall(r"^\s+(-\w+)", help_bt, re.M):
        assert f"- `{option}" in text


def test_version_has_features():
    lines = said("--version").splitlines()
    assert re.fullmatch(r"inquest \d+\.\d+", lines[0])
    features = dict(line.split(": ", 1) for line in lines[1:])
    assert features["targets"] == "arm arm64"
    assert int(features["commands"]) == len(names())
    for word in ("kdump", "LiME", "ELF"):
        assert word in features["dumps"]
    assert {"zlib", "lzo", "snappy", "zstd"} <= set(features["compression"].split())


def test_zsh_completion(tmp_path):
    if not shutil.which("zsh"):
        pytest.skip("no zsh on this host")
    script = tmp_path / "_inquest"
    script.write_text(said("--zsh-completion"))
    ask = """_describe() { local name=$2; print -l -- "${(@P)name}" }
             _files() { print files }
             words=(inquest "$@"); CURRENT=$#words
             f() { source %s }
             f""" % script

    def complete(*words):
        done = subprocess.run(["zsh", "-f", "-c", ask, "zsh", *words], capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout.splitlines()

    assert [line.split(":")[0] for line in complete("-c", "")] == names()
    options = {line.split(":")[0] for line in complete("--")}
    assert {"--json", "--jsonl", "--no-rc", "-c", "--help"} <= options
    assert options >= set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", said("--help"), re.M))
    assert complete("vmco") == ["files"]


@pytest.fixture(scope="module")
def vendors_plugin(tmp_path_factory):
    """The plugin of docs/for-vendors.md, compiled as the page says."""
    folder = tmp_path_factory.mktemp("vendor")
    page = (ROOT / "docs/for-vendors.md").read_text()
    source = re.search(r"```c\n(.*?)```", page, re.S)[1]
    (folder / "board.c").write_text(source)
    line = re.search(r"^    cc (.*)$", page, re.M)[1].replace("/usr/include/inquest", str(ROOT)).split()
    done = subprocess.run(["cc", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", *line], cwd=folder,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "board.so", source


def test_vendors_plugin_is_short(vendors_plugin):
    assert len(vendors_plugin[1].splitlines()) <= 32


@pytest.mark.parametrize("dump", ["arm32-lpae-bug", "arm64-kasan-null"])
def test_vendors_plugin_works(vendors_plugin, dump):
    files = [CORES / dump / "vmlinux", CORES / dump / "vmcore.elf"]
    done = subprocess.run([INQUEST, "--no-rc", *files, "-c", f"plugin load {vendors_plugin[0]}", "-c", "board"],
                          capture_output=True, text=True)
    release = (CORES / dump / "truth/version").read_text().split()[2]
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == release, done.stderr


def test_crash_page_lines_work():
    """Each line of the table of docs/for-crash-users.md that needs nothing but a dump."""
    page = (ROOT / "docs/for-crash-users.md").read_text().split("## What is the same")[1].split("## What differs")[0]
    words = [w.replace(r"\|", "|") for row in page.splitlines() if row.startswith("| `")
             for w in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    bare = [w for w in words if not re.search(r"ADDR|FILE|file|!|^(list|tree|rd|search|ptov|sym|whatis|union|net|swap|bpf|waitq|vtop|fuser|"
                                              r"repeat|eval|foreach|dis -l|px|pd|kmem)$", w)]
    assert len(bare) > 25
    options = [o for line in bare for o in ("-c", line)]
    done = subprocess.run([INQUEST, "--no-rc", *FILES, *options], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
