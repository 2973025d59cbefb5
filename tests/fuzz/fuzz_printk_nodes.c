/* %pOF, %pfw, %pV, %pGt, %pra and %pSb over memory of any bytes: chains of nodes, properties and
 * modules. The structures' DWARF is this program's own. */
#include <fcntl.h>
#include <stdio.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/printk_objects.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_vspace.h"

struct list_head {
	void *next, *prev;
};
struct fwnode_handle {
	const void *ops;
};
struct property {
	const char *name;
	int length;
	const void *value;
	struct property *next;
};
struct device_node {
	unsigned int phandle;
	const char *full_name;
	struct fwnode_handle fwnode;
	struct property *properties;
	struct device_node *parent;
	unsigned long _flags;
};
struct kobject {
	const char *name;
};
struct swnode {
	struct kobject kobj;
	struct fwnode_handle fwnode;
	struct swnode *parent;
};
struct va_format {
	const char *fmt;
};
struct range {
	unsigned long long start, end;
};
struct trace_print_flags {
	unsigned long mask;
	const char *name;
};
struct module {
	struct list_head list;
	char name[56];
	unsigned char build_id[20];
};

struct objects {
	struct device_node node, parent;
	struct property first, second;
	struct swnode soft, above;
	struct va_format format;
	struct range range;
	struct trace_print_flags types[3];
	unsigned int page_type;
	struct list_head modules;
	struct module module;
	char text[128];
};
struct objects kept; /* so that the types are in this program's DWARF */

enum { BASE = 0x10000, OPS = 0x40000, CODE = 0x50000 };
#define AT(member) (BASE + offsetof(struct objects, member))

static void print(
	const struct debug_env *env, const struct printk_formats *f, const char *letters, size_t va)
{
	struct arena a = { 0 };
	char line[80];
	scoped_strbuf struct strbuf out = { 0 };
	size_t at = 0;
	snprintf(line, sizeof(line), "\"%%%s\", 0x%zx", letters, va);
	scoped_err struct err *err = printk_print(env, f, &a, line, &out, &at);
	for (size_t i = 0; i < out.len; i++)
		if (out.s[i] == 0x1b)
			__builtin_trap(); /* memory never steers a terminal */
	arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct types *db;
	static struct symtab *st;
	static struct printk_formats *formats;
	struct objects o = { 0 };
	struct vspace vs = { .facts.abi = { .word_bytes = 8 },
		.nregions = 1,
		.region = { { BASE, sizeof(o), &o } } };
	if (!db) {
		db = types_create(&vs.facts.abi);
		err_drop(types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self"));
		st = symtab_create();
		symtab_add(st, "of_fwnode_ops", OPS, 0x100, 'R', NULL);
		symtab_add(st, "software_node_ops", OPS + 0x100, 0x100, 'R', NULL);
		symtab_add(st, "pagetype_names", AT(types), sizeof(o.types), 'R', NULL);
		symtab_add(st, "modules", AT(modules), 16, 'd', NULL);
		symtab_add(st, "mod_fn", CODE, 0x20, 't', "mod");
		symtab_add_range(st, BASE, OPS + 0x200, NULL);
		symtab_add_range(st, CODE, CODE + 0x20, "mod");
		symtab_finish(st);
		formats = printk_formats_create();
		printk_objects_register(formats);
	}
	memcpy(&o, p, n < sizeof(o) ? n : sizeof(o));
	const struct debug_env env = { .vs = &vs, .types = db, .syms = st };
	print(&env, formats, "pOFfnpPFcC", AT(node));
	print(&env, formats, "30.3pOFC", AT(parent));
	print(&env, formats, "pfw", AT(node.fwnode));
	print(&env, formats, "pfwP", AT(soft.fwnode));
	print(&env, formats, "pfw", AT(soft.fwnode));
	print(&env, formats, "pV", AT(format));
	print(&env, formats, "pra", AT(range));
	print(&env, formats, "pGt", AT(page_type));
	print(&env, formats, "pSb", CODE);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	struct objects o = { .range = { 1, 2 }, .page_type = ~0x80u };
	memcpy(o.text, "soc@1\0compatible\0a,b\0c,d\0\0pets %d", 34);
	const char *name = (const char *)AT(text), *key = name + 6, *value = name + 17;
	o.node = (struct device_node){ 7, name, { (void *)OPS }, (void *)AT(first),
		(void *)AT(parent), 10 };
	o.parent = (struct device_node){ 0, name, { (void *)OPS }, (void *)AT(second), NULL, 0 };
	o.first = (struct property){ value, 4, value, (void *)AT(second) };
	o.second = (struct property){ key, 8, value, NULL };
	o.soft = (struct swnode){ { name }, { (void *)(OPS + 0x100) }, (void *)AT(above) };
	o.above = (struct swnode){ { key }, { (void *)(OPS + 0x100) }, NULL };
	o.format.fmt = name + 26;
	o.types[0] = (struct trace_print_flags){ 0x80, key };
	o.modules.next = (void *)AT(module.list);
	o.module.list.next = (void *)AT(modules);
	memcpy(o.module.name, "mod", 4);
	add((const uint8_t *)&o, sizeof(o));
	o.parent.parent = (void *)AT(node);
	o.second.next = (void *)AT(first);
	o.above.parent = (void *)AT(soft);
	o.module.list.next = (void *)AT(module.list);
	o.module.name[0] = 'x';
	add((const uint8_t *)&o, sizeof(o));
}
