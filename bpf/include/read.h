/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Two ways to read a kernel structure. Of what a tracing program is given, and of what is reached
 * from there, the verifier knows the type: a field is one load. Of anything else a field is a call
 * to bpf_probe_read_kernel(), a hundred instructions for each arrow.
 */
#ifndef HOPTRAIL_BPF_INCLUDE_READ_H_
#define HOPTRAIL_BPF_INCLUDE_READ_H_

#include "bpf/include/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Whether a pointer has kept the type that the verifier gave it: from tp_btf, fentry, fexit and
 * lsm, and not through a map. Always a constant. */
enum ht_pointer { HT_UNTYPED = 0, HT_TYPED = 1 };

#define HT_AT_1(s, a) ((s)->a)
#define HT_AT_2(s, a, b) ((s)->a->b)
#define HT_AT_3(s, a, b, c) ((s)->a->b->c)
#define HT_AT_4(s, a, b, c, d) ((s)->a->b->c->d)
#define HT_AT_OF(_1, _2, _3, _4, _5, at, ...) at
#define HT_AT(...) HT_AT_OF(__VA_ARGS__, HT_AT_4, HT_AT_3, HT_AT_2, HT_AT_1)(__VA_ARGS__)

/* As BPF_CORE_READ(source, field, field…): of a typed `source` by loads. */
#define HT_READ(kind, ...) (kind == HT_TYPED ? HT_AT(__VA_ARGS__) : BPF_CORE_READ(__VA_ARGS__))

#endif /* HOPTRAIL_BPF_INCLUDE_READ_H_ */
