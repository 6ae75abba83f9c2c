#include "core/config/pem.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "core/base/read_file.h"
#include <arpa/inet.h>

namespace hoptrail::config {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;

void FreeBio(BIO* bio) { BIO_free_all(bio); }
using BioPtr = std::unique_ptr<BIO, Deleter<BIO, FreeBio>>;

BioPtr Source(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string TimeText(const ASN1_TIME* time) {
  BioPtr out(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(out.get(), time);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, size);
}

void FreeNames(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES, FreeNames>>;

NamesPtr AlternativeNames(const X509& certificate) {
  NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  return names;
}

std::string Text(const ASN1_STRING* string) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                     static_cast<size_t>(ASN1_STRING_length(string)));
}

// Gives no pass phrase, so that OpenSSL does not ask for one at the terminal.
int NoPassPhrase(char*, int, int, void*) { return -1; }

}  // namespace

absl::StatusOr<std::string> ReadPemFile(const std::string& path) {
  return ReadFile(path, kMaxPemBytes);
}

absl::StatusOr<std::vector<X509Ptr>> ParseCertificates(const std::string& pem,
                                                       const std::string& path) {
  const BioPtr source = Source(pem);
  std::vector<X509Ptr> certificates;
  while (X509* one = PEM_read_bio_X509(source.get(), nullptr, NoPassPhrase, nullptr)) {
    certificates.emplace_back(one);
  }
  ERR_clear_error();
  if (certificates.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": holds no certificate in PEM form"));
  }
  return certificates;
}

absl::StatusOr<KeyPtr> ParsePrivateKey(const std::string& pem, const std::string& path) {
  const BioPtr source = Source(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(source.get(), nullptr, NoPassPhrase, nullptr));
  ERR_clear_error();
  if (key != nullptr) return key;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": holds no private key in PEM form that needs no pass phrase"));
}

absl::Status CheckValidity(const X509& certificate, const std::string& path) {
  const ASN1_TIME* from = X509_get0_notBefore(&certificate);
  const ASN1_TIME* until = X509_get0_notAfter(&certificate);
  if (X509_cmp_current_time(until) <= 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the certificate expired on ", TimeText(until)));
  }
  if (X509_cmp_current_time(from) > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the certificate is not valid before ", TimeText(from)));
  }
  return absl::OkStatus();
}

std::string IssuerOf(const X509& certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_issuer_name(&certificate), 0, XN_FLAG_ONELINE);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, size);
}

std::vector<std::string> UrisOf(const X509& certificate) {
  std::vector<std::string> uris;
  const NamesPtr names = AlternativeNames(certificate);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    uris.push_back(Text(name->d.uniformResourceIdentifier));
  }
  return uris;
}

std::vector<std::string> ServerNamesOf(const X509& certificate) {
  std::vector<std::string> found;
  const NamesPtr names = AlternativeNames(certificate);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) found.push_back(Text(name->d.dNSName));
    if (name->type == GEN_IPADD) {
      const std::string bytes = Text(name->d.iPAddress);
      char text[INET6_ADDRSTRLEN] = {};
      const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
      if (bytes.size() != 4 && bytes.size() != 16) continue;
      found.emplace_back(inet_ntop(family, bytes.data(), text, sizeof(text)));
    }
  }
  return found;
}

bool IsAuthority(X509* certificate) { return X509_check_ca(certificate) != 0; }

bool IsGoodFor(X509* certificate, bool server) {
  const bool good =
      X509_check_purpose(certificate, server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT,
                         0) == 1;
  ERR_clear_error();
  return good;
}

bool IsKeyOf(const EVP_PKEY& key, const X509& certificate) {
  const bool matches = X509_check_private_key(&certificate, &key) == 1;
  ERR_clear_error();
  return matches;
}

std::string EndOf(const X509& certificate) { return TimeText(X509_get0_notAfter(&certificate)); }

bool IsSignedBy(const std::vector<X509Ptr>& chain, const std::vector<X509Ptr>& authorities) {
  X509_STORE* store = X509_STORE_new();
  for (const X509Ptr& authority : authorities) X509_STORE_add_cert(store, authority.get());
  // CheckValidity() checks the dates.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  STACK_OF(X509)* intermediates = sk_X509_new_null();
  for (const X509Ptr& one : chain) sk_X509_push(intermediates, one.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, chain[0].get(), intermediates);
  const bool verified = X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  sk_X509_free(intermediates);
  X509_STORE_free(store);
  ERR_clear_error();
  return verified;
}

}  // namespace hoptrail::config
