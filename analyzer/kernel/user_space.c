/* mm_struct.pgd is a kernel address in the linear map (include/linux/mm_types.h, all versions). */
#include "analyzer/kernel/user_space.h"

#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/mm.h"

struct mm_root {
	uint64_t pgd;
};
static const struct view_field mm_fields[] = {
	FIELD(struct mm_root, pgd, "pgd"),
};
static const struct view_spec mm_spec = {
	.type = "mm_struct",
	.hint = "init/main.c",
	.fields = mm_fields,
	.nfields = ARRAY_SIZE(mm_fields),
};

struct err *user_space_open(struct target *t, const struct task *task, struct vspace **ret)
{
	const struct view *view;
	struct mm_root mm;
	if (!task->mm)
		return err_new(ERR_MISSING, "pid %u: %s", task->pid, mm_absence(task));
	struct space_facts facts = *vspace_facts(t->kernel);
	struct err *err = target_view(t, &mm_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, task->mm, &mm);
	if (err)
		return err_wrap(err, "pid %u: mm 0x%" PRIx64, task->pid, task->mm);
	enum fault_kind fault = vspace_translate(t->kernel, mm.pgd, &facts.layout.pgd, NULL);
	if (fault)
		return err_fault(fault, mm.pgd, "pid %u: pgd", task->pid);
	facts.layout.nwindows = 0;
	*ret = vspace_create(t->dump, &facts);
	return NULL;
}
