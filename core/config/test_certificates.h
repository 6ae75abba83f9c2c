#ifndef HOPTRAIL_CORE_CONFIG_TEST_CERTIFICATES_H_
#define HOPTRAIL_CORE_CONFIG_TEST_CERTIFICATES_H_

#include <string>

#include "core/config/pem.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

// A certificate authority for tests, in its own directory `directory` under testing's temporary
// one. Aborts on any failure.
class TestAuthority {
 public:
  TestAuthority(const std::string& directory, const std::string& common_name);

  struct Extras {
    std::string names = "DNS:localhost";  // subjectAltName, as openssl's configuration has it
    std::string usage = {};               // extendedKeyUsage; empty: none
    long from_seconds = -86400;           // from when it is valid
  };

  // Writes NAME.pem and NAME.key, valid until `seconds` from now (negative: expired), with common
  // name `name`, and returns the three files.
  v1::TlsConfig Issue(const std::string& name, long seconds) const {
    return Issue(name, seconds, {});
  }
  v1::TlsConfig Issue(const std::string& name, long seconds, const Extras& extras) const;

 private:
  std::string directory_;
  KeyPtr key_;
  X509Ptr certificate_;
};

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_TEST_CERTIFICATES_H_
