/* Opening: tells files apart, places the kernel, builds space, symbols and types. What finds the
 * kernel is in finder.c, what it means in arch/. */
#include "analyzer/target/target.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/target/bare.h"
#include "analyzer/target/base_search.h"
#include "analyzer/debug/debug_file.h"
#include "analyzer/dump/foreign.h"
#include "analyzer/target/finder.h"
#include "analyzer/target/override_check.h"
#include "analyzer/target/private.h"
#include "analyzer/target/same_kernel.h"
#include "analyzer/target/vendor.h"
#include "analyzer/target/vmcoreinfo_types.h"

static struct target *target_create(void)
{
	struct target *t = xcalloc(1, sizeof(*t));
	t->priv = xcalloc(1, sizeof(*t->priv));
	t->syms = symtab_create();
	t->priv->debug_fd = -1;
	return t;
}

/* At the end, when nobody waits for an answer. */
static void save_cache(struct target *t)
{
	const void *saved;
	size_t n;
	if (!t->vmlinux || !index_cache_writable(t->vmlinux->cache))
		return;
	if (!index_cache_section(t->vmlinux->cache, INDEX_SYMBOLS, &saved, &n)) {
		void *bytes = symtab_save(t->syms, &n);
		if (bytes)
			index_cache_put(t->vmlinux->cache, INDEX_SYMBOLS, bytes, n);
	}
	index_cache_save(t->vmlinux->cache);
}

void target_close(struct target *t)
{
	if (!t)
		return;
	target_drop_kept(t);
	for (size_t i = 0; i < t->priv->views.n; i++)
		view_destroy(t->priv->views.v[i].view);
	vec_deinit(&t->priv->views);
	strmap_deinit(&t->priv->type_numbers);
	arena_deinit(&t->priv->type_number_keys);
	for (size_t i = 0; i < t->priv->warnings.n; i++)
		free(t->priv->warnings.v[i]);
	vec_deinit(&t->priv->warnings);
	free(t->priv->vmcoreinfo);
	scan_deinit(&t->priv->scan);
	attempts_deinit(&t->priv->attempts);
	overrides_deinit(&t->priv->overrides);
	claims_deinit(&t->priv->claims);
	if (t->priv->debug_fd >= 0)
		close(t->priv->debug_fd);
	free(t->priv->debug_path);
	if (t->types)
		types_destroy(t->types);
	save_cache(t);
	symtab_destroy(t->syms);
	kallsyms_destroy(t->priv->kallsyms);
	free(t->priv->btf);
	free(t->priv->config);
	free(t->priv);
	vspace_destroy(t->kernel);
	vmlinux_close(t->vmlinux);
	if (t->dump)
		dump_close(t->dump);
	free(t);
}

static void close_scoped(struct target **t)
{
	target_close(*t);
}

void target_warn(struct target *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	vec_push(&t->priv->warnings, s);
}

static struct err *open_files(struct target *t, const struct target_options *o)
{
	scoped_free struct dump_file *dumps = xcalloc(o->nfiles + o->nram + 1, sizeof(*dumps));
	size_t ndumps = 0;
	const char *vmlinux = NULL;
	for (size_t i = 0; i < o->nfiles; i++) {
		if (dump_recognises(o->files[i]) || foreign_recognises(&o->dump, o->files[i])) {
			dumps[ndumps++].path = o->files[i];
		} else if (!vmlinux) {
			vmlinux = o->files[i];
		} else {
			return err_new(ERR_USAGE,
				"%s and %s: neither is a dump; at most one vmlinux "
				"can be given",
				vmlinux, o->files[i]);
		}
	}
	if (vmlinux) {
		struct err *err = vmlinux_open(
			vmlinux, o->no_cache ? VMLINUX_NOT_CACHED : VMLINUX_CACHED, &t->vmlinux);
		if (err)
			return err;
	}
	for (size_t i = 0; i < o->nram; i++)
		dumps[ndumps++] = o->ram[i];
	if (!ndumps)
		return err_new(ERR_USAGE, "%s is a vmlinux; a dump is needed as well", vmlinux);
	return dump_open_files(dumps, ndumps, &o->dump, &t->dump);
}

/* The vmlinux decides: QEMU writes an ARM64 header for an ARM32 kernel on a 64-bit CPU. */
static void choose_arch(struct target *t)
{
	const struct dump_info *info = dump_info(t->dump);
	t->arch = arch_find(t->vmlinux ? t->vmlinux->machine : info->elf_machine);
	if (t->vmlinux) {
		t->abi = t->vmlinux->abi;
	} else if (t->arch) {
		t->abi = t->arch->abi;
		t->abi.big_endian = info->abi.big_endian;
	}
}

static struct err *place_kernel(struct target *t, bool force)
{
	struct err *err = same_kernel_check(t);
	if (err && !force)
		return err;
	err_drop(err);
	struct finder_input in = {
		.dump = t->dump,
		.vmlinux = t->vmlinux,
		.arch = t->arch,
		.vmcoreinfo = target_vmcoreinfo(t),
		.attempts = &t->priv->attempts,
		.claims = &t->priv->claims,
	};
	err = finder_place_kernel(&in, &t->image, &t->image_finder);
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	err = same_kernel_explain(t, err);
	if (err->code == ERR_MISMATCH && !force)
		return err;
	target_warn(t, "%s: the kernel was not found: %s", dump_info(t->dump)->path, err->msg);
	err_drop(err);
	return NULL;
}

static struct err *load_symbols(struct target *t)
{
	uint64_t slide = t->image.va ? t->image.va - t->image.link_va : 0;
	struct index_cache *cache = t->vmlinux->cache;
	const void *saved;
	size_t n;
	bool known = index_cache_section(cache, INDEX_SYMBOLS, &saved, &n);
	if (known && !symtab_add_saved(t->syms, saved, n, slide)) {
		index_cache_reject(cache, INDEX_SYMBOLS);
		known = false;
	}
	struct err *err = known ? NULL : symtab_add_elf(t->syms, t->vmlinux->elf, slide);
	if (err)
		return err_wrap(err, "%s", t->vmlinux->path);
	symtab_finish(t->syms);
	return NULL;
}

static void note_layout(struct target *t, const struct arch_layout *l)
{
	bool proved = !t->priv->obeyed && !l->tables_missing;
	attempts_add(&t->priv->attempts, "address space", proved ? ATTEMPT_PROVED : ATTEMPT_FOUND,
		proved		    ? "its tables map the image's text where the image is"
		: l->tables_missing ? "as VMCOREINFO says; the tables are missing"
				    : "--set, by force",
		"%s, root at physical 0x%" PRIx64 ", linear map 0x%" PRIx64 " at 0x%" PRIx64,
		l->paging.name, l->pgd.v, l->page_offset, l->phys_offset.v);
}

/* The layout as memory proves it; where it cannot, with what --set says. */
static struct err *find_layout(struct target *t, struct arch_layout *ret)
{
	struct arch_env env = target_arch_env(t);
	struct arch_layout other;
	env.read = NULL;
	struct err *err = t->arch->layout(&env, t->dump, &t->image, ret);
	if ((err && err->code == ERR_INTERRUPTED) || !t->priv->overrides.v.n)
		return err;
	if (!err)
		override_check_layout(t, ret);
	if (!err && !t->priv->overrides_count)
		return NULL;
	t->priv->overrides_count = true;
	struct err *still = t->arch->layout(&env, t->dump, &t->image, &other);
	if (still && still->code == ERR_INTERRUPTED) {
		err_drop(err);
		return still;
	}
	if (!still && (err || override_obeyed(t, &other))) {
		*ret = other;
		err_drop(err); /* not with these facts */
		return NULL;
	}
	if (!err) {
		target_warn(t, "--set cannot be obeyed, not even by force: %s",
			still ? still->msg : "something else that is said decides this");
		t->priv->overrides_count = t->priv->obeyed = false;
	}
	err_drop(still); /* said, or the first error says what is missing */
	return err;
}

static struct err *build_space(struct target *t)
{
	struct space_facts facts = { .arch = t->arch, .abi = t->abi };
	attempts_mark(&t->priv->attempts); /* symbols and types were loaded meanwhile */
	struct err *err = find_layout(t, &facts.layout);
	if (!err) {
		note_layout(t, &facts.layout);
		if (facts.layout.tables_missing)
			target_warn(t,
				"%s: page tables of the kernel are missing: its linear map and "
				"image are "
				"read without them, other addresses only where tables are left",
				dump_info(t->dump)->path);
		claims_check_root(t, &facts.layout);
		t->kernel = vspace_create(t->dump, &facts);
		t->debug.vs = t->kernel;
		return NULL;
	}
	if (err->code == ERR_INTERRUPTED)
		return err;
	attempts_add(&t->priv->attempts, "address space", ATTEMPT_NOTHING, NULL, "%s", err->msg);
	target_warn(t, "%s: no kernel address space: %s", dump_info(t->dump)->path, err->msg);
	err_drop(err);
	return NULL;
}

/* A vmlinux without debug information of its own may have it in a separate file. */
static void open_debug_file(struct target *t, const char *symbols_dir)
{
	if (debug_file_not_needed(t->vmlinux->elf))
		return;
	t->priv->debug_path = debug_file_find(t->vmlinux->elf, t->vmlinux->path, symbols_dir, NULL);
	if (t->priv->debug_path)
		t->priv->debug_fd = open(t->priv->debug_path, O_RDONLY | O_CLOEXEC);
}

static void load_types(struct target *t, const char *symbols_dir)
{
	t->types = types_create(&t->abi);
	types_set_symbols_dir(t->types, symbols_dir);
	if (!t->vmlinux)
		return;
	types_use_cache(t->types, t->vmlinux->cache);
	open_debug_file(t, symbols_dir);
	bool separate = t->priv->debug_fd >= 0;
	/* Kernels without BTF are common and no news; types_providers() tells. */
	struct err *no_btf = types_add_btf_elf(t->types, t->vmlinux->elf, t->vmlinux->path);
	struct err *err = types_add_dwarf(t->types, separate ? t->priv->debug_fd : t->vmlinux->fd,
		separate ? t->priv->debug_path : t->vmlinux->path);
	if (no_btf && err)
		target_warn(t, "no types: %s; --symbols DIR says where separate debug files are",
			err->msg);
	err_drop(no_btf);
	err_drop(err);
	types_open_ahead(t->types);
}

/* With symbols the text is where vmcoreinfo_data points (kernel/crash_core.c, since v4.14); only
 * then can it be told that it is of another build than the vmlinux. */
static struct err *read_vmcoreinfo_from_memory(struct target *t)
{
	uint64_t ptr, size;
	if (target_vmcoreinfo(t) || !t->kernel ||
		!target_try_variable(t, "vmcoreinfo_data", &ptr) ||
		!target_try_variable(t, "vmcoreinfo_size", &size) || !size || size > 65536)
		return NULL;
	scoped_free char *text = xcalloc(size + 1, 1);
	if (vspace_try_read(t->kernel, ptr, text, size, NULL) != FAULT_NONE ||
		strncmp(text, "OSRELEASE=", 10))
		return NULL;
	t->priv->vmcoreinfo = take_ptr(text);
	struct err *err = same_kernel_check(t);
	attempts_add(&t->priv->attempts, "VMCOREINFO by vmcoreinfo_data",
		err ? ATTEMPT_REFUTED : ATTEMPT_FOUND,
		err ? "another build than the vmlinux" : NULL, "at 0x%" PRIx64, ptr);
	if (!err || !t->priv->force)
		return err;
	err_drop(err); /* --force */
	return NULL;
}

static void note_vmcoreinfo(struct target *t)
{
	scoped_free char *release = NULL;
	bool has = vmcoreinfo_find(dump_info(t->dump)->vmcoreinfo, "OSRELEASE", &release);
	attempts_add(&t->priv->attempts, "VMCOREINFO note", has ? ATTEMPT_FOUND : ATTEMPT_NOTHING,
		NULL, "%s%s", has ? "Linux " : "the file has none", has ? release : "");
}

static struct err *find_kernel(struct target *t, const struct target_options *o)
{
	struct err *err = claims_collect(t, o->finders, o->nfinders);
	if (!err)
		err = t->vmlinux ? place_kernel(t, o->force) : bare_find_kernel(t);
	if (!err)
		override_check_image(t);
	if (!err)
		vendor_check_kaslr(t);
	return err;
}

/* Back to what was known before the kernel was sought. */
static void forget_kernel(struct target *t, size_t nwarnings)
{
	symtab_destroy(t->syms);
	t->syms = symtab_create();
	kallsyms_destroy(t->priv->kallsyms);
	t->priv->kallsyms = NULL;
	free(t->priv->vmcoreinfo);
	t->priv->vmcoreinfo = NULL;
	t->image = (struct kernel_image){ 0 };
	t->image_finder = NULL;
	while (t->priv->warnings.n > nwarnings)
		free(t->priv->warnings.v[--t->priv->warnings.n]);
}

/* One guess of where RAM begins: a kernel whose page tables say the same proves it. */
static struct err *try_base(void *cx, struct target *t, bool *ret_proved)
{
	const struct target_options *o = cx;
	struct arch_env env = target_arch_env(t);
	struct arch_layout layout;
	size_t nwarnings = t->priv->warnings.n;
	env.read = NULL;
	struct err *err = find_kernel(t, o);
	if (!err && t->image.va && t->vmlinux)
		err = load_symbols(t);
	if (err)
		return err;
	struct err *no_layout =
		t->image.va ? t->arch->layout(&env, t->dump, &t->image, &layout) : NULL;
	*ret_proved = t->image.va && !no_layout;
	err_drop(no_layout); /* of this guess; another may do */
	if (!*ret_proved)
		forget_kernel(t, nwarnings);
	return NULL;
}

static struct err *find_based_kernel(struct target *t, const struct target_options *o)
{
	bool found;
	if (!dump_info(t->dump)->base_unknown)
		return find_kernel(t, o);
	struct err *err = base_search(t, try_base, (void *)o, &found);
	if (!err && !found)
		target_warn(t,
			"%s: this may be raw RAM, but no kernel in it proves where it begins; "
			"--ram FILE@PHYS says it, `sys -b` lists what was tried",
			dump_info(t->dump)->path);
	return err;
}

static struct err *build(struct target *t, const struct target_options *o)
{
	note_vmcoreinfo(t);
	struct err *err = find_based_kernel(t, o);
	if (err)
		return err;
	/* Types first: DWARF opens on another thread while the symbols are sorted here. */
	load_types(t, o->symbols_dir);
	if (t->vmlinux && !symtab_count(t->syms))
		err = load_symbols(t);
	if (err)
		return err;
	t->debug = (struct debug_env){ .types = t->types, .syms = t->syms };
	if (t->image.va)
		err = build_space(t);
	if (!err)
		err = read_vmcoreinfo_from_memory(t);
	if (!err && !t->vmlinux && t->kernel) {
		bare_add_btf(t);
		bare_recover(t); /* types help to prove */
	}
	if (!err && t->kernel)
		vmcoreinfo_add_types(t);
	return err ? err : interrupt_check();
}

struct err *target_open(const struct target_options *o, struct target **ret)
{
	__attribute__((cleanup(close_scoped))) struct target *t = target_create();
	struct err *err = open_files(t, o);
	if (err)
		return err;
	choose_arch(t);
	t->priv->force = o->force;
	for (size_t i = 0; !err && i < o->nset; i++)
		err = overrides_add(&t->priv->overrides, o->set[i]);
	if (err)
		return err;
	scan_init(&t->priv->scan, t->dump);
	attempts_mark(&t->priv->attempts);
	if (dump_info(t->dump)->damage)
		target_warn(t, "%s: %s", dump_info(t->dump)->path, dump_info(t->dump)->damage);
	err = build(t, o);
	if (err)
		return err;
	*ret = take_ptr(t);
	return NULL;
}

const char *target_warning(const struct target *t, size_t i)
{
	return i < t->priv->warnings.n ? t->priv->warnings.v[i] : NULL;
}

const struct attempt *target_attempt(const struct target *t, size_t i)
{
	return i < t->priv->attempts.v.n ? &t->priv->attempts.v.v[i] : NULL;
}

void target_scanned(const struct target *t, uint64_t *ret_bytes, uint64_t *ret_ns)
{
	*ret_bytes = t->priv->scan.bytes;
	*ret_ns = t->priv->scan.took_ns;
}

bool target_partial(const struct target *t)
{
	return dump_info(t->dump)->damage != NULL;
}

const char *target_vmcoreinfo(const struct target *t)
{
	const char *noted = dump_info(t->dump)->vmcoreinfo;
	return noted ? noted : t->priv->vmcoreinfo;
}
