/* What stands between a file and libdw's handle on its DWARF. Knows nothing of units and types. */
#include "analyzer/debug/dwarf_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/debug_file.h"
#include "analyzer/debug/dwarf_mend.h"
#include "analyzer/debug/elf_inflate.h"

static struct err *begin(int fd, const char *path, struct dwarf_file *f)
{
	*f = (struct dwarf_file){ .inflated = -1, .fd = -1 };
	struct err *err = elf_inflate(fd, &f->inflated);
	if (err)
		return err_wrap(err, "%s: its debug information cannot be inflated", path);
	f->dw = dwarf_begin_mended(f->inflated >= 0 ? f->inflated : fd, &f->elf, &f->mended);
	if (f->dw)
		return NULL;
	if (f->inflated >= 0)
		close(f->inflated);
	return err_new(ERR_MISSING, "%s: no debug information: %s", path, dwarf_errmsg(-1));
}

/* Without it the rest is still good: types that stand there are void, and the provider's state says
 * so. */
static void open_alternate(struct dwarf_file *f, const char *path, const char *symbols_dir)
{
	scoped_free char *found = debug_file_find_alternate(f->dw, path, symbols_dir);
	scoped_fd int fd = found ? open(found, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	struct dwarf_file *alt = xcalloc(1, sizeof(*alt));
	struct err *err = begin(fd, found, alt);
	if (err) {
		free(alt);
		err_drop(err); /* as if there were none */
		return;
	}
	alt->path = take_ptr(found);
	alt->fd = fd;
	fd = -1;
	dwarf_setalt(f->dw, alt->dw);
	f->alt = alt;
}

struct err *dwarf_file_open(
	int fd, const char *path, const char *symbols_dir, struct dwarf_file *ret)
{
	struct err *err = begin(fd, path, ret);
	if (!err)
		open_alternate(ret, path, symbols_dir);
	return err;
}

void dwarf_file_borrow(Dwarf *dw, const char *path, const char *symbols_dir, struct dwarf_file *ret)
{
	*ret = (struct dwarf_file){ .dw = dw, .borrowed = true, .inflated = -1, .fd = -1 };
	open_alternate(ret, path, symbols_dir);
}

void dwarf_file_close(struct dwarf_file *f)
{
	if (f->borrowed && f->alt)
		dwarf_setalt(f->dw, NULL);
	if (!f->borrowed) {
		dwarf_end(f->dw);
		elf_end(f->elf);
	}
	if (f->alt)
		dwarf_file_close(f->alt);
	free(f->alt);
	if (f->inflated >= 0)
		close(f->inflated);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
}
