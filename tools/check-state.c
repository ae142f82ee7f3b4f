// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The queue, the requests, the tasks and the bios of a check, made and ended; and how a
 * request is found, in the same time whether one is in flight or a million.
 */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static pb_blk_status_t never_called(struct pb_blk_mq_hw_ctx *hctx,
				    const struct pb_blk_mq_queue_data *bd)
{
	return PB_BLK_STS_RESOURCE;
}

static const struct pb_blk_mq_ops ops = { .queue_rq = never_called };

int check_fail(const struct check *c, struct physbio_error *error,
	       unsigned int line, int err, const char *message)
{
	memset(error, 0, sizeof(*error));
	error->err = err;
	error->line = line;
	snprintf(error->file, sizeof(error->file), "%s", c->path);
	snprintf(error->message, sizeof(error->message), "%s", message);
	return err;
}

static int init_queue(struct check *c)
{
	const struct settings *s = trace_settings(c->trace);
	struct pb_blk_mq_tag_set set = {
		.ops = &ops,
		.queue_depth = 1,
		.numa_node = -1,
	};
	struct pb_queue_limits lim = s->limits;

	lim.quirks = PB_QUIRK_ALL;
	if (c->blind)
		check_blind_limits(c, &lim);
	c->q = pb_blk_mq_alloc_queue(&set, &lim, NULL);
	if (IS_ERR(c->q)) {
		int err = (int)PTR_ERR(c->q);

		c->q = NULL;
		return err;
	}
	/* The requests are ours; the scheduler has something for each of them. */
	c->q->nr_rqs = CHECK_MAX_RQS;
	c->nomerges = s->nomerges;
	physbio_queue_set_stats(c->q, &c->stats);
	physbio_queue_set_nomerges(c->q, s->nomerges);
	c->bdev.bd_queue = c->q;
	c->bdev.bd_nr_sectors = UINT64_MAX >> 9;
	return s->deadline ? pb_elevator_change(c->q, "mq-deadline") : 0;
}

/* Memory is taken when it is used. */
static int init_rqs(struct check *c)
{
	c->starts_bits = 10;
	c->starts = calloc(1u << c->starts_bits, sizeof(*c->starts));
	c->rqs = calloc(CHECK_MAX_RQS, sizeof(*c->rqs));
	if (!c->rqs || !c->starts)
		return -ENOMEM;
	return pb_bioset_init(&c->bs, 16, 0, 0);
}

int check_init(struct check *c, struct physbio_error *error)
{
	int err = init_queue(c);

	if (!err)
		err = init_rqs(c);
	if (!err)
		return 0;
	return check_fail(c, error, 0, err,
			  err == -EINVAL ? "its limits contradict each other" :
					   "no memory");
}

static void end_bio(struct pb_bio *bio)
{
	if (bio)
		pb_bio_endio(bio);
}

static void free_tasks(struct check *c)
{
	struct check_task *t;
	unsigned int i;

	for (i = 0; i < CHECK_TASKS; i++)
		while ((t = c->tasks[i])) {
			c->tasks[i] = t->next;
			check_drop(c, t);
			end_bio(t->whole);
			free(t);
		}
}

void check_exit(struct check *c)
{
	unsigned int i;

	free_tasks(c);
	for (i = 0; i < CHECK_NR_PLACES; i++)
		while (c->at[i].oldest)
			check_rq_put(c, c->at[i].oldest);
	free(c->rqs);
	free(c->starts);
	if (c->bs.bio_pool)
		pb_bioset_exit(&c->bs);
	if (c->q)
		pb_blk_mq_destroy_queue(c->q);
	pb_current()->plug = NULL;
	if (c->trace)
		trace_close(c->trace);
	if (c->ahead)
		trace_close(c->ahead);
}

struct check_task *check_task_of(struct check *c, uint32_t pid)
{
	struct check_task **head = &c->tasks[pid % CHECK_TASKS], *t;

	for (t = *head; t; t = t->next)
		if (t->pid == pid)
			return t;
	t = calloc(1, sizeof(*t));
	if (t) {
		t->pid = pid;
		t->blind = c->blind;
		t->next = *head;
		*head = t;
	}
	return t;
}

static void bio_done(struct pb_bio *bio)
{
	pb_bio_put(bio);
}

static void set_memory(struct pb_bio *bio, const struct trace_event *e)
{
	unsigned int i;

	for (i = 0; i < e->nr_vecs; i++)
		pb_bvec_set_phys(&bio->bi_io_vec[i], e->vecs[i].paddr,
				 e->vecs[i].len);
	bio->bi_vcnt = (unsigned short)e->nr_vecs;
}

struct pb_bio *check_bio(struct check *c, const struct trace_event *e)
{
	struct pb_bio *bio = pb_bio_alloc_bioset(&c->bdev,
						 (unsigned short)e->nr_vecs,
						 e->opf, PB_GFP_KERNEL, &c->bs);

	if (!bio)
		return NULL;
	bio->bi_end_io = bio_done;
	bio->bi_iter.bi_sector = e->offset / 512;
	bio->bi_iter.bi_size = (uint32_t)e->len;
	bio->bi_iter.bi_idx = e->idx;
	bio->bi_iter.bi_bvec_done = e->done;
	set_memory(bio, e);
	return bio;
}

/* --- requests --- */

static void list_del(struct check_list *list, struct check_rq *cr,
		     enum check_order by)
{
	struct check_rq *prev = cr->on[by].prev, *next = cr->on[by].next;

	if (prev)
		prev->on[by].next = next;
	else
		list->oldest = next;
	if (next)
		next->on[by].prev = prev;
	else
		list->newest = prev;
}

/* NULL: in front of all. */
static void list_add_behind(struct check_list *list, struct check_rq *cr,
			    struct check_rq *prev, enum check_order by)
{
	struct check_rq *next = prev ? prev->on[by].next : list->oldest;

	cr->on[by].prev = prev;
	cr->on[by].next = next;
	if (prev)
		prev->on[by].next = cr;
	else
		list->oldest = cr;
	if (next)
		next->on[by].prev = cr;
	else
		list->newest = cr;
}

/* Most are younger than those that are there. */
static void list_add_by_age(struct check_list *list, struct check_rq *cr,
			    enum check_order by)
{
	struct check_rq *prev = list->newest;

	while (prev && prev->number > cr->number)
		prev = prev->on[by].prev;
	list_add_behind(list, cr, prev, by);
}

static void place_add(struct check *c, struct check_rq *cr)
{
	struct check_list *list = &c->at[cr->place];

	if (cr->place == CHECK_WAITING || cr->place == CHECK_TAKEN)
		list_add_by_age(list, cr, CHECK_BY_PLACE);
	else
		list_add_behind(list, cr, list->newest, CHECK_BY_PLACE);
}

void check_set_place(struct check *c, struct check_rq *cr,
		     enum check_place place)
{
	list_del(&c->at[cr->place], cr, CHECK_BY_PLACE);
	cr->place = place;
	place_add(c, cr);
}

static struct check_list *starts_at(const struct check *c, pb_sector_t sector)
{
	uint64_t key = (uint64_t)sector * UINT64_C(0x9e3779b97f4a7c15);

	return &c->starts[key >> (64 - c->starts_bits)];
}

static void starts_add(struct check *c, struct check_rq *cr)
{
	cr->start = pb_blk_rq_pos(&cr->rq);
	list_add_by_age(starts_at(c, cr->start), cr, CHECK_BY_START);
}

/* As many as requests, or it stays as it is. */
static void starts_grow(struct check *c)
{
	struct check_list *more =
		calloc(2u << c->starts_bits, sizeof(*c->starts));
	struct check_rq *cr;
	unsigned int i;

	if (!more)
		return;
	free(c->starts);
	c->starts = more;
	c->starts_bits++;
	for (i = 0; i < CHECK_NR_PLACES; i++)
		check_for_each_at(c, cr, i) starts_add(c, cr);
}

void check_rehash(struct check *c, struct check_rq *cr)
{
	if (cr->start == pb_blk_rq_pos(&cr->rq))
		return;
	list_del(starts_at(c, cr->start), cr, CHECK_BY_START);
	starts_add(c, cr);
}

/* It began where the bio ends. */
void check_new_start(struct check *c, const struct pb_bio *bio)
{
	const pb_sector_t end = pb_bio_end_sector(bio);
	struct check_rq *cr = starts_at(c, end)->oldest, *next;

	for (; cr; cr = next) {
		next = cr->on[CHECK_BY_START].next;
		check_rehash(c, cr);
	}
}

/* The engine knows a request by its tag. */
static struct check_rq *rq_alloc(struct check *c)
{
	struct check_rq *cr = c->free;

	if (cr) {
		c->free = cr->on[CHECK_BY_PLACE].next;
		return cr;
	}
	if (c->nr_made == CHECK_MAX_RQS)
		return NULL;
	cr = &c->rqs[c->nr_made];
	cr->rq.tag = (int)c->nr_made++;
	cr->rq.q = c->q;
	return cr;
}

struct check_rq *check_rq_get(struct check *c, struct check_task *t)
{
	struct check_rq *cr = rq_alloc(c);

	if (!cr)
		return NULL;
	if (++c->nr_used > 1u << c->starts_bits)
		starts_grow(c);
	cr->place = CHECK_LOOSE;
	cr->task = t;
	cr->number = c->nr_allocated++;
	cr->refused = false;
	cr->overtaken = 0;
	cr->rq.rq_flags = 0;
	cr->rq.rq_next = NULL;
	cr->rq.rq_prev = NULL;
	pb_blk_rq_bio_prep(&cr->rq, t->cur, t->nr_segs);
	place_add(c, cr);
	starts_add(c, cr);
	return cr;
}

void check_rq_put(struct check *c, struct check_rq *cr)
{
	struct pb_bio *bio;

	while ((bio = cr->rq.bio)) {
		cr->rq.bio = bio->bi_next;
		bio->bi_next = NULL;
		pb_bio_endio(bio);
	}
	check_move(c, cr, CHECK_LOOSE, 0);
	list_del(&c->at[CHECK_LOOSE], cr, CHECK_BY_PLACE);
	list_del(starts_at(c, cr->start), cr, CHECK_BY_START);
	c->nr_used--;
	cr->on[CHECK_BY_PLACE].next = c->free;
	c->free = cr;
}

struct check_rq *check_find(struct check *c, const struct trace_event *e,
			    unsigned int places, bool whole)
{
	struct check_rq *cr = starts_at(c, e->offset / 512)->oldest;

	for (; cr; cr = cr->on[CHECK_BY_START].next)
		if ((CHECK_AT(cr->place) & places) &&
		    pb_blk_rq_pos(&cr->rq) == e->offset / 512 &&
		    (!whole || pb_blk_rq_bytes(&cr->rq) == e->len))
			return cr;
	return NULL;
}

void check_list_remove(struct pb_rq_list *list, struct pb_request *rq)
{
	struct pb_request **link = &list->head, *prev = NULL;

	while (*link && *link != rq) {
		prev = *link;
		link = &prev->rq_next;
	}
	if (!*link)
		return;
	*link = rq->rq_next;
	if (rq->rq_next)
		rq->rq_next->rq_prev = prev;
	else
		list->tail = prev;
	rq->rq_next = NULL;
	rq->rq_prev = NULL;
}
