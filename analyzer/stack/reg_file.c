/* Reads a file of registers. Knows names and numbers, no dumps. */
#include "analyzer/stack/reg_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"

enum { CPU_MAX = 4096, FILE_BYTES_MAX = 16 << 20, LINE_MAX_BYTES = 256 };

struct cpu_regs {
	unsigned cpu;
	struct regs regs;
};

struct reg_file {
	VEC(struct cpu_regs) cpus;
};

struct parser {
	const struct arch *arch;
	const char *name;
	unsigned line;
	struct reg_file *file;
	bool in_cpu;
};

void reg_file_close(struct reg_file *f)
{
	if (!f)
		return;
	vec_deinit(&f->cpus);
	free(f);
}

static void close_scoped(struct reg_file **f)
{
	reg_file_close(*f);
}

bool reg_file_get(const struct reg_file *f, unsigned cpu, struct regs *ret)
{
	for (size_t i = 0; f && i < f->cpus.n; i++)
		if (f->cpus.v[i].cpu == cpu) {
			*ret = f->cpus.v[i].regs;
			return true;
		}
	return false;
}

static bool register_number(const struct arch *arch, const char *name, unsigned *ret)
{
	const struct {
		const char *name;
		unsigned reg;
		bool numbered; /* r11 is fp on ARM32 only */
	} other[] = { { "fp", arch->reg_fp, false }, { "lr", arch->reg_lr, false },
		{ "sp", arch->reg_sp, false }, { "pc", arch->reg_pc, false },
		{ "psr", arch->reg_status, false }, { "cpsr", arch->reg_status, false },
		{ "pstate", arch->reg_status, false }, { "r11", 11, true }, { "r12", 12, true },
		{ "r13", 13, true }, { "r14", 14, true }, { "r15", 15, true } };
	for (unsigned i = 0; i < arch->nregs; i++)
		if (!strcmp(arch->reg_name[i], name)) {
			*ret = i;
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		if (!strcmp(other[i].name, name) &&
			(!other[i].numbered || arch->abi.word_bytes == 4)) {
			*ret = other[i].reg;
			return true;
		}
	return false;
}

static struct err *wrong(const struct parser *p, const char *what)
{
	return err_new(ERR_FORMAT, "%s, line %u: %s", p->name, p->line, what);
}

static char *trim(char *s)
{
	size_t n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static struct err *take_cpu(struct parser *p, const char *text)
{
	uint64_t cpu;
	struct regs already;
	if (!number_parse(text, &cpu) || cpu >= CPU_MAX)
		return wrong(p, "\"cpu\" wants a number");
	if (reg_file_get(p->file, (unsigned)cpu, &already))
		return wrong(p, "this CPU came before");
	vec_push(&p->file->cpus, ((struct cpu_regs){ .cpu = (unsigned)cpu }));
	p->in_cpu = true;
	return NULL;
}

static struct err *take_register(struct parser *p, char *line, char *equals)
{
	unsigned reg;
	uint64_t v;
	*equals = '\0';
	const char *name = trim(line), *value = trim(equals + 1);
	if (!p->in_cpu)
		return wrong(p, "a register before the first \"cpu N\"");
	if (!register_number(p->arch, name, &reg))
		return wrong(p, "no register of this architecture has that name");
	if (!number_parse_hex(value, &v) || (p->arch->abi.word_bytes == 4 && v > UINT32_MAX))
		return wrong(p, "the value is no hexadecimal number of a register");
	struct regs *regs = &p->file->cpus.v[p->file->cpus.n - 1].regs;
	if (regs_has(regs, reg))
		return wrong(p, "this register came before");
	regs_set(regs, reg, v);
	return NULL;
}

static struct err *take_line(struct parser *p, const char *text, size_t n)
{
	char line[LINE_MAX_BYTES];
	const char *hash = memchr(text, '#', n);
	if (hash)
		n = (size_t)(hash - text);
	if (n >= sizeof(line) || memchr(text, '\0', n))
		return wrong(p, "no text of this format");
	for (size_t i = 0; i < n; i++)
		line[i] = (char)tolower((unsigned char)text[i]);
	line[n] = '\0';
	char *words = trim(line), *equals = strchr(words, '=');
	if (!*words)
		return NULL;
	if (equals)
		return take_register(p, words, equals);
	if (!strncmp(words, "cpu", 3) &&
		(isspace((unsigned char)words[3]) || isdigit((unsigned char)words[3])))
		return take_cpu(p, trim(words + 3));
	return wrong(p, "neither \"cpu N\" nor \"register = value\"");
}

/* Without a pc nothing can start from a CPU's registers, and one alone is nothing to look at
 * either. */
static struct err *check(const struct parser *p)
{
	for (size_t i = 0; i < p->file->cpus.n; i++)
		if (!regs_has(&p->file->cpus.v[i].regs, p->arch->reg_pc))
			return err_new(ERR_FORMAT, "%s: CPU %u has no pc", p->name,
				p->file->cpus.v[i].cpu);
	return p->file->cpus.n ? NULL : err_new(ERR_FORMAT, "%s: no registers in it", p->name);
}

struct err *reg_file_parse(const struct arch *arch, const char *name, const char *text, size_t n,
	struct reg_file **ret)
{
	__attribute__((cleanup(close_scoped))) struct reg_file *f = xcalloc(1, sizeof(*f));
	struct parser p = { .arch = arch, .name = name, .file = f };
	struct err *err = NULL;
	while (!err && n) {
		const char *end = memchr(text, '\n', n);
		size_t line = end ? (size_t)(end - text) : n;
		p.line++;
		err = take_line(&p, text, line);
		line += end != NULL;
		text += line;
		n -= line;
	}
	if (!err)
		err = check(&p);
	if (!err)
		*ret = take_ptr(f);
	return err;
}

static void close_stream(FILE **f)
{
	if (*f)
		fclose(*f);
}

struct err *reg_file_open(const struct arch *arch, const char *path, struct reg_file **ret)
{
	__attribute__((cleanup(close_stream))) FILE *from = fopen(path, "re");
	if (!from)
		return err_io(errno, "%s", path);
	scoped_strbuf struct strbuf text = { 0 };
	char part[4096];
	size_t n;
	while ((n = fread(part, 1, sizeof(part), from)) > 0 && text.len <= FILE_BYTES_MAX)
		strbuf_add_bytes(&text, part, n);
	if (ferror(from))
		return err_io(errno, "%s", path);
	if (text.len > FILE_BYTES_MAX)
		return err_new(ERR_LIMIT, "%s: too large to be a list of registers", path);
	return reg_file_parse(arch, path, strbuf_text(&text), text.len, ret);
}
