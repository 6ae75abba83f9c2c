#ifndef HOPTRAIL_COLLECTOR_QUERY_LISTING_H_
#define HOPTRAIL_COLLECTOR_QUERY_LISTING_H_

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "collector/api/message_reader.h"
#include "collector/query/filter.h"
#include "collector/query/page_token.h"
#include "collector/query/unary.h"
#include "core/base/status_macros.h"
#include "core/wire/agent_state.h"

namespace hoptrail::collector::query {

// Answers one page of a list: checks the filter and the page token, and moves the rows into `items`
// of the response.
template <typename Item, typename Filter, typename Request, typename Response, typename Items>
absl::Status AnswerList(const Backend* backend, absl::string_view list, const Request& request,
                        api::MessageReader* reader,
                        absl::StatusOr<Filter> (*parse)(absl::string_view),
                        absl::StatusOr<store::Page<Item>> (api::MessageReader::*read)(
                            const Filter&, const std::optional<store::Cursor>&, int),
                        Response* response, Items* items) {
  HT_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  HT_ASSIGN_OR_RETURN(Filter filter, parse(request.filter()));
  const std::string scope = absl::StrCat(list, " by arrival\n", request.filter());
  HT_ASSIGN_OR_RETURN(std::optional<store::Cursor> after,
                      ParsePageToken(scope, request.page_token()));
  HT_ASSIGN_OR_RETURN(store::Page<Item> page, (reader->*read)(filter, after, size));
  for (Item& item : page.items) items->Add(std::move(item));
  if (page.next) response->set_next_page_token(MakePageToken(scope, *page.next));
  if (const auto trouble = backend->store->trouble()) {
    *response->mutable_store_trouble() = wire::ToProto(*trouble);
  }
  return absl::OkStatus();
}

// "sessions/0123…" without its collection.
inline absl::StatusOr<std::string> StripCollection(absl::string_view collection,
                                                   absl::string_view name) {
  if (!absl::ConsumePrefix(&name, collection)) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: '", name, "' does not begin with '", collection, "'"));
  }
  return std::string(name);
}

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_LISTING_H_
