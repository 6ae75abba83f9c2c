// Where a library's function lies, asked of a file that may come out of a container.

#include "agent/kernel/uprobes/elf_file.h"

#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  const fuzz::MemoryFile file(absl::string_view(reinterpret_cast<const char*>(data), size));
  for (const char* function : {"pam_start", "syslog"}) {
    const auto offset = agent::kernel::FileOffsetOf(file.path(), function);
    fuzz::Require(!offset.ok() || *offset < size, "the function lies in the file");
  }
  return 0;
}
