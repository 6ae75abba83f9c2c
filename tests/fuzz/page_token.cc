// The tokens with which clients continue a list or a watch.

#include "collector/query/page_token.h"

#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  using namespace hoptrail::collector;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  (void)query::ParsePageToken("sessions", text);
  const auto revision = query::ParseResumeToken("epoch", 100, text);
  fuzz::Require(!revision.ok() || (*revision >= 0 && *revision <= 100),
                "a watch resumes at a past revision");
  fuzz::ByteSource source(data, size);
  store::Cursor cursor;
  cursor.number = static_cast<int64_t>(source.Number(8));
  cursor.text = source.Text();
  cursor.key = std::string(source.Rest());
  if (cursor.text.size() + cursor.key.size() > 1000) return 0;  // more than any list makes
  const std::string token = query::MakePageToken("sessions", cursor);
  const auto same = query::ParsePageToken("sessions", token);
  fuzz::RequireOk(same.status(), "a list accepts its own token");
  fuzz::Require(same->has_value() && (*same)->number == cursor.number &&
                    (*same)->text == cursor.text && (*same)->key == cursor.key,
                "a token contains its cursor");
  fuzz::Require(!query::ParsePageToken("hops", token).ok(), "a token is valid for one list only");
  return 0;
}
