"""What cannot be read is an exception that says where and why, or a value in a row."""

for name in ("init_task", "jiffies", "linux_banner", "no_such_variable"):
    try:
        if name in prog:
            print(f"{name}: {prog[name].size_} bytes at {prog[name].address_():#x}")
        else:
            print(f"{name}: not in this kernel")
    except FaultError as fault:
        print(f"{name}: {fault.kind} at {fault.address:#x}")
for address in (8, symbol("linux_banner")):
    try:
        print(f"{address:#x}: {read(address, 13)!r}")
    except FaultError as fault:
        print(f"{address:#x}: {fault.kind}")
