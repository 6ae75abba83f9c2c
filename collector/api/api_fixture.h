#ifndef HOPTRAIL_COLLECTOR_API_API_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_API_API_FIXTURE_H_

// For tests: a store, and a reader that returns its answers as API messages.

#include <memory>

#include "collector/api/message_reader.h"
#include "collector/store/sqlite/store_fixture.h"

namespace hoptrail::collector::api {

class ApiTest : public store::StoreTest {
 protected:
  std::unique_ptr<MessageReader> reader() {
    return std::make_unique<MessageReader>(store_->BorrowReader());
  }
};

}  // namespace hoptrail::collector::api

#endif  // HOPTRAIL_COLLECTOR_API_API_FIXTURE_H_
