/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OCI's words for what stands in a profile.
 */
#ifndef HULL_NAMESPACES_SECCOMP_WORDS_H
#define HULL_NAMESPACES_SECCOMP_WORDS_H

#include "namespaces/seccomp_profile.h"

/*
 * OCI's words, "SCMP_ACT_ERRNO", "SCMP_CMP_EQ", "SCMP_ARCH_X86_64", "SECCOMP_FILTER_FLAG_LOG". 0, or -EINVAL for a word
 * that is none.
 */
int seccomp_parse_action(const char *word, enum seccomp_action *ret);
int seccomp_parse_op(const char *word, enum seccomp_op *ret);
int seccomp_parse_arch(const char *word, uint32_t *ret);
int seccomp_parse_flag(const char *word, unsigned *ret);
/* The words known, NULL-terminated, for `features` and for refusals. Static. */
const char *const *seccomp_action_words(void);
const char *const *seccomp_op_words(void);
const char *const *seccomp_arch_words(void);
const char *const *seccomp_flag_words(void);

#endif
