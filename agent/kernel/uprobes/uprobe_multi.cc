#include "agent/kernel/uprobes/uprobe_multi.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include <bpf/bpf.h>

#include <sys/syscall.h>

namespace hoptrail::agent::kernel {
namespace {

// From the kernel's include/uapi/linux/bpf.h of 6.6; Debian 12's headers are older.
constexpr auto kTraceUprobeMulti = static_cast<bpf_attach_type>(48);
constexpr uint32_t kAtReturn = 1;
struct LinkCreateUprobeMulti {
  uint32_t program_fd = 0;
  uint32_t target_fd = 0;
  uint32_t attach_type = kTraceUprobeMulti;
  uint32_t link_flags = 0;
  uint64_t path = 0;
  uint64_t offsets = 0;
  uint64_t reference_counters = 0;
  uint64_t cookies = 0;
  uint32_t count = 0;
  uint32_t flags = 0;
  uint32_t pid = 0;  // 0: every process
  uint32_t padding = 0;
};
static_assert(sizeof(LinkCreateUprobeMulti) == 64);

UniqueFd CreateLink(int program_fd, const char* path, uint64_t offset, bool at_return) {
  LinkCreateUprobeMulti request;
  request.program_fd = static_cast<uint32_t>(program_fd);
  request.path = reinterpret_cast<uintptr_t>(path);
  request.offsets = reinterpret_cast<uintptr_t>(&offset);
  request.count = 1;
  request.flags = at_return ? kAtReturn : 0;
  return UniqueFd(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof(request))));
}

}  // namespace

absl::Status TryUprobeMulti() {
  const bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = kTraceUprobeMulti);
  const UniqueFd fd(bpf_prog_load(BPF_PROG_TYPE_KPROBE, "ht_probe", "GPL", program, 2, &options));
  if (!fd.valid()) {
    return absl::FailedPreconditionError(absl::StrCat("load refused: ", strerror(errno)));
  }
  // A kernel that has these links refuses a directory with EBADF, and nothing is attached.
  const UniqueFd link = CreateLink(fd.get(), "/", 0, false);
  if (!link.valid() && errno != EBADF) {
    return absl::FailedPreconditionError(absl::StrCat("attach refused: ", strerror(errno)));
  }
  return absl::OkStatus();
}

void PrepareForUprobeMulti(bpf_program* program) {
  bpf_program__set_expected_attach_type(program, kTraceUprobeMulti);
}

absl::StatusOr<UniqueFd> AttachUprobeMulti(int program_fd, const std::string& path, uint64_t offset,
                                           bool at_return) {
  UniqueFd link = CreateLink(program_fd, path.c_str(), offset, at_return);
  if (!link.valid()) {
    return absl::FailedPreconditionError(absl::StrCat("attach refused: ", strerror(errno)));
  }
  return link;
}

}  // namespace hoptrail::agent::kernel
