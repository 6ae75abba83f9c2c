#include "core/config/test_certificates.h"

#include <stdio.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/base/log.h"

namespace hoptrail::config {
namespace {

constexpr long kDay = 86400;

void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  HT_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509Ptr Make(const std::string& name, EVP_PKEY* key, long from, long until) {
  static std::atomic<long> serial{1};
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

void Write(const std::string& path, const X509* certificate, const EVP_PKEY* key) {
  FILE* file = ::fopen(path.c_str(), "w");
  HT_CHECK(file != nullptr);
  HT_CHECK((certificate != nullptr
                ? PEM_write_X509(file, certificate)
                : PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr)) == 1);
  ::fclose(file);
}

std::string TemporaryDirectory(const std::string& name) {
  const std::filesystem::path directory = std::filesystem::temp_directory_path() /
                                          ("hoptrail_" + name + "_" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  return directory;
}

}  // namespace

TestAuthority::TestAuthority(const std::string& directory, const std::string& common_name)
    : directory_(TemporaryDirectory(directory)), key_(EVP_EC_gen("P-256")) {
  certificate_ = Make(common_name, key_.get(), -2 * kDay, 2 * kDay);
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
  AddExtension(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  HT_CHECK(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
  Write(directory_ + "/ca.pem", certificate_.get(), nullptr);
}

v1::TlsConfig TestAuthority::Issue(const std::string& name, long seconds,
                                   const Extras& extras) const {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate = Make(name, key.get(), extras.from_seconds, seconds);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
  if (!extras.names.empty()) {
    AddExtension(certificate.get(), certificate_.get(), NID_subject_alt_name, extras.names.c_str());
  }
  if (!extras.usage.empty()) {
    AddExtension(certificate.get(), certificate_.get(), NID_ext_key_usage, extras.usage.c_str());
  }
  HT_CHECK(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
  v1::TlsConfig tls;
  tls.set_ca_file(directory_ + "/ca.pem");
  tls.set_certificate_file(directory_ + "/" + name + ".pem");
  tls.set_key_file(directory_ + "/" + name + ".key");
  Write(tls.certificate_file(), certificate.get(), nullptr);
  Write(tls.key_file(), nullptr, key.get());
  std::filesystem::permissions(tls.key_file(), std::filesystem::perms(0600));
  return tls;
}

}  // namespace hoptrail::config
