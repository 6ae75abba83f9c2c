#include "agent/kernel/plan/hook_kind.h"

#include <utility>

namespace hoptrail::agent::kernel {
namespace {

constexpr std::pair<absl::string_view, HookKind> kKinds[] = {
    {"tp_btf", HookKind::kBtfTracepoint}, {"fentry", HookKind::kFentry},
    {"fexit", HookKind::kFexit},          {"lsm", HookKind::kLsm},
    {"iter", HookKind::kIterator},        {"kprobe", HookKind::kKprobe},
    {"kretprobe", HookKind::kKprobe},     {"tp", HookKind::kTracepoint},
    {"cgroup_skb", HookKind::kCgroupSkb},
};

}  // namespace

ParsedHook ParseHook(absl::string_view hook) {
  const size_t slash = hook.find('/');
  if (slash == absl::string_view::npos) return {};
  for (const auto& [text, kind] : kKinds) {
    if (hook.substr(0, slash) == text) return {kind, std::string(hook.substr(slash + 1))};
  }
  return {};
}

}  // namespace hoptrail::agent::kernel
