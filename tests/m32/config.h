/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stands for the configured one in 32-bit tests: no optional library. */
