/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a task does before it submits, and when it no longer will. */
#ifndef PHYSBIO_KERNEL_MAIN_H
#define PHYSBIO_KERNEL_MAIN_H

struct pb_task;

/* @task is kept, all zero, until physbio_task_exit(). Return: 0 or -errno. */
int physbio_task_enter(struct pb_task *task);
void physbio_task_exit(void);

#endif
