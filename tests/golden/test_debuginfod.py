"""A vmlinux without debug information gets it from a debuginfod server, here Debian's own on localhost."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
from truth_cores import CORES, INQUEST

SMALL = CORES / "arm32-lpae-bug"
OBJCOPY = shutil.which("arm-linux-gnueabihf-objcopy")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(a stripped vmlinux, the server's URL)"""
    if not OBJCOPY or not shutil.which("debuginfod"):
        pytest.skip("needs Debian's packages debuginfod and binutils-arm-linux-gnueabihf")
    tmp = tmp_path_factory.mktemp("debuginfod")
    (tmp / "files").mkdir()
    subprocess.run([OBJCOPY, "--only-keep-debug", SMALL / "vmlinux", tmp / "files/any.debug"], check=True)
    subprocess.run([OBJCOPY, "--strip-debug", SMALL / "vmlinux", tmp / "vmlinux"], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(["debuginfod", "-F", "-d", ":memory:", "-p", str(port), tmp / "files"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "DEBUGINFOD_URLS": ""})
    url = f"http://127.0.0.1:{port}"
    for _ in range(150):
        try:
            text = urllib.request.urlopen(url + "/metrics", timeout=2).read().decode()
            if any(line.startswith("groom{statistic=\"buildids\"") and not line.endswith(" 0") or
                   line.startswith("thread_work_total{role=\"traverse\"} 1") and
                   "thread_work_pending{role=\"scan\"} 0" in text for line in text.splitlines()):
                break
        except OSError:
            pass
        time.sleep(0.1)
    yield tmp / "vmlinux", url
    process.kill()
    process.wait()


def comm(vmlinux, cache, url):
    env = {**os.environ, "DEBUGINFOD_CACHE_PATH": str(cache)}
    env.pop("DEBUGINFOD_URLS", None)
    if url:
        env["DEBUGINFOD_URLS"] = url
    return subprocess.run([INQUEST, vmlinux, SMALL / "vmcore.elf", "-c", "p init_task.comm"], env=env,
                          capture_output=True, text=True, timeout=120)


def test_fetched(server, tmp_path):
    vmlinux, url = server
    for _ in range(20):  # the server may still be reading its files
        done = comm(vmlinux, tmp_path / "cache", url)
        if done.returncode == 0:
            break
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        time.sleep(0.5)
    assert '"swapper/0"' in done.stdout, done.stderr


def test_only_when_asked(server, tmp_path):
    assert comm(server[0], tmp_path / "cache", None).returncode == 1
    assert not (tmp_path / "cache").exists()


def test_no_server(server, tmp_path):
    done = comm(server[0], tmp_path / "cache", "http://127.0.0.1:1")
    assert done.returncode == 1 and "--symbols DIR" in done.stderr
