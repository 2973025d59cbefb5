/*
 * Views: members of a small struct of ours, filled from the target's struct by member name. Bound
 * once against the types, then one memory read and one decode per object. A renamed kernel member
 * costs one more string; an optional one that is absent reads as 0 and view_has() says so.
 *
 *	struct task { uint64_t va; uint32_t pid; uint64_t stack; char comm[16]; uint64_t tasks_va;
 *}; static const struct view_field task_fields[] = { FIELD(struct task, pid, "pid"),
 *		FIELD_OPTIONAL(struct task, state, "__state", "state"),
 *		FIELD_BYTES(struct task, comm, "comm"),
 *		FIELD_ADDRESS(struct task, tasks_va, "tasks"),
 *	};
 *	static const struct view_spec task_spec = {
 *		.type = "task_struct", .fields = task_fields, .nfields = ARRAY_SIZE(task_fields) };
 */
#ifndef ANALYZER_DEBUG_VIEW_H
#define ANALYZER_DEBUG_VIEW_H

#include "analyzer/base/scope.h"
#include "analyzer/debug/type.h"
#include "analyzer/debug/view_spec.h"
#include "analyzer/space/vspace.h"

struct view;

/* ERR_MISSING names the type or the member that is not there. */
struct err *view_bind(struct types *db, const struct view_spec *spec, struct view **ret) MUST_CHECK;
void view_destroy(struct view *v);

/* The target's sizeof. */
uint64_t view_size(const struct view *v);

/* Whether field number @i of the spec is there. */
bool view_has(const struct view *v, size_t i);

/* Offset of field @i in the target's struct, bytes; 0 when absent. */
uint64_t view_offset(const struct view *v, size_t i);

/* Reads the object at @va into our struct. Only the bytes between the first and the last wanted
 * member are read. */
struct err *view_read(const struct view *v, struct vspace *vs, uint64_t va, void *ret) MUST_CHECK;
bool view_try_read(const struct view *v, struct vspace *vs, uint64_t va, void *ret);

#endif
