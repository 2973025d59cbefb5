"""Tasks counted by state, with the longest sleeper of each: rows of another command, and objects."""

from collections import Counter, defaultdict

count = Counter()
last = defaultdict(lambda: (None, None))
for row in command("ps"):
    count[row["state"]] += 1
    task = object_at("struct task_struct", row["task"])
    ran = int(task.se.exec_start) if hasattr(task, "se") else 0
    if last[row["state"]][0] is None or ran < last[row["state"]][0]:
        last[row["state"]] = ran, task
for state, n in sorted(count.items()):
    ran, task = last[state]
    print(f"{state:3} {n:5}  {task.comm.string_()} ({int(task.pid)}) since {ran}")
