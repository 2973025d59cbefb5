"""What `fault` says about an exception against the kernel's own report of it on the console."""

import json
import re
import shutil
import subprocess

import pytest
from truth_cores import INQUEST

OTHER = {"r11": "fp", "r12": "ip", "r13": "sp", "r14": "lr", "r15": "pc", "psr": "cpsr"}


class Report:
    """The first report of an exception in the console's log, up to the panic."""

    def __init__(self, core):
        log = (core.path / "console.log").read_text(errors="replace").replace("\r", "")
        head = re.search(r"Unable to handle kernel|Internal error: |Insufficient stack space", log)
        text = log[head.start():] if head else ""
        end = re.search(r"---\[ end trace|Kernel panic - not syncing: Oops|Call trace:", text)
        more = re.search(r"^.*Code: .*$", text, re.M)
        self.code = more[0] if more else ""
        self.text = text[:end.start()] if end else text

    def find(self, pattern, base=16):
        m = re.search(pattern, self.text)
        return int(m[1], base) if m else None

    @property
    def status(self):
        """ESR or FSR, by its own line or as the number behind "Internal error"."""
        number = self.find(r"ESR(?: =|:) 0x([0-9a-f]+)")
        return number if number is not None else self.find(r"Internal error: .*: ([0-9a-f]+) \[#")

    @property
    def address(self):
        address = self.find(r"at virtual address ([0-9a-f]+)")
        return address if address is not None else self.find(r"FAR: 0x([0-9a-f]+)")

    @property
    def registers(self):
        found = {}
        for name, value in re.findall(r"\b(x\d+|r\d+|pc|lr|sp|ip|fp|psr|pstate) ?: (?:\[<)?([0-9a-f]{8,16})\b",
                                      self.text):
            found.setdefault(OTHER.get(name, name), int(value, 16))
        return found

    @property
    def place(self):
        """The function and the offset of the program counter."""
        m = re.search(r"(?:pc : |PC is at )([\w.]+)\+0x([0-9a-f]+)/", self.text)
        return (m[1], int(m[2], 16)) if m else None


@pytest.fixture(scope="module")
def report(core):
    report = Report(core)
    # A kernel that hung while it reported has not said enough.
    if not report.registers:
        pytest.skip("the console has no report of an exception in the kernel")
    return report


def answer(core):
    (row,) = core.rows("fault -r")
    return row


def test_status(core, report):
    row = answer(core)
    if not core.arm64 and re.search("Insufficient stack|kernel stack overflow| BUG: 0 ", report.text):
        assert row["status"] is None, "ARM32 has no status register of these"
        return
    assert report.status, "the oracle is empty"
    assert int(row["status"], 16) == report.status
    assert row["status_source"].startswith("variable "), "with debug information the handlers know it"


def test_address(core, report):
    row = answer(core)
    if report.address is None:
        assert "Insufficient stack" in report.text or "BUG" in report.text
        return
    assert int(row["address"], 16) == report.address


def test_fields(core, report):
    """arm64 prints the status bit by bit, and its parts in words."""
    printed = dict(re.findall(r"\b(SET|FnV|EA|S1PTW|CM|WnR) = (\d)", report.text))
    if not printed:
        pytest.skip("no such lines")
    row = answer(core)
    ours = {f["name"]: int(f["value"], 16) for f in row["fields"]}
    if row["access"] == "execute":  # an instruction abort has neither; the kernel prints none either
        assert not {"CM", "WnR"} & set(printed)
    assert {name: ours[name] for name in printed} == {name: int(v) for name, v in printed.items()}
    ec, words, bits = re.search(r"EC = 0x([0-9a-f]+): (.*), IL = (\d+) bits", report.text).groups()
    assert (ours["EC"], row["class"]) == (int(ec, 16), words)
    assert ours["IL"] == (bits == "32")
    fsc, words = re.search(r"FSC = 0x([0-9a-f]+): (.*)", report.text).groups()
    assert ours.get("DFSC", ours.get("IFSC")) == int(fsc, 16)
    assert row["details"] == words
    write = printed.get("WnR")
    if write is not None:
        assert row["access"] == ("write" if write == "1" else "read")


def test_place(core, report):
    row = answer(core)
    if report.place:
        name, offset = report.place
        assert (row["symbol"], int(row["offset"], 16)) == (name, offset)
    else:
        assert re.search(r"pc : (0x|\[<)0+\b|PC is at 0x0", report.text) and row["symbol"] is None


def test_registers(core, report):
    ours = {r["name"]: int(r["value"], 16) for r in answer(core)["registers"]}
    theirs = report.registers
    ours["lr"] = ours.get("lr", ours.get("x30", 0))
    # arm64 prints pc and lr as symbols, so 29 of x0..x29 and sp are the least.
    assert len(theirs) >= (31 if core.arm64 else 17)
    differ = {name: (hex(ours[name]), hex(value)) for name, value in theirs.items() if ours[name] != value}
    assert not differ


def test_code(core, report):
    """The bytes that "Code:" has, with the faulting instruction in brackets."""
    words = re.search(r"Code: ((?:\(?[0-9a-f]{4,8}\)? ?)+)", report.code)
    if not words:
        assert re.search(r"Code: (bad PC value|\?)", report.code) or not report.code
        return
    printed = [w.strip("()") for w in words[1].split()]
    (at,) = [i for i, w in enumerate(words[1].split()) if w.startswith("(")]
    ours = answer(core)["code"]
    (mark,) = [i for i, line in enumerate(ours) if line["at"]]
    assert ours[mark]["bytes"] == printed[at]
    # A function's beginning is as far back as we go.
    same = min(mark, at)
    assert [line["bytes"] for line in ours[mark - same:mark]] == printed[at - same:at]


def test_operands(core, report):
    """The operands must lead to the address that the CPU said, but for a call to it."""
    row = answer(core)
    if row["address"] is None or row["access"] == "execute":
        return
    assert row["agrees"] is True, row["operand_address"]


MEANING = [  # what the recipe did, and what the first explanation must be
    ("*-null", "null"), ("*-exception", "null"), ("*-exec-null", "null"), ("*-mb-null", "null"),
    ("*-write-ro", "write-protected"), ("*-mb-error-pointer", "error-pointer"), ("*-mb-exec", "not-executable"),
    ("*-mb-list-poison", "list-poison"), ("*-mb-uaf-follow", "poison"), ("*-mb-user-pointer", "user"),
    ("*-mb-vmalloc", "hole"), ("*-exhaust-stack", "stack-guard"), ("*-mb-stack-overflow", "stack-guard"),
]


def test_meaning(core, report):
    from fnmatch import fnmatch

    kinds = {kind for pattern, kind in MEANING if fnmatch(core.name, pattern)}
    row = answer(core)
    if not kinds or report.address is None and "overflow" not in report.text:
        # BUG() and the like: no address, so nothing to explain.
        assert row["explanations"] in (None, []) or row["address"]
        return
    assert {row["explanations"][0]["kind"]} == kinds


def test_member(core, report):
    """Our module reads account->balance through pointers that are none."""
    if "account_balance" not in report.text or "wild" in core.name or "user-pointer" in core.name:
        pytest.skip("another fault")
    text = answer(core)["explanations"][0]["text"]
    assert "member balance of struct account (variable a)" in text


def test_without_variables(core, report, tmp_path):
    """Where only BTF says types, the status is on the stack or in the log, and the log has the address."""
    if report.status is None or "Insufficient stack" in report.text or " BUG: 0 " in report.text:
        pytest.skip("no status to find")
    vmlinux = tmp_path / "vmlinux"
    shutil.copy(core.path / "vmlinux", vmlinux)
    strip = ("aarch64-linux-gnu" if core.arm64 else "arm-linux-gnueabihf") + "-strip"
    for command in (["pahole", "-J", vmlinux], [strip, "-g", vmlinux]):
        subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run([INQUEST, "--json", vmlinux, core.path / "vmcore.elf", "-c", "fault"],
                          capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    (row,) = json.loads(done.stdout)["rows"]
    assert int(row["status"], 16) == report.status
    assert row["status_source"].startswith(("a word of the handlers' stack", "the kernel's log"))
    assert row["address"] is None if report.address is None else int(row["address"], 16) == report.address
