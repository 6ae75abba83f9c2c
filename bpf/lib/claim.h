/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Texts of programs, read from their memory by uprobes. They are claims only: `verified` is 1 where
 * they come from a root-owned program that runs as root.
 */
#ifndef HOPTRAIL_BPF_LIB_CLAIM_H_
#define HOPTRAIL_BPF_LIB_CLAIM_H_

#include "bpf/lib/task.h"

/* Any program can load libpam or be called sshd, and make any number of claims: only trusted ones
 * are critical. */
static __always_inline void *ht_reserve_claim(bool trusted, __u32 type, __u32 size)
{
	return ht_reserve_in(trusted ? HT_PRIORITY_CRITICAL : HT_PRIORITY_HIGH,
			     bpf_get_current_cgroup_id(), type, size);
}

/* Returns a negative error if the text is not in memory. */
#define ht_read_user_text(text, bytes, user)                                                       \
	({                                                                                         \
		long ht_length = 0;                                                                \
		if (user)                                                                          \
			ht_length = bpf_probe_read_user_str(bytes, sizeof(bytes), user);           \
		(text)->length = ht_length > 0 ? ht_length - 1 : 0;                                \
		(text)->cut = ht_length == sizeof(bytes);                                          \
		if (ht_length <= 0)                                                                \
			(bytes)[0] = 0;                                                            \
		ht_length;                                                                         \
	})

#endif /* HOPTRAIL_BPF_LIB_CLAIM_H_ */
