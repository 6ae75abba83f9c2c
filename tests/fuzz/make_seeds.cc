// Writes the binary seeds from real encodings: `make_seeds tests/fuzz/corpus`. Text seeds are files
// of the corpus.

#include <elf.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/abi/events.h"

#include "collector/store/sqlite/codec.h"
#include "core/wire/record.h"
#include "core/wire/resource_names.h"
#include "core/wire/stream_control.h"
#include "core/wire/testing.h"
#include "tests/fuzz/record_layout.h"

namespace hoptrail::fuzz {
namespace {

class Corpus {
 public:
  explicit Corpus(std::string directory) : directory_(std::move(directory)) {}

  void Add(const std::string& target, const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories(directory_ + "/" + target);
    std::ofstream(absl::StrCat(directory_, "/", target, "/seed-", name), std::ios::binary) << bytes;
  }

 private:
  const std::string directory_;
};

std::string Bytes(const std::vector<int>& numbers) {
  return std::string(numbers.begin(), numbers.end());
}

template <typename T>
std::string Raw(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

// One complete record of each type for `decode`, and the same in the order in which
// decode_records reads it.
void AddRecords(const Corpus& corpus) {
  const std::string path("sshd\0sbin\0usr\0", 14);
  for (uint16_t type = 0; type < HT_TYPES; ++type) {
    const RecordLayout& layout = RecordLayouts()[type];
    if (layout.fixed == 0) continue;
    std::string record(layout.fixed, '\x01');
    std::string script(1, static_cast<char>(type));
    std::string texts;
    for (const size_t count : layout.text_counts) {
      const ht_text text = {static_cast<uint16_t>(path.size()), 0};
      std::memcpy(record.data() + count, &text, sizeof(text));
      script += Raw(text.length);
      texts += path;
    }
    ht_header header;
    std::memcpy(&header, record.data(), sizeof(header));
    header.type = type;
    header.size = static_cast<uint32_t>(record.size() + texts.size());
    std::memcpy(record.data(), &header, sizeof(header));
    corpus.Add("decode", absl::StrCat("type-", type), record + texts);
    corpus.Add("decode_records", absl::StrCat("type-", type), script + record + texts);
  }
}

// Records in the order in which record_script.cc reads them. A header: process, parent, session
// tag, flags, time.
struct Story {
  std::string steps;

  void Append(const std::vector<int>& record) { steps += Bytes({0}) + Bytes(record); }
  void Tick(int seconds) { steps += Bytes({200, seconds}); }
};

// A daemon listens, somebody logs in through it, and connects to another host.
Story LoginStory() {
  Story story;
  constexpr int kListening = 1 << 3 << 2;
  story.Append({HT_TYPE_EXEC, 1, 0, 255, 0, 1, 0, 0, 0, 0, 2, 2, 2});
  story.Append({HT_TYPE_TCP, 1, 0, 255, 0, 1, HT_TCP_LISTEN, kListening | 7, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_TCP, 255, 255, 255, 0, 1, HT_TCP_ESTABLISHED, 2 << 3, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_ACCEPT, 1, 0, 255, 0, 1, 2 << 3, 0});
  story.Append({HT_TYPE_FORK, 1, 0, 255, 0, 1, 2, 2});
  story.Append({HT_TYPE_EXEC, 2, 1, 2, 0, 1, 1, 0, 0, 0, HT_STREAM_TCP, 2 << 3, 2, 2});
  story.Append({HT_TYPE_PAM, 2, 1, 2, 0, 1, HT_PAM_AUTHENTICATE, 1, 7, 0, 0, 0, 0});
  story.Append({HT_TYPE_SSHD, 2, 1, 2, 0, 1, 1, 2});
  story.Append({HT_TYPE_PAM, 2, 1, 2, 0, 1, HT_PAM_AUTHENTICATE, 1, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_SSHD, 2, 1, 2, 0, 1, 1, 0});
  story.Append({HT_TYPE_PAM, 2, 1, 2, 4, 1, HT_PAM_OPEN_SESSION, 1, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_FORK, 2, 1, 2, 4, 1, 3, 2});
  story.Append({HT_TYPE_EXEC, 3, 2, 2, 5, 1, 2, 0, 0, 0, 3, 0, 3, 0, 3, 0});
  story.Append({HT_TYPE_FORK, 3, 2, 2, 5, 1, 4, 2});
  story.Append({HT_TYPE_EXEC, 4, 3, 2, 5, 1, 3, 0, 0, 0, 3, 0, 3, 0, 3, 0});
  story.Append({HT_TYPE_TCP, 4, 3, 2, 5, 1, HT_TCP_CONNECT, 1 << 3 | 1, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_TCP, 4, 3, 2, 5, 1, HT_TCP_ESTABLISHED, 1 << 3 | 1, 0, 0, 0, 0, 0});
  story.steps += Bytes({215, 2, 9, 4, 'r', 'o', 'o', 't', 1, 3, 'a', '@', 'b'});
  story.Tick(2);
  story.Append({HT_TYPE_TCP, 4, 3, 2, 5, 9, HT_TCP_CLOSED, 1 << 3 | 1, 5, 0, 6, 0, 0});
  story.Append({HT_TYPE_EXIT, 4, 3, 2, 5, 9});
  story.Append({HT_TYPE_PAM, 2, 1, 2, 4, 1, HT_PAM_CLOSE_SESSION, 1, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_TCP, 255, 255, 255, 0, 9, HT_TCP_CLOSED, 2 << 3, 5, 0, 6, 0, 0});
  story.Append({HT_TYPE_EXIT, 3, 2, 2, 5, 9});
  story.Append({HT_TYPE_EXIT, 2, 1, 2, 0, 9});
  story.Tick(255);
  return story;
}

// An agent starts on a running host, restarts, and gets a flood of records.
Story SnapshotStory() {
  Story story;
  story.Append({HT_TYPE_PROCESS_SNAPSHOT, 0, 255, 255, 0, 1, 6, 0, 0, 0, 2, 2, 2});
  story.Append({HT_TYPE_PROCESS_SNAPSHOT, 1, 0, 255, 0, 1, 0, 0, 0, 0, 2, 2, 2});
  story.Append({HT_TYPE_PROCESS_SNAPSHOT, 2, 1, 2, 0, 1, 0, 0, 0, 0, 2, 2, 2});
  story.Append({HT_TYPE_PROCESS_SNAPSHOT, 3, 2, 2, 5, 1, 2, 0, 0, 0, 3, 0, 3, 0, 3, 0});
  story.Append({HT_TYPE_SOCKET_SNAPSHOT, 1, 0, 255, 0, 1, 1 << 5 | 7});
  story.Append({HT_TYPE_SOCKET_SNAPSHOT, 2, 1, 2, 0, 1, 2 << 3});
  story.Append({HT_TYPE_SNAPSHOT_DONE, 255, 255, 255, 0, 1});
  story.Tick(1);
  story.steps += Bytes({250});
  story.Append({HT_TYPE_PROCESS_SNAPSHOT, 3, 2, 2, 5, 1, 2, 0, 0, 0, 3, 0, 3, 0, 3, 0});
  story.Append({HT_TYPE_SNAPSHOT_DONE, 255, 255, 255, 0, 1});
  story.steps += Bytes({230, 40, HT_TYPE_TCP, 3, 2, 2, 5, 1, HT_TCP_CONNECT, 1 << 3 | 1});
  story.steps += Bytes({0, 0, 0, 0, 0});
  story.Tick(70);
  return story;
}

// Services, a container of a runtime, and a container that is only a pid namespace and connects to
// another host.
Story ContainerStory() {
  Story story;
  constexpr int kGroups = HT_EXEC_CGROUPS, kInside = 16;
  story.Append({HT_TYPE_FORK, 0, 255, 255, 0, 1, 1, 255});
  story.Append({HT_TYPE_EXEC, 1, 0, 255, 0, 1, 8, 0, 0, kGroups, 2, 2, 2, 0});
  story.Append({HT_TYPE_FORK, 1, 0, 255, 0, 1, 2, 255});
  story.Append({HT_TYPE_EXEC, 2, 1, 255, kInside, 1, 7, 0, 0, kGroups, 2, 2, 2, 1});
  story.Append({HT_TYPE_FORK, 2, 1, 255, kInside, 1, 3, 255});
  story.Append({HT_TYPE_EXEC, 3, 2, 255, kInside, 1, 3, 0, 0, 0, 2, 2, 2});
  story.Append({HT_TYPE_TCP, 3, 2, 255, kInside, 1, HT_TCP_CONNECT, 1 << 3 | 1, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_TCP, 3, 2, 255, kInside, 1, HT_TCP_ESTABLISHED, 1 << 3 | 1, 0, 0, 0, 0, 0});
  story.Append({HT_TYPE_EXIT, 3, 2, 255, kInside, 1});
  story.Append({HT_TYPE_EXIT, 2, 1, 255, kInside, 1});
  story.Append({HT_TYPE_FORK, 1, 0, 255, 0, 1, 4, 255});
  story.Append({HT_TYPE_EXEC, 4, 1, 255, kInside, 1, 2, 0, 0, 0, 2, 2, 2});
  story.Append({HT_TYPE_FORK, 0, 255, 255, 0, 1, 5, 255});
  story.Append({HT_TYPE_EXEC, 5, 0, 255, 0, 1, 4, 0, 0, kGroups, 2, 2, 2, 3});
  story.Append({HT_TYPE_FORK, 5, 0, 255, 0, 1, 6, 255});
  story.Append({HT_TYPE_EXEC, 6, 5, 255, 0, 1, 2, 0, 3, 0, 2, 2, 2});
  story.Tick(2);
  story.steps += Bytes({250});
  story.Append({HT_TYPE_PROCESS_SNAPSHOT, 1, 0, 255, 0, 1, 8, 0, 0, kGroups, 2, 2, 2, 0});
  story.Append({HT_TYPE_PROCESS_SNAPSHOT, 4, 1, 255, kInside, 1, 2, 0, 0, kGroups, 2, 2, 2, 0});
  story.Append({HT_TYPE_SNAPSHOT_DONE, 255, 255, 255, 0, 1});
  story.Tick(70);
  return story;
}

void AddStories(const Corpus& corpus) {
  for (const auto& [name, story] :
       {std::pair{"login", LoginStory()}, std::pair{"snapshot", SnapshotStory()},
        std::pair{"container", ContainerStory()}}) {
    corpus.Add("pipeline", name, story.steps);
    corpus.Add("bounded_tables", name, story.steps);
  }
}

// The smallest ELF file with dynamic symbols: two functions in one code segment.
std::string ElfFile() {
  const std::string names("\0pam_start\0syslog\0", 18);
  Elf64_Ehdr head = {};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_ident[EI_VERSION] = head.e_version = EV_CURRENT;
  head.e_type = ET_DYN;
  head.e_machine = EM_X86_64;
  head.e_ehsize = sizeof(head);
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = 1;
  head.e_shentsize = sizeof(Elf64_Shdr);
  head.e_shnum = 3;
  head.e_phoff = sizeof(head);
  head.e_shoff = head.e_phoff + sizeof(Elf64_Phdr);
  const uint64_t symbols_at = head.e_shoff + 3 * sizeof(Elf64_Shdr);
  const uint64_t names_at = symbols_at + 3 * sizeof(Elf64_Sym);
  Elf64_Phdr code = {};
  code.p_type = PT_LOAD;
  code.p_flags = PF_R | PF_X;
  code.p_vaddr = 0x1000;
  code.p_filesz = code.p_memsz = names_at + names.size();
  Elf64_Shdr none = {}, symbols = {}, strings = {};
  symbols.sh_type = SHT_DYNSYM;
  symbols.sh_offset = symbols_at;
  symbols.sh_size = 3 * sizeof(Elf64_Sym);
  symbols.sh_link = 2;
  symbols.sh_entsize = sizeof(Elf64_Sym);
  strings.sh_type = SHT_STRTAB;
  strings.sh_offset = names_at;
  strings.sh_size = names.size();
  Elf64_Sym null = {}, pam = {}, log = {};
  pam.st_name = 1;
  log.st_name = 11;
  pam.st_info = log.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  pam.st_shndx = log.st_shndx = 1;
  pam.st_value = 0x1000;
  log.st_value = 0x1010;
  return Raw(head) + Raw(code) + Raw(none) + Raw(symbols) + Raw(strings) + Raw(null) + Raw(pam) +
         Raw(log) + names;
}

void AddMessages(const Corpus& corpus) {
  v1::CollectorMessage message;
  *message.mutable_provenance() = wire::ToProto(wire::TestProvenance());
  corpus.Add("collector_message", "provenance", message.SerializeAsString());
  v1::AgentMessage hello;
  hello.mutable_hello()->set_host(wire::ResourceName(wire::TestHost()));
  hello.mutable_hello()->set_host_name("gw");
  corpus.Add("agent_message", "hello", hello.SerializeAsString());
  v1::AgentMessage all;
  uint64_t sequence = 0;
  for (const model::Fact& fact : wire::TestFacts()) {
    v1::AgentMessage one;
    *one.mutable_batch()->add_records() = wire::ToRecord(++sequence, fact);
    *all.mutable_batch()->add_records() = one.batch().records(0);
    corpus.Add("agent_message", absl::StrCat("fact-", sequence), one.SerializeAsString());
  }
  corpus.Add("agent_message", "all", all.SerializeAsString());
  model::Hop hop{wire::TestHopEnd(), wire::TestHopEnd(), model::Proof::kProven, 1};
  hop.client->side = model::HopSide::kClient;
  using collector::store::Encode;
  corpus.Add("stored_blob", "session", Bytes({0}) + Encode(wire::TestSession()));
  corpus.Add("stored_blob", "hop", Bytes({1}) + Encode(hop));
  corpus.Add("stored_blob", "detection", Bytes({2}) + Encode(wire::TestDetection()));
  corpus.Add("stored_blob", "incident", Bytes({3}) + Encode(wire::TestIncident()));
}

// Facts in the order in which fact_script.h reads them: a login, a hop reported by both ends, a
// detection.
void AddFacts(const Corpus& corpus) {
  const std::string login = Bytes({0, 0, 0, 1, 1 | 8 | 16, 0, 1, 9, 1, 0, 2, 1, 10, 0, 0});
  const std::string server = Bytes({7, 0, 1 | 2, 1, 1, 0, 1, 9, 1, 0, 1, 10, 3, 0, 0, 0});
  const std::string client = Bytes({7, 1, 0, 2, 2, 0, 1, 9, 1, 0, 1, 10, 3, 0, 0, 0});
  const std::string detection = Bytes({3, 0, 0, 1, 1, 't', 4, 10, 1, '5'});
  std::string story;
  for (const std::string& fact : {login, server, client, detection}) story += Bytes({0}) + fact;
  corpus.Add("engine", "hop", story + Bytes({225, 60, 250, 235, 1, 2, 210, 255}));
  corpus.Add("engine", "batch", Bytes({3}) + login + server + client + detection);
}

void AddDamage(const Corpus& corpus) {
  corpus.Add("spool_file", "whole", "");
  corpus.Add("spool_file", "cut", Bytes({0, 32}));
  corpus.Add("spool_file", "head", Bytes({0, 0, 16, 0, 0}));
  corpus.Add("spool_file", "page", Bytes({0, 0, 0, 16, 0, 5, 16, 99}));
}

}  // namespace
}  // namespace hoptrail::fuzz

int main(int argc, char** argv) {
  using namespace hoptrail::fuzz;
  if (argc != 2) {
    std::cerr << "usage: make_seeds CORPUS-DIRECTORY\n";
    return 2;
  }
  const Corpus corpus(argv[1]);
  AddRecords(corpus);
  AddStories(corpus);
  corpus.Add("elf_file", "library", ElfFile());
  AddMessages(corpus);
  AddFacts(corpus);
  AddDamage(corpus);
  return 0;
}
