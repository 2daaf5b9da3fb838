// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "runtime/base/text.h"

static const struct {
	const char *prefix;
	const EVP_MD *(*method)(void);
} KINDS[] = {
	{"sha256:", EVP_sha256},
	{"sha512:", EVP_sha512},
};

int digest_begin(struct digest *digest, const char *like, struct err *err)
{
	*digest = (struct digest){0};
	for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++) {
		if (like && !text_starts(like, KINDS[i].prefix))
			continue;
		digest->prefix = KINDS[i].prefix;
		digest->context = EVP_MD_CTX_new();
		if (!digest->context || EVP_DigestInit_ex(digest->context, KINDS[i].method(), NULL) != 1) {
			digest_free(digest);
			return err_set(err, ENOMEM, "begin a digest");
		}
		return 0;
	}
	return err_say(err, EINVAL, "digest '%s': hull knows sha256 and sha512", like);
}

/* Adding cannot fail once a digest has begun. */
void digest_add(struct digest *digest, const void *bytes, size_t len)
{
	(void)EVP_DigestUpdate(digest->context, bytes, len);
}

int digest_end(struct digest *digest, char to[static REFERENCE_DIGEST_BYTES], struct err *err)
{
	static const char DIGITS[] = "0123456789abcdef";
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char *out;

	if (EVP_DigestFinal_ex(digest->context, raw, &len) != 1)
		return err_say(err, EIO, "cannot end a digest");
	(void)text_copy(to, REFERENCE_DIGEST_BYTES, digest->prefix);
	out = to + strlen(to);
	for (unsigned i = 0; i < len; i++) {
		*out++ = DIGITS[raw[i] >> 4];
		*out++ = DIGITS[raw[i] & 15];
	}
	*out = '\0';
	digest_free(digest);
	return 0;
}

void digest_free(struct digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
}

static int digest_like(const void *bytes, size_t len, const char *like, char to[static REFERENCE_DIGEST_BYTES],
		       struct err *err)
{
	CLEANUP_DIGEST struct digest digest;
	int r = digest_begin(&digest, like, err);

	if (r < 0)
		return r;
	digest_add(&digest, bytes, len);
	return digest_end(&digest, to, err);
}

int digest_of(const void *bytes, size_t len, char to[static REFERENCE_DIGEST_BYTES], struct err *err)
{
	return digest_like(bytes, len, NULL, to, err);
}

int digest_compare(const char *what, const char *found, const char *wanted, struct err *err)
{
	if (strcmp(found, wanted) == 0)
		return 0;
	return err_say(err, EBADMSG, "%s is damaged or forged: its digest is %s, and should be %s", what, found,
		       wanted);
}

int digest_verify(const char *what, const void *bytes, size_t len, const char *wanted, struct err *err)
{
	char found[REFERENCE_DIGEST_BYTES];
	int r = digest_like(bytes, len, wanted, found, err);

	return r < 0 ? r : digest_compare(what, found, wanted, err);
}
