/*
 * What the guest says of itself, every file twice. argv[1] is the channel to the host: each file is framed by lines
 * that begin with the byte 1; lib/truth.py is the other end. One process that neither forks nor allocates does it
 * all, so that little moves between the readings: first what is large and quiet, twice; then what moves, once for
 * nothing (to fill the kernel's caches), then twice. After that it lets the trigger go and sleeps.
 * It knows the names of the kernel's files; it interprets none except the layout of pagemap and kpageflags.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int channel;
static const char *suffix;
static char out_buffer[65536];
static size_t out_used;
static char in_buffer[65536];

static void flush(void)
{
	for (size_t done = 0; done < out_used;) {
		ssize_t n = write(channel, out_buffer + done, out_used - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	out_used = 0;
}

static void put(const char *text, size_t length)
{
	while (length) {
		size_t n = sizeof(out_buffer) - out_used;

		if (n > length)
			n = length;
		memcpy(out_buffer + out_used, text, n);
		out_used += n;
		text += n;
		length -= n;
		if (out_used == sizeof(out_buffer))
			flush();
	}
}

__attribute__((format(printf, 1, 2))) static void put_format(const char *format, ...)
{
	char line[1024];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	if (n > 0)
		put(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void begin(const char *name)
{
	put_format("\001BEGIN %s%s\n", name, suffix);
}

static void end(const char *name)
{
	put_format("\n\001END %s%s\n", name, suffix);
	flush();
}

/* The file as it is, or with PREFIX: before each line when there is a prefix. */
static bool put_file(const char *path, const char *prefix)
{
	int fd = open(path, O_RDONLY);
	bool at_start = true;
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = read(fd, in_buffer, sizeof(in_buffer))) > 0) {
		char *text = in_buffer, *stop = in_buffer + n;

		if (!prefix)
			put(in_buffer, (size_t)n);
		while (prefix && text < stop) {
			char *newline = memchr(text, '\n', (size_t)(stop - text));
			char *next = newline ? newline + 1 : stop;

			if (at_start)
				put_format("%s:", prefix);
			put(text, (size_t)(next - text));
			at_start = newline != NULL;
			text = next;
		}
	}
	if (prefix && !at_start)
		put("\n", 1);
	close(fd);
	return true;
}

static void emit(const char *name, const char *path)
{
	if (access(path, R_OK))
		return;
	begin(name);
	put_file(path, NULL);
	end(name);
}

static void emit_proc(const char *const *names)
{
	char path[64];

	for (; *names; names++) {
		snprintf(path, sizeof(path), "/proc/%s", *names);
		emit(*names, path);
	}
}

/* Calls back for each entry of a folder whose name begins with a digit (ALL: every one but . and ..), by number. */
static void for_each(const char *folder, bool all, void (*fn)(const char *path, const char *name))
{
	struct dirent **list;
	int n = scandir(folder, &list, NULL, versionsort);
	char path[512];

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (all ? name[0] != '.' : isdigit((unsigned char)name[0])) {
			snprintf(path, sizeof(path), "%s/%s", folder, name);
			fn(path, name);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* ---- one file of every thread: lines of "/proc/TGID/task/TID/FILE:" and the text */

static const char *task_file;

static void put_thread(const char *path, const char *name)
{
	char file[600];

	(void)name;
	snprintf(file, sizeof(file), "%s/%s", path, task_file);
	put_file(file, file);
}

static void put_process(const char *path, const char *name)
{
	char folder[600];

	(void)name;
	snprintf(folder, sizeof(folder), "%s/task", path);
	for_each(folder, false, put_thread);
}

static void emit_tasks(const char *name, const char *file)
{
	task_file = file;
	begin(name);
	for_each("/proc", false, put_process);
	end(name);
}

/* ---- processes with memory of their own */

static void put_link(const char *path, const char *name)
{
	char target[512];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n >= 0)
		put_format("%s -> %.*s\n", name, (int)n, target);
}

/* Lines of "VA ENTRY" for each page that is present or swapped, as Documentation/admin-guide/mm/pagemap.rst has it. */
static void put_pagemap(const char *maps_path, const char *pagemap_path)
{
	FILE *maps = fopen(maps_path, "r");
	int fd = open(pagemap_path, O_RDONLY);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), entries[512];
	unsigned long long from, to;
	char line[512];

	while (maps && fd >= 0 && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%llx-%llx", &from, &to) != 2)
			continue;
		for (uint64_t va = from; va < to;) {
			uint64_t want = (to - va) / page < 512 ? (to - va) / page : 512;
			ssize_t n = pread64(fd, entries, want * 8, (off64_t)(va / page * 8));

			if (n <= 0)
				break;
			for (ssize_t i = 0; i < n / 8; i++, va += page)
				if (entries[i] >> 62)
					put_format("%llx %016llx\n", (unsigned long long)va, (unsigned long long)entries[i]);
		}
	}
	if (maps)
		fclose(maps);
	if (fd >= 0)
		close(fd);
}

static void emit_process(const char *path, const char *name)
{
	char maps[600], other[600], label[64], byte;
	int fd;
	bool empty;

	snprintf(maps, sizeof(maps), "%s/maps", path);
	fd = open(maps, O_RDONLY);
	empty = fd < 0 || read(fd, &byte, 1) != 1; /* a kernel thread */
	if (fd >= 0)
		close(fd);
	if (empty)
		return;
	snprintf(label, sizeof(label), "maps.%s", name);
	emit(label, maps);
	snprintf(label, sizeof(label), "pagemap.%s", name);
	snprintf(other, sizeof(other), "%s/pagemap", path);
	begin(label);
	put_pagemap(maps, other);
	end(label);
	snprintf(label, sizeof(label), "fd.%s", name);
	snprintf(other, sizeof(other), "%s/fd", path);
	begin(label);
	for_each(other, false, put_link);
	end(label);
	snprintf(label, sizeof(label), "auxv.%s", name);
	snprintf(other, sizeof(other), "%s/auxv", path);
	fd = open(other, O_RDONLY);
	begin(label);
	for (unsigned long pair[2]; fd >= 0 && read(fd, pair, sizeof(pair)) == sizeof(pair);)
		put_format("%lu %#lx\n", pair[0], pair[1]);
	end(label);
	if (fd >= 0)
		close(fd);
}

/* ---- pages: "PFN FLAGS MAPCOUNT" for each frame of RAM, runs of equal ones as "PFN-PFN" */

static void emit_pages(void)
{
	FILE *iomem = fopen("/proc/iomem", "r");
	int flags_fd = open("/proc/kpageflags", O_RDONLY), count_fd = open("/proc/kpagecount", O_RDONLY);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), flags[512], counts[512];
	unsigned long long from, to;
	char line[256];

	if (!iomem || flags_fd < 0 || count_fd < 0)
		return;
	begin("pages");
	while (fgets(line, sizeof(line), iomem)) {
		uint64_t run = 0, run_flags = 0, run_count = 0;
		bool in_run = false;

		if (line[0] == ' ' || !strstr(line, "System RAM") || sscanf(line, "%llx-%llx", &from, &to) != 2)
			continue;
		uint64_t pfn = (from + page - 1) / page, stop = (to + 1) / page;

		while (pfn < stop) {
			uint64_t want = stop - pfn < 512 ? stop - pfn : 512;

			if (pread64(flags_fd, flags, want * 8, (off64_t)(pfn * 8)) != (ssize_t)(want * 8) ||
			    pread64(count_fd, counts, want * 8, (off64_t)(pfn * 8)) != (ssize_t)(want * 8))
				break;
			for (uint64_t i = 0; i < want; i++, pfn++) {
				if (in_run && flags[i] == run_flags && counts[i] == run_count)
					continue;
				if (in_run)
					put_format("%llx-%llx %llx %llu\n", (unsigned long long)run, (unsigned long long)pfn - 1,
						   (unsigned long long)run_flags, (unsigned long long)run_count);
				in_run = true;
				run = pfn;
				run_flags = flags[i];
				run_count = counts[i];
			}
		}
		if (in_run)
			put_format("%llx-%llx %llx %llu\n", (unsigned long long)run, (unsigned long long)pfn - 1,
				   (unsigned long long)run_flags, (unsigned long long)run_count);
	}
	end("pages");
	fclose(iomem);
	close(flags_fd);
	close(count_fd);
}

/* ---- the rest */

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			perror(path);
		close(fd);
	}
}

/* SMP ARM32 has no /proc/PID/stack for other tasks: sysrq-t tells the console instead, between two marks. */
static void stacks_by_sysrq(void)
{
	char mark[64];

	snprintf(mark, sizeof(mark), "inquest: stacks%s begin\n", suffix);
	write_to("/dev/kmsg", mark);
	write_to("/proc/sysrq-trigger", "t");
	snprintf(mark, sizeof(mark), "inquest: stacks%s end\n", suffix);
	write_to("/dev/kmsg", mark);
}

static void emit_memblock(const char *path, const char *name)
{
	char label[128];

	snprintf(label, sizeof(label), "memblock/%s", name);
	emit(label, path);
}

static void put_slab(const char *path, const char *name)
{
	static const char *const files[] = { "object_size", "slab_size", "objs_per_slab", "order", "align", "min_partial",
					     "cpu_partial", "aliases", "red_zone", "poison", "store_user", NULL };
	char file[600];
	struct stat st;

	(void)name;
	if (lstat(path, &st) || !S_ISDIR(st.st_mode))
		return; /* a link: this cache was merged into another */
	for (const char *const *f = files; *f; f++) {
		snprintf(file, sizeof(file), "%s/%s", path, *f);
		put_file(file, file);
	}
}

static void put_sections(const char *path, const char *name)
{
	char folder[600];

	(void)name;
	snprintf(folder, sizeof(folder), "%s/sections", path);
	DIR *dir = opendir(folder);

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char file[900];

		snprintf(file, sizeof(file), "%s/%s", folder, entry->d_name);
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			put_file(file, file);
	}
	if (dir)
		closedir(dir);
}

static void quiet_reading(void)
{
	static const char *const files[] = { "kallsyms", "iomem", "cmdline", "version", "cpuinfo", "modules", "filesystems",
					     "devices", "misc", "mounts", "partitions", "swaps", "crypto", "consoles",
					     NULL };

	emit_proc(files);
	emit("page_owner", "/sys/kernel/debug/page_owner");
	emit("kernel_page_tables", "/sys/kernel/debug/kernel_page_tables");
	for_each("/sys/kernel/debug/memblock", true, emit_memblock);
	emit("cpu_possible", "/sys/devices/system/cpu/possible");
	emit("cpu_present", "/sys/devices/system/cpu/present");
	emit("cpu_online", "/sys/devices/system/cpu/online");
	begin("slab_attributes");
	for_each("/sys/kernel/slab", true, put_slab);
	end("slab_attributes");
	begin("sections");
	for_each("/sys/module", true, put_sections);
	end("sections");
	for_each("/proc", false, emit_process);
	emit_tasks("task_cmdline", "cmdline");
	emit_tasks("task_status", "status");
	emit_pages();
}

static void moving_reading(bool by_sysrq)
{
	static const char *const files[] = { "timer_list", "loadavg", "stat", "softirqs", "interrupts", "meminfo",
					     "vmallocinfo", "pagetypeinfo", "buddyinfo", "slabinfo", "zoneinfo", "vmstat",
					     NULL };
	static const char *const uptime[] = { "uptime", NULL };

	if (by_sysrq)
		stacks_by_sysrq();
	emit_tasks("task_stack", "stack");
	emit_tasks("task_stat", "stat");
	emit_proc(files);
	emit_proc(uptime);
}

int main(int argc, char **argv)
{
	bool by_sysrq = argc > 3 && !strcmp(argv[3], "stacks-by-sysrq");

	if (argc < 3 || (channel = open(argv[1], O_WRONLY)) < 0)
		return 1;
	suffix = "";
	quiet_reading();
	suffix = ".2";
	quiet_reading();
	suffix = ".0";
	moving_reading(false);
	suffix = "";
	moving_reading(by_sysrq);
	suffix = ".2";
	moving_reading(by_sysrq);
	put("\001READY\n", 7);
	flush();
	write_to(argv[2], "go\n");
	for (;;)
		pause();
}
