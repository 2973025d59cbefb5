/*
 * mm/slub.c, struct track and get_track(), 4.19 to 7.2: two tracks behind the object and, where the
 * free pointer stands outside of it, behind that. Stacks are arrays up to 5.17, then handles of the
 * stack depot.
 */
#include "analyzer/kernel/slab_track.h"

#include <inttypes.h>

#include "analyzer/kernel/jiffies.h"
#include "analyzer/kernel/stack_depot.h"

struct track_raw {
	uint64_t addr, when, addrs_va;
	uint32_t handle;
	int32_t cpu, pid;
};
enum { TRACK_ADDRS = 4, TRACK_HANDLE };
static const struct view_field track_fields[] = {
	FIELD(struct track_raw, addr, "addr"),
	FIELD(struct track_raw, when, "when"),
	FIELD(struct track_raw, cpu, "cpu"),
	FIELD(struct track_raw, pid, "pid"),
	[TRACK_ADDRS] = FIELD_ADDRESS_OPTIONAL(struct track_raw, addrs_va, "addrs"),
	[TRACK_HANDLE] = FIELD_OPTIONAL(struct track_raw, handle, "handle"),
};
static const struct view_spec track_spec = { .type = "track",
	.hint = "mm/slub.c",
	.fields = track_fields,
	.nfields = ARRAY_SIZE(track_fields) };

static void add_age(struct target *t, uint64_t when, struct slab_track *track)
{
	uint64_t now, hz;
	if (!target_try_variable(t, "jiffies", &now) || !jiffies_hz(t, &hz) || hz > 10000)
		return;
	uint64_t ticks = t->abi.word_bytes == 4 ? (uint32_t)(now - when) : now - when;
	track->has_age = ticks < UINT64_MAX / 1000000000;
	track->age_ns = track->has_age ? ticks * 1000000000 / hz : 0;
}

static struct err *read_frames(struct target *t, const struct view *v, const struct track_raw *raw,
	struct slab_track *track)
{
	enum { ADDRS = 16 }; /* TRACK_ADDRS_COUNT */
	unsigned word = t->abi.word_bytes;
	size_t n = 0;
	struct err *err = NULL;
	if (view_has(v, TRACK_HANDLE)) {
		if (raw->handle)
			err = stack_depot_fetch(t, raw->handle, track->pc, SLAB_TRACK_FRAMES, &n);
	} else if (view_has(v, TRACK_ADDRS)) {
		for (; !err && n < ADDRS; n++) {
			err = vspace_read_word(t->kernel, raw->addrs_va + n * word, &track->pc[n]);
			if (err || !track->pc[n])
				break;
		}
	}
	track->nframes = err ? 0 : (uint32_t)n;
	return err;
}

struct err *slab_track_read(struct target *t, const struct slab_cache *c, uint64_t object_va,
	enum slab_track_kind kind, struct slab_track *ret)
{
	const struct view *v;
	struct track_raw raw;
	struct slab_track track = { 0 };
	if (!slab_cache_has(c, SLAB_FLAG_STORE_USER))
		return err_new(ERR_MISSING, "cache %s keeps no tracks: slub_debug=U does", c->name);
	struct err *err = target_view(t, &track_spec, &v);
	if (err)
		return err;
	uint64_t at = c->inuse + (c->offset >= c->inuse ? t->abi.word_bytes : 0);
	at += kind * view_size(v);
	if (!range_inside(at, view_size(v), c->size - c->red_left_pad))
		return err_new(ERR_FORMAT, "cache %s: its tracks do not lie in its slots", c->name);
	err = view_read(v, t->kernel, object_va + at, &raw);
	if (err)
		return err_wrap(err, "track of 0x%" PRIx64, object_va);
	track.known = raw.addr != 0;
	track.addr = raw.addr;
	track.pid = (uint32_t)raw.pid;
	track.cpu = (uint32_t)raw.cpu;
	track.handle = raw.handle;
	if (track.known) {
		add_age(t, raw.when, &track);
		err = read_frames(t, v, &raw, &track);
	}
	*ret = track;
	return err_wrap(err, "track of 0x%" PRIx64, object_va);
}
