/* The record of vm -l: one user address space's layout. */
#ifndef ANALYZER_SHELL_VM_LAYOUT_H
#define ANALYZER_SHELL_VM_LAYOUT_H

#include "analyzer/kernel/task.h"
#include "analyzer/shell/command.h"

/* One row about @task; a kernel thread's says that it has no user space. */
struct err *vm_layout_show(struct cx *cx, const struct task *task) MUST_CHECK;

#endif
