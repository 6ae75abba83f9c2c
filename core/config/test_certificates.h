#ifndef HOPTRAIL_CORE_CONFIG_TEST_CERTIFICATES_H_
#define HOPTRAIL_CORE_CONFIG_TEST_CERTIFICATES_H_

#include <string>

#include "core/config/pem.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

// A certificate authority for tests, in its own folder `directory` under testing's temporary one.
// Aborts on any failure.
class TestAuthority {
 public:
  TestAuthority(const std::string& directory, const std::string& common_name);

  // Writes NAME.pem and NAME.key, valid for `seconds` from now (negative: expired), for the DNS
  // name "localhost", with common name `name`, and returns the three files.
  v1::TlsConfig Issue(const std::string& name, long seconds) const;

 private:
  std::string directory_;
  KeyPtr key_;
  X509Ptr certificate_;
};

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_TEST_CERTIFICATES_H_
