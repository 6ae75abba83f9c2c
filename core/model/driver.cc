#include "core/model/driver.h"

#include "core/base/digest.h"

namespace hoptrail::model {

SessionId DeriveDriveId(const SessionId& session, const Driver& driver) {
  return {
      Digest128({"drive", ToString(session),
                 driver.session.empty() ? ToString(driver.hop_key) : ToString(driver.session)})};
}

}  // namespace hoptrail::model
