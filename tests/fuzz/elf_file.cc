// The search for a function's offset in a library that may come from a container.

#include "agent/kernel/uprobes/elf_file.h"

#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  const fuzz::MemoryFile file(absl::string_view(reinterpret_cast<const char*>(data), size));
  for (const char* function : {"pam_start", "syslog"}) {
    const auto offset = agent::kernel::FileOffsetOf(file.path(), function);
    fuzz::Require(!offset.ok() || *offset < size, "the function is in the file");
  }
  return 0;
}
