#include "core/config/tls_check.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "core/config/certificate_uri.h"
#include "core/config/file_checks.h"
#include "core/config/pem.h"

namespace hoptrail::config {
namespace {

class TlsChecker {
 public:
  TlsChecker(const v1::TlsConfig& tls, const TlsUse& use, absl::string_view key, Findings* findings)
      : tls_(tls), use_(use), key_(key), findings_(*findings) {}

  void Check() {
    const std::vector<X509Ptr> authorities = Certificates("ca_file", tls_.ca_file());
    const std::vector<X509Ptr> chain = Certificates("certificate_file", tls_.certificate_file());
    CheckKey(chain);
    if (!authorities.empty()) CheckAuthorities(authorities);
    if (chain.empty()) return;
    X509& own = *chain[0];
    Add(Weight::kPassing, "certificate_file", CheckValidity(own, tls_.certificate_file()),
        ": renew it, or set this host's clock");
    if (!IsGoodFor(&own, use_.server)) {
      Add(Weight::kError, "certificate_file",
          absl::StrCat(tls_.certificate_file(), ": its key usage is not that of a ",
                       use_.server ? "server (serverAuth)" : "client (clientAuth)",
                       ": the other side will refuse it"));
    }
    if (!authorities.empty() && !IsSignedBy(chain, authorities)) {
      Add(Weight::kWarning, "certificate_file",
          absl::StrCat(tls_.certificate_file(), ": was issued by ", IssuerOf(own),
                       ", which is none of the authorities in ", tls_.ca_file(),
                       ": the other side refuses it unless it knows that one"));
    }
    if (use_.server && ServerNamesOf(own).empty()) {
      Add(Weight::kWarning, "certificate_file",
          absl::StrCat(tls_.certificate_file(),
                       ": names no host (subjectAltName DNS or IP): clients cannot verify it"));
    }
    if (!use_.machine.empty()) CheckMachine(own);
  }

 private:
  void Add(Weight weight, absl::string_view field, absl::string_view what) {
    findings_.Add(weight, absl::StrCat(key_, ".", field), what);
  }
  void Add(Weight weight, absl::string_view field, const absl::Status& status,
           absl::string_view hint) {
    if (!status.ok()) Add(weight, field, absl::StrCat(status.message(), hint));
  }

  std::vector<X509Ptr> Certificates(absl::string_view field, const std::string& path) {
    const absl::StatusOr<std::string> pem = ReadPemFile(path);
    Add(Weight::kError, field, pem.status(), "");
    if (!pem.ok()) return {};
    absl::StatusOr<std::vector<X509Ptr>> parsed = ParseCertificates(*pem, path);
    Add(Weight::kError, field, parsed.status(), "");
    return parsed.ok() ? *std::move(parsed) : std::vector<X509Ptr>();
  }

  void CheckKey(const std::vector<X509Ptr>& chain) {
    const absl::StatusOr<std::string> pem = ReadPemFile(tls_.key_file());
    Add(Weight::kError, "key_file", pem.status(), "");
    if (!pem.ok()) return;
    if (IsOpenToOthers(tls_.key_file())) {
      Add(Weight::kWarning, "key_file",
          absl::StrCat(tls_.key_file(), ": other users may read it: chmod o= ", tls_.key_file()));
    }
    const absl::StatusOr<KeyPtr> key = ParsePrivateKey(*pem, tls_.key_file());
    Add(Weight::kError, "key_file", key.status(), "");
    if (!key.ok() || chain.empty() || IsKeyOf(**key, *chain[0])) return;
    Add(Weight::kError, "key_file",
        absl::StrCat(tls_.key_file(), ": is not the key of the certificate in ",
                     tls_.certificate_file()));
  }

  void CheckAuthorities(const std::vector<X509Ptr>& authorities) {
    // One expired authority among several may be a rotation under way.
    absl::Status validity;
    for (const X509Ptr& authority : authorities) {
      validity = CheckValidity(*authority, tls_.ca_file());
      if (validity.ok()) break;
    }
    Add(Weight::kPassing, "ca_file", validity, ": no certificate is accepted");
    const bool any = std::any_of(authorities.begin(), authorities.end(),
                                 [](const X509Ptr& one) { return IsAuthority(one.get()); });
    if (any) return;
    Add(Weight::kWarning, "ca_file",
        absl::StrCat(
            tls_.ca_file(),
            ": holds no authority's certificate (CA:TRUE): no other certificate is accepted"));
  }

  void CheckMachine(const X509& own) {
    const std::string wanted = model::ToString(use_.machine);
    std::vector<std::string> roles;
    for (const std::string& uri : UrisOf(own)) {
      const std::optional<CertificateOwner> owner = ParseCertificateUri(uri);
      if (!owner.has_value()) continue;
      if (owner->role != "agent") {
        roles.push_back(owner->role);
        continue;
      }
      const auto machine = model::ParseId<model::MachineId>(owner->name);
      if (machine.ok() && *machine == use_.machine) return;
      Add(Weight::kError, "certificate_file",
          absl::StrCat(tls_.certificate_file(), ": is for machine ", owner->name, "; this one is ",
                       wanted, ": issue a certificate for it"));
      return;  // the collector takes the first one, too
    }
    Add(Weight::kError, "certificate_file",
        absl::StrCat(
            tls_.certificate_file(), ": is no agent's certificate",
            roles.empty() ? "" : absl::StrCat(" but one of role ", absl::StrJoin(roles, ", ")),
            ": it must have the URI spiffe://hoptrail/agent/", wanted));
  }

  const v1::TlsConfig& tls_;
  const TlsUse& use_;
  const absl::string_view key_;
  Findings& findings_;
};

}  // namespace

void CheckTlsFiles(const v1::TlsConfig& tls, const TlsUse& use, absl::string_view key,
                   Findings* findings) {
  TlsChecker(tls, use, key, findings).Check();
}

}  // namespace hoptrail::config
