"""What a kernel printed on its console when it found damage: KASAN's, SLUB's and KFENCE's reports, a stack that ran over,
and the registers of an Oops. Only the text is read here; no dump, and nothing of the program under test."""

import re

CONSOLE_TIME = re.compile(r"^\[ *\d+\.\d+\](?:\[ *[CT]\d+\])? ?")


def console(core):
    """The console's lines without their times."""
    text = (core.path / "console.log").read_bytes().decode(errors="backslashreplace")
    return [CONSOLE_TIME.sub("", line.rstrip("\r")) for line in text.split("\n")]


def found(lines, pattern):
    return next((m for m in (re.search(pattern, line) for line in lines) if m), None)


def block(lines, head):
    """The lines behind @head up to an empty one, without their indent."""
    for i, line in enumerate(lines):
        if line.startswith(head):
            end = next(n for n in range(i + 1, len(lines)) if not lines[n].strip())
            return [line.strip() for line in lines[i + 1:end]]
    return None


def stack_below(lines, head):
    """The frames below the line that begins with @head; None where there is no such line."""
    for i, line in enumerate(lines):
        if line.startswith(head):
            end = next(n for n in range(i + 1, len(lines)) if not re.match(r" \S", lines[n]))
            return [frame.strip() for frame in lines[i + 1:end]]
    return None


# ---- KASAN ------------------------------------------------------------------------------------------------------------

AREA = r"belongs to a (\d+)-page vmalloc region starting at (0x[0-9a-f]+) allocated at (.*)"


def kasan_report(core):
    """The lines of the last report, up to its closing rule; [] where there is none."""
    lines = console(core)
    starts = [i for i, line in enumerate(lines) if line.startswith("BUG: KASAN: ")]
    report = lines[starts[-1]:] if starts else []
    return report[:next((i for i, line in enumerate(report) if line.startswith("======")), len(report))]


def accessed(report):
    return found(report, r"(?:at addr|Free of addr) ([0-9a-f]+)")[1]


def bytes_around(report):
    """address -> (whether the row is the guilty one, its shadow bytes)."""
    rows = {}
    for line in report:
        if match := re.fullmatch(r"[ >]([0-9a-f]{8,16}): ((?:[0-9a-f]{2} ?){16})", line):
            rows[match[1]] = (line[0] == ">", match[2].strip())
    return rows


def kasan_tracks(report):
    """"Allocated", "Freed" -> (pid, frames)."""
    told = {word: found(report, rf"^{word} by task (\d+):") for word in ("Allocated", "Freed")}
    return {word: (int(m[1]), block(report, f"{word} by task")) for word, m in told.items() if m}


# ---- SLUB -------------------------------------------------------------------------------------------------------------

def slub_reports(core):
    """The reports that SLUB printed: lists of lines."""
    lines = console(core)
    starts = [i for i, line in enumerate(lines) if re.match(r"BUG (?!KASAN|:)\S.* \(.*Tainted|BUG \S+ \(Not tainted", line)]
    return [lines[start:end] for start, end in zip(starts, starts[1:] + [len(lines)])]


def slub_tracks(report):
    """"Allocated", "Freed" -> (caller, cpu, pid, frames)."""
    tracks = {}
    for i, line in enumerate(report):
        if m := re.match(r"(Allocated|Freed) in (\S+(?: \[\w+\])?) age=(\d+) cpu=(\d+) pid=(\d+)", line):
            end = next(n for n in range(i + 1, len(report)) if not report[n].startswith(" "))
            tracks[m[1]] = (m[2], int(m[4]), int(m[5]), [frame.strip() for frame in report[i + 1:end]])
    return tracks


# ---- KFENCE -----------------------------------------------------------------------------------------------------------

KFENCE_OBJECT = re.compile(r"kfence-#(\d+): 0x([0-9a-f]+)-0x([0-9a-f]+), size=(\d+), cache=(\S+)$")
KFENCE_TRACK = re.compile(r"(allocated|freed|rcu freeing) by task (\d+) on cpu (\d+) at ([0-9.]+)s")


def kfence_objects(lines):
    """number -> (first, last, size, cache, {track: (pid, cpu, time, frames)}), None for an unused one."""
    table, number, track = {}, None, None
    for line in lines:
        if match := KFENCE_OBJECT.match(line):
            number, track = int(match[1]), None
            table[number] = (int(match[2], 16), int(match[3], 16), int(match[4]), match[5], {})
        elif match := re.match(r"kfence-#(\d+) unused", line):
            table[int(match[1])], number = None, None
        elif number is not None and (match := KFENCE_TRACK.match(line)):
            track = []
            table[number][4][match[1]] = (int(match[2]), int(match[3]), float(match[4]), track)
        elif track is not None and line.startswith(" ") and line.strip():
            track.append(line.strip())
        elif track and not line.strip():
            track = None
    return table


def kfence_report(core):
    """What the kernel printed from the last report's first line on; [] where there is none."""
    lines = console(core)
    starts = [i for i, line in enumerate(lines) if line.startswith("BUG: KFENCE: ")]
    return lines[starts[-1]:] if starts else []


# ---- an Oops ----------------------------------------------------------------------------------------------------------

def oops_registers(core):
    """name -> value of the first Oops's general registers."""
    lines = console(core)
    start = next((i for i, line in enumerate(lines) if "Internal error:" in line), len(lines))
    registers = {}
    for line in lines[start:start + 30]:
        if re.match(r"(x\d+|r\d+|sp) *:", line):
            for name, value in re.findall(r"\b(x\d+|r\d+) *: ([0-9a-f]{8,16})\b", line):
                registers.setdefault(name, int(value, 16))
    return registers
