/*
 * Which functions were inlined into each other where: the DWARF of one address from its function
 * inwards. Lines are lines.c's business.
 */
#include <dwarf.h>
#include <string.h>

#include "analyzer/debug/dwarf.h"

/* The function of @unit with code at @va. */
static bool function_at(Dwarf_Die *unit, uint64_t va, Dwarf_Die *ret)
{
	Dwarf_Die die;
	Dwarf_Off at;
	if (dwarf_child(unit, &die))
		return false;
	do {
		at = dwarf_dieoffset(&die);
		if (dwarf_tag(&die) == DW_TAG_subprogram && dwarf_haspc(&die, va) > 0) {
			*ret = die;
			return true;
		}
	} while (!dwarf_siblingof(&die, &die) && dwarf_dieoffset(&die) > at);
	return false;
}

/*
 * The function with code at *io_va. -fpatchable-function-entry=2 (arm64 with ftrace) puts two
 * instructions where the symbol stands; gcc 12 lets the function's DWARF begin behind them, and the
 * line table give them to whatever came before: then *io_va becomes where it begins.
 */
bool dwarf_find_function(struct dwarf_source *s, uint64_t start, uint64_t *io_va,
	Dwarf_Die *ret_unit, Dwarf_Die *ret)
{
	enum { PATCHABLE_BYTES = 8 };
	Dwarf_Addr entry;
	if (dwarf_unit_at(s, *io_va, ret_unit) && function_at(ret_unit, *io_va, ret))
		return true;
	uint64_t behind = start + PATCHABLE_BYTES;
	if (!start || *io_va < start || *io_va >= behind || !dwarf_unit_at(s, behind, ret_unit) ||
		!function_at(ret_unit, behind, ret) || dwarf_entrypc(ret, &entry) ||
		entry != behind)
		return false;
	*io_va = behind;
	return true;
}

/* The block or inlined function below @die that has code at @va. */
bool dwarf_step_inwards(Dwarf_Die *die, uint64_t va, Dwarf_Die *ret)
{
	Dwarf_Die child;
	Dwarf_Off at;
	if (dwarf_child(die, &child))
		return false;
	do {
		int tag = dwarf_tag(&child);
		at = dwarf_dieoffset(&child);
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
			dwarf_haspc(&child, va) > 0) {
			*ret = child;
			return true;
		}
	} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at);
	return false;
}

static bool number_attr(Dwarf_Die *die, unsigned name, Dwarf_Word *ret)
{
	Dwarf_Attribute attr;
	return dwarf_attr(die, name, &attr) && !dwarf_formudata(&attr, ret);
}

/* Where @inlined was called from. */
static void call_site(
	struct dwarf_source *s, Dwarf_Die *unit, Dwarf_Die *inlined, struct source_frame *io)
{
	Dwarf_Files *files;
	size_t nfiles;
	Dwarf_Word file, line;
	if (!number_attr(inlined, DW_AT_call_file, &file) ||
		!number_attr(inlined, DW_AT_call_line, &line) || line > INT32_MAX ||
		dwarf_getsrcfiles(unit, &files, &nfiles) || file >= nfiles)
		return;
	const char *path = dwarf_filesrc(files, file, NULL, NULL);
	if (!path)
		return;
	io->file = dwarf_short_path(s, unit, path);
	io->line = (int)line;
}

size_t dwarf_source_frames(
	struct type_provider *p, uint64_t va, uint64_t start, struct source_frame *out)
{
	enum { MAX_BLOCKS = 256 };
	struct dwarf_source *s = (struct dwarf_source *)p;
	Dwarf_Die unit, chain[SOURCE_FRAMES_MAX];
	size_t n = 1;
	if (!dwarf_find_function(s, start, &va, &unit, &chain[0])) {
		out[0] = (struct source_frame){ .function = NULL };
		return dwarf_source_line(p, va, &out[0].file, &out[0].line);
	}
	Dwarf_Die at = chain[0];
	for (unsigned i = 0; i < MAX_BLOCKS && dwarf_step_inwards(&at, va, &at); i++) {
		if (dwarf_tag(&at) != DW_TAG_inlined_subroutine)
			continue;
		if (n == SOURCE_FRAMES_MAX)
			memmove(chain, chain + 1, --n * sizeof(chain[0]));
		chain[n++] = at;
	}
	for (size_t i = 0; i < n; i++) {
		Dwarf_Die *die = &chain[n - 1 - i];
		out[i] = (struct source_frame){ .function = dwarf_diename(die),
			.inlined = dwarf_tag(die) == DW_TAG_inlined_subroutine };
		if (i)
			call_site(s, &unit, &chain[n - i], &out[i]);
		else
			dwarf_source_line(p, va, &out[0].file, &out[0].line);
	}
	return n;
}
