// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Work and the executor that does it. While there is no executor, work waits here.
 */
#include <physbio/workqueue.h>

#include "../core/platform.h"

static DEFINE_SPINLOCK(lock);
static struct physbio_executor *the_executor;
static struct pb_work_struct *waiting; /* in order */

static void wait_for_executor(struct pb_work_struct *work)
{
	struct pb_work_struct **link = &waiting;

	while (*link)
		link = &(*link)->next;
	work->next = NULL;
	*link = work;
}

struct physbio_executor *physbio_set_executor(struct physbio_executor *executor)
{
	struct physbio_executor *before;
	struct pb_work_struct *work = NULL, *next;

	spin_lock(&lock);
	before = the_executor;
	the_executor = executor;
	if (executor) {
		work = waiting;
		waiting = NULL;
	}
	spin_unlock(&lock);
	for (; work; work = next) {
		next = work->next;
		executor->queue_work(executor, work);
	}
	return before;
}

bool pb_schedule_work(struct pb_work_struct *work)
{
	struct physbio_executor *executor;

	if (__atomic_exchange_n(&work->pending, 1, __ATOMIC_ACQ_REL))
		return false;
	spin_lock(&lock);
	executor = the_executor;
	if (!executor)
		wait_for_executor(work);
	spin_unlock(&lock);
	if (executor)
		executor->queue_work(executor, work);
	return true;
}

void physbio_work_run(struct pb_work_struct *work)
{
	__atomic_exchange_n(&work->pending, 0, __ATOMIC_ACQ_REL);
	work->func(work);
}
