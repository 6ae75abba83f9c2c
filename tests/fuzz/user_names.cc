// The passwd(5) parser with an arbitrary file. The first two bytes are the requested uid.

#include "agent/session/user_names.h"

#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  fuzz::ByteSource source(data, size);
  const uint32_t uid = source.Two();
  const fuzz::MemoryFile file(source.Rest());
  agent::session::UserNames names(agent::session::PasswdFileResolver(file.path()));
  for (uint32_t asked : {uid, uint32_t{0}, ~uint32_t{0}}) {
    fuzz::Require(names.Name(asked, 1).size() <= 100, "a user's name is bounded");
  }
  return 0;
}
