/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether this is built with AddressSanitizer or ThreadSanitizer. What compilers say of themselves: gcc by a macro,
 * clang by a question.
 */
#ifndef HULL_RUNTIME_BASE_SANITIZED_H
#define HULL_RUNTIME_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#endif
