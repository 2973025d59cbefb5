/*
 * The plugins' questions while a dump is being opened: a file's bytes, the RAM it has, claims of
 * where the kernel lies. What is said here is checked by the layers below.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/dump/foreign.h"
#include "analyzer/shell/api.h"
#include "analyzer/target/claims.h"
#include "analyzer/target/target.h"
#include "arch/arch.h"

/* The two opaque structures are those of the layers below under the plugins' names. */
static struct foreign_file *file_of(const struct api_opening *o)
{
	return (struct foreign_file *)o;
}

uint64_t api_opening_bytes(const struct api_opening *o)
{
	return foreign_bytes(file_of(o));
}

struct err *api_opening_read(const struct api_opening *o, uint64_t at, void *buf, size_t n)
{
	return foreign_read(file_of(o), at, buf, n);
}

struct err *api_opening_add_range(struct api_opening *o, uint64_t pa, uint64_t n, uint64_t at)
{
	return foreign_add_range(file_of(o), pa, n, at);
}

struct err *api_opening_set_architecture(struct api_opening *o, const char *name)
{
	const uint16_t machines[] = { EM_ARM, EM_AARCH64 };
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		const struct arch *arch = arch_find(machines[i]);
		if (!arch || strcmp(arch->name, name))
			continue;
		foreign_set_machine(file_of(o), machines[i], &arch->abi);
		return NULL;
	}
	return err_new(ERR_USAGE, "\"%s\" is no architecture that inquest knows", name);
}

void api_opening_add_vmcoreinfo(struct api_opening *o, const char *text, size_t n)
{
	foreign_add_vmcoreinfo(file_of(o), text, n);
}

struct err *api_claim(struct api_claims *to, const struct api_claim *c)
{
	return claims_add(
		(struct claims *)to, &(struct kernel_claim){ c->text_pa, c->text_va, c->root_pa });
}

bool api_ram(const struct target *t, size_t i, uint64_t *ret_pa, uint64_t *ret_n)
{
	const struct dump_info *info = dump_info(t->dump);
	if (i >= info->nextents)
		return false;
	*ret_pa = info->extent[i].start.v;
	*ret_n = info->extent[i].size;
	return true;
}

bool api_next_data(struct target *t, uint64_t pa, uint64_t *ret_pa)
{
	struct paddr next;
	if (interrupt_pending() || !dump_next_data(t->dump, (struct paddr){ pa }, &next))
		return false;
	*ret_pa = next.v;
	return true;
}
