/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program in the benchmark's bundles: it has ended before a C library of the usual size would have started, so that
 * what is measured is the runtime around it.
 */
int main(void)
{
	return 0;
}
