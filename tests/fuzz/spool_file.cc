// The agent's spool opened on a damaged file. The first two bytes of the input say where a good
// file is truncated; the others are patches, each an offset (two bytes) and a byte.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "agent/spool/spool_database.h"
#include "agent/spool/spool_reader.h"
#include "core/wire/testing.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/require.h"

namespace hoptrail::fuzz {
namespace {

using agent::spool::Acknowledged;
using agent::spool::Change;
using agent::spool::SpoolDatabase;
using agent::spool::SpoolReader;

constexpr uint64_t kMaxBytes = 1 << 20;

// A new directory in TMPDIR, which should be in memory; the caller of this program removes it.
std::string Directory() {
  std::string name = std::filesystem::temp_directory_path() / "spool_file_XXXXXX";
  Require(::mkdtemp(name.data()) != nullptr, "a directory can be made");
  return name;
}

std::vector<Change> Changes() {
  std::vector<Change> changes;
  for (int i = 0; i < 8; ++i) {
    for (const model::Fact& fact : wire::TestFacts()) changes.push_back(fact);
  }
  changes.push_back(agent::spool::SaveSession{wire::TestSession()});
  changes.push_back(agent::spool::SaveMember{{4242, 123456789}, wire::TestSessionId(1)});
  changes.push_back(agent::spool::SaveHop{wire::TestHopEnd()});
  return changes;
}

class Damage {
 public:
  Damage() : directory_(Directory()), path_(directory_ + "/spool.db") {
    {
      auto good = Open();
      RequireOk(good.status(), "a new file can be made");
      RequireOk(good->Apply(Changes(), /*next_sequence=*/1).status(), "a new file can be written");
    }
    std::ifstream file(path_, std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(file), {});
    Require(!good_.empty(), "a closed file is complete");
  }

  void Run(ByteSource& source) {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      std::filesystem::remove(entry.path());
    }
    std::string bytes = good_;
    if (const uint16_t cut = source.Two(); cut != 0) bytes.resize(cut % (good_.size() + 1));
    while (!source.empty() && !bytes.empty()) {
      const size_t offset = source.Two();
      bytes[offset % bytes.size()] = static_cast<char>(source.Byte());
    }
    std::ofstream(path_, std::ios::binary) << bytes;
    Use();
  }

 private:
  absl::StatusOr<SpoolDatabase> Open() {
    std::string quarantined;
    return SpoolDatabase::Open(
        {.path = path_, .host = wire::TestHost(), .max_bytes = kMaxBytes, .clock = &clock_},
        &quarantined);
  }

  void Use() {
    auto spool = Open();
    if (!spool.ok()) return;
    (void)spool->LoadState();
    // Sequence numbers above those in the undamaged file.
    (void)spool->Apply(Changes(), 10'000);
    (void)spool->Apply({Acknowledged{wire::TestHost(), 3}}, 20'000);
    auto reader = SpoolReader::Open(path_);
    if (!reader.ok()) return;
    (void)reader->NextHost(wire::TestHost());
    (void)reader->Sequences(wire::TestHost());
    (void)reader->ReadAfter(wire::TestHost(), 0, 1 << 16);
  }

  const FakeClock clock_;
  const std::string directory_;
  const std::string path_;
  std::string good_;
};

}  // namespace
}  // namespace hoptrail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* const damage = new hoptrail::fuzz::Damage();
  hoptrail::fuzz::ByteSource source(data, size);
  damage->Run(source);
  return 0;
}
