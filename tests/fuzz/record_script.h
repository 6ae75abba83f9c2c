#ifndef HOPTRAIL_TESTS_FUZZ_RECORD_SCRIPT_H_
#define HOPTRAIL_TESTS_FUZZ_RECORD_SCRIPT_H_

// Makes records of bpf/abi/events.h from a fuzzer's bytes. The records are complete and have
// correct sizes. They are about few processes and sockets, so that records often refer to the same
// ones. Every number may also be an arbitrary one. make_seeds.cc writes scripts in the order in
// which they are read here.

#include <cstdint>
#include <string>

#include "bpf/abi/events.h"

#include "tests/fuzz/byte_source.h"

namespace hoptrail::fuzz {

class RecordScript {
 public:
  // `source` outlives this.
  explicit RecordScript(ByteSource* source) : source_(*source) {}

  // Reads type, header and body.
  std::string Next();

  // The time from the record before the last one to the last one; 0 if it was arbitrary.
  uint64_t passed_ns() const { return passed_ns_; }

 private:
  struct Key {
    uint32_t tgid = 0;
    uint64_t start_ns = 0;
  };

  Key Process();
  ht_header Header(uint16_t type);
  ht_connection Connection();
  ht_stream Stream();
  std::string Program();
  std::string Cgroups();
  void Field(const char* const* words, size_t count, ht_text* text, char* bytes, size_t capacity);

  std::string Fork(const ht_header& header);
  std::string Exec(const ht_header& header);
  std::string Tcp(const ht_header& header);
  std::string Accept(const ht_header& header);
  std::string Pam(const ht_header& header);
  std::string Sshd(const ht_header& header);
  std::string SocketSnapshot(const ht_header& header);
  // Any other type: its body is the input's bytes.
  std::string Other(const ht_header& header);

  ByteSource& source_;
  uint64_t boot_ns_ = 1'000'000'000;
  uint64_t passed_ns_ = 0;
};

// The same record about another process, socket and connection, for a flood of records.
std::string Vary(std::string record, uint32_t number);

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_RECORD_SCRIPT_H_
