"""machine against the console's own words and /proc/cpuinfo."""

import re


def console(core):
    lines = (core.path / "console.log").read_text(errors="replace").splitlines()
    return [re.sub(r"^\[ *\d+\.\d+\] ", "", line).rstrip() for line in lines]


def test_banners(core):
    machine, *cpus = core.rows("machine")
    lines = console(core)
    assert machine["cpu"] in lines
    if not core.arm64:
        assert machine["cpu"].startswith("CPU: ARMv7") and machine["caches"] in lines
    assert cpus[0]["banner"] in lines
    for cpu in cpus[1:]:
        assert not core.arm64 or cpu["banner"] in lines
    model = next(line for line in lines if "Machine model: " in line)
    assert model.endswith("Machine model: " + machine["model"])


def test_cpuinfo(core):
    machine, *cpus = core.rows("machine")
    text = core.truth("cpuinfo")
    parts = [line.split(":")[1].strip() for line in text if line.startswith("CPU part")]
    revisions = [line.split(":")[1].strip() for line in text if line.startswith("CPU revision")]
    implementers = [line.split(":")[1].strip() for line in text if line.startswith("CPU implementer")]
    variants = [line.split(":")[1].strip() for line in text if line.startswith("CPU variant")]
    assert parts and len(cpus) == len(parts) == int(core.meta["cpus"])
    for i, cpu in enumerate(cpus):
        assert cpu["cpu"] == i
        assert int(cpu["part"], 16) == int(parts[i], 16)
        assert int(cpu["implementer"], 16) == int(implementers[i], 16)
        assert cpu["revision"] == f"r{int(variants[i], 16)}p{revisions[i]}"
    hardware = [line.split(":")[1].strip() for line in text if line.startswith("Hardware")]
    assert machine["hardware"] == (hardware[0] if hardware else None)


def test_icache_policy(core):
    _, *cpus = core.rows("machine")
    lines = console(core)
    for cpu in cpus if core.arm64 else []:
        assert f"Detected {cpu['icache']} I-cache on CPU{cpu['cpu']}" in lines
