/* dump: where the memory comes from, and the whole of it written in another format. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct column extent_columns[] = { { "start", .width = WIDTH_ADDRESS },
	{ "end", .width = WIDTH_ADDRESS }, { "size" }, { 0 } };
static const struct table extent_table = { .layout = LAYOUT_TABLE, .columns = extent_columns };

static const struct column file_columns[] = { { "file" }, { "format" }, { "bytes" }, { "memory" },
	{ "lost" }, { 0 } };
static const struct table file_table = { .layout = LAYOUT_RECORD, .columns = file_columns };

static const struct option dump_options[] = { { 'f', "FORMAT", "elf or kdump (the default)" },
	{ 'z', "CODEC", "of kdump: zlib (the default), lzo, snappy or zstd" },
	{ 'F', NULL, "write over a file that exists" }, { 0 } };

static const char *const format_names[] = {
	[DUMP_WRITE_ELF] = "elf", [DUMP_WRITE_KDUMP] = "kdump"
};
static const char *const codec_names[] = { [DUMP_WRITE_ZLIB] = "zlib",
	[DUMP_WRITE_LZO] = "lzo",
	[DUMP_WRITE_SNAPPY] = "snappy",
	[DUMP_WRITE_ZSTD] = "zstd" };

static struct err *choose(const struct args *a, char letter, const char *const *names, size_t n,
	unsigned otherwise, unsigned *ret)
{
	const char *word = args_option(a, letter);
	*ret = otherwise;
	for (size_t i = 0; word && i < n; i++) {
		*ret = (unsigned)i;
		if (strcmp(word, names[i]) == 0)
			return NULL;
	}
	return word ? err_new(ERR_USAGE, "-%c: %s is none of %s, %s%s", letter, word, names[0],
			      names[1], n > 2 ? ", snappy, zstd" : "")
		    : NULL;
}

/* What the file's header says of the machine; the kernel that was found knows better than the dump.
 */
static struct err *machine_fill(const struct target *t, struct dump_write_options *o)
{
	const struct dump_info *info = dump_info(t->dump);
	o->elf_machine = t->arch ? t->arch->elf_machine : info->elf_machine;
	o->abi = t->abi.word_bytes ? t->abi : info->abi;
	o->vmcoreinfo = target_vmcoreinfo(t);
	o->page_bytes = 4096;
	if (t->kernel)
		o->page_bytes = 1u << vspace_facts(t->kernel)->layout.paging.page_shift;
	else if (info->page_bytes >= 4096 && info->page_bytes <= 65536)
		o->page_bytes = (uint32_t)info->page_bytes;
	if (!o->elf_machine || !o->abi.word_bytes)
		return err_new(ERR_MISSING, "nothing says which machine this was; a vmlinux does");
	return NULL;
}

/* The file, new and empty. One that exists is only replaced once the new one is whole. */
static struct err *file_make(const char *path, bool force, char **ret_part, int *ret_fd)
{
	struct stat st;
	if (!force && lstat(path, &st) == 0)
		return err_new(ERR_USAGE, "%s exists; -F writes over it", path);
	scoped_free char *part = xasprintf("%s.part-%ld", path, (long)getpid());
	*ret_fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (*ret_fd < 0)
		return err_io(errno, "%s", part);
	*ret_part = take_ptr(part);
	return NULL;
}

static struct err *convert(struct cx *cx, const char *path, bool force,
	const struct dump_write_options *o, struct dump_write_result *ret)
{
	scoped_free char *part = NULL;
	scoped_fd int fd = -1;
	struct err *err = file_make(path, force, &part, &fd);
	if (err)
		return err;
	err = dump_write(cx->target->dump, fd, o, ret);
	/* link() and not rename(): a file that came meanwhile stays. */
	if (!err && (force ? rename(part, path) : link(part, path)))
		err = err_io(errno, "naming it");
	if (err || !force)
		unlink(part);
	return err_wrap(err, "%s", path);
}

static struct err *convert_run(struct cx *cx, const struct args *a)
{
	struct dump_write_options o = { 0 };
	struct dump_write_result result;
	unsigned format, codec;
	if (args_count(a) != 2)
		return err_new(ERR_USAGE, "dump convert wants one FILE");
	struct err *err =
		choose(a, 'f', format_names, ARRAY_SIZE(format_names), DUMP_WRITE_KDUMP, &format);
	if (!err)
		err = choose(a, 'z', codec_names, ARRAY_SIZE(codec_names), DUMP_WRITE_ZLIB, &codec);
	if (!err && format == DUMP_WRITE_ELF && args_option(a, 'z'))
		err = err_new(ERR_USAGE, "-z is for kdump: an ELF core is not compressed");
	if (!err)
		err = machine_fill(cx->target, &o);
	if (err)
		return err;
	o.format = (enum dump_write_format)format;
	o.codec = (enum dump_write_codec)codec;
	err = convert(cx, args_get(a, 1), args_flag(a, 'F'), &o, &result);
	if (err)
		return err;
	out_table(cx->out, &file_table);
	out_row(cx->out);
	out_str(cx->out, "file", args_get(a, 1));
	out_str(cx->out, "format", format_names[format]);
	out_uint(cx->out, "bytes", result.bytes);
	out_bytes(cx->out, "memory", result.memory_bytes);
	if (result.lost_bytes)
		out_bytes(cx->out, "lost", result.lost_bytes);
	return NULL;
}

static struct err *dump_run_command(struct cx *cx, const struct args *a)
{
	if (args_count(a) && strcmp(args_get(a, 0), "convert") == 0)
		return convert_run(cx, a);
	if (args_count(a))
		return args_error(a, 0, "dump knows convert FILE, or nothing at all");
	const struct dump_info *info = dump_info(cx->target->dump);
	out_table(cx->out, &extent_table);
	for (size_t i = 0; i < info->nextents; i++) {
		const struct dump_extent *x = &info->extent[i];
		out_row(cx->out);
		out_hex(cx->out, "start", x->start.v);
		out_hex(cx->out, "end", x->start.v + (x->size - 1));
		out_bytes(cx->out, "size", x->size);
	}
	return NULL;
}

static const char *const dump_examples[] = {
	"dump\tthe ranges of physical memory that the dump describes",
	"dump convert vmcore.kdump\tthe same dump, compressed by zlib",
	"dump convert -f elf vmcore.elf\tas an ELF core, for gdb",
	NULL,
};

const struct command cmd_dump = {
	.name = "dump",
	.summary = "the dump's ranges of memory; or all of it in another format",
	.usage = "[convert FILE]",
	.details = "convert writes what can be read, with the notes. Pages that the dump's filter "
		   "left out "
		   "stay excluded. Memory that is lost, because the dump is cut or damaged, is "
		   "left out "
		   "and counted.",
	.options = dump_options,
	.examples = dump_examples,
	.max_args = 2,
	.run = dump_run_command,
};
