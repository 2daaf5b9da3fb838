// SPDX-License-Identifier: GPL-2.0-or-later
/* Detach keys: their words, and finding them in what is typed. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "namespaces/tty.h"

/*
 * "ctrl-p": the letter's place in the alphabet, and ctrl-@ [ \ ] ^ _ around them; any other single character is itself.
 */
static int parse_key(const char *word, size_t len)
{
	if (len == 1)
		return (unsigned char)word[0];
	if (len == 6 && strncmp(word, "ctrl-", 5) == 0) {
		int c = toupper((unsigned char)word[5]);

		if (c >= '@' && c <= '_')
			return c - '@';
	}
	return -EINVAL;
}

int tty_keys_parse(const char *words, struct tty_keys *ret, struct err *err)
{
	struct tty_keys keys = {0};

	for (const char *at = words; *at;) {
		size_t len = strcspn(at, ",");
		int key = parse_key(at, len);

		if (key < 0)
			return err_say(err, EINVAL, "detach keys '%s': want keys such as ctrl-p,ctrl-q or a,b", words);
		if (keys.count == TTY_KEYS_MAX)
			return err_say(err, EINVAL, "detach keys '%s': more than %d", words, TTY_KEYS_MAX);
		keys.bytes[keys.count++] = (unsigned char)key;
		at += len;
		if (*at == ',' && *++at == '\0')
			return err_say(err, EINVAL, "detach keys '%s': a key is missing behind the last comma", words);
	}
	*ret = keys;
	return 0;
}

/*
 * After a byte that does not go on as the sequence does: how much of what was held back, with that byte, is still its
 * beginning. (Of a,a,b with "aa" held back and another "a" typed, the last two may still be.) What is not goes out.
 */
static void give_up_some(struct tty_keys *keys, unsigned char byte, unsigned char *out, size_t *len)
{
	unsigned char held[TTY_KEYS_MAX + 1];
	unsigned count = keys->typed;

	memcpy(held, keys->bytes, count);
	held[count++] = byte;
	for (unsigned skip = 1; skip <= count; skip++) {
		out[(*len)++] = held[skip - 1];
		if (memcmp(held + skip, keys->bytes, count - skip) == 0) {
			keys->typed = count - skip;
			return;
		}
	}
}

bool tty_keys_feed(struct tty_keys *keys, const unsigned char *in, size_t len, unsigned char *out, size_t *ret_out_len)
{
	size_t out_len = 0;
	bool detached = false;

	for (size_t i = 0; i < len && !detached; i++) {
		if (keys->count == 0)
			out[out_len++] = in[i];
		else if (in[i] != keys->bytes[keys->typed])
			give_up_some(keys, in[i], out, &out_len);
		else if (++keys->typed == keys->count)
			detached = true;
	}
	if (detached)
		keys->typed = 0;
	*ret_out_len = out_len;
	return detached;
}
