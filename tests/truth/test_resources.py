"""swap beside the guest's /proc/swaps, ipcs beside its /proc/sysvipc, bpf beside what the kernel told bpf(2), and
net -s beside its /proc/net and its descriptors, on the dumps whose guest ran resources.c; and what other
kernels say, which have none of it."""

import re
import socket
import struct

import pytest
from truth_cores import CORES, Core, chosen_set

WITH = [name for name in ("armmp-resources", "arm64-cloud-6.12-resources") if (CORES / name / "truth").is_dir()]
ANY = [name for name in chosen_set() if name not in WITH]


@pytest.fixture(params=WITH or [pytest.param(None, marks=pytest.mark.skip("make cores CORE='*-resources'"))])
def core(request):
    return Core(request.param)


@pytest.fixture
def pid(core):
    return int(core.truth("resources")[0].split("=")[1])


def table(lines):
    """A /proc table: a dictionary a line, by the words of its head."""
    head = lines[0].split()
    return [dict(zip(head, line.split())) for line in lines[1:]]


def test_swap(core):
    want = {(w[0], w[1], int(w[2]) * 1024, int(w[3]) * 1024, int(w[4]))
            for w in (line.split() for line in core.steady("swaps")[1:])}
    rows = core.rows("swap")
    assert {(r["file"], r["type"].lower(), r["size"], r["used"], r["priority"]) for r in rows} == want
    assert len(want) == 2 and any(w[3] for w in want) and not all(w[3] for w in want)
    assert [r["number"] for r in rows] == [0, 1]
    assert all(r["percent"] == r["used"] * 100 // r["size"] for r in rows)


def test_shared_memory(core):
    page = 4096
    want = {int(t["shmid"]): t for t in table(core.truth("ipc_shm"))}
    rows = {r["id"]: r for r in core.rows("ipcs -M")}
    assert sorted(rows) == sorted(want) and len(want) >= 5
    for number, t in want.items():
        r, mode = rows[number], int(t["perms"], 8)
        assert int(r["key"], 16) == int(t["key"])
        assert (r["uid"], r["gid"]) == (int(t["uid"]), int(t["gid"]))
        assert r["perms"] == f"{mode & 0o777:03o}"
        assert ("dest" in r["status"], "locked" in r["status"]) == (bool(mode & 0o1000), bool(mode & 0o2000))
        assert (r["bytes"], r["attached"]) == (int(t["size"]), int(t["nattch"]))
        assert (r["creator"], r["last"]) == (int(t["cpid"]), int(t["lpid"]))
        assert r["pages"] == -(-r["bytes"] // page)
        assert (r["resident"] * page, r["swapped"] * page) == (int(t["rss"]), int(t["swap"]))
    assert any(r["swapped"] for r in rows.values()) and any(r["resident"] for r in rows.values())


def test_semaphores_and_queues(core):
    sems = {int(t["semid"]): t for t in table(core.truth("ipc_sem"))}
    rows = {r["id"]: r for r in core.rows("ipcs -s")}
    assert sorted(rows) == sorted(sems) and sems
    for number, t in sems.items():
        r = rows[number]
        assert (int(r["key"], 16), r["semaphores"], int(r["perms"], 8)) == (int(t["key"]), int(t["nsems"]), int(t["perms"], 8))
    queues = {int(t["msqid"]): t for t in table(core.truth("ipc_msg"))}
    rows = {r["id"]: r for r in core.rows("ipcs -q")}
    assert sorted(rows) == sorted(queues) and queues
    for number, t in queues.items():
        r = rows[number]
        assert (r["used_bytes"], r["messages"], r["last"]) == (int(t["cbytes"]), int(t["qnum"]), int(t["lspid"]))


def test_ipcs_of_one(core):
    """By identifier and by address; what is not there is an error."""
    every = core.rows("ipcs -m")
    one = every[-1]
    assert core.rows(f"ipcs -m {one['id']}") == [one]
    assert core.rows(f"ipcs {one['shm']}") == [one]
    (answer,) = core.run("ipcs -m 123456", status=1)
    assert answer["rows"] == [] and "no such identifier" in answer["faults"][0]["message"]
    assert core.rows("ipcs -n 1 -m") == every


def test_bpf(core):
    def fields(line):
        return dict(word.split("=", 1) for word in line.split(" ") if "=" in word)

    programs, maps = map(str.splitlines, map("\n".join, (core.truth("bpf_programs"), core.truth("bpf_maps"))))
    types = {1: "SOCKET_FILTER", 8: "CGROUP_SKB", 6: "XDP"}
    rows = {r["id"]: r for r in core.rows("bpf -P")}
    assert len(programs) == len(rows) == 3
    for t in map(fields, programs):
        r = rows[int(t["id"])]
        assert (r["type"], r["tag"], r["name"]) == (types[int(t["type"])], t["tag"], t["name"])
        assert (r["compiled"], r["translated"], r["uid"]) == (int(t["jited"]), int(t["xlated"]), int(t["uid"]))
        assert r["gpl"] == (t["gpl"] == "1") and round(r["loaded"] * 1e9) == int(t["loaded"])
        assert ",".join(str(m["id"]) for m in r["maps"]) == t["maps"]
    types = {1: "HASH", 2: "ARRAY", 6: "PERCPU_ARRAY", 27: "RINGBUF", 9: "LRU_HASH"}
    rows = {r["id"]: r for r in core.rows("bpf -M")}
    assert len(maps) == len(rows) == 5
    for t in map(fields, maps):
        r = rows[int(t["id"])]
        assert (r["type"], r["name"], int(r["flags"], 16)) == (types[int(t["type"])], t["name"], int(t["flags"], 16))
        assert (r["key_bytes"], r["value_bytes"], r["max_entries"]) == (int(t["key"]), int(t["value"]), int(t["max"]))


def test_bpf_of_one(core):
    (answer,) = core.run("bpf -m 3")
    assert [r["id"] for r in answer["rows"]] == [3] and answer["rows"][0]["name"] == "per_cpu"
    (answer,) = core.run("bpf -p 99", status=1)
    assert "no program 99" in answer["faults"][0]["message"]
    text = core.text("bpf -m 3 -s -x")
    assert any(".key_size = 0x4" in line for line in text)
    if core.arm64:
        code = [r for r in core.rows("bpf -p 1 -j") if "insn" in r]
        assert len(code) == 88 // 4 and any(r["insn"] == "ret" for r in code)


def address(word):
    """127.0.0.1-80 of /proc/net's 0100007F:0050, words in the guest's order, which is little-endian."""
    host, port = word.split(":")
    raw = b"".join(struct.pack("<I", int(host[i:i + 8], 16)) for i in range(0, len(host), 8))
    return f"{socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)}-{int(port, 16)}"


def test_sockets(core, pid):
    """Each socket of the guest's descriptors, and its addresses and state as /proc/net had them."""
    (task,) = core.rows(f"net -s {pid}")
    mine = {s["fd"]: s for s in task["sockets"]}
    links = dict(re.match(r"(\d+) -> socket:\[(\d+)\]", line).groups() for line in core.steady(f"fd.{pid}") if "socket:" in line)
    assert {str(fd): str(s["inode"]) for fd, s in mine.items()} == links and len(links) >= 14
    by_inode = {str(s["inode"]): s for s in mine.values()}
    compared = 0
    for name in ("tcp", "tcp6", "udp", "udp6", "raw"):
        for line in core.truth(f"net_{name}")[1:]:
            w = line.split()
            s = by_inode[w[9]]
            assert (s["source"], s["destination"]) == (address(w[1]), address(w[2])), line
            numbers = {"ESTABLISHED": 1, "CLOSE": 7, "LISTEN": 10}
            assert numbers[s["state"]] == int(w[3], 16), line
            assert s["kind"] == {"tcp": "INET:STREAM", "tcp6": "INET6:STREAM", "udp": "INET:DGRAM", "udp6": "INET6:DGRAM",
                                 "raw": "INET:RAW"}[name]
            compared += 1
    for line in core.truth("net_unix")[1:]:
        w = line.split()
        s = by_inode[w[6]]
        assert s["source"] == (w[7] if len(w) > 7 else "")
        assert s["kind"] == {"0001": "UNIX:STREAM", "0002": "UNIX:DGRAM", "0005": "UNIX:SEQPACKET"}[w[4]]
        compared += 1
    for line in core.truth("net_netlink")[1:]:
        w = line.split()
        if w[9] in by_inode:
            assert by_inode[w[9]]["source"] == w[2] and by_inode[w[9]]["kind"] == "NETLINK:RAW"
            compared += 1
    for line in core.truth("net_packet")[1:]:
        assert by_inode[line.split()[8]]["kind"] == "PACKET:RAW"
        compared += 1
    assert compared == len(links) - 1   # /proc/net has no line for a socket that has neither address nor peer
    pair = [s for s in mine.values() if s["kind"] == "UNIX:SEQPACKET"]
    assert [s["peer"] for s in pair] == [s["sock"] for s in reversed(pair)]


def test_socket_reference(core, pid):
    (task,) = core.rows(f"net -s {pid}")
    some = task["sockets"][3]
    for word in (some["fd"], some["socket"], some["sock"]):
        (found,) = core.rows(f"net -s -R {word} {pid}")
        assert found["sockets"] == [some]
    rows = core.rows(f"foreach net -s -R {some['sock']}")
    assert [r["pid"] for r in rows] == [pid]


def test_socket_structures(core, pid):
    text = "\n".join(core.text(f"net -S {pid}"))
    (task,) = core.rows(f"net -s {pid}")
    assert text.count("  .__sk_common = {") == len(task["sockets"])
    for s in task["sockets"]:
        assert re.search(rf"\.sk = {s['sock']}\b", text)


@pytest.mark.parametrize("name", ANY)
def test_without(name):
    """No swap, nothing of System V, no BPF: told, or an empty answer that the guest agrees with."""
    core = Core(name)
    swap, ipcs, bpf, net = core.run("swap", "ipcs", "bpf", "net -s 1", status=None)
    if "CONFIG_SWAP" in core.config:
        assert len(swap["rows"]) == max(len(core.truth("swaps")) - 1, 0) and not swap["faults"]
    else:
        assert swap["faults"][0]["message"] == "this kernel has no swap (CONFIG_SWAP)"
    if "CONFIG_SYSVIPC" in core.config:
        assert not ipcs["rows"] and not ipcs["faults"]
    if "CONFIG_BPF_SYSCALL" in core.config:
        assert not bpf["faults"]
    else:
        assert "CONFIG_BPF_SYSCALL" in bpf["faults"][0]["message"]
    if "CONFIG_NET" not in core.config:
        assert net["faults"][0]["message"] == "this kernel has no networking (CONFIG_NET)"
    else:
        assert not net["faults"] and net["rows"][0]["pid"] == 1
