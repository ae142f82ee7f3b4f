// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The host of src/core in a kernel module: what the kernel proper keeps in
 * task_struct, a module keeps beside it. A task is known from physbio_task_enter() to
 * physbio_task_exit(), and submits only in between.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include <physbio/submit.h>

#include "main.h"

static DEFINE_XARRAY(tasks);

int physbio_task_enter(struct pb_task *task)
{
	return xa_insert(&tasks, (unsigned long)current / sizeof(long), task,
			 GFP_KERNEL);
}

void physbio_task_exit(void)
{
	xa_erase(&tasks, (unsigned long)current / sizeof(long));
}

struct pb_task *pb_current(void)
{
	return xa_load(&tasks, (unsigned long)current / sizeof(long));
}

static int __init physbio_init(void)
{
	return 0;
}

static void __exit physbio_exit(void)
{
	WARN_ON(!xa_empty(&tasks));
}

module_init(physbio_init);
module_exit(physbio_exit);
MODULE_DESCRIPTION("block I/O on physical addresses: the engine");
MODULE_LICENSE("Dual BSD/GPL");
