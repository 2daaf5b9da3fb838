// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/reference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

static const char DEFAULT_REGISTRY[] = "docker.io";
static const char DEFAULT_FOLDER[] = "library/";
static const char LOCAL_REGISTRY[] = "localhost";
static const char DEFAULT_TAG[] = "latest";

static const struct {
	const char *prefix;
	size_t digits;
} DIGEST_KINDS[] = {
	{"sha256:", 64},
	{"sha512:", 128},
};

/* The classes are spelled out: <ctype.h> asks the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_alnum(char c)
{
	return is_digit(c) || is_lower(c) || is_upper(c);
}

static bool is_hex(const char *words, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(words[i]) && !(words[i] >= 'a' && words[i] <= 'f'))
			return false;
	return true;
}

bool reference_is_digest(const char *words)
{
	for (size_t i = 0; words && i < ARRAY_SIZE(DIGEST_KINDS); i++) {
		if (!text_starts(words, DIGEST_KINDS[i].prefix))
			continue;
		const char *hex = words + strlen(DIGEST_KINDS[i].prefix);

		return strlen(hex) == DIGEST_KINDS[i].digits && is_hex(hex, DIGEST_KINDS[i].digits);
	}
	return false;
}

bool reference_is_id(const char *words, const char **ret_hex)
{
	const char *hex = text_starts(words, "sha256:") ? words + strlen("sha256:") : words;
	size_t len = strlen(hex);

	if (len < 3 || len > 64 || !is_hex(hex, len))
		return false;
	*ret_hex = hex;
	return true;
}

/* A repository's part: runs of [a-z0-9] with '.', '_', '__' or any number of '-' between them. */
static bool is_path_part(const char *part, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t start = i, separators;

		while (i < len && (is_lower(part[i]) || is_digit(part[i])))
			i++;
		if (i == start)
			return false;
		if (i == len)
			return true;
		start = i;
		while (i < len && part[i] == part[start] && strchr("._-", part[i]))
			i++;
		separators = i - start;
		if (separators == 0 || (part[start] == '.' && separators > 1) || (part[start] == '_' && separators > 2))
			return false;
	}
	return false; /* empty, or it ended with a separator */
}

static bool is_repository(const char *words)
{
	for (;;) {
		size_t len = strcspn(words, "/");

		if (!is_path_part(words, len))
			return false;
		if (!words[len])
			return true;
		words += len + 1;
	}
}

/* One label of a host name: alphanumeric at both ends, '-' within. */
static bool is_host_part(const char *part, size_t len)
{
	if (len == 0 || !is_alnum(part[0]) || !is_alnum(part[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(part[i]) && part[i] != '-')
			return false;
	return true;
}

static bool is_host(const char *words, size_t len)
{
	size_t start = 0;

	if (len > 2 && words[0] == '[' && words[len - 1] == ']') { /* an IPv6 address */
		for (size_t i = 1; i < len - 1; i++)
			if (!is_digit(words[i]) && words[i] != ':' && !strchr("abcdefABCDEF", words[i]))
				return false;
		return true;
	}
	for (size_t i = 0; i <= len; i++) {
		if (i < len && words[i] != '.')
			continue;
		if (!is_host_part(words + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

static bool is_registry(const char *words)
{
	const char *bracket = strchr(words, ']');
	const char *colon = strchr(bracket ? bracket : words, ':');
	size_t len = colon ? (size_t)(colon - words) : strlen(words);
	uint32_t port;

	if (colon && (text_u32(colon + 1, &port) < 0 || port == 0 || port > 65535))
		return false;
	return is_host(words, len);
}

static bool is_tag(const char *words)
{
	size_t len = strlen(words);

	if (len == 0 || len >= REFERENCE_TAG_BYTES || !(is_alnum(words[0]) || words[0] == '_'))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_alnum(words[i]) && !strchr("_.-", words[i]))
			return false;
	return true;
}

/* Whether the part before the first '/' is a registry and not a folder of a short name. */
static bool looks_like_registry(const char *first, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (first[i] == '.' || first[i] == ':' || is_upper(first[i]))
			return true;
	return len == strlen(LOCAL_REGISTRY) && memcmp(first, LOCAL_REGISTRY, len) == 0;
}

static int complain(struct err *err, const char *words, const char *what)
{
	return err_say(err, EINVAL, "image name '%s': %s", words, what);
}

/*
 * "docker.io" is known by an older name too, and keeps its one-word repositories in a folder. -ENAMETOOLONG for the
 * whole.
 */
static int complete_name(struct reference *ref)
{
	size_t len = strlen(ref->repository), folder = 0;

	if (strcmp(ref->registry, "index.docker.io") == 0)
		text_copy(ref->registry, sizeof(ref->registry), DEFAULT_REGISTRY);
	if (strcmp(ref->registry, DEFAULT_REGISTRY) == 0 && !strchr(ref->repository, '/'))
		folder = strlen(DEFAULT_FOLDER);
	if (strlen(ref->registry) + 1 + folder + len >= REFERENCE_NAME_BYTES)
		return -ENAMETOOLONG;
	memmove(ref->repository + folder, ref->repository, len + 1);
	memcpy(ref->repository, DEFAULT_FOLDER, folder);
	return 0;
}

/* `name` is what is left without digest and tag: the registry, if any, and the repository. */
static int parse_name(const char *words, char *name, struct reference *ref, struct err *err)
{
	char *slash = strchr(name, '/');

	if (slash && looks_like_registry(name, (size_t)(slash - name))) {
		*slash = '\0';
		if (!is_registry(name))
			return complain(err, words, "the registry is not a host name with an optional port");
		text_copy(ref->registry, sizeof(ref->registry), name);
		name = slash + 1;
	}
	if (!is_repository(name))
		return complain(err, words,
				"a repository is lower-case letters and digits, with '.', '_', '-' or '/' between");
	if (strlen(name) == 64 && is_hex(name, 64))
		return complain(err, words, "64 hexadecimal digits would be taken for an image's id");
	text_copy(ref->repository, sizeof(ref->repository), name);
	if (complete_name(ref) < 0)
		return complain(err, words, "longer than 255 characters");
	return 0;
}

int reference_parse(const char *words, struct reference *ret, struct err *err)
{
	struct reference ref = {0};
	char name[REFERENCE_BYTES];
	char *at, *colon, *slash;
	int r;

	if (text_is_empty(words))
		return err_say(err, EINVAL, "an image's name is empty");
	if (text_copy(name, sizeof(name), words) < 0)
		return complain(err, words, "too long");
	at = strchr(name, '@');
	if (at) {
		*at = '\0';
		if (!reference_is_digest(at + 1))
			return complain(err, words,
					"behind '@' belongs sha256: or sha512: and a lower-case hexadecimal digest");
		text_copy(ref.digest, sizeof(ref.digest), at + 1);
	}
	/* A colon before the last slash belongs to a registry's port. */
	slash = strrchr(name, '/');
	colon = strrchr(slash ? slash : name, ':');
	if (colon) {
		*colon = '\0';
		if (!is_tag(colon + 1))
			return complain(err, words, "a tag is up to 128 letters, digits, '_', '.' and '-'");
		text_copy(ref.tag, sizeof(ref.tag), colon + 1);
	}
	if (strlen(name) >= REFERENCE_NAME_BYTES)
		return complain(err, words, "longer than 255 characters");
	r = parse_name(words, name, &ref, err);
	if (r < 0)
		return r;
	*ret = ref;
	return 0;
}

int reference_candidates(const struct reference *reference, struct reference ret[static REFERENCE_MAX_CANDIDATES])
{
	static const char *const REGISTRIES[REFERENCE_MAX_CANDIDATES] = {LOCAL_REGISTRY, DEFAULT_REGISTRY};
	int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(REGISTRIES); i++) {
		struct reference *candidate = &ret[count];

		*candidate = *reference;
		if (!*candidate->tag && !*candidate->digest)
			text_copy(candidate->tag, sizeof(candidate->tag), DEFAULT_TAG);
		if (*reference->registry)
			return 1;
		text_copy(candidate->registry, sizeof(candidate->registry), REGISTRIES[i]);
		/* A name that only this makes too long was never given to an image. */
		count += complete_name(candidate) == 0;
	}
	return count;
}

int reference_for_import(const char *words, struct reference *ret, struct err *err)
{
	struct reference parsed, candidates[REFERENCE_MAX_CANDIDATES];
	int r = reference_parse(words, &parsed, err);

	if (r < 0)
		return r;
	if (*parsed.digest)
		return complain(err, words, "a digest cannot be given, it follows from the contents");
	if (reference_candidates(&parsed, candidates) == 0)
		return complain(err, words, "longer than 255 characters with its registry");
	*ret = candidates[0];
	return 0;
}

static const char *format(const char *registry, const char *repository, const struct reference *ref,
			  char to[static REFERENCE_BYTES])
{
	(void)snprintf(to, REFERENCE_BYTES, "%s%s%s%s%s%s%s", registry, *registry ? "/" : "", repository,
		       *ref->tag ? ":" : "", ref->tag, *ref->digest ? "@" : "", ref->digest);
	return to;
}

const char *reference_format(const struct reference *reference, char to[static REFERENCE_BYTES])
{
	return format(reference->registry, reference->repository, reference, to);
}

const char *reference_familiar(const struct reference *reference, char to[static REFERENCE_BYTES])
{
	/* docker.io's names are second choice for a short name, so only localhost's may be shortened without doubt. */
	bool local = strcmp(reference->registry, LOCAL_REGISTRY) == 0;

	return format(local ? "" : reference->registry, reference->repository, reference, to);
}
