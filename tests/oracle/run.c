// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bios go the way that submission takes them: the checker is the driver of a device
 * without a queue of requests, and so sees every remainder come back. Requests are its
 * own. See FORMAT.md of the recording for what each line means.
 */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#define PAGE 4096u
#define MAX_FRAGMENTS 40
#define MAX_RQS 16 /* of the plug list */

/* What happens to a fragment once it is known. */
enum kind {
	KIND_ALONE, /* becomes a request */
	KIND_MERGE, /* is offered to the one that is open */
	KIND_PAIR, /* the same, and then the requests to each other */
	KIND_PLUG,
	KIND_CHAIN,
	KIND_SPLIT, /* nothing */
	KIND_APPEND, /* not cut at all */
	KIND_ADVANCE,
};

/* Where an entry began, as the recording names it. */
struct entry_name {
	uint64_t page;
	uint32_t off;
};

struct run_bio {
	struct run_bio *next;
	struct pb_bio bio, clone;
	struct pb_bio *use; /* one of the two */
	void *table;
	struct entry_name *names;
	unsigned int room; /* of table and names */
	bool has_table;
};

struct run {
	struct pb_block_device bdev; /* first: bi_bdev leads here */
	const struct physbio_repr *r;
	const struct oracle_case *c;
	struct text *out;
	unsigned int at; /* the next line of the case */
	char *pages;
	/* the same pages for SPARSEMEM, section by section */
	struct pb_mem_section **roots;
	struct pb_mem_section sections[2 * PB_SECTIONS_PER_ROOT];
	struct pb_request_queue *q[2];
	struct pb_queue_limits *lim; /* of q[0] */
	struct run_counts counts;

	enum kind kind;
	struct run_bio *bios; /* all of the case */
	struct pb_bio **fragments; /* that were cut off */
	unsigned int nr_fragments, room_fragments;

	/* the bio that is being submitted */
	unsigned int nr; /* fragments so far */
	bool ended; /* with an error, or with too many */

	/* requests */
	struct pb_request rqs[MAX_RQS];
	unsigned int nr_rqs;
	struct pb_request *open;
	struct pb_blk_plug plug;
	bool full; /* the plug list */
	struct pb_bio *first; /* fragment of a bio of a pair */
	unsigned int first_nsegs;
	size_t first_end; /* of its line */
};

/* --- text --- */

static void put(struct run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool make_room(struct text *t, size_t n)
{
	size_t room = t->room ? t->room : 4096;
	char *more;

	while (room < t->len + n)
		room *= 2;
	if (room == t->room)
		return true;
	more = realloc(t->bytes, room);
	if (!more) {
		t->failed = true;
		return false;
	}
	t->bytes = more;
	t->room = room;
	return true;
}

static void put(struct run *run, const char *format, ...)
{
	struct text *t = run->out;
	va_list args;
	int n;

	if (!make_room(t, 512))
		return;
	va_start(args, format);
	n = vsnprintf(t->bytes + t->len, t->room - t->len, format, args);
	va_end(args);
	t->len += (size_t)n;
}

static void put_text(struct run *run, const char *text)
{
	size_t n = strlen(text);

	if (!make_room(run->out, n + 2))
		return;
	memcpy(run->out->bytes + run->out->len, text, n);
	run->out->len += n;
	run->out->bytes[run->out->len++] = '\n';
	run->out->bytes[run->out->len] = '\0';
}

static const struct {
	uint32_t flag;
	uint32_t bit; /* of the recording */
} flag_bits[] = {
	{ PB_REQ_NOMERGE, 1 },
	{ PB_REQ_ATOMIC, 2 },
	{ PB_REQ_NOWAIT, 4 },
	{ PB_REQ_FUA, 8 },
	{ PB_REQ_PREFLUSH, 0x10 },
	{ PB_REQ_RAHEAD, 0x20 },
	{ PB_REQ_FAILFAST_DEV, 0x40 },
	{ PB_REQ_FAILFAST_TRANSPORT, 0x80 },
	{ PB_REQ_FAILFAST_DRIVER, 0x100 },
	{ PB_REQ_POLLED, 0x200 },
	{ PB_REQ_SYNC, 0x400 },
};

#define NR_FLAG_BITS ((int)(sizeof(flag_bits) / sizeof(flag_bits[0])))
#define BIT_MIXED_MERGE 0x1000

static uint32_t flags_from(uint64_t bits)
{
	uint32_t flags = 0;
	int i;

	for (i = 0; i < NR_FLAG_BITS; i++)
		if (bits & flag_bits[i].bit)
			flags |= flag_bits[i].flag;
	return flags;
}

static uint32_t bits_from(uint32_t flags)
{
	uint32_t bits = 0;
	int i;

	for (i = 0; i < NR_FLAG_BITS; i++)
		if (flags & flag_bits[i].flag)
			bits |= flag_bits[i].bit;
	return bits;
}

static uint32_t rq_bits(const struct pb_request *rq)
{
	return bits_from(rq->cmd_flags) |
	       (rq->rq_flags & PB_RQF_MIXED_MERGE ? BIT_MIXED_MERGE : 0);
}

static const struct {
	char name;
	enum pb_req_op op;
} ops[] = {
	{ 'r', PB_REQ_OP_READ },	 { 'w', PB_REQ_OP_WRITE },
	{ 'd', PB_REQ_OP_DISCARD },	 { 'e', PB_REQ_OP_SECURE_ERASE },
	{ 'z', PB_REQ_OP_WRITE_ZEROES }, { 'a', PB_REQ_OP_ZONE_APPEND },
	{ 'p', PB_REQ_OP_DRV_IN },
};

#define NR_OPS ((int)(sizeof(ops) / sizeof(ops[0])))

static enum pb_req_op op_from(char name)
{
	int i;

	for (i = 0; i < NR_OPS; i++)
		if (ops[i].name == name)
			break;
	return ops[i % NR_OPS].op;
}

static char op_name(enum pb_req_op op)
{
	int i;

	for (i = 0; i < NR_OPS; i++)
		if (ops[i].op == op)
			break;
	return ops[i % NR_OPS].name;
}

/* --- limits --- */

static void limits_from(const char *line, struct pb_queue_limits *lim)
{
	memset(lim, 0, sizeof(*lim));
	lim->quirks = PB_QUIRK_ALL;
	lim->max_segments = (uint16_t)value_of(line, "ms");
	lim->max_segment_size = (uint32_t)value_of(line, "mss");
	lim->seg_boundary_mask = value_of(line, "sb");
	lim->virt_boundary_mask = value_of(line, "vb");
	lim->max_sectors = (uint32_t)value_of(line, "mx");
	lim->max_hw_sectors = (uint32_t)value_of(line, "mhx");
	lim->chunk_sectors = (uint32_t)value_of(line, "ch");
	lim->dma_alignment = (uint32_t)value_of(line, "da");
	lim->logical_block_size = (uint32_t)value_of(line, "lb");
	lim->physical_block_size = (uint32_t)value_of(line, "pb");
	lim->max_discard_sectors = (uint32_t)value_of(line, "md");
	lim->discard_granularity = (uint32_t)value_of(line, "dg");
	lim->discard_alignment = (uint32_t)value_of(line, "dal");
	lim->max_discard_segments = (uint16_t)value_of(line, "mds");
	lim->max_write_zeroes_sectors = (uint32_t)value_of(line, "mwz");
	lim->max_fast_segment_size = (uint32_t)value_of(line, "mfs");
	lim->max_secure_erase_sectors = (uint32_t)value_of(line, "mse");
	lim->zone_write_granularity = (uint32_t)value_of(line, "zwg");
	lim->max_zone_append_sectors = (uint32_t)value_of(line, "mza");
	lim->atomic_write_max_sectors = (uint32_t)value_of(line, "amx");
	lim->atomic_write_boundary_sectors = (uint32_t)value_of(line, "abd");
	lim->atomic_write_unit_min = (uint32_t)value_of(line, "aun");
	lim->atomic_write_unit_max = (uint32_t)value_of(line, "aux");
}

static void raw_limits_from(const char *line, struct pb_queue_limits *lim)
{
	uint64_t features = value_of(line, "feat");

	limits_from(line, lim);
	lim->max_sectors = 0;
	lim->max_dev_sectors = (uint32_t)value_of(line, "mdx");
	lim->max_user_sectors = (uint32_t)value_of(line, "mux");
	lim->io_min = (uint32_t)value_of(line, "iomin");
	lim->io_opt = (uint32_t)value_of(line, "ioopt");
	lim->max_hw_discard_sectors = (uint32_t)value_of(line, "mhd");
	lim->max_user_discard_sectors = (uint32_t)value_of(line, "mud");
	lim->max_hw_zone_append_sectors = (uint32_t)value_of(line, "hza");
	lim->atomic_write_hw_max = (uint32_t)value_of(line, "ahm");
	lim->atomic_write_hw_boundary = (uint32_t)value_of(line, "ahb");
	lim->atomic_write_hw_unit_min = (uint32_t)value_of(line, "ahn");
	lim->atomic_write_hw_unit_max = (uint32_t)value_of(line, "ahx");
	if (features & 1)
		lim->features |= PB_BLK_FEAT_ZONED;
	if (features & 2)
		lim->features |= PB_BLK_FEAT_ATOMIC_WRITES;
}

static void put_limits(struct run *run, const struct pb_queue_limits *lim)
{
	put(run,
	    "L ms=%x mss=%x sb=%" PRIx64 " vb=%" PRIx64
	    " mx=%x mhx=%x ch=%x da=%x lb=%x pb=%x md=%x dg=%x dal=%x mds=%x"
	    " mwz=%x fl=0 mfs=%x mse=%x zwg=%x mza=%x amx=%x abd=%x aun=%x aux=%x\n",
	    lim->max_segments, lim->max_segment_size, lim->seg_boundary_mask,
	    lim->virt_boundary_mask, lim->max_sectors, lim->max_hw_sectors,
	    lim->chunk_sectors, lim->dma_alignment, lim->logical_block_size,
	    lim->physical_block_size, lim->max_discard_sectors,
	    lim->discard_granularity, lim->discard_alignment,
	    lim->max_discard_segments, lim->max_write_zeroes_sectors,
	    lim->max_fast_segment_size, lim->max_secure_erase_sectors,
	    lim->zone_write_granularity, lim->max_zone_append_sectors,
	    lim->atomic_write_max_sectors, lim->atomic_write_boundary_sectors,
	    lim->atomic_write_unit_min, lim->atomic_write_unit_max);
}

/* --- lines of the case --- */

static const char *peek(const struct run *run)
{
	return run->c->lines[run->at];
}

/* The next input line if it is of @type, which is then done. */
static const char *take(struct run *run, char type)
{
	return *peek(run) == type ? run->c->lines[run->at++] : NULL;
}

/* Outputs of the recording are not looked at, but for those in @stop. */
static void skip_outputs(struct run *run, const char *stop)
{
	static const char outputs[] = "VKSXTQGMWyYFpe";

	while (strchr(outputs, *peek(run)) && !strchr(stop, *peek(run)))
		run->at++;
}

/* --- requests --- */

static void put_map(struct run *run, struct pb_request *rq)
{
	struct pb_blk_map_iter iter;
	struct pb_phys_vec vec;
	unsigned int n = 0;

	run->r->blk_map_iter_init(rq, &iter);
	while (run->r->blk_map_iter_next(rq, &iter, &vec))
		n++;
	put(run, "G %x", n);
	run->r->blk_map_iter_init(rq, &iter);
	while (run->r->blk_map_iter_next(rq, &iter, &vec))
		put(run, " %" PRIx64 ":%x", (uint64_t)vec.paddr, vec.len);
	put(run, "\n");
}

static bool rq_has_data(const struct pb_request *rq)
{
	enum pb_req_op op = pb_req_op(rq);

	return op != PB_REQ_OP_DISCARD && op != PB_REQ_OP_SECURE_ERASE &&
	       op != PB_REQ_OP_WRITE_ZEROES;
}

static void put_rq(struct run *run, struct pb_request *rq)
{
	const struct pb_bio *bio;
	unsigned int nbios = 0;

	__pb_rq_for_each_bio(bio, rq)
		nbios++;
	put(run, "Q %" PRIx64 " %x %x %x %x %x %x\n", pb_blk_rq_pos(rq),
	    pb_blk_rq_bytes(rq), rq->nr_phys_segments,
	    run->r->blk_recalc_rq_segments(rq), nbios, rq->phys_gap_bit,
	    rq_bits(rq));
	if (rq_has_data(rq))
		put_map(run, rq);
}

static struct pb_request *new_rq(struct run *run, struct pb_request_queue *q,
				 struct pb_bio *bio, unsigned int nsegs)
{
	struct pb_request *rq = &run->rqs[run->nr_rqs++ % MAX_RQS];

	memset(rq, 0, sizeof(*rq));
	rq->q = q;
	if (bio)
		run->r->blk_rq_bio_prep(rq, bio, nsegs);
	return rq;
}

/* --- why two were not merged --- */

/*
 * The engine says no; which test it was is found out here, by the rules and in their
 * order, so that a wrong rule in one of the two places shows.
 */
static uint32_t boundary_left(uint64_t sector, uint32_t boundary)
{
	return boundary - (uint32_t)(sector % boundary);
}

static uint64_t most_sectors(const struct pb_queue_limits *lim, uint32_t flags,
			     uint64_t sector)
{
	bool atomic = flags & PB_REQ_ATOMIC;
	uint64_t most = atomic ? lim->atomic_write_max_sectors :
				 lim->max_sectors;
	uint32_t boundary = atomic && lim->atomic_write_boundary_sectors ?
				    lim->atomic_write_boundary_sectors :
				    lim->chunk_sectors;

	switch (flags & PB_REQ_OP_MASK) {
	case PB_REQ_OP_DRV_IN:
	case PB_REQ_OP_DRV_OUT:
		return lim->max_hw_sectors;
	case PB_REQ_OP_DISCARD:
	case PB_REQ_OP_SECURE_ERASE:
		most = (flags & PB_REQ_OP_MASK) == PB_REQ_OP_DISCARD ?
			       lim->max_discard_sectors :
			       lim->max_secure_erase_sectors;
		if (most > PB_BIO_MAX_SIZE >> PB_SECTOR_SHIFT)
			most = PB_BIO_MAX_SIZE >> PB_SECTOR_SHIFT;
		return most;
	default:
		if (boundary && boundary_left(sector, boundary) < most)
			return boundary_left(sector, boundary);
		return most;
	}
}

static bool op_merges(enum pb_req_op op)
{
	return op != PB_REQ_OP_DRV_IN && op != PB_REQ_OP_DRV_OUT &&
	       op != PB_REQ_OP_WRITE_ZEROES && op != PB_REQ_OP_ZONE_APPEND;
}

/* What a bio or the second request is, as the tests of likeness see it. */
struct likeness {
	uint32_t flags;
	uint8_t hint, stream;
	uint16_t prio;
};

static struct likeness bio_likeness(const struct pb_bio *bio)
{
	struct likeness l = { bio->bi_opf, bio->bi_write_hint,
			      bio->bi_write_stream, bio->bi_ioprio };

	return l;
}

static struct likeness rq_likeness(const struct pb_request *rq)
{
	struct likeness l = { rq->cmd_flags, rq->write_hint, rq->write_stream,
			      rq->ioprio };

	return l;
}

static char unlike(struct likeness rq, struct likeness next, bool next_is_rq)
{
	if (!op_merges(rq.flags & PB_REQ_OP_MASK) ||
	    (rq.flags & PB_REQ_NOMERGE_FLAGS))
		return 'r';
	if ((next.flags & PB_REQ_NOMERGE_FLAGS) ||
	    (next_is_rq && !op_merges(next.flags & PB_REQ_OP_MASK)))
		return 'm';
	if ((rq.flags ^ next.flags) & PB_REQ_OP_MASK)
		return 'o';
	if (rq.hint != next.hint)
		return 'h';
	if (rq.stream != next.stream)
		return 's';
	if (rq.prio != next.prio)
		return 'p';
	if ((rq.flags ^ next.flags) & PB_REQ_ATOMIC)
		return 'a';
	return 'j';
}

static bool several_ranges(const struct run *run, uint32_t flags)
{
	return (flags & PB_REQ_OP_MASK) == PB_REQ_OP_DISCARD &&
	       run->lim->max_discard_segments > 1;
}

static char ranges_full(const struct run *run, const struct pb_request *rq)
{
	uint16_t ranges = rq->nr_phys_segments ? rq->nr_phys_segments : 1;

	return ranges >= run->lim->max_discard_segments ? 'D' : 'L';
}

/* @before: the request as it was when the bio was refused */
static char why_failed(const struct run *run, const struct pb_request *before,
		       const struct pb_request *after, const struct pb_bio *bio)
{
	uint64_t sum = pb_blk_rq_sectors(before) + pb_bio_sectors(bio);
	bool back = pb_blk_rq_pos(before) + pb_blk_rq_sectors(before) ==
		    bio->bi_iter.bi_sector;

	if (several_ranges(run, before->cmd_flags))
		return ranges_full(run, before);
	if (!((before->cmd_flags ^ after->cmd_flags) & PB_REQ_NOMERGE))
		return 'g';
	return sum > most_sectors(run->lim, before->cmd_flags,
				  back ? pb_blk_rq_pos(before) :
					 bio->bi_iter.bi_sector) ?
		       'l' :
		       'S';
}

/* Would a gap alone keep two requests apart? Everything else is allowed for once. */
static bool rqs_have_gap(struct run *run, const struct pb_request *rq,
			 const struct pb_request *next)
{
	struct pb_request first = *rq, second = *next;
	struct pb_queue_limits kept = *run->lim;
	bool merged;

	run->lim->chunk_sectors = 0;
	run->lim->atomic_write_boundary_sectors = 0;
	run->lim->max_segments = UINT16_MAX;
	run->lim->max_sectors = UINT32_MAX;
	run->lim->atomic_write_max_sectors = UINT32_MAX;
	merged = run->r->blk_attempt_req_merge(rq->q, &first, &second);
	*run->lim = kept;
	rq->biotail->bi_next = NULL;
	return !merged;
}

static char why_not_rqs(struct run *run, const struct pb_request *rq,
			const struct pb_request *next)
{
	char why = unlike(rq_likeness(rq), rq_likeness(next), true);
	uint64_t sum = pb_blk_rq_sectors(rq) + pb_blk_rq_sectors(next);

	if (why != 'j')
		return why;
	if (several_ranges(run, rq->cmd_flags))
		return ranges_full(run, rq);
	if (pb_blk_rq_pos(rq) + pb_blk_rq_sectors(rq) != pb_blk_rq_pos(next))
		return 'j';
	if (rq_has_data(rq) && rqs_have_gap(run, rq, next))
		return 'g';
	return sum > most_sectors(run->lim, rq->cmd_flags, pb_blk_rq_pos(rq)) ?
		       'l' :
		       'S';
}

/* --- fragments --- */

static void put_merge(struct run *run, char verdict, char why)
{
	const struct pb_request *rq = run->open;

	put(run, "M %c %c %" PRIx64 " %x %x %x %x\n", verdict, why,
	    pb_blk_rq_pos(rq), pb_blk_rq_bytes(rq), rq->nr_phys_segments,
	    rq->phys_gap_bit, rq_bits(rq));
}

static void open_rq(struct run *run, struct pb_bio *bio, unsigned int nsegs)
{
	run->open = new_rq(run, run->q[0], bio, nsegs);
	put_merge(run, '-', '-');
}

/* Offer @bio to the open request. Return: false if it was not taken. */
static bool offer(struct run *run, struct pb_bio *bio, unsigned int nsegs)
{
	struct pb_request before = *run->open;
	enum pb_bio_merge_status status = run->r->blk_attempt_bio_merge(
		run->q[0], run->open, bio, nsegs, false);

	switch (status) {
	case PB_BIO_MERGE_OK:
		put_merge(run,
			  several_ranges(run, before.cmd_flags) ? 'd' :
			  run->open->bio == bio			? 'f' :
								  'b',
			  '+');
		return true;
	case PB_BIO_MERGE_NONE:
		put_merge(run, 'n',
			  unlike(rq_likeness(&before), bio_likeness(bio),
				 false));
		return false;
	default:
		put_merge(run, 'x', why_failed(run, &before, run->open, bio));
		return false;
	}
}

static void merge_fragment(struct run *run, struct pb_bio *bio,
			   unsigned int nsegs)
{
	if (run->open) {
		if (offer(run, bio, nsegs))
			return;
		put_rq(run, run->open);
	}
	open_rq(run, bio, nsegs);
}

static int plug_find(const struct run *run, const struct pb_bio *bio)
{
	int i;

	for (i = 0; i < (int)run->nr_rqs; i++)
		if (run->rqs[i].bio == bio || run->rqs[i].biotail == bio)
			return i;
	return 0;
}

static void plug_add(struct run *run, struct pb_request *rq)
{
	struct pb_rq_list *list = &run->plug.mq_list;

	if (list->tail && list->tail->q != rq->q)
		run->plug.multiple_queues = true;
	rq->rq_next = NULL;
	if (list->tail)
		list->tail->rq_next = rq;
	else
		list->head = rq;
	list->tail = rq;
}

/* Which queue a fragment is for stands in the line that says what came of it. */
static void plug_fragment(struct run *run, struct pb_bio *bio,
			  unsigned int nsegs)
{
	const struct pb_request *rq;
	struct field queue;
	const char *line;
	unsigned int nr;
	char verdict;

	skip_outputs(run, "F");
	line = take(run, 'F');
	if (!line || run->full)
		return;
	fields_of(line, &queue, 1);
	if (run->r->blk_attempt_plug_merge(run->q[hex(queue)], bio, nsegs)) {
		nr = (unsigned int)plug_find(run, bio);
		verdict = run->rqs[nr].bio == bio ? 'f' : 'b';
	} else if (run->nr_rqs == MAX_RQS) {
		put(run, "F %x f\n", (unsigned int)hex(queue));
		run->full = true;
		return;
	} else {
		nr = run->nr_rqs;
		plug_add(run, new_rq(run, run->q[hex(queue)], bio, nsegs));
		verdict = '-';
	}
	rq = &run->rqs[nr];
	put(run, "F %x %c %x %" PRIx64 " %x %x %x %x\n",
	    (unsigned int)hex(queue), verdict, nr, pb_blk_rq_pos(rq),
	    pb_blk_rq_bytes(rq), rq->nr_phys_segments, rq->phys_gap_bit,
	    rq_bits(rq));
}

static void chain_fragment(struct run *run, struct pb_bio *bio,
			   unsigned int nsegs)
{
	struct pb_request *rq = run->open;

	if (!rq) {
		run->open = new_rq(run, run->q[0], bio, nsegs);
		return;
	}
	rq->biotail->bi_next = bio;
	rq->biotail = bio;
	rq->__data_len += bio->bi_iter.bi_size;
	rq->nr_phys_segments = (uint16_t)(rq->nr_phys_segments + nsegs);
}

static void use_fragment(struct run *run, struct pb_bio *bio,
			 unsigned int nsegs)
{
	switch (run->kind) {
	case KIND_ALONE:
		put_rq(run, new_rq(run, run->q[0], bio, nsegs));
		break;
	case KIND_MERGE:
		merge_fragment(run, bio, nsegs);
		break;
	case KIND_PAIR:
		if (run->nr > 1)
			break;
		run->first = bio;
		run->first_nsegs = nsegs;
		run->first_end = run->out->len;
		break;
	case KIND_PLUG:
		plug_fragment(run, bio, nsegs);
		break;
	case KIND_CHAIN:
		chain_fragment(run, bio, nsegs);
		break;
	default:
		break;
	}
}

/* --- splitting --- */

static bool misaligned(const struct run *run, const struct pb_bio *bio)
{
	struct pb_bvec_iter iter = bio->bi_iter;
	uint64_t addr;
	uint32_t len;

	while (iter.bi_size) {
		len = run->r->bvec_at(bio->bi_io_vec, iter, true, &addr);
		if ((addr | len) & run->lim->dma_alignment)
			return true;
		run->r->bvec_advance(bio->bi_io_vec, &iter, len);
	}
	return false;
}

/* The same function is asked with flags and alignment taken away. */
static char why_ended(struct run *run, struct pb_bio *bio, int err)
{
	uint32_t opf = bio->bi_opf, alignment = run->lim->dma_alignment;
	bool append = pb_bio_op(bio) == PB_REQ_OP_ZONE_APPEND;
	uint32_t most = (append ? run->lim->max_zone_append_sectors :
				  run->r->get_max_io_size(bio, run->lim))
			<< PB_SECTOR_SHIFT;
	int free_flags, free_all;
	unsigned int nsegs;

	if (err == -EAGAIN)
		return 'N';
	/* Without data nothing else can be in the way of a cut. */
	if (pb_bio_no_advance_iter(bio))
		return 'A';
	bio->bi_opf &= ~(PB_REQ_ATOMIC | PB_REQ_NOWAIT);
	free_flags =
		run->r->bio_split_io_at(bio, run->lim, &nsegs, most, alignment);
	run->lim->dma_alignment = 0;
	free_all = run->r->bio_split_io_at(bio, run->lim, &nsegs, most, 0);
	run->lim->dma_alignment = alignment;
	bio->bi_opf = opf;
	if (free_flags > 0)
		return append ? 'P' : 'A';
	if (free_all >= 0)
		return 'M';
	if (misaligned(run, bio))
		return 'B';
	return opf & PB_REQ_ATOMIC ? 'A' : 'Z';
}

static void put_error(struct run *run, struct pb_bio *bio)
{
	int err = pb_blk_status_to_errno(bio->bi_status);
	char why = why_ended(run, bio, err);

	put(run, "X %x %c %" PRIx64 " %x %x %x\n", (unsigned int)-err, why,
	    (uint64_t)bio->bi_iter.bi_sector, bio->bi_iter.bi_size,
	    bio->bi_iter.bi_idx, bio->bi_iter.bi_bvec_done);
}

static bool keep_fragment(struct run *run, struct pb_bio *bio)
{
	unsigned int room = run->room_fragments ? 2 * run->room_fragments : 64;
	struct pb_bio **more;

	if (run->nr_fragments == run->room_fragments) {
		more = realloc(run->fragments, room * sizeof(struct pb_bio *));
		if (!more) {
			run->out->failed = true;
			return false;
		}
		run->fragments = more;
		run->room_fragments = room;
	}
	run->fragments[run->nr_fragments++] = bio;
	return true;
}

/* The driver: gets what was submitted, and then every remainder. */
static void submit_fragment(struct pb_bio *bio)
{
	struct run *run = (struct run *)bio->bi_bdev;
	struct pb_bvec_iter start = bio->bi_iter;
	enum pb_req_op op = pb_bio_op(bio);
	unsigned int nsegs = 0;
	struct pb_bio *part;
	bool fast;

	if (run->nr == MAX_FRAGMENTS) {
		if (!run->ended && !run->full)
			put(run, "T\n");
		run->ended = true;
		return;
	}
	fast = (op == PB_REQ_OP_READ || op == PB_REQ_OP_WRITE) &&
	       !run->r->bio_may_need_split(bio, run->lim);
	part = run->r->bio_split_to_limits(bio, run->lim, &nsegs);
	if (!part) {
		if (!run->full)
			put_error(run, bio);
		run->ended = true;
		return;
	}
	if (part != bio && !keep_fragment(run, part)) {
		run->r->bio_put(part);
		return;
	}
	run->nr++;
	run->counts.frags++;
	run->counts.fast += fast;
	run->counts.splits += part != bio;
	run->counts.gap_lost += part != bio && bio->bi_bvec_gap_bit &&
				!part->bi_bvec_gap_bit;
	if (run->full)
		return;
	put(run, "S %" PRIx64 " %x %x %d %x %x %x %x %x\n",
	    (uint64_t)start.bi_sector, part->bi_iter.bi_size, nsegs, fast,
	    bits_from(part->bi_opf), part->bi_bvec_gap_bit,
	    bio->bi_bvec_gap_bit, start.bi_idx, start.bi_bvec_done);
	use_fragment(run, part, nsegs);
}

static const struct pb_block_device_operations run_fops = {
	.submit_bio = submit_fragment,
};

static void submit(struct run *run, struct pb_bio *bio)
{
	run->nr = 0;
	run->ended = false;
	bio->bi_bdev = &run->bdev;
	run->r->submit_bio_noacct_nocheck(bio);
}

/* --- bios --- */

static struct run_bio *new_bio(struct run *run, unsigned int vecs)
{
	struct run_bio *b = calloc(1, sizeof(*b));

	if (b) {
		b->table = calloc(vecs + 1, run->r->bvec_size);
		b->names = calloc(vecs + 1, sizeof(*b->names));
		b->next = run->bios;
		run->bios = b;
	}
	if (!b || !b->table || !b->names) {
		run->out->failed = true;
		return NULL;
	}
	b->room = vecs;
	b->use = &b->bio;
	return b;
}

/*
 * The page of an address of the case, and those behind it that a range of @bytes from
 * there touches, with their sections' numbers: pages are too many to give all of them one.
 */
static struct pb_page *page_of(uint64_t addr, uint64_t bytes)
{
	struct pb_page *page = pb_vmemmap + (addr >> PB_PAGE_SHIFT);
	uint64_t pfn = addr >> PB_PAGE_SHIFT, i;

	for (i = 0; i <= bytes >> PB_PAGE_SHIFT; i++)
		page[i].flags = pb_pfn_to_section_nr(pfn + i)
				<< PB_SECTIONS_PGSHIFT;
	return page;
}

/* @f: op, sector, maxvecs or bytes, flags, prio, hint, stream */
static void fill_bio(struct run *run, struct run_bio *b, const struct field *f,
		     unsigned int vecs)
{
	struct pb_bio *bio = &b->bio;

	run->r->bio_init(bio, &run->bdev, vecs ? b->table : NULL,
			 (unsigned short)vecs,
			 op_from(*f[0].text) | flags_from(hex(f[3])));
	bio->bi_iter.bi_sector = hex(f[1]);
	bio->bi_ioprio = (uint16_t)hex(f[4]);
	bio->bi_write_hint = (uint8_t)hex(f[5]);
	bio->bi_write_stream = (uint8_t)hex(f[6]);
}

static void add_page(struct run *run, struct run_bio *b, const char *line)
{
	struct pb_bio *bio = &b->bio;
	unsigned int before = bio->bi_vcnt, len, off, ret;
	struct pb_page *page;
	struct field f[4];

	fields_of(line, f, 4);
	off = (unsigned int)hex(f[1]);
	len = (unsigned int)hex(f[2]);
	page = page_of(hex(f[0]), (uint64_t)off + len - 1);
	ret = len;
	if (*line == 'A')
		ret = (unsigned int)run->r->bio_add_page(bio, page, len, off);
	else if (bio->bi_vcnt < b->room)
		run->r->__bio_add_page(bio, page, len, off);
	if (bio->bi_vcnt != before) {
		b->names[before].page = hex(f[0]);
		b->names[before].off = off;
	}
	put(run, "%c %.*s %.*s %.*s %x\n", *line, f[0].len, f[0].text, f[1].len,
	    f[1].text, f[2].len, f[2].text, ret);
}

/* What the engine holds must be where the name says. */
static void put_table(struct run *run, const struct run_bio *b)
{
	unsigned int i;
	uint64_t addr;
	uint32_t len;

	put(run, "V %x %x", b->bio.bi_vcnt, b->bio.bi_iter.bi_size);
	for (i = 0; i < b->bio.bi_vcnt; i++) {
		len = run->r->bvec_get(b->table, i, &addr);
		if (addr == b->names[i].page + b->names[i].off)
			put(run, " %" PRIx64 "+%x:%x", b->names[i].page,
			    b->names[i].off, len);
		else
			put(run, " %" PRIx64 "+0:%x", addr, len);
	}
	put(run, "\n");
}

static const char *vec_from(const char *p, uint64_t *page, uint32_t *off,
			    uint32_t *len)
{
	char *end;

	*page = strtoull(p, &end, 16);
	*off = (uint32_t)strtoul(end + 1, &end, 16);
	*len = (uint32_t)strtoul(end + 1, &end, 16);
	return *end ? end + 1 : NULL;
}

/* A table that is given whole: its line is an input then. */
static void borrow_table(struct run *run, struct run_bio *b, const char *line)
{
	struct pb_iov_iter iter;
	struct field f[3];
	const char *p = fields_of(line, f, 3) == 3 ? f[2].text : NULL;
	uint32_t off, len, i, n = (uint32_t)hex(f[0]);
	uint64_t page;

	for (i = 0; i < n; i++) {
		p = vec_from(p, &page, &off, &len);
		run->r->bvec_set_page(b->table, i,
				      page_of(page, (uint64_t)off + len - 1),
				      len, off);
	}
	pb_iov_iter_bvec(&iter, PB_ITER_DEST, b->table, n, hex(f[1]));
	run->r->bio_iov_bvec_set(&b->bio, &iter);
	put_text(run, line);
}

/* Skip @skip bytes of a table that was given whole, and use @size of it. */
static void limit_table(const struct run *run, struct pb_bio *bio,
			uint32_t skip, uint32_t size)
{
	run->r->bvec_advance(bio->bi_io_vec, &bio->bi_iter, skip);
	bio->bi_iter.bi_size = size;
}

static void move_iter(struct run *run, struct run_bio *b, const char *line)
{
	struct pb_bio *bio = b->use;
	struct field f[3];
	uint32_t x, y;

	fields_of(line, f, 3);
	x = (uint32_t)hex(f[1]);
	y = (uint32_t)hex(f[2]);
	switch (*f[0].text) {
	case 's':
		if ((uint64_t)x + y <= bio->bi_iter.bi_size)
			limit_table(run, bio, x, y);
		break;
	case 'c':
		run->r->bio_init_clone(&run->bdev, &b->clone, bio, PB_GFP_NOIO);
		b->use = &b->clone;
		break;
	case 'a':
		run->r->bio_advance(bio, x);
		break;
	default:
		run->r->bio_trim(bio, x, y);
	}
	bio = b->use;
	put(run, "I %c %x %x %" PRIx64 " %x %x %x\n", *f[0].text, x, y,
	    (uint64_t)bio->bi_iter.bi_sector, bio->bi_iter.bi_size,
	    bio->bi_iter.bi_idx, bio->bi_iter.bi_bvec_done);
}

static bool given_whole(const struct run *run, unsigned int vecs)
{
	const char *next = run->c->lines[run->at + 1];

	return !vecs && *peek(run) == 'V' && !strncmp(next, "I s", 3);
}

static struct run_bio *build_bio(struct run *run, const char *line)
{
	struct run_bio *b;
	struct field f[7], n;
	unsigned int vecs, room;

	fields_of(line, f, 7);
	vecs = *line == 'B' ? (unsigned int)hex(f[2]) & 0xffff : 0;
	room = vecs;
	if (*peek(run) == 'V' && fields_of(peek(run), &n, 1) && hex(n) > room)
		room = (unsigned int)hex(n);
	b = new_bio(run, room);
	if (!b)
		return NULL;
	fill_bio(run, b, f, vecs);
	put_text(run, line);
	b->has_table = *line == 'B';
	if (!b->has_table) {
		b->bio.bi_iter.bi_size = (uint32_t)hex(f[2]);
		return b;
	}
	while (strchr("AU", *peek(run)))
		add_page(run, b, run->c->lines[run->at++]);
	if (given_whole(run, vecs))
		borrow_table(run, b, peek(run));
	else
		put_table(run, b);
	run->at++;
	while ((line = take(run, 'I')))
		move_iter(run, b, line);
	return b;
}

static bool usable(const struct run *run, const struct pb_bio *bio)
{
	return bio->bi_iter.bi_size &&
	       !(bio->bi_iter.bi_size & (run->lim->logical_block_size - 1));
}

/* --- cases --- */

/* The next bio of the case, built; NULL if there is none. */
static struct run_bio *next_bio(struct run *run, const char *stop)
{
	skip_outputs(run, stop);
	if (!strchr("BN", *peek(run)))
		return NULL;
	return build_bio(run, run->c->lines[run->at++]);
}

static void run_bios(struct run *run)
{
	bool goes_on = run->kind == KIND_PLUG || run->kind == KIND_CHAIN ||
		       !strcmp(run->c->section, "ATM");
	struct run_bio *b;

	while (!run->full && (b = next_bio(run, ""))) {
		if (b->has_table && !usable(run, b->use)) {
			put(run, "K\n");
			continue;
		}
		submit(run, b->use);
		if (run->ended && !goes_on)
			return;
	}
}

static void run_plug(struct run *run)
{
	unsigned int i;

	memset(&run->plug, 0, sizeof(run->plug));
	run->r->blk_start_plug(&run->plug);
	run_bios(run);
	pb_current()->plug = NULL;
	for (i = 0; i < run->nr_rqs; i++)
		put_rq(run, &run->rqs[i]);
}

/*
 * Bios of one request of a pair, of each of which the first fragment is used. It ends with a bio that is refused, with one that had
 * to be cut, and where the recording has the request. Return: false if one ended with
 * an error.
 */
static bool run_half(struct run *run)
{
	struct run_bio *b;

	run->open = NULL;
	while ((b = next_bio(run, "Q"))) {
		submit(run, b->use);
		if (run->ended)
			return false;
		if (run->nr > 1) {
			run->out->len = run->first_end;
			put(run, "W %x\n", run->nr);
		}
		if (!run->open)
			open_rq(run, run->first, run->first_nsegs);
		else if (!offer(run, run->first, run->first_nsegs))
			break;
		if (run->nr > 1)
			break;
	}
	if (!run->open)
		return false;
	put_rq(run, run->open);
	skip_outputs(run, "Q");
	take(run, 'Q');
	return true;
}

/* The recorder gave some of them another operation or other flags: an input. */
static void change_second(struct run *run, struct pb_request *rq)
{
	const char *line;
	struct field f[2];

	skip_outputs(run, "y");
	line = take(run, 'y');
	if (line) {
		fields_of(line, f, 2);
		rq->cmd_flags = op_from(*f[0].text) | flags_from(hex(f[1]));
	}
	put(run, "y %c %x\n", op_name(pb_req_op(rq)), rq_bits(rq));
}

static void run_pair(struct run *run)
{
	struct pb_request *rq, *next, before;
	bool merged;

	if (!run_half(run))
		return;
	rq = run->open;
	before = *rq;
	if (!run_half(run))
		return;
	next = run->open;
	change_second(run, next);
	merged = run->r->blk_attempt_req_merge(run->q[0], rq, next);
	put(run, "Y %d %c\n", merged,
	    merged ? '+' : why_not_rqs(run, &before, next));
	if (merged)
		put_rq(run, rq);
}

static void run_append(struct run *run)
{
	struct pb_request *rq = new_rq(run, run->q[0], NULL, 0);
	struct run_bio *b;
	int err;

	rq->cmd_flags = PB_REQ_OP_DRV_IN;
	while ((b = next_bio(run, ""))) {
		b->use->bi_bdev = &run->bdev;
		err = run->r->blk_rq_append_bio(rq, b->use);
		put(run, "p %x %x %x %x %x %x\n", (unsigned int)-err,
		    b->use->bi_bvec_gap_bit, pb_blk_rq_bytes(rq),
		    rq->nr_phys_segments, rq->phys_gap_bit, rq_bits(rq));
	}
	if (rq->bio)
		put_rq(run, rq);
}

static void put_position(struct run *run, const struct pb_bio *bio,
			 const char *bytes)
{
	struct field f;
	uint64_t addr;
	uint32_t len;

	fields_of(bytes, &f, 1);
	put(run, "J %.*s %" PRIx64 " %x %x %x", f.len, f.text,
	    (uint64_t)bio->bi_iter.bi_sector, bio->bi_iter.bi_size,
	    bio->bi_iter.bi_idx, bio->bi_iter.bi_bvec_done);
	if (bio->bi_iter.bi_size) {
		len = run->r->bvec_at(bio->bi_io_vec, bio->bi_iter, true,
				      &addr);
		put(run, " %" PRIx64 ":%x", addr, len);
		len = run->r->bvec_at(bio->bi_io_vec, bio->bi_iter, false,
				      &addr);
		put(run, " %" PRIx64 ":%x", addr, len);
	}
	put(run, "\n");
}

static void run_advance(struct run *run)
{
	struct run_bio *b;
	struct field bytes;
	const char *line;

	while ((b = next_bio(run, "")))
		while ((line = take(run, 'J'))) {
			fields_of(line, &bytes, 1);
			run->r->bio_advance(b->use, (uint32_t)hex(bytes));
			put_position(run, b->use, line);
		}
}

/* Source: bvec_try_merge_hw_page() */
static bool merges_hw(struct run *run, const void *table, bool added)
{
	const struct pb_queue_limits *lim = run->lim;
	uint64_t first, second, mask = lim->seg_boundary_mask;
	uint32_t len = run->r->bvec_get(table, 0, &first);
	uint32_t more = run->r->bvec_get(table, 1, &second);

	return (first | mask) == ((second + more - 1) | mask) &&
	       more <= lim->max_segment_size - len && added;
}

static void run_pair_of_vecs(struct run *run, const char *line)
{
	const struct physbio_repr *r = run->r;
	struct run_bio *b = new_bio(run, 2);
	uint32_t off[2], len[2];
	const struct pb_bio_vec *table, *second;
	uint64_t page[2], addr;
	const char *p = line + 2;
	bool added;
	int i;

	if (!b)
		return;
	table = b->table;
	second = (const void *)((char *)b->table + r->bvec_size);
	r->bio_init(&b->bio, &run->bdev, b->table, 2, PB_REQ_OP_READ);
	for (i = 0; i < 2; i++) {
		p = vec_from(p, &page[i], &off[i], &len[i]);
		r->bio_add_page(&b->bio,
				page_of(page[i], (uint64_t)off[i] + len[i] - 1),
				len[i], off[i]);
	}
	added = b->bio.bi_vcnt == 1;
	for (i = 0; i < 2; i++)
		r->bvec_set_page(b->table, (unsigned int)i, page_of(page[i], 0),
				 len[i], off[i]);
	r->bvec_get(table, 0, &addr);
	put(run, "P %" PRIx64 "+%x:%x %" PRIx64 "+%x:%x %d %d %x %d %x %d\n",
	    page[0], off[0], len[0], page[1], off[1], len[1],
	    r->biovec_phys_mergeable(run->q[0], table, second),
	    r->bvec_gap_to_prev(run->lim, table, second),
	    pb_get_max_segment_size(run->lim, addr, UINT32_MAX), added,
	    (unsigned int)ffs((int)r->bvec_seg_gap(table, second)),
	    merges_hw(run, table, added));
}

static void run_max_size(struct run *run, const char *line)
{
	struct run_bio *b = new_bio(run, 0);
	struct field f[3];

	if (!b)
		return;
	fields_of(line, f, 3);
	run->r->bio_init(&b->bio, &run->bdev, NULL, 0,
			 op_from(*f[0].text) | flags_from(hex(f[1])));
	b->bio.bi_iter.bi_sector = hex(f[2]);
	put(run, "O %c %x %" PRIx64 " %x\n", *f[0].text,
	    (unsigned int)hex(f[1]), hex(f[2]),
	    run->r->get_max_io_size(&b->bio, run->lim));
}

static void run_primitives(struct run *run)
{
	const char *line;

	for (;;) {
		if ((line = take(run, 'P')))
			run_pair_of_vecs(run, line);
		else if ((line = take(run, 'O')))
			run_max_size(run, line);
		else
			return;
	}
}

static void run_validation(struct run *run)
{
	struct pb_queue_limits lim;
	const char *line;
	int err;

	while ((line = take(run, 'R'))) {
		put_text(run, line);
		raw_limits_from(line, &lim);
		err = run->r->blk_validate_limits(&lim);
		if (err)
			put(run, "e %x\n", (unsigned int)-err);
		else
			put_limits(run, &lim);
		if (strchr("Le", *peek(run)))
			run->at++;
	}
}

static void run_adding(struct run *run)
{
	while (next_bio(run, ""))
		;
}

static void run_merging(struct run *run)
{
	run_bios(run);
	if (run->open)
		put_rq(run, run->open);
}

static unsigned int count_bios(const struct oracle_case *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->nr; i++)
		n += strchr("BN", *c->lines[i]) != NULL;
	return n;
}

static const struct {
	const char *name;
	enum kind kind;
	void (*run)(struct run *run);
} sections[] = {
	{ "MRG", KIND_MERGE, run_merging },
	{ "MRV", KIND_MERGE, run_merging },
	{ "MRT", KIND_MERGE, run_merging },
	{ "MRD", KIND_MERGE, run_merging },
	{ "FLG", KIND_MERGE, run_merging },
	{ "RQM", KIND_PAIR, run_pair },
	{ "RQD", KIND_PAIR, run_pair },
	{ "ATR", KIND_PAIR, run_pair },
	{ "PLG", KIND_PLUG, run_plug },
	{ "MAP", KIND_CHAIN, run_merging },
	{ "PT", KIND_APPEND, run_append },
	{ "DSC", KIND_SPLIT, run_bios },
	{ "ADD", KIND_SPLIT, run_adding },
	{ "ADV", KIND_ADVANCE, run_advance },
	{ "PRM", KIND_SPLIT, run_primitives },
	{ "VAL", KIND_SPLIT, run_validation },
};

#define NR_SECTIONS ((int)(sizeof(sections) / sizeof(sections[0])))

static void run_section(struct run *run)
{
	const char *name = run->c->section;
	int i;

	for (i = 0; i < NR_SECTIONS; i++)
		if (!strcmp(sections[i].name, name))
			break;
	if (i < NR_SECTIONS) {
		run->kind = sections[i].kind;
		sections[i].run(run);
	} else if (!strcmp(name, "ATM") && count_bios(run->c) > 1) {
		run->kind = KIND_MERGE;
		run_merging(run);
	} else {
		run->kind = KIND_ALONE;
		run_bios(run);
	}
}

static void free_bios(struct run *run)
{
	struct run_bio *b;

	while (run->nr_fragments)
		run->r->bio_put(run->fragments[--run->nr_fragments]);
	while ((b = run->bios)) {
		run->bios = b->next;
		free(b->table);
		free(b->names);
		free(b);
	}
}

/* The pages lie where the case has its memory, whatever the model of the engine. */
static void place_pages(struct run *run, uint64_t base)
{
	uintptr_t map =
		(uintptr_t)run->pages -
		(uintptr_t)(base >> PB_PAGE_SHIFT) * sizeof(struct pb_page);
	unsigned long nr = pb_pfn_to_section_nr(base >> PB_PAGE_SHIFT);
	unsigned long last = pb_pfn_to_section_nr(
		(base + ORACLE_MEM_SIZE - 1) >> PB_PAGE_SHIFT);
	unsigned long root = nr / PB_SECTIONS_PER_ROOT;
	struct pb_mem_section *table = run->sections;

	pb_vmemmap = (struct pb_page *)map;
	physbio_memmap.roots = run->roots;
	run->roots[root] = table;
	run->roots[root + 1] = table + PB_SECTIONS_PER_ROOT;
	for (; nr <= last; nr++)
		table[nr - root * PB_SECTIONS_PER_ROOT].section_mem_map =
			map | PB_SECTION_PRESENT;
}

/* No section of one case is left to the next. */
static void unplace_pages(struct run *run, uint64_t base)
{
	unsigned long root = pb_pfn_to_section_nr(base >> PB_PAGE_SHIFT) /
			     PB_SECTIONS_PER_ROOT;

	run->roots[root] = NULL;
	run->roots[root + 1] = NULL;
	memset(run->sections, 0, sizeof(run->sections));
}

static void begin(struct run *run, const struct oracle_case *c,
		  struct text *out)
{
	int i;

	run->c = c;
	run->out = out;
	out->len = 0;
	run->at = 1;
	run->nr_rqs = 0;
	run->open = NULL;
	run->full = false;
	place_pages(run, c->base);
	put_text(run, c->lines[0]);
	if (*c->lines[1] != 'L')
		return;
	for (i = 0; i < 2; i++)
		limits_from(c->lines[1],
			    (struct pb_queue_limits *)run->r->queue_limits(
				    run->q[i]));
	put_text(run, c->lines[1]);
	run->at = 2;
}

int run_case(struct run *run, const struct oracle_case *c, struct text *out)
{
	begin(run, c, out);
	run_section(run);
	put_text(run, "E");
	free_bios(run);
	unplace_pages(run, c->base);
	return out->failed ? -ENOMEM : 0;
}

const struct run_counts *run_counts(const struct run *run)
{
	return &run->counts;
}

/* --- life --- */

static pb_blk_status_t queue_rq(struct pb_blk_mq_hw_ctx *hctx,
				const struct pb_blk_mq_queue_data *bd)
{
	return PB_BLK_STS_IOERR; /* no request is ever sent */
}

static const struct pb_blk_mq_ops run_ops = { .queue_rq = queue_rq };

#define PAGES_SIZE ((size_t)(ORACLE_MEM_SIZE >> 12) * sizeof(struct pb_page))
#define NR_ROOTS (PB_NR_MEM_SECTIONS / PB_SECTIONS_PER_ROOT + 1)

int run_create(const struct physbio_repr *repr, struct run **run)
{
	static const struct pb_queue_limits none;
	struct pb_blk_mq_tag_set set = { .ops = &run_ops, .queue_depth = 1 };
	struct run *r = calloc(1, sizeof(*r));
	void *pages;
	int i;

	if (!r)
		return -ENOMEM;
	r->r = repr;
	pages = mmap(NULL, PAGES_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	r->roots = calloc(NR_ROOTS, sizeof(*r->roots));
	if (pages == MAP_FAILED || !r->roots) {
		if (pages != MAP_FAILED)
			munmap(pages, PAGES_SIZE);
		free(r->roots);
		free(r);
		return -ENOMEM;
	}
	r->pages = pages;
	for (i = 0; i < 2; i++)
		r->q[i] = repr->blk_mq_alloc_queue(&set, &none, NULL);
	r->lim = (struct pb_queue_limits *)repr->queue_limits(r->q[0]);
	r->bdev.bd_queue = r->q[0];
	r->bdev.bd_fops = &run_fops;
	*run = r;
	return 0;
}

void run_destroy(struct run *run)
{
	int i;

	if (!run)
		return;
	for (i = 0; i < 2; i++)
		run->r->blk_mq_destroy_queue(run->q[i]);
	munmap(run->pages, PAGES_SIZE);
	free(run->roots);
	free(run->fragments);
	free(run);
}
