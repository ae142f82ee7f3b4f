/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Work that the end of an I/O leaves to somebody who may sleep. The library starts no
 * thread: it hands work to the executor that the process has given it. In the kernel
 * that is system_wq, and this file is not used.
 */
#ifndef PHYSBIO_WORKQUEUE_H
#define PHYSBIO_WORKQUEUE_H

#include <physbio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_work_struct;

typedef void (*pb_work_func_t)(struct pb_work_struct *work);

/* Source: struct work_struct */
struct pb_work_struct {
	pb_work_func_t func;
	/* The executor's from its queue_work() to physbio_work_run(). */
	struct pb_work_struct *next;
	int pending; /* private: it was scheduled and has not begun */
};

/* Source: DECLARE_WORK() */
#define PB_DECLARE_WORK(name, function) \
	struct pb_work_struct name = { .func = (function) }

/* Whoever does the work. The process keeps it until it has set another. */
struct physbio_executor {
	/*
	 * Take @work and see to it that physbio_work_run() is called with it, once, from
	 * where one may sleep. Called from any context, of several threads at once.
	 */
	void (*queue_work)(struct physbio_executor *executor,
			   struct pb_work_struct *work);
};

/**
 * physbio_set_executor() - who does the work of this process?
 * @executor: takes what waits, and all that is scheduled from now on; NULL: work waits
 *
 * Context: any, but no work is being scheduled. Return: the one before, NULL if there was
 * none.
 */
PB_API struct physbio_executor *
physbio_set_executor(struct physbio_executor *executor);

/**
 * pb_schedule_work() - have work done later
 * @work: work; it stays until it has begun
 *
 * Context: any. Return: false if it was waiting already, which is once more than enough.
 * Source: schedule_work()
 */
PB_API bool pb_schedule_work(struct pb_work_struct *work);

/**
 * physbio_work_run() - do it
 * @work: what queue_work() was given
 *
 * It may be scheduled again from here on, by itself too. Context: may sleep; executors
 * alone.
 */
PB_API void physbio_work_run(struct pb_work_struct *work);

#ifdef __cplusplus
}
#endif

#endif
