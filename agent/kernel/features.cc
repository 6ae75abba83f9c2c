#include "agent/kernel/features.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "core/base/unique_fd.h"
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/syscall.h>

namespace hoptrail::agent::kernel {
namespace {

constexpr char kBtfPath[] = "/sys/kernel/btf/vmlinux";
constexpr char kTracefs[] = "/sys/kernel/tracing";
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

// A program that does nothing but return 0, of the type that `hook` takes; empty and `refusal`
// set if the kernel does not take it.
UniqueFd LoadEmpty(bpf_prog_type type, bpf_attach_type attach, uint32_t btf_id,
                   std::string* refusal) {
  const bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = btf_id);
  UniqueFd fd(bpf_prog_load(type, "ht_probe", "GPL", program, 2, &options));
  if (!fd.valid()) *refusal = ErrorText("load refused", errno);
  return fd;
}

// Hooks found in the kernel's BTF.
std::string TryBtfHook(const btf* vmlinux, absl::string_view kind, const std::string& target) {
  bpf_attach_type attach = BPF_TRACE_RAW_TP;
  std::string type_name = absl::StrCat("btf_trace_", target);
  uint32_t btf_kind = BTF_KIND_TYPEDEF;
  if (kind == "fexit" || kind == "fentry") {
    attach = kind == "fexit" ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY;
    type_name = target;
    btf_kind = BTF_KIND_FUNC;
  } else if (kind == "iter") {
    attach = BPF_TRACE_ITER;
    type_name = absl::StrCat("bpf_iter_", target);
    btf_kind = BTF_KIND_FUNC;
  }
  const int id = btf__find_by_name_kind(vmlinux, type_name.c_str(), btf_kind);
  if (id < 0) return "not in this kernel";
  std::string refusal;
  const UniqueFd program = LoadEmpty(BPF_PROG_TYPE_TRACING, attach, id, &refusal);
  if (!program.valid()) return refusal;
  const UniqueFd link(attach == BPF_TRACE_ITER ? bpf_link_create(program.get(), 0, attach, nullptr)
                                               : bpf_raw_tracepoint_open(nullptr, program.get()));
  return link.valid() ? "" : ErrorText("attach refused", errno);
}

std::string TryHook(const btf* vmlinux, const std::string& hook) {
  const size_t slash = hook.find('/');
  const std::string kind = hook.substr(0, slash);
  const std::string target = hook.substr(slash + 1);
  if (kind == "tp_btf" || kind == "fexit" || kind == "fentry" || kind == "iter")
    return TryBtfHook(vmlinux, kind, target);
  if (kind == "kretprobe" || kind == "kprobe") {
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

}  // namespace

void EnsureTracefs() {
  if (access("/sys/kernel/tracing/events", F_OK) == 0) return;
  if (access("/sys/kernel/debug/tracing/events", F_OK) == 0) return;
  // The hooks that need it report its absence.
  (void)mount("tracefs", kTracefs, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
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

Features ProbeFeatures() {
  Features features;
  const BtfPtr vmlinux(btf__load_vmlinux_btf(), btf__free);
  std::set<std::string> hooks;
  for (const FactHooks& fact : FactTable()) {
    for (const HookCandidate& candidate : fact.candidates) {
      hooks.insert(candidate.hook);
      hooks.insert(candidate.also.begin(), candidate.also.end());
    }
  }
  for (const std::string& hook : hooks) {
    std::string refusal =
        vmlinux ? TryHook(vmlinux.get(), hook) : "the kernel's type information cannot be read";
    if (!refusal.empty()) features.refused[hook] = std::move(refusal);
  }
  return features;
}

}  // namespace hoptrail::agent::kernel
