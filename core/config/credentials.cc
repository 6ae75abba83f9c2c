#include "core/config/credentials.h"

#include "absl/strings/str_cat.h"

#include "core/base/status_macros.h"
#include "core/config/address.h"
#include "core/config/pem.h"

namespace hoptrail::config {

absl::StatusOr<PemTexts> ReadTlsFiles(const v1::TlsConfig& tls) {
  PemTexts texts;
  HT_ASSIGN_OR_RETURN(texts.authorities, ReadPemFile(tls.ca_file()));
  HT_ASSIGN_OR_RETURN(texts.chain, ReadPemFile(tls.certificate_file()));
  HT_ASSIGN_OR_RETURN(texts.key, ReadPemFile(tls.key_file()));

  HT_ASSIGN_OR_RETURN(auto authorities, ParseCertificates(texts.authorities, tls.ca_file()));
  // One expired authority among several may be a rotation under way.
  absl::Status validity;
  for (const X509Ptr& authority : authorities) {
    validity = CheckValidity(*authority, tls.ca_file());
    if (validity.ok()) break;
  }
  HT_RETURN_IF_ERROR(validity);

  HT_ASSIGN_OR_RETURN(auto chain, ParseCertificates(texts.chain, tls.certificate_file()));
  HT_RETURN_IF_ERROR(CheckValidity(*chain[0], tls.certificate_file()));
  HT_ASSIGN_OR_RETURN(KeyPtr key, ParsePrivateKey(texts.key, tls.key_file()));
  if (!IsKeyOf(*key, *chain[0])) {
    return absl::FailedPreconditionError(absl::StrCat(
        tls.key_file(), ": is not the key of the certificate in ", tls.certificate_file()));
  }
  return texts;
}

absl::Status CheckTls(const v1::TlsConfig& tls) { return ReadTlsFiles(tls).status(); }

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const v1::CollectorAddress& collector,
                                                           grpc::ChannelArguments arguments) {
  // A shared subchannel would outlive this one, with the credentials and back-off of before.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  HT_ASSIGN_OR_RETURN(const Address address,
                      ParseAddress(collector.address(), AddressUse::kConnect));
  const std::string target = GrpcTarget(address);
  if (address.is_unix()) {
    return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  }
  if (!collector.has_tls()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "collector.tls: required for ", collector.address(), "; only a UNIX socket goes without"));
  }
  HT_ASSIGN_OR_RETURN(const PemTexts texts, ReadTlsFiles(collector.tls()));
  if (!collector.tls().server_name().empty()) {
    arguments.SetSslTargetNameOverride(collector.tls().server_name());
  }
  return grpc::CreateCustomChannel(
      target, grpc::SslCredentials({texts.authorities, texts.key, texts.chain}), arguments);
}

std::string CertificateDoubt(const v1::TlsConfig& tls) {
  const absl::StatusOr<PemTexts> texts = ReadTlsFiles(tls);
  if (!texts.ok()) return std::string(texts.status().message());
  const auto authorities = ParseCertificates(texts->authorities, tls.ca_file());
  const auto chain = ParseCertificates(texts->chain, tls.certificate_file());
  if (!authorities.ok() || !chain.ok() || IsSignedBy(*chain, *authorities)) return "";
  return absl::StrCat("the certificate ", tls.certificate_file(), " was issued by ",
                      IssuerOf(*(*chain)[0]), ", which is none of the authorities in ",
                      tls.ca_file());
}

}  // namespace hoptrail::config
