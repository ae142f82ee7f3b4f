// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The queue, the requests, the tasks and the bios of a check, made and ended. */
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

static int fail_limits(struct check *c, struct physbio_error *error, int err)
{
	memset(error, 0, sizeof(*error));
	error->err = err;
	snprintf(error->file, sizeof(error->file), "%s", c->path);
	snprintf(error->message, sizeof(error->message),
		 err == -EINVAL ? "its limits contradict each other" :
				  "no memory");
	return err;
}

static int init_queue(struct check *c)
{
	const struct settings *s = trace_settings(c->trace);
	struct pb_blk_mq_tag_set set = {
		.ops = &ops,
		.queue_depth = CHECK_MAX_RQS,
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
	c->nomerges = s->nomerges;
	physbio_queue_set_stats(c->q, &c->stats);
	physbio_queue_set_nomerges(c->q, s->nomerges);
	c->bdev.bd_queue = c->q;
	c->bdev.bd_nr_sectors = UINT64_MAX >> 9;
	return s->deadline ? pb_elevator_change(c->q, "mq-deadline") : 0;
}

/* The engine knows a request by its tag. */
static int init_rqs(struct check *c)
{
	int tag;

	c->rqs = calloc(CHECK_MAX_RQS, sizeof(*c->rqs));
	if (!c->rqs)
		return -ENOMEM;
	for (tag = CHECK_MAX_RQS - 1; tag >= 0; tag--) {
		c->rqs[tag].rq.tag = tag;
		c->rqs[tag].rq.q = c->q;
		c->rqs[tag].next = c->free;
		c->free = &c->rqs[tag];
	}
	return pb_bioset_init(&c->bs, 16, 0, 0);
}

int check_init(struct check *c, struct physbio_error *error)
{
	int err = init_queue(c);

	if (!err)
		err = init_rqs(c);
	return err ? fail_limits(c, error, err) : 0;
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
	free_tasks(c);
	while (c->oldest)
		check_rq_put(c, c->oldest);
	free(c->rqs);
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

struct check_rq *check_rq_get(struct check *c, struct pb_bio *bio,
			      unsigned int nr_segs)
{
	struct check_rq *cr = c->free;

	if (!cr)
		return NULL;
	c->free = cr->next;
	cr->next = NULL;
	cr->prev = c->newest;
	if (c->newest)
		c->newest->next = cr;
	else
		c->oldest = cr;
	c->newest = cr;
	cr->place = CHECK_LOOSE;
	cr->refused = false;
	cr->overtaken = 0;
	cr->rq.rq_flags = 0;
	cr->rq.rq_next = NULL;
	cr->rq.rq_prev = NULL;
	pb_blk_rq_bio_prep(&cr->rq, bio, nr_segs);
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
	if (cr->prev)
		cr->prev->next = cr->next;
	else
		c->oldest = cr->next;
	if (cr->next)
		cr->next->prev = cr->prev;
	else
		c->newest = cr->prev;
	check_move(c, cr, CHECK_LOOSE, 0);
	cr->next = c->free;
	c->free = cr;
}

struct check_rq *check_find(struct check *c, const struct trace_event *e,
			    unsigned int places, bool whole)
{
	struct check_rq *cr;

	for (cr = c->oldest; cr; cr = cr->next)
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
