#ifndef HOPTRAIL_TESTS_FUZZ_BYTE_SOURCE_H_
#define HOPTRAIL_TESTS_FUZZ_BYTE_SOURCE_H_

// Reads a fuzzer's input from front to back as numbers and texts, so that a person can write a seed
// in the order of reading. Past the end all numbers are 0 and all texts are empty.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail::fuzz {

class ByteSource {
 public:
  ByteSource(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  // Low byte first.
  uint16_t Two() {
    const uint16_t low = Byte();
    return static_cast<uint16_t>(low | Byte() << 8);
  }

  uint64_t Number(int bytes) {
    uint64_t number = 0;
    for (int i = 0; i < bytes; ++i) number |= uint64_t{Byte()} << (8 * i);
    return number;
  }

  absl::string_view Take(size_t size) {
    const absl::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // Reads a byte with the length, then that many bytes.
  std::string Text() { return std::string(Take(Byte())); }

  absl::string_view Rest() { return Take(rest_.size()); }

  // One of an array's elements.
  template <typename T, size_t N>
  const T& Choose(const T (&choices)[N]) {
    return choices[Byte() % N];
  }

 private:
  absl::string_view rest_;
};

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_BYTE_SOURCE_H_
