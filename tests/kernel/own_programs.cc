#include "tests/kernel/own_programs.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include <bpf/bpf.h>
#include <bpf/btf.h>

namespace hoptrail::kernel_test {
namespace {

// The calling process's descriptors of a kind, such as "anon_inode:bpf-prog".
std::vector<int> OwnDescriptors(const std::string& kind) {
  std::vector<int> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    if (std::filesystem::read_symlink(entry.path(), error) == kind) {
      found.push_back(std::stoi(entry.path().filename()));
    }
  }
  return found;
}

// The program's whole name, from its type information: bpf_prog_info cuts it at 15 characters.
std::string NameOf(const bpf_prog_info& info, const bpf_func_info& function) {
  const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_from_kernel_by_id(info.btf_id),
                                                         btf__free);
  const btf_type* type = types ? btf__type_by_id(types.get(), function.type_id) : nullptr;
  return type == nullptr ? info.name : btf__name_by_offset(types.get(), type->name_off);
}

LoadedProgram Describe(int fd) {
  bpf_prog_info info = {};
  uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0) return {};
  LoadedProgram program{.name = info.name,
                        .instructions = info.xlated_prog_len / uint32_t{sizeof(bpf_insn)},
                        .machine_bytes = info.jited_prog_len,
                        .verified_instructions = info.verified_insns};
  const uint32_t line_count = info.nr_line_info;
  const uint32_t line_size = info.line_info_rec_size;
  if (info.nr_func_info == 0 || info.func_info_rec_size < sizeof(bpf_func_info)) return program;
  std::vector<bpf_func_info> functions(1);
  std::vector<bpf_line_info> lines(line_size == sizeof(bpf_line_info) ? line_count : 0);
  bpf_prog_info wanted = {};
  wanted.nr_func_info = 1;
  wanted.func_info_rec_size = sizeof(bpf_func_info);
  wanted.func_info = reinterpret_cast<uintptr_t>(functions.data());
  wanted.nr_line_info = static_cast<uint32_t>(lines.size());
  wanted.line_info_rec_size = sizeof(bpf_line_info);
  wanted.line_info = reinterpret_cast<uintptr_t>(lines.data());
  length = sizeof(wanted);
  if (bpf_obj_get_info_by_fd(fd, &wanted, &length) != 0) return program;
  program.name = NameOf(info, functions[0]);
  std::vector<std::pair<uint32_t, uint32_t>> places;  // one line may have many records
  for (const bpf_line_info& line : lines) {
    places.emplace_back(line.file_name_off, BPF_LINE_INFO_LINE_NUM(line.line_col));
  }
  std::sort(places.begin(), places.end());
  program.lines = static_cast<uint32_t>(std::unique(places.begin(), places.end()) - places.begin());
  return program;
}

}  // namespace

std::vector<LoadedProgram> OwnPrograms() {
  std::vector<LoadedProgram> programs;
  for (int fd : OwnDescriptors("anon_inode:bpf-prog")) programs.push_back(Describe(fd));
  std::sort(programs.begin(), programs.end(),
            [](const LoadedProgram& a, const LoadedProgram& b) { return a.name < b.name; });
  return programs;
}

std::vector<std::string> OwnTracepoints() {
  std::vector<std::string> tracepoints;
  for (int fd : OwnDescriptors("anon_inode:[perf_event]")) {
    char name[256] = {};
    __u32 length = sizeof(name), program = 0, type = 0;
    __u64 offset = 0, address = 0;
    if (bpf_task_fd_query(getpid(), fd, 0, name, &length, &program, &type, &offset, &address) != 0)
      continue;
    if (type == BPF_FD_TYPE_TRACEPOINT) tracepoints.emplace_back(name);
  }
  std::sort(tracepoints.begin(), tracepoints.end());
  return tracepoints;
}

}  // namespace hoptrail::kernel_test
