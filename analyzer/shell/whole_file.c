/* See whole_file.h. The text goes into a file of its own beside @path, which then takes its name.
 */
#include "analyzer/shell/whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

struct err *whole_file_write(const char *path, bool force, const struct strbuf *text)
{
	struct stat st;
	bool exists = lstat(path, &st) == 0;
	if (exists && !force)
		return err_new(ERR_USAGE, "%s exists; -F writes over it", path);
	if (exists && !S_ISREG(st.st_mode))
		return err_new(ERR_USAGE, "%s is no file that could be written over", path);
	scoped_free char *part = xasprintf("%s.part-%ld", path, (long)getpid());
	FILE *file = fopen(part, "wxe");
	if (!file)
		return err_io(errno, "%s", part);
	bool good = fwrite(text->s, 1, text->len, file) == text->len;
	int wrong = errno;
	if (fclose(file) && good) {
		good = false;
		wrong = errno;
	}
	if (good && (force ? rename(part, path) : link(part, path))) {
		good = false;
		wrong = errno;
	}
	if (!good || !force)
		unlink(part);
	return good ? NULL : err_io(wrong, "%s", path);
}
