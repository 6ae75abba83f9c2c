// Certificates and keys in files.

#include "core/config/pem.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)config::ParsePrivateKey(text, "key.pem");
  const auto certificates = config::ParseCertificates(text, "ca.pem");
  if (!certificates.ok()) return 0;
  for (const config::X509Ptr& one : *certificates) {
    (void)config::CheckValidity(*one, "ca.pem");
    (void)config::IssuerOf(*one);
  }
  (void)config::IsSignedBy(*certificates, *certificates);
  return 0;
}
