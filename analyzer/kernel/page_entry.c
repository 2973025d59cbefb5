/*
 * Swap entries beyond their bits: include/linux/swap.h, swapops.h (4.19 to 7.3). Types from
 * MAX_SWAPFILES on are no devices but marks; which ones exist is the configuration's, and shows in
 * functions that only then are there.
 */
#include "analyzer/kernel/page_entry.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"

enum { TYPES = 32 }; /* 1 << MAX_SWAPFILES_SHIFT */

/* swap_info[MAX_SWAPFILES], an array of pointers. 0: not known. */
static uint64_t swap_files(struct target *t)
{
	struct symbol sym;
	const struct type *type;
	uint64_t n = 0;

	if (!symtab_find_kernel(t->syms, "swap_info", &sym))
		return 0;
	n = sym.object_size / t->abi.word_bytes;
	if (!n) {
		scoped_err struct err *err =
			types_find_variable(t->types, "swap_info", "mm/swapfile.c", &type);
		if (!err)
			n = type_strip(type)->count;
	}
	return n <= TYPES ? n : 0;
}

static bool exclusive_exists(const struct target *t)
{
	uint64_t ignored;
	return target_number(t, "enum(pageflags.PG_anon_exclusive)", &ignored);
}

/* The marks in their order behind the devices; the count must come out, else no name is sure. */
static const char *mark_name(struct target *t, uint64_t files, unsigned type, bool *ret_frame)
{
	const char *name[TYPES];
	unsigned n = 0, frames;

	if (target_has_symbol(t, "memory_failure"))
		name[n++] = "hwpoison";
	if (target_has_symbol(t, "migration_entry_wait")) {
		name[n++] = "migration, read";
		if (exclusive_exists(t))
			name[n++] = "migration, read, exclusive";
		name[n++] = "migration, write";
	}
	if (target_has_symbol(t, "migrate_vma_setup")) {
		name[n++] = "device-private, write";
		name[n++] = "device-private, read";
		if (target_has_symbol(t, "make_device_exclusive_range")) {
			name[n++] = "device-exclusive, write";
			name[n++] = "device-exclusive, read";
		} else if (target_has_symbol(t, "make_device_exclusive")) {
			name[n++] = "device-exclusive";
		}
	}
	frames = n;
	if (files + n < TYPES)
		name[n++] = "marker"; /* SWP_PTE_MARKER, 5.19 and later */
	if (files + n < TYPES)
		name[n++] = "swap-in error"; /* SWP_SWAPIN_ERROR, 6.0 to 6.2 */
	if (files + n != TYPES || type < files || type - files >= n)
		return NULL;
	*ret_frame = type - files < frames;
	return name[type - files];
}

struct swap_device {
	uint64_t file;
};
static const struct view_field swap_fields[] = {
	FIELD(struct swap_device, file, "swap_file"),
};
static const struct view_spec swap_spec = {
	.type = "swap_info_struct",
	.hint = "mm/swapfile.c",
	.fields = swap_fields,
	.nfields = ARRAY_SIZE(swap_fields),
};

struct swap_file {
	uint64_t dentry;
};
static const struct view_field file_fields[] = {
	FIELD(struct swap_file, dentry, "f_path.dentry", "__f_path.dentry"),
};
static const struct view_spec file_spec = {
	.type = "file",
	.hint = "fs/open.c",
	.fields = file_fields,
	.nfields = ARRAY_SIZE(file_fields),
};

struct swap_dentry {
	uint64_t name;
};
static const struct view_field dentry_fields[] = {
	FIELD(struct swap_dentry, name, "d_name.name"),
};
static const struct view_spec dentry_spec = {
	.type = "dentry",
	.hint = "fs/dcache.c",
	.fields = dentry_fields,
	.nfields = ARRAY_SIZE(dentry_fields),
};

/* The last part of the swap file's name; nothing when any step cannot be read. */
static void add_device(struct target *t, unsigned type, struct strbuf *out)
{
	const struct view *device_view, *file_view, *dentry_view;
	struct swap_device device;
	struct swap_file file;
	struct swap_dentry dentry;
	uint64_t array, va;
	char name[64];

	scoped_err struct err *err = target_symbol(t, "swap_info", &array);
	if (!err)
		err = vspace_read_word(t->kernel, array + type * t->abi.word_bytes, &va);
	if (!err)
		err = target_view(t, &swap_spec, &device_view);
	if (!err)
		err = view_read(device_view, t->kernel, va, &device);
	if (!err)
		err = target_view(t, &file_spec, &file_view);
	if (!err)
		err = view_read(file_view, t->kernel, device.file, &file);
	if (!err)
		err = target_view(t, &dentry_spec, &dentry_view);
	if (!err)
		err = view_read(dentry_view, t->kernel, file.dentry, &dentry);
	if (!err)
		err = vspace_read_str(t->kernel, dentry.name, name, sizeof(name));
	if (err)
		return;
	strbuf_add(out, " (");
	strbuf_add_escaped(out, name, strlen(name));
	strbuf_add(out, ")");
}

struct paging page_entry_paging(struct target *t)
{
	struct paging p = vspace_facts(t->kernel)->layout.paging;
	const struct arch_env env = target_arch_env(t);

	if (p.swap_form == SWAP_UNKNOWN)
		p.swap_form = t->arch->swap_form(&env);
	return p;
}

bool page_entry_explain(struct target *t, const struct paging *p, uint64_t raw, struct strbuf *out)
{
	struct pte_swap s;
	bool frame = false;

	if (!p->swap || !p->swap(p, raw, &s))
		return false;
	if (s.soft_none) {
		strbuf_add(out, "PROT_NONE: resident, no access");
		return true;
	}
	uint64_t files = swap_files(t);
	if (!files || s.type < files) {
		strbuf_addf(out, "swap type %u offset 0x%" PRIx64, s.type, s.offset);
		if (files)
			add_device(t, s.type, out);
	} else {
		const char *mark = mark_name(t, files, s.type, &frame);
		if (!mark)
			strbuf_addf(out, "special type %u of %u, value 0x%" PRIx64, s.type, TYPES,
				s.offset);
		else
			strbuf_addf(out, "%s: %s 0x%" PRIx64, mark, frame ? "frame" : "value",
				s.offset);
	}
	if (s.exclusive)
		strbuf_add(out, ", exclusive");
	return true;
}
