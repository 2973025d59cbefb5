"""`report --html FILE`: sections, balance and escapes of the page by a parser of its own, and the page in Chromium when it is there.
The screenshot is kept where REPORT_PICTURES says, else beside the page."""

import html
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST

IDS = ["verdict", "evidence", "stack", "object", "suspects", "locks", "stacks", "log", "memory", "caches", "tasks", "ledger"]
DUMPS = ["arm64-kasan-mb-overflow", "arm32-lpae-mb-null", "arm64-plain-mb-abba", "arm64-kasan-live"]
BROWSER = os.environ.get("FLAME_BROWSER") or shutil.which("chromium")
VOID = {"meta", "link", "input", "br", "img"}
KNOWN = set("""html head meta link title style body h1 h2 h3 section table thead tbody tr th td p div ol li span pre details
summary input script svg g rect text desc""".split())


def inquest(dump, *lines):
    args = [INQUEST, "--json", CORES / dump / "vmlinux", CORES / dump / "vmcore.elf"]
    for line in lines:
        args += ["-c", line]
    run = subprocess.run(args, capture_output=True, timeout=120)
    return [json.loads(line) for line in run.stdout.splitlines()], run


class Page(html.parser.HTMLParser):
    """Every element must be one of ours and be closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.ids, self.scripts, self.text, self.attributes, self.marked = [], [], [], 0, {}, set(), []
        self.section = None
        self.boxes = {}
        self.rows = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in KNOWN:
            self.wrong.append(f"<{tag}>")
        self.attributes |= set(attributes)
        self.scripts += tag == "script"
        if tag == "section":
            self.section = attributes["id"]
            self.ids.append(self.section)
        if tag == "rect":
            self.boxes.setdefault(self.section, []).append(attributes)
        self.rows += tag == "tr" and self.section == "tasks"
        if tag == "li" and attributes.get("class") == "culprit":
            self.marked.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")

    def handle_data(self, data):
        self.text[self.section] = self.text.get(self.section, "") + data
        if self.marked and not self.marked[-1] and "li" in self.open:
            self.marked[-1] = data


@pytest.fixture(scope="module", params=DUMPS)
def page(request, tmp_path_factory):
    dump = request.param
    if not (CORES / dump / "vmcore.elf").exists():
        pytest.skip(f"no {dump}")
    path = tmp_path_factory.mktemp("report") / f"{dump}.html"
    answers, run = inquest(dump, f"report --html {path}", "triage", "ps", "log", "slub")
    assert run.returncode == 0, run.stderr[-500:]
    return dump, path, [a["rows"] for a in answers]


def test_page_is_whole(page):
    dump, path, (told, *_) = page
    text = path.read_text()
    p = Page(text)
    assert told == [{"file": str(path), "bytes": path.stat().st_size, "sections": len(IDS)}]
    assert p.ids == IDS and not p.wrong and not p.open
    assert p.scripts == 2, "the search and the flame graph's"
    assert not [a for a in p.attributes if a.startswith("on") or a in ("src", "action")]
    outside = set(re.findall(r"https?://[^\"' <]*", text)) - {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", text), outside


def test_what_it_says(page):
    """Each section has what the commands say."""
    dump, path, (_, triage, tasks, log, slub) = page
    p, verdict = Page(path.read_text()), triage[0]
    for key in ["title", "class", "signature", "coarse", "source", "culprit"]:
        if verdict.get(key):
            assert verdict[key] in p.text["verdict"], key
    for statement in verdict["statements"]:
        assert statement["text"] in p.text["evidence"] and (statement.get("command") or "") in p.text["evidence"]
    for call in verdict["calls"]:
        assert not call.get("function") or call["function"] in p.text["stack"]
    marked = [m.split("+")[0].split(" ")[0] for m in p.marked]
    if verdict["calls"] and verdict.get("culprit"):
        assert marked == [verdict["culprit"]]
    for entry in verdict["ledger"]:
        assert entry["text"] in p.text["ledger"]
    assert p.rows == len(tasks) + 1
    assert [t["comm"] for t in tasks if t["comm"] not in p.text["tasks"]] == []
    assert log[-1]["text"].strip() in p.text["log"]
    assert "System RAM" in p.text["memory"]
    named = {row["cache"] for row in slub if row["slabs"]}
    assert named and not [name for name in named if name not in p.text["caches"]]


def test_treemap_is_to_scale(page):
    """Areas add up to the picture, and no box leaves it."""
    boxes = [[float(b[k]) for k in ("x", "y", "width", "height")] for b in Page(page[1].read_text()).boxes["caches"]]
    assert abs(sum(w * h for _, _, w, h in boxes) / (1000 * 560) - 1) < 0.01
    assert not [b for b in boxes if b[0] < -0.1 or b[1] < -0.1 or b[0] + b[2] > 1000.5 or b[1] + b[3] > 560.5]


def test_object_is_drawn(page):
    dump, path, (_, triage, *_) = page
    text = Page(path.read_text())
    if not triage[0]["object"]:
        assert "No object belongs to this verdict." in text.text["object"] and "object" not in text.boxes
        return
    classes = [b["class"] for b in text.boxes["object"]]
    assert "k0" in classes and "redzone" in text.text["object"]
    if "kasan" in dump:
        assert "shadow" in text.text["object"] and classes.count("hit") == 1


def pictures(text, section):
    """(what the mark says, class, x, y, width) of each mark of a section's picture."""
    body = text.split(f'<section id="{section}">')[1].split("</section>")[0]
    marks = re.findall(r'<g><title>([^<]*)</title><rect class="([^"]*)" x="([\d.]+)" y="(\d+)" width="([\d.]+)"', body)
    return [(html.unescape(t), c, float(x), int(y), float(w)) for t, c, x, y, w in marks]


def test_memory_map_is_the_guests(page):
    """What the guest's /proc/iomem has between the first byte of RAM and the last is drawn, once each, and to scale."""
    dump, path, _ = page
    lines = re.findall(r"^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$", (CORES / dump / "truth/iomem").read_text(), re.M)
    claims = [(len(indent) // 2, int(a, 16), int(b, 16), name) for indent, a, b, name in lines]
    ram = [c for c in claims if c[3] == "System RAM"]
    first, last = min(c[1] for c in ram), max(c[2] for c in ram)
    wanted = {(f"0x{a:x} to 0x{b:x}: {name}", min(depth, 2) * 34, a, b) for depth, a, b, name in claims
              if a >= first and b <= last}
    marks = pictures(path.read_text(), "memory")
    assert sorted(m[0] for m in marks) == sorted(w[0] for w in wanted) and len(wanted) > 2
    scale = 1000 / (last - first + 1)
    place = {m[0]: m for m in marks}
    for says, y, a, b in wanted:
        _, kind, x, top, width = place[says]
        assert abs(x - (a - first) * scale) < 0.02 and top == y, says
        assert abs(width - max(0.5, (b - a + 1) * scale)) < 0.02, says
        assert (kind == "k0") == says.endswith("System RAM")


def test_time_line_is_the_consoles(page):
    """Each mark is a line of the console at its time, to scale; a line by which a CPU names itself stands in that CPU's lane."""
    dump, path, (_, _, _, log, _) = page
    console = (CORES / dump / "console.log").read_text(errors="replace").replace("\r", "")
    printed = set(re.findall(r"^\[ *(\d+\.\d+)\] (.*)$", console, re.M))
    text = path.read_text()
    marks = [(*re.match(r"(\d+\.\d+) ?(.*)", m[0], re.S).groups(), *m[1:]) for m in pictures(text, "log")]
    assert len(marks) == min(200, len({row["seq"] for row in log}))
    drawn = {(m[0], line) for m in marks for line in m[1].replace("\\t", "\t").split("\\n")}
    first = min(float(m[0]) for m in marks)
    missing = {p for p in printed if p[0] > f"{first:.6f}" and len(p[0]) == len(f"{first:.6f}")} - drawn
    assert not missing, sorted(missing)[:5]
    assert len(drawn & printed) > 20
    times = [float(m[0]) for m in marks]
    first, last = min(times), max(times)
    assert all(abs(m[3] - (70 + (float(m[0]) - first) / (last - first) * 916)) < 0.11 for m in marks)
    named = [(int(cpu[1]), m[4]) for m in marks if (cpu := re.match(r"CPU: (\d+) PID: \d+ Comm: ", m[1]))]
    assert all(y == cpu * 22 for cpu, y in named), named
    assert named or "live" in dump or "abba" in dump
    levels = list({row["seq"]: row["level"] for row in log}.values())[-200:]
    assert [m[2] == "damage" for m in marks] == [level <= 3 for level in levels]


def test_what_could_not_be_filled_is_a_failure(tmp_path):
    """Sections that the rest of a cut dump cannot fill say so, there and as complaints, and the status is 1; the page is
    whole all the same."""
    source = CORES / DUMPS[1]
    if not (source / "vmcore.elf").exists():
        pytest.skip(f"no {DUMPS[1]}")
    with open(source / "vmcore.elf", "rb") as whole:
        (tmp_path / "vmcore.elf").write_bytes(whole.read(os.path.getsize(source / "vmcore.elf") * 55 // 100))
    path = tmp_path / "page.html"
    run = subprocess.run([INQUEST, "--json", source / "vmlinux", tmp_path / "vmcore.elf", "-c", f"report --html {path}"],
                         capture_output=True, timeout=120)
    (answer,) = [json.loads(line) for line in run.stdout.splitlines()]
    p = Page(path.read_text())
    assert p.ids == IDS and not p.wrong and not p.open
    assert answer["rows"][0]["sections"] < len(IDS) and answer["faults"] and run.returncode == 1
    for fault in answer["faults"]:
        part, said = fault["message"].split(": ", 1)
        assert any(said in text for text in p.text.values()), fault


def test_no_writing_over(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    _, run = inquest(DUMPS[1], f"report --html {path}")
    assert run.returncode == 1 and path.read_text() == "mine"
    _, run = inquest(DUMPS[1], f"report --html {path} -F")
    assert run.returncode == 0 and path.read_text().startswith("<!DOCTYPE html>")
    folder = tmp_path / "folder"
    folder.mkdir()
    _, run = inquest(DUMPS[1], f"report --html {folder} -F")
    assert run.returncode == 1 and folder.is_dir()
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


HOSTILE = b"<s>&\"'x>" # as long as mb-fault, the failing task's name


def test_hostile_names_stay_text(tmp_path):
    """The failing task and its lines in the log are called like markup."""
    source = CORES / DUMPS[0]
    if not (source / "vmcore.elf").exists():
        pytest.skip(f"no {DUMPS[0]}")
    image = (source / "vmcore.elf").read_bytes()
    assert image.count(b"mb-fault") > 1 and len(HOSTILE) == len(b"mb-fault")
    (tmp_path / "vmcore.elf").write_bytes(image.replace(b"mb-fault", HOSTILE))
    path = tmp_path / "page.html"
    run = subprocess.run([INQUEST, source / "vmlinux", tmp_path / "vmcore.elf", "-c", f"report --html {path}"],
                         capture_output=True, timeout=120)
    assert run.returncode == 0, run.stderr[-500:]
    (tmp_path / "vmcore.elf").unlink()
    text = path.read_text()
    p = Page(text)
    assert p.ids == IDS and not p.wrong and not p.open
    assert HOSTILE.decode() not in text and "<s>" not in text
    for section in ["verdict", "log", "tasks"]:
        assert HOSTILE.decode() in p.text[section], section


# What a person does: types a name, empties the box, types what nobody is called.
SEARCH = """<script>
window.onerror = function (m) { document.body.setAttribute('data-error', m); };
var box = document.getElementById('task-search'), told = {ids: [], counts: []};
document.querySelectorAll('section').forEach(function (s) { told.ids.push(s.id); });
WORDS.forEach(function (w) {
  box.value = w; box.dispatchEvent(new Event('input'));
  var rows = Array.from(document.querySelectorAll('#task-table tbody tr'));
  told.counts.push(rows.filter(function (r) { return r.offsetHeight > 0; }).length);
});
told.wide = document.documentElement.scrollWidth - window.innerWidth;
document.body.setAttribute('data-told', JSON.stringify(told));
</script></body>"""


# Whether the flame graph's ground is the page's, and its heading can be read on it.
COLOURS = """<script>
var style = getComputedStyle, back = document.querySelector('#stacks .back'), head = document.querySelector('#stacks .t');
document.body.setAttribute('data-colours', JSON.stringify([style(document.body).backgroundColor, style(back).fill,
  style(head).fill]));
</script></body>"""


def brightness(colour):
    return sum(int(n) for n in re.findall(r"\d+", colour)[:3]) / 3


@pytest.mark.parametrize("dark", [False, True])
def test_colours(page, tmp_path, dark):
    if not BROWSER:
        pytest.skip("no Chromium")
    driven = tmp_path / "driven.html"
    driven.write_text(page[1].read_text().replace("</body>", COLOURS))
    done = browse(driven, tmp_path / "profile", "--dump-dom", *(["--blink-settings=preferredColorScheme=0"] if dark else
                                                                ["--blink-settings=preferredColorScheme=1"]))
    match = re.search(r'data-colours="([^"]*)"', done.stdout)
    assert match, done.stderr[-500:]
    ground, back, head = map(brightness, json.loads(html.unescape(match[1])))
    assert (ground < 60) == dark == (back < 60), (ground, back)
    assert abs(head - back) > 120


def browse(path, profile, *options):
    return subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
                           "--enable-logging=stderr", *options, path.as_uri()], capture_output=True, text=True, timeout=120)


def test_in_a_browser(page, tmp_path):
    if not BROWSER:
        pytest.skip("no Chromium")
    dump, path, (_, _, tasks, *_) = page
    words = ["", "kthreadd", "no such task is there", "kthreadd 2"]
    driven = tmp_path / "driven.html"
    driven.write_text(path.read_text().replace("</body>", SEARCH.replace("WORDS", json.dumps(words))))
    done = browse(driven, tmp_path / "profile", "--window-size=500,900", "--dump-dom")
    match = re.search(r'data-told="([^"]*)"', done.stdout)
    assert match, done.stderr[-500:]
    told = json.loads(html.unescape(match[1]))
    named = [t for t in tasks if t["comm"] == "kthreadd"]
    assert told["ids"] == IDS
    assert told["counts"] == [len(tasks), len(named), 0, len(named)] and named
    assert told["wide"] <= 0, "a phone would have to scroll the page sideways"
    assert ' data-error="' not in done.stdout and "CONSOLE" not in done.stderr, done.stderr[-500:]
    folder = pathlib.Path(os.environ.get("REPORT_PICTURES", path.parent))
    picture = folder / f"{dump}.png"
    browse(path, tmp_path / "profile", "--window-size=1200,5000", f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20000


def test_only_regular_files_are_written_over(tmp_path):
    """stacks has the same writer: a device, a pipe, a folder stay what they are."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for command in (f"report --html {pipe} -F", f"stacks --flame {pipe} -F"):
        run = subprocess.run([INQUEST, CORES / "arm64-kasan-null/vmlinux", CORES / "arm64-kasan-null/vmcore.elf",
                              "-c", command], capture_output=True, timeout=60)
        assert run.returncode == 1 and b"no file that could be written over" in run.stderr
        assert pipe.is_fifo()
