// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Work is done by the executor, once for each time that it was scheduled. */
#include "fixture.h"

#include <physbio/workqueue.h>

/* An executor that is run by hand. */
static struct pb_work_struct *queued;
static int nr_queued;

static void queue_by_hand(struct physbio_executor *executor,
			  struct pb_work_struct *work)
{
	work->next = queued;
	queued = work;
	nr_queued++;
}

static struct physbio_executor by_hand = { queue_by_hand };

static void run_queued(void)
{
	struct pb_work_struct *work;

	while ((work = queued)) {
		queued = work->next;
		physbio_work_run(work);
	}
}

static int done;
static bool again;

static void do_it(struct pb_work_struct *work)
{
	done++;
	if (again) {
		again = false;
		assert_true(pb_schedule_work(work));
	}
}

static PB_DECLARE_WORK(one, do_it);
static PB_DECLARE_WORK(two, do_it);

static int set_up(void **state)
{
	done = nr_queued = 0;
	return 0;
}

static void work_waits_for_an_executor(void **state)
{
	assert_true(pb_schedule_work(&one));
	assert_true(pb_schedule_work(&two));
	assert_int_equal(nr_queued, 0);
	assert_null(physbio_set_executor(&by_hand));
	assert_int_equal(nr_queued, 2);
	run_queued();
	assert_int_equal(done, 2);
	assert_ptr_equal(physbio_set_executor(NULL), &by_hand);
}

static void work_that_waits_is_not_scheduled_twice(void **state)
{
	physbio_set_executor(&by_hand);
	assert_true(pb_schedule_work(&one));
	assert_false(pb_schedule_work(&one));
	run_queued();
	assert_int_equal(done, 1);
	assert_true(pb_schedule_work(&one));
	run_queued();
	assert_int_equal(done, 2);
	physbio_set_executor(NULL);
}

static void work_may_schedule_itself(void **state)
{
	physbio_set_executor(&by_hand);
	again = true;
	pb_schedule_work(&one);
	run_queued();
	assert_int_equal(done, 2);
	physbio_set_executor(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(work_waits_for_an_executor, set_up),
		cmocka_unit_test_setup(work_that_waits_is_not_scheduled_twice,
				       set_up),
		cmocka_unit_test_setup(work_may_schedule_itself, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
