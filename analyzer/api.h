/*
 * The face for commands and plugins: rows, arguments, errors, target memory, symbols, values. This
 * is what gets installed, with the headers that it includes and none else; model.h is the internal
 * umbrella over the kernel's model.
 */
#ifndef ANALYZER_API_H
#define ANALYZER_API_H

#include "analyzer/base/arena.h"
#include "analyzer/base/err.h"
#include "analyzer/base/interrupt.h"
#include "analyzer/base/load.h"
#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/debug/view_spec.h"
#include "analyzer/out/out.h"
#include "analyzer/shell/api.h"
#include "analyzer/shell/command.h"
#include "analyzer/shell/plugin.h"
#include "analyzer/shell/walker.h"

#endif
