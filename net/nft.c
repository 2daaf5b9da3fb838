/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#define TYPE(message) (NFNL_SUBSYS_NFTABLES << 8 | (message))

/* Of up to 64 bytes, in one message of netlink.h. */
#define KEYS_AT_ONCE 32

static struct nfgenmsg bracket(void)
{
	return (struct nfgenmsg){.nfgen_family = AF_UNSPEC,
				 .version = NFNETLINK_V0,
				 .res_id = htons(NFNL_SUBSYS_NFTABLES)};
}

void nft_begin(struct netlink_batch *batch)
{
	const struct nfgenmsg header = bracket();

	netlink_begin(batch, NFNL_MSG_BATCH_BEGIN, 0, &header, sizeof(header));
}

int nft_commit(struct netlink *netlink, struct netlink_batch *batch, struct netlink_failure *ret_failure,
	       struct err *err)
{
	const struct nfgenmsg header = bracket();

	netlink_begin_closing(batch, NFNL_MSG_BATCH_END, &header, sizeof(header));
	return netlink_run(netlink, batch, NULL, NULL, ret_failure, err);
}

static uint32_t begin(struct netlink_batch *batch, int message, int flags, const struct nft_table *table)
{
	const struct nfgenmsg header = {.nfgen_family = table->family, .version = NFNETLINK_V0};

	return netlink_begin(batch, TYPE(message), flags, &header, sizeof(header));
}

void nft_table_replace(struct netlink_batch *batch, const struct nft_table *table, const char *user_data)
{
	/* Deleting needs one that is there, and making one that is there is no error: so make, delete, make. */
	begin(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
	netlink_put_string(batch, NFTA_TABLE_NAME, table->name);
	begin(batch, NFT_MSG_DELTABLE, 0, table);
	netlink_put_string(batch, NFTA_TABLE_NAME, table->name);
	begin(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
	netlink_put_string(batch, NFTA_TABLE_NAME, table->name);
	netlink_put_string(batch, NFTA_TABLE_USERDATA, user_data);
}

struct user_data {
	char *to;
	size_t to_bytes;
};

static int take_table(const struct nlmsghdr *reply, void *context)
{
	const struct user_data *wanted = context;
	size_t len, found_bytes = 0;
	const void *attributes, *found;

	if (!netlink_header(reply, TYPE(NFT_MSG_NEWTABLE), sizeof(struct nfgenmsg), &attributes, &len))
		return -EBADMSG;
	found = netlink_find_nest(attributes, len, NFTA_TABLE_USERDATA, &found_bytes);
	if (found && found_bytes > 0 && found_bytes <= wanted->to_bytes) {
		memcpy(wanted->to, found, found_bytes);
		wanted->to[found_bytes - 1] = 0;
	}
	return 0;
}

int nft_table_user_data(struct netlink *netlink, const struct nft_table *table, char *ret, size_t ret_bytes,
			struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct user_data wanted = {.to = ret, .to_bytes = ret_bytes};
	struct err failed = ERR_INIT;
	int code;

	ret[0] = 0;
	begin(&batch, NFT_MSG_GETTABLE, 0, table);
	netlink_put_string(&batch, NFTA_TABLE_NAME, table->name);
	code = netlink_run(netlink, &batch, take_table, &wanted, NULL, &failed);
	if (code == 0 || code == -ENOENT)
		return code;
	return err_say(err, -code, "look at nftables table '%s': %s", table->name, failed.msg);
}

void nft_chain_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_chain *chain)
{
	begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, table);
	netlink_put_string(batch, NFTA_CHAIN_TABLE, table->name);
	netlink_put_string(batch, NFTA_CHAIN_NAME, chain->name);
	netlink_nest(batch, NFTA_CHAIN_HOOK);
	netlink_put_be32(batch, NFTA_HOOK_HOOKNUM, chain->hook);
	netlink_put_be32(batch, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
	netlink_nest_end(batch);
	netlink_put_string(batch, NFTA_CHAIN_TYPE, chain->type);
	netlink_put_be32(batch, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

void nft_map_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *map)
{
	begin(batch, NFT_MSG_NEWSET, NLM_F_CREATE, table);
	netlink_put_string(batch, NFTA_SET_TABLE, table->name);
	netlink_put_string(batch, NFTA_SET_NAME, map->name);
	netlink_put_be32(batch, NFTA_SET_FLAGS, map->data_bytes ? NFT_SET_MAP : 0);
	netlink_put_be32(batch, NFTA_SET_KEY_TYPE, map->key_type);
	netlink_put_be32(batch, NFTA_SET_KEY_LEN, map->key_bytes);
	if (map->data_bytes) {
		netlink_put_be32(batch, NFTA_SET_DATA_TYPE, map->data_type);
		netlink_put_be32(batch, NFTA_SET_DATA_LEN, map->data_bytes);
	}
	netlink_put_be32(batch, NFTA_SET_ID, map->id);
}

static void put_data(struct netlink_batch *batch, int attribute, const void *data, size_t bytes)
{
	netlink_nest(batch, attribute);
	netlink_put(batch, NFTA_DATA_VALUE, data, bytes);
	netlink_nest_end(batch);
}

static uint32_t begin_elements(struct netlink_batch *batch, int message, int flags, const struct nft_table *table,
			       const struct nft_map *map)
{
	uint32_t number = begin(batch, message, flags, table);

	netlink_put_string(batch, NFTA_SET_ELEM_LIST_TABLE, table->name);
	netlink_put_string(batch, NFTA_SET_ELEM_LIST_SET, map->name);
	netlink_nest(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
	return number;
}

static void put_element(struct netlink_batch *batch, const struct nft_map *map, const void *key, const void *data)
{
	netlink_nest(batch, NFTA_LIST_ELEM);
	put_data(batch, NFTA_SET_ELEM_KEY, key, map->key_bytes);
	if (data)
		put_data(batch, NFTA_SET_ELEM_DATA, data, map->data_bytes);
	netlink_nest_end(batch);
}

uint32_t nft_element_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *map,
			 const void *key, const void *data)
{
	uint32_t number = begin_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, table, map);

	put_element(batch, map, key, data);
	netlink_nest_end(batch);
	return number;
}

uint32_t nft_element_delete(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *map,
			    const void *key)
{
	uint32_t number = begin_elements(batch, NFT_MSG_DELSETELEM, 0, table, map);

	put_element(batch, map, key, NULL);
	netlink_nest_end(batch);
	return number;
}

void nft_keys_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *set,
		  const void *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i % KEYS_AT_ONCE == 0)
			begin_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set);
		put_element(batch, set, (const char *)keys + i * set->key_bytes, NULL);
		if (i % KEYS_AT_ONCE == KEYS_AT_ONCE - 1 || i == count - 1)
			netlink_nest_end(batch);
	}
}

struct elements {
	const struct nft_map *map;
	int (*take)(const void *key, const void *data, void *context);
	void *context;
};

static int take_element(const struct elements *elements, const void *element, size_t len)
{
	size_t key_len = 0, data_len = 0;
	const void *key = netlink_find_nest(element, len, NFTA_SET_ELEM_KEY, &key_len);
	const void *data = netlink_find_nest(element, len, NFTA_SET_ELEM_DATA, &data_len);

	key = key ? netlink_find(key, key_len, NFTA_DATA_VALUE, elements->map->key_bytes) : NULL;
	data = data ? netlink_find(data, data_len, NFTA_DATA_VALUE, elements->map->data_bytes) : NULL;
	return key && data ? elements->take(key, data, elements->context) : -EBADMSG;
}

static int take_elements(const struct nlmsghdr *reply, void *context)
{
	const struct elements *elements = context;
	size_t len, list_len = 0;
	const void *attributes;
	const struct nlattr *at;
	int left, ret = 0;

	if (!netlink_header(reply, TYPE(NFT_MSG_NEWSETELEM), sizeof(struct nfgenmsg), &attributes, &len))
		return -EBADMSG;
	at = netlink_find_nest(attributes, len, NFTA_SET_ELEM_LIST_ELEMENTS, &list_len);
	left = (int)list_len;
	for (; at && nla_ok(at, left) && ret == 0; at = nla_next(at, &left))
		ret = take_element(elements, nla_data(at), (size_t)nla_len(at));
	return ret;
}

int nft_elements(struct netlink *netlink, const struct nft_table *table, const struct nft_map *map,
		 int (*take)(const void *key, const void *data, void *context), void *context, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct elements elements = {.map = map, .take = take, .context = context};

	begin(&batch, NFT_MSG_GETSETELEM, NLM_F_DUMP, table);
	netlink_put_string(&batch, NFTA_SET_ELEM_LIST_TABLE, table->name);
	netlink_put_string(&batch, NFTA_SET_ELEM_LIST_SET, map->name);
	if (netlink_run(netlink, &batch, take_elements, &elements, NULL, err) < 0)
		return err_wrap(err, "list nftables map '%s'", map->name);
	return 0;
}

void nft_rule_begin(struct netlink_batch *batch, const struct nft_table *table, const char *chain)
{
	begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, table);
	netlink_put_string(batch, NFTA_RULE_TABLE, table->name);
	netlink_put_string(batch, NFTA_RULE_CHAIN, chain);
	netlink_nest(batch, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct netlink_batch *batch)
{
	netlink_nest_end(batch);
}

static void expression_begin(struct netlink_batch *batch, const char *name)
{
	netlink_nest(batch, NFTA_LIST_ELEM);
	netlink_put_string(batch, NFTA_EXPR_NAME, name);
	netlink_nest(batch, NFTA_EXPR_DATA);
}

static void expression_end(struct netlink_batch *batch)
{
	netlink_nest_end(batch);
	netlink_nest_end(batch);
}

void nft_load_meta(struct netlink_batch *batch, uint32_t key, unsigned part)
{
	expression_begin(batch, "meta");
	netlink_put_be32(batch, NFTA_META_KEY, key);
	netlink_put_be32(batch, NFTA_META_DREG, NFT_REG32_00 + part);
	expression_end(batch);
}

void nft_load_payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, uint32_t bytes, unsigned part)
{
	expression_begin(batch, "payload");
	netlink_put_be32(batch, NFTA_PAYLOAD_DREG, NFT_REG32_00 + part);
	netlink_put_be32(batch, NFTA_PAYLOAD_BASE, base);
	netlink_put_be32(batch, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(batch, NFTA_PAYLOAD_LEN, bytes);
	expression_end(batch);
}

void nft_load_ct(struct netlink_batch *batch, uint32_t key)
{
	expression_begin(batch, "ct");
	netlink_put_be32(batch, NFTA_CT_KEY, key);
	netlink_put_be32(batch, NFTA_CT_DREG, NFT_REG32_00);
	expression_end(batch);
}

void nft_load_destination_type(struct netlink_batch *batch)
{
	expression_begin(batch, "fib");
	netlink_put_be32(batch, NFTA_FIB_DREG, NFT_REG32_00);
	netlink_put_be32(batch, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	netlink_put_be32(batch, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	expression_end(batch);
}

void nft_mask(struct netlink_batch *batch, const void *mask, size_t bytes)
{
	static const uint8_t zeros[16];

	expression_begin(batch, "bitwise");
	netlink_put_be32(batch, NFTA_BITWISE_SREG, NFT_REG32_00);
	netlink_put_be32(batch, NFTA_BITWISE_DREG, NFT_REG32_00);
	netlink_put_be32(batch, NFTA_BITWISE_LEN, (uint32_t)bytes);
	put_data(batch, NFTA_BITWISE_MASK, mask, bytes);
	put_data(batch, NFTA_BITWISE_XOR, zeros, bytes);
	expression_end(batch);
}

void nft_compare(struct netlink_batch *batch, bool equal, const void *data, size_t bytes)
{
	expression_begin(batch, "cmp");
	netlink_put_be32(batch, NFTA_CMP_SREG, NFT_REG32_00);
	netlink_put_be32(batch, NFTA_CMP_OP, equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
	put_data(batch, NFTA_CMP_DATA, data, bytes);
	expression_end(batch);
}

void nft_lookup(struct netlink_batch *batch, const struct nft_map *map)
{
	expression_begin(batch, "lookup");
	netlink_put_string(batch, NFTA_LOOKUP_SET, map->name);
	netlink_put_be32(batch, NFTA_LOOKUP_SREG, NFT_REG32_00);
	if (map->data_bytes)
		netlink_put_be32(batch, NFTA_LOOKUP_DREG, NFT_REG32_00);
	expression_end(batch);
}

void nft_dnat(struct netlink_batch *batch)
{
	expression_begin(batch, "nat");
	netlink_put_be32(batch, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_put_be32(batch, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	netlink_put_be32(batch, NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00);
	netlink_put_be32(batch, NFTA_NAT_REG_PROTO_MIN, NFT_REG32_01);
	expression_end(batch);
}

void nft_masquerade(struct netlink_batch *batch)
{
	expression_begin(batch, "masq");
	expression_end(batch);
}

void nft_verdict(struct netlink_batch *batch, int verdict)
{
	expression_begin(batch, "immediate");
	netlink_put_be32(batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	netlink_nest(batch, NFTA_IMMEDIATE_DATA);
	netlink_nest(batch, NFTA_DATA_VERDICT);
	netlink_put_be32(batch, NFTA_VERDICT_CODE, (uint32_t)verdict);
	netlink_nest_end(batch);
	netlink_nest_end(batch);
	expression_end(batch);
}
