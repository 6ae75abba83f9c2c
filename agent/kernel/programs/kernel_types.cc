#include "agent/kernel/programs/kernel_types.h"

namespace hoptrail::agent::kernel {

bool HasField(const btf* kernel, const std::string& struct_name, const std::string& field) {
  const int id = btf__find_by_name_kind(kernel, struct_name.c_str(), BTF_KIND_STRUCT);
  if (id < 0) return false;
  const btf_type* type = btf__type_by_id(kernel, static_cast<uint32_t>(id));
  for (int i = 0; i < btf_vlen(type); ++i) {
    if (field == btf__name_by_offset(kernel, btf_members(type)[i].name_off)) return true;
  }
  return false;
}

bool HasFunction(const btf* kernel, const std::string& function) {
  return btf__find_by_name_kind(kernel, function.c_str(), BTF_KIND_FUNC) > 0;
}

// The change that made raw tracepoints skip ("bpf: Prevent bpf program recursion for raw tracepoint
// probes", 6.1) gave the function that counts the misses its present name, to call it from there.
bool SkipsTracepointPrograms(const btf* kernel) {
  return HasFunction(kernel, "bpf_prog_inc_misses_counter");
}

// Tracepoints that forbid preemption are guarded by RCU alone. The change that guards them by
// SRCU-fast (7.0) made the code that removes a probe remember a grace period of that, too.
bool PreemptsTracepointPrograms(const btf* kernel) {
  return HasField(kernel, "tp_transition_snapshot", "srcu_gp");
}

}  // namespace hoptrail::agent::kernel
