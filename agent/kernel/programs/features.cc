#include "agent/kernel/programs/features.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "agent/kernel/programs/cgroup_root.h"
#include "core/base/kernel_release.h"
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

using BtfPtr = std::unique_ptr<btf, decltype(&btf__free)>;

bool HasCapability(int capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

std::string ErrorText(absl::string_view what, int error) {
  return absl::StrCat(what, ": ", strerror(error));
}

// A program that does nothing but return `result`, of the type that `hook` takes; empty and
// `refusal` set if the kernel does not take it.
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

// Why BPF programs are not among the security modules that the kernel asks, or empty.
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

// Hooks found in the kernel's BTF.
std::string TryBtfHook(const btf* vmlinux, absl::string_view kind, const std::string& target) {
  bpf_attach_type attach = BPF_TRACE_RAW_TP;
  std::string type_name = absl::StrCat("btf_trace_", target);
  uint32_t btf_kind = BTF_KIND_TYPEDEF;
  bpf_prog_type type = BPF_PROG_TYPE_TRACING;
  if (kind == "fexit" || kind == "fentry") {
    attach = kind == "fexit" ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY;
    type_name = target;
    btf_kind = BTF_KIND_FUNC;
  } else if (kind == "lsm") {
    // The hook can be attached to, and is never called, where "bpf" is not among the modules.
    if (std::string why = WhyNoLsm(); !why.empty()) return why;
    type = BPF_PROG_TYPE_LSM;
    attach = BPF_LSM_MAC;
    type_name = absl::StrCat("bpf_lsm_", target);
    btf_kind = BTF_KIND_FUNC;
  } else if (kind == "iter") {
    attach = BPF_TRACE_ITER;
    type_name = absl::StrCat("bpf_iter_", target);
    btf_kind = BTF_KIND_FUNC;
  }
  const int id = btf__find_by_name_kind(vmlinux, type_name.c_str(), btf_kind);
  if (id < 0) return "not in this kernel";
  std::string refusal;
  const UniqueFd program = LoadEmpty(type, attach, id, 0, &refusal);
  if (!program.valid()) return refusal;
  const UniqueFd link(attach == BPF_TRACE_ITER ? bpf_link_create(program.get(), 0, attach, nullptr)
                                               : bpf_raw_tracepoint_open(nullptr, program.get()));
  return link.valid() ? "" : ErrorText("attach refused", errno);
}

// Whether a struct of the kernel has such a field of its own.
bool HasField(const btf* vmlinux, const char* name, absl::string_view field) {
  const int id = btf__find_by_name_kind(vmlinux, name, BTF_KIND_STRUCT);
  if (id < 0) return false;
  const btf_type* type = btf__type_by_id(vmlinux, static_cast<uint32_t>(id));
  for (int i = 0; i < btf_vlen(type); ++i) {
    if (field == btf__name_by_offset(vmlinux, btf_members(type)[i].name_off)) return true;
  }
  return false;
}

std::string TryCgroupEgress() {
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

std::string TryHook(const btf* vmlinux, const std::string& hook) {
  const size_t slash = hook.find('/');
  const std::string kind = hook.substr(0, slash);
  const std::string target = hook.substr(slash + 1);
  if (hook == "tp_btf/io_uring_complete" && !HasField(vmlinux, "io_kiocb", "cqe")) {
    return "does not tell which request has completed";
  }
  if (kind == "tp_btf" || kind == "fexit" || kind == "fentry" || kind == "lsm" || kind == "iter")
    return TryBtfHook(vmlinux, kind, target);
  if (hook == "cgroup_skb/egress") return TryCgroupEgress();
  if (kind == "kprobe" || kind == "kretprobe") {
    return access("/sys/bus/event_source/devices/kprobe/type", R_OK) == 0
               ? ""
               : "this kernel has no kprobes (CONFIG_KPROBES)";
  }
  if (kind == "tp") {
    for (absl::string_view root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
      if (access(absl::StrCat(root, "/events/", target, "/id").c_str(), R_OK) == 0) return "";
    }
    return "no such tracepoint in tracefs";
  }
  return "";  // the real attempt shows it
}

// Before 6.2 the kernel runs a tracepoint's program that is running already once more. From 7.0 on
// it may be preempted in tracepoints, which are guarded by SRCU there instead of by forbidding it.
void FindOutWhatIsSkipped(Features* features) {
  int major = 0, minor = 0;
  if (sscanf(KernelRelease().c_str(), "%d.%d", &major, &minor) != 2) return;
  features->skips_tracepoints = major > 6 || (major == 6 && minor >= 2);
  features->preempts_tracepoints = major >= 7;
}

// Tries every hook of EventSourceTable().
Features TryAllHooks() {
  Features features;
  FindOutWhatIsSkipped(&features);
  const BtfPtr vmlinux(btf__load_vmlinux_btf(), btf__free);
  std::set<std::string> hooks;
  for (const EventSource& source : EventSourceTable()) {
    for (const HookCandidate& candidate : source.candidates) {
      hooks.insert(candidate.hook);
      hooks.insert(candidate.also.begin(), candidate.also.end());
      for (const OptionalProgram& optional : candidate.optional) hooks.insert(optional.hook);
      for (const FallbackProgram& fallback : candidate.fallbacks) hooks.insert(fallback.hook);
    }
  }
  for (const std::string& hook : hooks) {
    std::string refusal =
        vmlinux ? TryHook(vmlinux.get(), hook) : "the kernel's type information cannot be read";
    if (!refusal.empty()) features.refused[hook] = std::move(refusal);
  }
  return features;
}

}  // namespace

void EnsureTracefs() {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  // The hooks that need them report their absence.
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
