"""A verdict's signature, made again from the other members of its JSON and Python's hashlib, by what docs/verdicts.md says
of it. `make check-signatures` tells whether it is the same over boots."""

import hashlib
import re

import pytest

FRAMES = 12
TRUST = {"sure": 0, "likely": 1, "guess": 2}


def plain(name):
    return re.sub(r"[0-9]+", "N", name.split(".")[0] or name)


def told(calls):
    return [call for call in calls if call["function"] and not call["inlined"] and not call["machinery"]]


def frames(calls, culprit):
    names, first = [], next(i for i, c in enumerate(calls) if c["function"] == culprit and not c["inlined"])
    for call in calls[first:]:
        if call["interrupted"] and call is not calls[first]:
            break
        if told([call]) and TRUST[call["trust"]] <= TRUST[calls[first]["trust"]] and plain(call["function"]) not in names:
            names.append(plain(call["function"]))
    return names[:FRAMES]


def recurring(calls, culprit):
    trust = next(TRUST[c["trust"]] for c in calls if c["function"] == culprit and not c["inlined"])
    names = [plain(call["function"]) for call in told(calls) if TRUST[call["trust"]] <= trust]
    return sorted(name for name in set(names) if names.count(name) >= 3)


def in_stack(said):
    return any(call["function"] == said["culprit"] and not call["inlined"] for call in said["calls"])


def lines(said, coarse):
    out = ["inquest-signature 2", f"class {said['class']}"]
    if said["culprit"]:
        again = recurring(said["calls"], said["culprit"]) if said["class"] == "stack-overflow" and in_stack(said) else []
        if again:
            out += [f"recurs {name}" for name in again]
        elif coarse:
            out.append(f"culprit {plain(said['culprit'])}")
        elif in_stack(said):
            out += [f"frame {name}" for name in frames(said["calls"], said["culprit"])]
        else:
            out.append(f"frame {plain(said['culprit'])}")
    elif said["object"]:
        (found,) = said["object"]
        name = re.sub(r"-(rnd|part)-[0-9]+", "", found["name"] or "")
        out.append(f"object {found['kind']} {name}".rstrip())
    return "".join(line + "\n" for line in out)


@pytest.fixture(scope="module")
def said(core):
    (row,) = core.rows("triage")
    return row


def test_hashes(said):
    for key, text in ("signature", "signature_lines"), ("coarse", "coarse_lines"):
        assert hashlib.sha256(said[text].encode()).hexdigest()[:16] == said[key]


def test_coarse_lines_follow_from_the_rest(said):
    if said["class"] == "deadlock":
        pytest.skip("the other waiters' stacks are not in this answer")
    assert said["coarse_lines"] == lines(said, True)


def test_lines_follow_from_the_rest(said):
    if said["class"] == "deadlock":
        waiters = said["signature_lines"].split("waiter\n")[1:]
        assert "".join(f"frame {name}\n" for name in frames(said["calls"], said["culprit"])) in waiters
        assert waiters == sorted(waiters) and len(waiters) > 1
        return
    exact = said["signature_lines"]
    if not said["culprit"] and said["object"]:
        exact = re.sub(r"^(allocated|freed) \S+\n", "", exact, flags=re.MULTILINE)
    assert exact == lines(said, False)


def test_nothing_of_this_boot(core, said):
    """No address, no number but those of caches and of the version."""
    for line in said["signature_lines"].splitlines()[2:]:
        assert "0x" not in line
        assert line.startswith("object ") or not re.search(r"[0-9]", line), line
