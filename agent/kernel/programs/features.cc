#include "agent/kernel/programs/features.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "agent/kernel/plan/hook_kind.h"
#include "agent/kernel/programs/cgroup_root.h"
#include "agent/kernel/programs/kernel_types.h"
#include "core/base/unique_fd.h"
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/syscall.h>

namespace hoptrail::agent::kernel {
namespace {

constexpr char kBtfPath[] = "/sys/kernel/btf/vmlinux";
constexpr char kTracefs[] = "/sys/kernel/tracing";
constexpr char kSecurityfs[] = "/sys/kernel/security";
constexpr int kCapPerfmon = 38;
constexpr int kCapBpf = 39;

bool HasCapability(int capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

std::string ErrorText(absl::string_view what, int error) {
  return absl::StrCat(what, ": ", strerror(error));
}

// Loads a program that only returns `result`. Invalid, with the reason in `refusal`, where the
// kernel refuses it.
UniqueFd LoadEmpty(bpf_prog_type type, bpf_attach_type attach, uint32_t btf_id, int result,
                   std::string* refusal) {
  const bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result},
      {.code = BPF_JMP | BPF_EXIT},
  };
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = btf_id);
  UniqueFd fd(bpf_prog_load(type, "ht_probe", "GPL", program, 2, &options));
  if (!fd.valid()) *refusal = ErrorText("load refused", errno);
  return fd;
}

// Why the kernel calls no BPF programs as a security module; empty where it does.
std::string WhyNoLsm() {
  std::ifstream file(absl::StrCat(kSecurityfs, "/lsm"));
  std::string modules;
  if (!std::getline(file, modules)) {
    return absl::StrCat("the list of security modules cannot be read: ", kSecurityfs, "/lsm");
  }
  for (absl::string_view module : absl::StrSplit(modules, ',')) {
    if (module == "bpf") return "";
  }
  return absl::StrCat("\"bpf\" is not among the kernel's security modules: ", modules);
}

// The following functions return why the kernel refuses a hook; empty where it can be used.

// `name`: of a function, or of a tracepoint's type, in the kernel's BTF.
std::string TryBtfHook(const btf* kernel, const std::string& name, uint32_t btf_kind,
                       bpf_prog_type type, bpf_attach_type attach) {
  const int id = btf__find_by_name_kind(kernel, name.c_str(), btf_kind);
  if (id < 0) return "not in this kernel";
  std::string refusal;
  const UniqueFd program = LoadEmpty(type, attach, static_cast<uint32_t>(id), 0, &refusal);
  if (!program.valid()) return refusal;
  const UniqueFd link(attach == BPF_TRACE_ITER ? bpf_link_create(program.get(), 0, attach, nullptr)
                                               : bpf_raw_tracepoint_open(nullptr, program.get()));
  return link.valid() ? "" : ErrorText("attach refused", errno);
}

std::string TryLsm(const btf* kernel, const std::string& target) {
  // If "bpf" is not among the modules, a program can be attached but is never called.
  if (std::string why = WhyNoLsm(); !why.empty()) return why;
  return TryBtfHook(kernel, absl::StrCat("bpf_lsm_", target), BTF_KIND_FUNC, BPF_PROG_TYPE_LSM,
                    BPF_LSM_MAC);
}

std::string TryCgroupSkb() {
  const absl::StatusOr<UniqueFd> root = OpenRootCgroup();
  if (!root.ok()) return std::string(root.status().message());
  std::string refusal;
  // 1: every packet passes.
  const UniqueFd program =
      LoadEmpty(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 0, 1, &refusal);
  if (!program.valid()) return refusal;
  const UniqueFd link(bpf_link_create(program.get(), root->get(), BPF_CGROUP_INET_EGRESS, nullptr));
  return link.valid() ? "" : ErrorText("attach refused", errno);
}

std::string TryKprobes() {
  return access("/sys/bus/event_source/devices/kprobe/type", R_OK) == 0
             ? ""
             : "this kernel has no kprobes (CONFIG_KPROBES)";
}

std::string TryPerfTracepoint(const std::string& target) {
  for (absl::string_view root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (access(absl::StrCat(root, "/events/", target, "/id").c_str(), R_OK) == 0) return "";
  }
  return "no such tracepoint in tracefs";
}

std::string TryHook(const btf* kernel, const std::string& hook,
                    const std::optional<NeededField>& needs) {
  if (needs.has_value() && !HasField(kernel, needs->struct_name, needs->field)) {
    return needs->without;
  }
  const auto [kind, target] = ParseHook(hook);
  switch (kind) {
    case HookKind::kBtfTracepoint:
      return TryBtfHook(kernel, absl::StrCat("btf_trace_", target), BTF_KIND_TYPEDEF,
                        BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP);
    case HookKind::kFentry:
      return TryBtfHook(kernel, target, BTF_KIND_FUNC, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY);
    case HookKind::kFexit:
      return TryBtfHook(kernel, target, BTF_KIND_FUNC, BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT);
    case HookKind::kLsm:
      return TryLsm(kernel, target);
    case HookKind::kIterator:
      return TryBtfHook(kernel, absl::StrCat("bpf_iter_", target), BTF_KIND_FUNC,
                        BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER);
    case HookKind::kKprobe:
      return TryKprobes();
    case HookKind::kTracepoint:
      return TryPerfTracepoint(target);
    case HookKind::kCgroupSkb:
      return TryCgroupSkb();
    case HookKind::kUnknown:
      break;
  }
  return "a hook of an unknown kind";
}

Features TryAllHooks() {
  Features features;
  const BtfPtr kernel(btf__load_vmlinux_btf());
  for (const auto& [hook, needs] : HooksOfTable()) {
    std::string refusal = kernel != nullptr ? TryHook(kernel.get(), hook, needs)
                                            : "the kernel's type information cannot be read";
    if (!refusal.empty()) features.refused[hook] = std::move(refusal);
  }
  if (kernel != nullptr) {
    features.skips_tracepoints = SkipsTracepointPrograms(kernel.get());
    features.preempts_tracepoints = PreemptsTracepointPrograms(kernel.get());
  }
  return features;
}

}  // namespace

void EnsureTracefs() {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (access("/sys/kernel/tracing/events", F_OK) != 0 &&
      access("/sys/kernel/debug/tracing/events", F_OK) != 0) {
    (void)mount("tracefs", kTracefs, "tracefs", kFlags, nullptr);
  }
  if (access("/sys/kernel/security/lsm", F_OK) != 0) {
    (void)mount("securityfs", kSecurityfs, "securityfs", kFlags, nullptr);
  }
}

absl::Status CheckPrerequisites() {
  if (!HasCapability(CAP_SYS_ADMIN)) {
    if (!HasCapability(kCapBpf)) {
      return absl::PermissionDeniedError(
          "loading programs into the kernel needs the capability CAP_BPF (before Linux 5.8: "
          "CAP_SYS_ADMIN)");
    }
    if (!HasCapability(kCapPerfmon)) {
      return absl::PermissionDeniedError(
          "tracing the kernel needs the capability CAP_PERFMON (before Linux 5.8: "
          "CAP_SYS_ADMIN)");
    }
  }
  if (access(kBtfPath, R_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the kernel's type information is missing: ", kBtfPath, ": ", strerror(errno),
                     " (CONFIG_DEBUG_INFO_BTF)"));
  }
  return absl::OkStatus();
}

const Features& ProbeFeatures() {
  static const auto* const features = new Features(TryAllHooks());
  return *features;
}

}  // namespace hoptrail::agent::kernel
