/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Two methods to read a kernel structure. The verifier knows the types of a tracing program's
 * arguments and of the structures that are reached from these: there a field is one load. In any
 * other structure a field is a call of bpf_probe_read_kernel(), a hundred instructions for each
 * arrow.
 */
#ifndef HOPTRAIL_BPF_INCLUDE_READ_H_
#define HOPTRAIL_BPF_INCLUDE_READ_H_

#include "bpf/include/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Whether the verifier knows a pointer's type: it comes from an argument of tp_btf, fentry, fexit
 * or lsm, and not through a map. Always a constant. */
enum ht_pointer { HT_UNTYPED = 0, HT_TYPED = 1 };

#define HT_AT_1(s, a) ((s)->a)
#define HT_AT_2(s, a, b) ((s)->a->b)
#define HT_AT_3(s, a, b, c) ((s)->a->b->c)
#define HT_AT_4(s, a, b, c, d) ((s)->a->b->c->d)
#define HT_AT_OF(_1, _2, _3, _4, _5, at, ...) at
#define HT_AT(...) HT_AT_OF(__VA_ARGS__, HT_AT_4, HT_AT_3, HT_AT_2, HT_AT_1)(__VA_ARGS__)

/* Like BPF_CORE_READ(source, field, field…), but by loads where `source` is typed. */
#define HT_READ(kind, ...) (kind == HT_TYPED ? HT_AT(__VA_ARGS__) : BPF_CORE_READ(__VA_ARGS__))

#define HT_LIST(...) __VA_ARGS__

/*
 * Makes a function name(argument…, kind) of the inline body name_as(argument…, kind), by way of two
 * functions that are not inlined, one for each kind of pointer. Not inlined, to save stack and
 * program size; two functions, because the verifier refuses a load that is reached with a typed and
 * with an untyped pointer.
 */
#define HT_BY_KIND_1(result, name, type, argument)                                                 \
	HT_BY_KIND(result, name, (type argument), (argument))
#define HT_BY_KIND_2(result, name, type1, argument1, type2, argument2)                             \
	HT_BY_KIND(result, name, (type1 argument1, type2 argument2), (argument1, argument2))

#define HT_BY_KIND(result, name, parameters, arguments)                                            \
	static __noinline result name##_typed parameters                                           \
	{                                                                                          \
		return name##_as(HT_LIST arguments, HT_TYPED);                                     \
	}                                                                                          \
                                                                                                   \
	static __noinline result name##_untyped parameters                                         \
	{                                                                                          \
		return name##_as(HT_LIST arguments, HT_UNTYPED);                                   \
	}                                                                                          \
                                                                                                   \
	static __always_inline result name(HT_LIST parameters, enum ht_pointer kind)               \
	{                                                                                          \
		return kind == HT_TYPED ? name##_typed arguments : name##_untyped arguments;       \
	}

#endif /* HOPTRAIL_BPF_INCLUDE_READ_H_ */
