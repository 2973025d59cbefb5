"""dt against dtc on the blob that the kernel was booted with, and the kernel's own tree against both."""

import re
import subprocess

from truth_cores import INQUEST


def text(core, command):
    done = subprocess.run([INQUEST, core.path / "vmlinux", core.path / "vmcore.elf", "-c", command],
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def dtc(blob):
    """Source by dtc without its first two lines; older ones write the NUL between strings as \\0."""
    done = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", blob], capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    return [line.replace("\\0", '", "') for line in lines[lines.index("/dts-v1/;") + 2:]]


def test_blob(core, tmp_path):
    text(core, f"dt -w {tmp_path}/blob")
    theirs = dtc(tmp_path / "blob")
    assert len(theirs) > 100
    assert text(core, "dt -b") == theirs


def test_tree(core):
    """The unflattened tree has every node and property of the blob; what the kernel added is its own."""
    def table(command):
        return {(r["path"], r["property"]): r["value"] for r in core.rows(command)
                if r["kind"] not in ("end", "blank", "reserve")}
    blob, tree = table("dt -b"), table("dt")
    assert len(blob) > 100
    assert {k: v for k, v in tree.items() if k in blob} == blob
    assert all(path.startswith("/chosen") for path, _ in set(tree) - set(blob)), set(tree) - set(blob)


def test_command_line(core):
    rows = core.rows("dt /chosen")
    (args,) = [r["value"] for r in rows if r["property"] == "bootargs"]
    assert args.strip('"').strip() == core.truth("cmdline")[0].strip()


def test_memory(core):
    """The memory node says how much RAM there is, by address and size cells of two."""
    rows = core.rows("dt -b /memory")
    (reg,) = [r["value"] for r in rows if r["property"] == "reg"]
    cells = [int(c, 16) for c in re.findall("0x([0-9a-f]+)", reg)]
    assert (cells[0] << 32 | cells[1], cells[2] << 32 | cells[3]) == \
        (0x40000000, int(core.meta["memory_mb"]) << 20)


def test_cpus(core):
    paths = {r["path"] for r in core.rows("dt /cpus") if r["path"]}
    assert sum(bool(re.fullmatch(r"/cpus/cpu@\d+", p)) for p in paths) == int(core.meta["cpus"])


def test_no_such_node(core):
    (answer,) = core.run("dt /no-such-node", status=1)
    assert not answer["rows"] and "no such node" in answer["faults"][0]["message"]


def test_qemu_gave_it(core, tmp_path):
    """QEMU, asked for the blob of the same machine, differs in /chosen only: seeds, initrd, command line."""
    recipe = dict(re.findall(r'^(\w+)="?([^"\n]*)', (core.path / "recipe").read_text(), re.M))
    machine = f"virt,dumpdtb={tmp_path}/qemu" + (f",{recipe['MACHINE']}" if "MACHINE" in recipe else "")
    subprocess.run(["qemu-system-aarch64" if core.arm64 else "qemu-system-arm", "-M", machine,
                    "-cpu", core.meta["cpu_model"], "-smp", core.meta["cpus"],
                    "-m", core.meta["memory_mb"] + "M", "-device", "vmcoreinfo",
                    "-device", "virtio-serial-device,max_ports=2", "-display", "none", "-nic", "none"],
                   check=True, capture_output=True, timeout=60)

    def without_chosen(lines):
        start = lines.index("\tchosen {")
        end = lines.index("\t};", start)
        return lines[:start] + lines[end:]
    theirs = without_chosen(dtc(tmp_path / "qemu"))
    assert len(theirs) > 100 and without_chosen(text(core, "dt -b")) == theirs
