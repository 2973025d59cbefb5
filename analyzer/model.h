/* The umbrella over the kernel's model for built-in commands. Never installed: it may change freely. */
#ifndef ANALYZER_MODEL_H
#define ANALYZER_MODEL_H

#include "analyzer/debug/address.h"
#include "analyzer/debug/disasm.h"
#include "analyzer/debug/expr.h"
#include "analyzer/debug/lines.h"
#include "analyzer/debug/symtab.h"
#include "analyzer/debug/type.h"
#include "analyzer/debug/value.h"
#include "analyzer/kernel/list.h"
#include "analyzer/kernel/maple.h"
#include "analyzer/kernel/module.h"
#include "analyzer/kernel/percpu.h"
#include "analyzer/kernel/percpu_expr.h"
#include "analyzer/kernel/printk.h"
#include "analyzer/kernel/printk_objects.h"
#include "analyzer/kernel/rbtree.h"
#include "analyzer/kernel/system.h"
#include "analyzer/kernel/task.h"
#include "analyzer/kernel/user_space.h"
#include "analyzer/kernel/xarray.h"
#include "analyzer/shell/arg_types.h"
#include "analyzer/shell/memory_arg.h"
#include "analyzer/shell/shape.h"
#include "analyzer/space/vspace.h"
#include "analyzer/stack/trace.h"
#include "analyzer/target/target.h"

#endif
