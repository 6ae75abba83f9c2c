#include "core/base/digest.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include <openssl/evp.h>

namespace hoptrail {

std::array<uint8_t, 16> Digest128(std::initializer_list<absl::string_view> parts) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free);
  uint8_t full[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  bool ok = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (absl::string_view part : parts) {
    const uint64_t length = part.size();
    ok = ok && EVP_DigestUpdate(context.get(), &length, sizeof(length)) == 1 &&
         EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  ok = ok && EVP_DigestFinal_ex(context.get(), full, &size) == 1;
  // SHA-256 fails only for lack of memory, which no caller could handle.
  if (!ok) std::abort();
  std::array<uint8_t, 16> digest;
  std::memcpy(digest.data(), full, digest.size());
  return digest;
}

}  // namespace hoptrail
