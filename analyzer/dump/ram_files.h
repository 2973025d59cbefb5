/*
 * Raw RAM as Qualcomm's tools leave it: files without headers, whose addresses stand in their
 * names, in dump_info.txt or in load.cmm beside them.
 */
#ifndef ANALYZER_DUMP_RAM_FILES_H
#define ANALYZER_DUMP_RAM_FILES_H

#include "analyzer/base/vec.h"
#include "analyzer/dump/reader.h"

struct ram_file {
	char *name; /* of the file in its folder; of the list */
	struct ram_place place;
};

struct ram_files {
	VEC(struct ram_file) file;
	char *missing; /* one that a table names and that is not there; or NULL */
};

/* The RAM files of folder @dir; none when it holds none, or cannot be read. */
void ram_files_list(const char *dir, struct ram_files *ret);
void ram_files_deinit(struct ram_files *f);

/* Where the file at @path lies by its name or its folder's tables; false when nothing says so. */
bool ram_files_find(const char *path, struct ram_place *ret);

/* The lines of dump_info.txt and of load.cmm that name RAM, appended to @ret. */
void ram_files_parse_info(const char *text, size_t n, struct ram_files *ret);
void ram_files_parse_cmm(const char *text, size_t n, struct ram_files *ret);

#endif
